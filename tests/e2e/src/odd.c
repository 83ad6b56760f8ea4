/*
 * tests/e2e/src/odd.c: right programs, or wrong ones whose wrong call is beside the point, in circumstances that a library between them and
 * libc could spoil. `odd CASE` prints what it saw: the same with and without fdwarden.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A call that is logged: a close of what is closed, and not one of a loop. */
static void wrong(void)
{
	int fd = dup(0);

	close(fd);
	close(fd);
	close(1000);
}

/* ---- where the log goes ----------------------------------------------------------------------------------------------------------*/

/* Number 2 is a file of the program's by now. */
static void log_reused(void)
{
	int fd;

	close(2);
	fd = open("odd.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
	wrong();
	printf("number %d, %ld bytes\n", fd, (long)lseek(2, 0, SEEK_END));
}

/* The reader of our stderr is gone. */
static void log_no_reader(void)
{
	wrong();
	puts("alive");
}

/* A write to the pipe would never end. */
static void log_full(void)
{
	char page[4096] = "";

	fcntl(2, F_SETFL, O_NONBLOCK);
	while (write(2, page, sizeof page) > 0)
		;
	fcntl(2, F_SETFL, 0);
	alarm(10);
	wrong();
	puts("went on");
}

/* The same, and the reader at number 7 comes back. */
static void log_counted(void)
{
	char line[4096];
	ssize_t n;
	int fd = dup(0);

	log_full();
	/* By now the wrong close is known not to have begun a loop over every number: its line is due, and lost. */
	for (int i = 0; i < 20; i++)
		close(dup(0));
	fcntl(7, F_SETFL, O_NONBLOCK);
	while (read(7, line, sizeof line) > 0)
		;
	close(fd);
	if (write(fd, "x", 1) == 1)
		return;
	n = read(7, line, sizeof line);
	printf("%.*s", n > 0 ? (int)n : 0, line);
}

/* A file may not grow: SIGXFSZ. And a signal that was pending stays pending. */
static void log_limit(void)
{
	sigset_t s;

	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 0, 0 });
	wrong();
	sigemptyset(&s);
	sigaddset(&s, SIGPIPE);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGPIPE);
	wrong();
	sigpending(&s);
	fprintf(stdout, "alive, pending %d\n", sigismember(&s, SIGPIPE));
	fflush(stdout);
}

/* ---- calls ----------------------------------------------------------------------------------------------------------------------------*/

static void *cancelled_in_syscall(void *unused)
{
	int fd = dup(0);

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	syscall(SYS_close, fd);
	syscall(SYS_fcntl, 0, F_SETLKW, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return (void *)7;
}

/* syscall() is no cancellation point, whatever it calls. */
static void syscall_cancel(void)
{
	pthread_t t;
	void *result;

	pthread_create(&t, NULL, cancelled_in_syscall, NULL);
	pthread_join(t, &result);
	printf("%ld\n", (long)result);
}

#define SAY(call) do { errno = 0; long r_ = (call); printf("%s = %ld %s\n", #call, r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)

/* Where libc is more than the system call. */
static void libc_checks(void)
{
	struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	const char *volatile no_path = NULL;
	int dir = open(".", O_RDONLY | O_DIRECTORY), fd = open("odd.file", O_RDWR | O_CREAT, 0600);
	char buf[4096];

	SAY(mknodat(AT_FDCWD, "odd.node", S_IFIFO | 0600, 0x100000000000000ULL));
	SAY(utimensat(dir, no_path, now, 0));
	SAY(getdents64(dir, buf, 0x100000000UL) > 0);
	setpgid(0, 0);
	SAY(fcntl(fd, F_SETOWN, -getpid()));
	SAY(fcntl(fd, F_GETOWN) == -getpid());
	SAY(syscall(SYS_fcntl, fd, F_GETOWN) == -1);
	SAY(syscall(SYS_dup3, fd, fd, 0));
	SAY(dup3(fd, fd, 0));
	SAY(syscall(SYS_close_range, 5, 3, 0));
	SAY(syscall(SYS_pipe2, 8, 0));
	SAY(syscall(SYS_socketpair, 1, 1, 0, 8));
	SAY(syscall(SYS_epoll_ctl, fd, 1, fd, 8));
}

static void *open_and_close(void *bad)
{
	for (int i = 0; i < 30000; i++) {
		int fd = open("/dev/null", O_RDONLY);
		if (fd < 0 || close(fd) != 0)
			++*(long *)bad;
	}
	return NULL;
}

static void *open_and_close_apart(void *bad)
{
	pthread_t t;

	syscall(SYS_unshare, CLONE_FILES);
	pthread_create(&t, NULL, open_and_close, bad);
	pthread_join(t, NULL);
	return open_and_close(bad);
}

/* Two tables of descriptors in one process: the same number is two descriptors. */
static void two_tables(void)
{
	long bad[2] = { 0, 0 };
	pthread_t t;

	pthread_create(&t, NULL, open_and_close_apart, &bad[0]);
	usleep(10000);
	open_and_close(&bad[1]);
	pthread_join(t, NULL);
	printf("%ld %ld\n", bad[0], bad[1]);
}

/* ---- what a process has -----------------------------------------------------------------------------------------------------------------*/

static int locked_for_others(const char *path)
{
	struct flock l = { .l_type = F_WRLCK };
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fcntl(open(path, O_RDWR), F_GETLK, &l) != 0 || l.l_type != F_UNLCK);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

/* A record lock on the very file that is run. */
static void record_lock(void)
{
	struct flock l = { .l_type = F_WRLCK };
	char *argv[] = { (char *)"odd.sh", NULL };
	int fd = open("odd.sh", O_RDWR | O_CREAT | O_CLOEXEC, 0700);
	pid_t pid;

	if (write(fd, "exit 0\n", 7) != 7 || fcntl(fd, F_SETLK, &l) != 0)
		return;
	printf("%d ", locked_for_others("odd.sh"));
	if (posix_spawnp(&pid, "./odd.sh", NULL, NULL, argv, environ) == 0)
		waitpid(pid, NULL, 0);
	printf("%d\n", locked_for_others("odd.sh"));
}

/* As somebody without privileges: all that is mapped counts. */
static void lock_memory(void)
{
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 8 << 20, 8 << 20 });
	if (setuid(65534) == 0)
		printf("%d\n", mlockall(MCL_CURRENT));
}

