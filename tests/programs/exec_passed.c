/* exec_passed [silence]: descriptors without close-on-exec that cross exec for a reason: the next program, or one further on, makes some call on
 * the number; or the number was asked for. Must find: nothing.
 */
#include "exec_self.h"
#include <dirent.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/uio.h>

/* ---- what the next program does ----------------------------------------------------------------------------------------------------*/

static int closes_everything(void)
{
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	return 0;
}

static int select_it(void)
{
	struct timeval now = { 0, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(PASSED, &set);
	need(select(PASSED + 1, NULL, &set, NULL, &now) >= 0);
	return 0;
}

static int poll_it(void)
{
	struct pollfd p = { .fd = PASSED, .events = POLLIN };

	need(poll(&p, 1, 0) >= 0 && !(p.revents & POLLNVAL));
	return 0;
}

static int epoll_it(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	need(epoll_ctl(ep, EPOLL_CTL_ADD, PASSED, &e) == -1 && errno == EPERM); /* a file: refused, but named */
	close(ep);
	return 0;
}

static int send_it(void)
{
	char c = 'f', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	int fd = PASSED, pair[2];

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	need(sendmsg(pair[0], &m, 0) == 1 && close(pair[0]) == 0 && close(pair[1]) == 0);
	return 0;
}

static int map_it(void)
{
	need(mmap(NULL, 1, PROT_READ, MAP_PRIVATE, PASSED, 0) != MAP_FAILED);
	return 0;
}

static int fails_on_it(void)
{
	need(write(PASSED, "x", 1) == -1 && errno == EBADF); /* open for reading only */
	return 0;
}

static int grandchild_reads(void)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_self("read");
	return wait_for(pid);
}

static int forked_child_reads(void)
{
	char c;
	pid_t pid = fork();

	if (pid == 0)
		_exit(read(PASSED, &c, 1) < 0);
	return wait_for(pid);
}

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static int next_program(const char *what)
{
	struct stat st;
	char c;
	int fd;

	if (!strcmp(what, "read")) return read(PASSED, &c, 1) < 0;
	if (!strcmp(what, "readv")) return readv(PASSED, &(struct iovec){ &c, 1 }, 1) < 0;
	if (!strcmp(what, "fails")) return fails_on_it();
	if (!strcmp(what, "fstat")) return fstat(PASSED, &st);
	if (!strcmp(what, "getfd")) return !is_open(PASSED);
	if (!strcmp(what, "poll")) return poll_it();
	if (!strcmp(what, "select")) return select_it();
	if (!strcmp(what, "epoll")) return epoll_it();
	if (!strcmp(what, "dup")) return (fd = dup(PASSED)) < 0 || close(fd);
	if (!strcmp(what, "send")) return send_it();
	if (!strcmp(what, "map")) return map_it();
	if (!strcmp(what, "close")) return close(PASSED);
	if (!strcmp(what, "everything")) return closes_everything();
	if (!strcmp(what, "range")) return close_range(3, ~0U, 0);
	if (!strcmp(what, "path")) return (fd = open("/dev/fd/50", O_RDONLY)) < 0 || close(fd);
	if (!strcmp(what, "isatty")) return isatty(PASSED);
	if (!strcmp(what, "grandchild")) return grandchild_reads();
	if (!strcmp(what, "forked")) return forked_child_reads();
	if (!strcmp(what, "stream")) return fclose(fdopen(PASSED, "r"));
	return 0; /* "idle", and whatever names it */
}

/* ---- what the first one does ---------------------------------------------------------------------------------------------------------*/

static void exec_env(const char *variable)
{
	char *environment[] = { (char *)variable, NULL };

	execle("/proc/self/exe", "self", "idle", (char *)NULL, environment);
	_exit(127);
}

static void child_of(int way)
{
	static const char *const variables[] = { "LISTEN_FDS=48", "MAKEFLAGS= -j4 --jobserver-auth=49,50", "NGINX=50;", "NOTIFY_FD=50" };
	int fd;

	switch (way) {
	case 0: case 1: case 2: case 3:
		exec_env(variables[way]);
		break;
	case 4: exec_self("--fd=50"); break;
	case 5: exec_self("/dev/fd/50"); break;
	case 6: exec_self("50"); break;
	case 7: /* put in its place by the child: from where it was, which is then only left over */
		need(dup2(PASSED, 60) == 60);
		exec_self("idle");
		break;
	case 8: /* standard input */
		need(dup2(PASSED, 0) == 0);
		exec_self("idle");
		break;
	case 9: /* what the child opens, or keeps open, is for the next program */
		fd = open("/dev/null", O_RDONLY);
		need(fd >= 0 && fcntl(PASSED, F_SETFD, 0) == 0);
		exec_self("idle");
		break;
	case 10: /* closed by the child before its exec */
		closes_everything();
		exec_self("idle");
		break;
	case 11:
		need(close_range(3, ~0U, 0) == 0);
		exec_self("idle");
		break;
	case 12: /* nor is it inherited when it is marked */
		need(fcntl(PASSED, F_SETFD, FD_CLOEXEC) == 0);
		exec_self("idle");
		break;
	}
	_exit(126);
}

#define WAYS 13

static void uses(const char *what)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_self(what);
	if (wait_for(pid) != 0) {
		fprintf(stderr, "exec_passed: %s\n", what);
		_exit(9);
	}
}

int main(int argc, char **argv)
{
	static const char *const used[] = { "read", "readv", "fails", "fstat", "getfd", "poll", "select", "epoll", "dup", "send", "map", "close",
		"everything", "range", "path", "isatty", "grandchild", "forked", "stream" };
	int fd, p[2];
	char c;

	if (argc > 1)
		return next_program(argv[1]);
	for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
		fd = pass(open("/etc/passwd", O_RDONLY));
		uses(used[i]);
		need(close(fd) == 0);
	}
	for (int way = 0; way < WAYS; way++) {
		pid_t pid;

		fd = pass(open("/etc/passwd", O_RDONLY));
		pid = fork();
		if (pid == 0)
			child_of(way);
		need(wait_for(pid) == 0 && close(fd) == 0);
	}
	/* a lock is kept by whoever has the file open */
	fd = open("/etc/passwd", O_RDONLY);
	need(fd >= 0 && flock(fd, LOCK_SH) == 0);
	uses("idle");
	need(close(fd) == 0);
	/* its end tells that the child is gone */
	need(pipe(p) == 0 && fcntl(p[0], F_SETFD, FD_CLOEXEC) == 0);
	fd = fork();
	if (fd == 0)
		exec_self("idle");
	need(close(p[1]) == 0 && read(p[0], &c, 1) == 0 && close(p[0]) == 0 && wait_for(fd) == 0);
	puts("done");
	return 0;
}
