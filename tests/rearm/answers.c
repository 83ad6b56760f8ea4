/*
 * answers: what every call answers on a descriptor that was closed a moment ago: one line each, printed. Natively EBADF, mostly; where a closed number is
 * kept back (audit) a descriptor is there, and it must be the same. Also in children by fork, vfork and posix_spawn. tests/rearm/run compares.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <dirent.h>
#include <sched.h>
#include <unistd.h>
#include "tell.h"
#pragma GCC diagnostic ignored "-Wnonnull"

static int fd, ok; /* closed; open */
static char *const argv[] = { (char *)"x", NULL };
extern char **environ;

static void itself(void)
{
	char c[64];
	int mount;

	TELL(execveat(fd, "", argv, environ, AT_EMPTY_PATH));
	TELL(execveat(fd, "x", argv, environ, 0));
	TELL(fexecve(fd, argv, environ));
	TELL(linkat(fd, "", AT_FDCWD, "linked", AT_EMPTY_PATH));
	TELL(linkat(AT_FDCWD, "/dev/null", fd, "linked", 0));
	TELL(linkat(fd, "x", AT_FDCWD, "linked", 0));
	TELL(faccessat(fd, "", R_OK, AT_EMPTY_PATH));
	TELL(faccessat(fd, "", F_OK, AT_EMPTY_PATH|AT_EACCESS));
	TELL(readlinkat(fd, "", c, sizeof c));
	TELL(readlinkat(fd, "x", c, sizeof c));
	TELL(fchownat(fd, "", 0, 0, AT_EMPTY_PATH));
	TELL(fchmodat(fd, "x", 0600, 0));
	TELL(mkdirat(fd, "x", 0600));
	TELL(mknodat(fd, "x", 0600, 0));
	TELL(symlinkat("x", fd, "x"));
	TELL(renameat(fd, "x", AT_FDCWD, "y"));
	TELL(renameat2(AT_FDCWD, "y", fd, "x", 0));
	TELL(mkfifoat(fd, "x", 0600));
	TELL(utimensat(fd, "x", NULL, 0));
	TELL(utimensat(fd, NULL, NULL, 0));
	TELL(scandirat(fd, ".", NULL, NULL, NULL));
	TELL(name_to_handle_at(fd, "", (struct file_handle *)c, &mount, AT_EMPTY_PATH));
}

static void paths(void)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	TELL(opendir(path));
	TELL(creat(path, 0600));
	TELL(open(path, O_PATH));
	TELL(openat(AT_FDCWD, path, O_RDONLY));
	TELL(syscall(SYS_open, path, O_RDONLY));
	TELL(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY));
}