static void all_keys(void)
{
	pthread_key_t key;
	int n = 0;

	while (pthread_key_create(&key, NULL) == 0)
		n++;
	printf("%d\n", n);
}

static void *start_from_here(void *env)
{
	char *argv[] = { (char *)"true", NULL };
	int status = 0;
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		pid = vfork();
		if (pid == 0) {
			execve("/bin/true", argv, env);
			_exit(9);
		}
		waitpid(pid, &status, 0);
		printf("%x ", status);
		posix_spawnp(&pid, "true", NULL, NULL, argv, env);
		waitpid(pid, &status, 0);
		printf("%x ", status);
	}
	return NULL;
}

/* A large environment on the smallest stack. */
static void small_stack(void)
{
	static char *env[1501], text[1500][8];
	pthread_attr_t a;
	pthread_t t;

	for (int i = 0; i < 1500; i++)
		snprintf(env[i] = text[i], sizeof text[i], "V%d=1", i);
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, (size_t)sysconf(_SC_THREAD_STACK_MIN));
	pthread_create(&t, &a, start_from_here, env);
	pthread_join(t, NULL);
	puts("");
}

static int runs_with(int bytes)
{
	static char one[100008], last[100008];
	char *argv[] = { (char *)"/bin/true", NULL }, *env[64];
	int n = 0, status;
	pid_t pid;

	memset(one, 'x', 100004);
	memset(last, 'x', (size_t)(bytes % 100000) + 4);
	one[1] = last[1] = '=';
	last[bytes % 100000 + 4] = 0;
	for (; n < bytes / 100000; n++)
		env[n] = one;
	env[n++] = last;
	env[n] = NULL;
	pid = fork();
	if (pid == 0) {
		execve(argv[0], argv, env);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

/* The largest environment that a program can be given. */
static void largest_environment(void)
{
	int low = 0, high = 5000000;

	while (high - low > 1) {
		int middle = low + (high - low) / 2;
		if (runs_with(middle))
			low = middle;
		else
			high = middle;
	}
	printf("%d\n", low);
}

/* Above the first step of the table, from two threads at once. */
static void *many_numbers(void *from)
{
	long bad = 0;

	for (int i = 0; i < 17000; i += 100) {
		int fd = fcntl(0, F_DUPFD, (int)(long)from + i);
		if (fd < 0 || close(fd) != 0)
			bad++;
	}
	return (void *)bad;
}

static void high_numbers(void)
{
	struct rlimit rl;
	pthread_t t[2];
	void *bad[2];

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max < 60000 ? rl.rlim_max : 60000;
	setrlimit(RLIMIT_NOFILE, &rl);
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, many_numbers, (void *)(2000 + i * 50));
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &bad[i]);
	printf("%ld %ld\n", (long)bad[0], (long)bad[1]);
}

static const struct { const char *name; void (*run)(void); } cases[] = {
	{ "log_reused", log_reused }, { "log_no_reader", log_no_reader }, { "log_full", log_full },
	{ "log_counted", log_counted }, { "log_limit", log_limit },
	{ "syscall_cancel", syscall_cancel }, { "libc_checks", libc_checks }, { "two_tables", two_tables },
	{ "record_lock", record_lock }, { "lock_memory", lock_memory }, { "all_keys", all_keys }, { "small_stack", small_stack },
	{ "largest_environment", largest_environment }, { "high_numbers", high_numbers },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof *cases; i++)
		if (!strcmp(argv[1], cases[i].name)) {
			cases[i].run();
			return 0;
		}
	return 2;
}
