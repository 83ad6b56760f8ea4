/*
 * calls: prints ns per call, the best of ROUNDS rounds, for what a server does all day: `calls NAME COUNT`. Run by bench.sh natively and
 * preloaded in turn.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5
static int null, event, epoll;

static void dup_close(void) { close(dup(null)); }
static void open_close(void) { close(open("/dev/null", O_RDONLY | O_CLOEXEC)); }
static void socket_close(void) { close(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
static void write_one(void) { if (write(null, "x", 1) != 1) abort(); }
static void read_none(void) { char c; if (read(null, &c, 1) != 0) abort(); }
static void fstat_one(void) { struct stat st; if (fstat(null, &st)) abort(); }
static void lseek_one(void) { lseek(null, 0, SEEK_CUR); }
static void poll_one(void) { struct pollfd p = { event, POLLOUT, 0 }; if (poll(&p, 1, 0) != 1) abort(); }
static void epoll_mod(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, event, &e)) abort();
}
static void getfd(void) { if (fcntl(null, F_GETFD) < 0) abort(); }
static void fopen_fclose(void) { fclose(fopen("/dev/null", "re")); }
static void fork_wait(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}
static void vfork_wait(void)
{
	pid_t pid = vfork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}
static const char *program; /* static, so nothing is preloaded into it: what is measured is its start by us, not by the loader */
static void spawn_wait(void)
{
	extern char **environ;
	char *argv[] = { (char *)"nothing", NULL };
	pid_t pid;

	if (posix_spawn(&pid, program, NULL, NULL, argv, environ))
		abort();
	waitpid(pid, NULL, 0);
}
static void run_child(pid_t pid)
{
	if (pid == 0) {
		execl(program, "nothing", (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}
static void fork_exec(void) { run_child(fork()); }
static void vfork_exec(void) { run_child(vfork()); }
static void spawn_none(void)
{
	extern char **environ;
	char *argv[] = { (char *)"none", NULL };
	pid_t pid;

	if (!posix_spawn(&pid, "/none", NULL, NULL, argv, environ))
		abort();
}
/* What servers do all day. */
static void open_read_close(void)
{
	char c;
	int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
	if (read(fd, &c, 1) < 0)
		abort();
	close(fd);
}
static int listener;
static struct sockaddr_in here;
static void accept_close(void)
{
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), s;
	struct linger reset = { 1, 0 }; /* or the ports run out */

	if (connect(c, (struct sockaddr *)&here, sizeof here) || (s = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		abort();
	setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(c);
	close(s);
}
static void one_shot_round(void)
{
	struct epoll_event e = { .events = EPOLLOUT | EPOLLONESHOT };
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, event, &e) || epoll_wait(epoll, &e, 1, 0) != 1)
		abort();
}
static void *end_at_once(void *arg) { return arg; }
static void thread_join(void)
{
	pthread_t t;
	if (pthread_create(&t, NULL, end_at_once, NULL) || pthread_join(t, NULL))
		abort();
}

/* What the fork lock is about. */
static void dup_mark_close(void)
{
	int fd = dup(null);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC))
		abort();
	close(fd);
}
static void socket_mark_close(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC))
		abort();
	close(fd);
}

/* A signal stack comes and goes; by hand: as Go's runtime does it, with its memory locked. */
static char *stack;
static void set_stack(int flags)
{
	stack_t ss = { .ss_sp = stack, .ss_size = 64 << 10, .ss_flags = flags };
	if (sigaltstack(&ss, NULL))
		abort();
}
static void alt_stack(void) { set_stack(0), set_stack(SS_DISABLE); }
static void alt_stack_by_hand(void)
{
	set_stack(0);
	if (mlock(stack, 64 << 10))
		abort();
	set_stack(SS_DISABLE);
	munlock(stack, 64 << 10);
}

static const struct { const char *name; void (*body)(void); } all[] = {
	{ "close(dup)", dup_close }, { "close(open)", open_close }, { "close(socket)", socket_close }, { "write", write_one },
	{ "read", read_none }, { "fstat", fstat_one }, { "lseek", lseek_one }, { "poll", poll_one }, { "epoll_ctl", epoll_mod },
	{ "fcntl", getfd }, { "fclose(fopen)", fopen_fclose }, { "fork", fork_wait },
	{ "vfork", vfork_wait }, { "posix_spawn", spawn_wait }, { "posix_spawn fails", spawn_none }, { "dup mark close", dup_mark_close },
	{ "socket mark close", socket_mark_close }, { "sigaltstack", alt_stack }, { "sigaltstack mlock", alt_stack_by_hand },
	{ "open read close", open_read_close }, { "accept close", accept_close }, { "one-shot round", one_shot_round }, { "fork exec", fork_exec },
	{ "vfork exec", vfork_exec }, { "thread", thread_join },
};

/* Where it does not wait, the time this thread had a CPU: others on the machine do not matter then. */
static double once(void (*body)(void), long n)
{
	int waits = body == fork_wait || body == vfork_wait || body == spawn_wait || body == spawn_none || body == fork_exec || body == vfork_exec || body == thread_join;
	clockid_t clock = waits || getenv("BENCH_WALL") ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
	struct timespec a, b;

	clock_gettime(clock, &a);
	for (long i = 0; i < n; i++)
		body();
	clock_gettime(clock, &b);
	return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)n;
}

static void *idle(void *arg) { pause(); return arg; }

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 100000;
	struct epoll_event e = { .events = EPOLLIN };
	socklen_t len = sizeof here;
	pthread_t t;

	if (argc < 2)
		return 2;
	if (argc > 3) /* a second thread: locked instructions */
		pthread_create(&t, NULL, idle, NULL);
	program = getenv("BENCH_STATIC");
	null = open("/dev/null", O_RDWR);
	event = eventfd(0, 0);
	epoll = epoll_create1(0);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	here = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(listener, (struct sockaddr *)&here, len) || listen(listener, 16) || getsockname(listener, (struct sockaddr *)&here, &len))
		return 1;
	stack = mmap(NULL, 64 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		double best = 1e18;
		if (strcmp(argv[1], all[i].name))
			continue;
		for (int r = 0; r < ROUNDS; r++) {
			double ns = once(all[i].body, n);
			best = ns < best ? ns : best;
		}
		printf("%.1f\n", best);
		return 0;
	}
	return 2;
}