static void files(void)
{
	char c[64];
	struct statvfs vfs;
	struct flock l = { .l_type = F_RDLCK };

	TELL(fstatvfs(fd, &vfs));
	TELL(syncfs(fd));
	TELL(fallocate(fd, 0, 0, 1));
	TELL(posix_fadvise(fd, 0, 0, 0));
	TELL(posix_fallocate(fd, 0, 1));
	TELL(readahead(fd, 0, 1));
	TELL(sync_file_range(fd, 0, 1, 0));
	TELL(fdatasync(fd));
	TELL(flock(fd, LOCK_SH));
	TELL(lockf(fd, F_TEST, 1));
	TELL(fcntl(fd, F_GETLK, &l));
	TELL(fcntl(fd, F_GETOWN));
	TELL(fcntl(fd, F_GETPIPE_SZ));
	TELL(fcntl(fd, F_GET_SEALS));
	TELL(fcntl(fd, F_ADD_SEALS, 0));
	TELL(fcntl(fd, F_NOTIFY, DN_ACCESS));
	TELL(fcntl(fd, F_SETLEASE, F_RDLCK));
	TELL(fgetxattr(fd, "user.x", c, 4));
	TELL(fsetxattr(fd, "user.x", c, 4, 0));
	TELL(flistxattr(fd, c, 4));
	TELL(fremovexattr(fd, "user.x"));
	TELL(fpathconf(fd, _PC_NAME_MAX));
	TELL(futimes(fd, NULL));
	TELL(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	TELL(dprintf(fd, "x"));
	TELL(fdopen(fd, "w"));
}

static void moving(void)
{
	char c[64];
	struct iovec iov = { c, 1 };
	off_t off = 0;

	TELL(splice(fd, NULL, ok, NULL, 1, 0));
	TELL(splice(ok, NULL, fd, NULL, 1, 0));
	TELL(tee(fd, ok, 1, 0));
	TELL(vmsplice(fd, &iov, 1, 0));
	TELL(sendfile(fd, ok, &off, 1));
	TELL(sendfile(ok, fd, &off, 1));
	TELL(copy_file_range(fd, NULL, ok, NULL, 1, 0));
	TELL(copy_file_range(ok, NULL, fd, NULL, 1, 0));
	TELL(readv(fd, &iov, 1));
	TELL(writev(fd, &iov, 1));
	TELL(preadv(fd, &iov, 1, 0));
	TELL(pwritev2(fd, &iov, 1, 0, 0));
	TELL(pwrite(fd, c, 1, 0));
}

static void sockets(void)
{
	char c[8];
	struct sockaddr sa = { .sa_family = AF_UNIX };
	socklen_t sl = sizeof sa;
	int n;

	TELL(getsockname(fd, &sa, &sl));
	TELL(getpeername(fd, &sa, &sl));
	TELL(getsockopt(fd, SOL_SOCKET, SO_TYPE, &n, &sl));
	TELL(setsockopt(fd, SOL_SOCKET, SO_DEBUG, &n, sizeof n));
	TELL(bind(fd, &sa, sizeof sa));
	TELL(connect(fd, &sa, sizeof sa));
	TELL(listen(fd, 1));
	TELL(accept(fd, NULL, NULL));
	TELL(accept4(fd, NULL, NULL, 0));
	TELL(shutdown(fd, SHUT_RD));
	TELL(send(fd, c, 1, 0));
	TELL(sendto(fd, c, 1, 0, &sa, sizeof sa));
	TELL(recvfrom(fd, c, 1, 0, NULL, NULL));
	TELL(sockatmark(fd));
}

static void others(void)
{
	struct itimerspec its = { 0 };
	struct termios tio;
	struct epoll_event e;
	sigset_t none;
	int n;

	sigemptyset(&none);
	TELL(inotify_add_watch(fd, "/tmp", IN_CREATE));
	TELL(inotify_rm_watch(fd, 1));
	TELL(timerfd_settime(fd, 0, &its, NULL));
	TELL(timerfd_gettime(fd, &its));
	TELL(eventfd_write(fd, 1));
	TELL(signalfd(fd, &none, 0));
	TELL(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/tmp"));
	TELL(setns(fd, 0));
	TELL(waitid(P_PIDFD, fd, NULL, WEXITED));
	TELL(tcgetattr(fd, &tio));
	TELL(ttyname(fd));
	TELL(ioctl(fd, FIONBIO, &n));
	TELL(ioctl(fd, FIONCLEX));
	TELL(epoll_wait(fd, &e, 1, 0));
	TELL(epoll_ctl(fd, EPOLL_CTL_ADD, ok, &e));
}

static void system_calls(void)
{
	char c[256];
	struct stat st;

	TELL(syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH));
	TELL(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
	TELL(syscall(SYS_getdents64, fd, c, sizeof c));
	TELL(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	TELL(syscall(SYS_pidfd_getfd, ok, fd, 0));
	TELL(syscall(SYS_openat, fd, "x", O_RDONLY));
	TELL(syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH));
	TELL(syscall(SYS_fchdir, fd));
	TELL(syscall(SYS_read, fd, c, 1));
	TELL(syscall(SYS_dup3, fd, 60, 0));
	TELL(syscall(SYS_dup2, fd, 60));
	TELL(syscall(SYS_fstatfs, fd, c));
	TELL(syscall(SYS_close_range, fd, fd, 4));
	TELL(syscall(SYS_fcntl, fd, F_DUPFD, 0));
	TELL(syscall(SYS_linkat, fd, "", AT_FDCWD, "linked", AT_EMPTY_PATH));
	TELL(syscall(SYS_readlinkat, fd, "", c, sizeof c));
	TELL(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0, c));
	TELL(syscall(SYS_fchownat, fd, "", 0, 0, AT_EMPTY_PATH));
	TELL(syscall(SYS_utimensat, fd, NULL, NULL, 0));
}

/* In a child, whose numbers are copies. Its answers lie in memory that a vfork child shares. */
static struct { long r; int err; } *answer;
static unsigned answers;

static void note(long r)
{
	answer[answers].r = r;
	answer[answers++].err = r < 0 ? errno : 0;
}

static void child(void)
{
	struct stat st;
	char c;

	note(dup2(fd, 50));
	note(dup3(fd, 50, O_CLOEXEC));
	note(fcntl(fd, F_GETFD));
	note(fcntl(fd, F_SETFD, 0));
	note(dup(fd));
	note(read(fd, &c, 1));
	note(fstat(fd, &st));
	note(close(fd));
	note(fchdir(fd));
	note(dup2(ok, fd) - fd); /* taken all the same, and then it is the child's own */
	note(fcntl(fd, F_GETFL) < 0 ? -1 : 0);
	note(close(fd));
	_exit((int)answers);
}

static void say_child(const char *name, pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		abort();
	for (int i = 0; i < WEXITSTATUS(status); i++)
		printf("%s, call %d: %ld %s\n", name, i, answer[i].r, answer[i].err ? strerrorname_np(answer[i].err) : "-");
	answers = 0;
}

static void children(void)
{
	pid_t pid;

	answer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = vfork();
	if (pid == 0)
		child();
	say_child("vfork", pid);
	pid = fork();
	if (pid == 0)
		child();
	say_child("fork", pid);
}

static void spawn(const char *name, int (*add)(posix_spawn_file_actions_t *, int))
{
	char *const true_[] = { (char *)"true", NULL };
	posix_spawn_file_actions_t a;
	int r;
	pid_t pid;

	posix_spawn_file_actions_init(&a);
	add(&a, fd);
	r = posix_spawn(&pid, "/bin/true", &a, NULL, true_, environ);
	printf("posix_spawn, %s: %s\n", name, r ? strerrorname_np(r) : "-");
	if (r == 0)
		waitpid(pid, NULL, 0);
	posix_spawn_file_actions_destroy(&a);
}
static int add_dup2(posix_spawn_file_actions_t *a, int n) { return posix_spawn_file_actions_adddup2(a, n, 50); }
static int add_both(posix_spawn_file_actions_t *a, int n) { return posix_spawn_file_actions_adddup2(a, ok, n), posix_spawn_file_actions_adddup2(a, n, 50); }

/* A number that was closed just now. */
static void close_one(void)
{
	fd = eventfd(0, EFD_CLOEXEC);
	if (fd < 0 || close(fd))
		abort();
}

int main(int argc, char **unused)
{
	static void (*const all[])(void) = { itself, paths, files, moving, sockets, others, system_calls, children };

	setvbuf(stdout, NULL, _IOLBF, 0);
	ok = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
		close_one();
		all[i]();
	}
	close_one();
	spawn("addclose", posix_spawn_file_actions_addclose);
	spawn("add both", add_both);
	if (argc > 1) { /* how a list of actions is read is known only while recording */
		spawn("addfchdir", posix_spawn_file_actions_addfchdir_np);
		close_one();
		spawn("adddup2", add_dup2);
	}
	return 0;
}
