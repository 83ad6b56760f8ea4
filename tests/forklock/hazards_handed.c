/*
 * tests/forklock/hazards_handed.c: what breaks a hand-off, or a mark, by ways nobody thinks of: calls that fail over an undecided descriptor, tables
 * that are shared or taken apart, handlers that run inside a fork, makers that do something else first.
 */
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include "hazards.h"

static _Atomic int stopping;

/* ---- a maker that does something else between creation and mark ----------------------------------------------------------------------------------*/
enum { MANY = 20 };
static int log_file, other[2];

static void *write_first(void *arg)
{
	for (unsigned i = 0; !stopping; i++) {
		int fd = dup(null);
		need(fd >= 0 && write(log_file, "made one\n", 9) == 9);
		spin_us(100);
		mark(fd, i);
		close(fd);
	}
	return arg;
}

static void *recv_first(void *arg)
{
	char c;

	for (unsigned i = 0; !stopping; i++) {
		int fd = dup(null);
		need(fd >= 0 && send(other[0], "x", 1, 0) == 1 && recv(other[1], &c, 1, 0) == 1);
		spin_us(100);
		mark(fd, i);
		close(fd);
	}
	return arg;
}

static void *many_first(void *arg)
{
	int fd[MANY];

	for (unsigned n = 0; !stopping; n++) {
		for (int i = 0; i < MANY; i++)
			need((fd[i] = dup(null)) >= 0);
		spin_us(100);
		for (int i = 0; i < MANY; i++)
			mark(fd[i], n);
		for (int i = 0; i < MANY; i++)
			close(fd[i]);
	}
	return arg;
}

static int with_maker(void *(*body)(void *))
{
	static const char *const by[] = { "fork", "vfork", "posix_spawn" };
	pthread_t t;

	log_file = quiet(open("/dev/null", O_WRONLY | O_CLOEXEC));
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other) == 0);
	other[0] = quiet(other[0]);
	other[1] = quiet(other[1]);
	in_thread(&t, body, NULL);
	nap_us(20000); /* what it does is known */
	for (int i = 0; i < 60; i++)
		need(start_one(by[i % 3]) >= 0);
	stopping = 1;
	pthread_join(t, NULL);
	outcome("60 children");
	return 0;
}

static int writes_first(void) { return with_maker(write_first); }
static int receives_first(void) { return with_maker(recv_first); }
static int twenty_first(void) { return with_maker(many_first); }

/* ---- hand-offs --------------------------------------------------------------------------------------------------------------------------------*/
static sem_t wanted, handed;
static _Atomic int in_hand = -1;
static int had, wrong;

static void *hand_on(void *arg)
{
	for (;;) {
		sem_wait(&wanted);
		if (stopping)
			return arg;
		in_hand = fcntl(null, F_DUPFD, 3);
		need(in_hand >= 0);
		sem_post(&handed);
	}
}

static void receive(void)
{
	sem_post(&wanted);
	sem_wait(&handed);
}

static void hand_on_begins(pthread_t *t)
{
	sem_init(&wanted, 0, 0);
	sem_init(&handed, 0, 0);
	in_thread(t, hand_on, NULL);
}

static int hand_on_ends(pthread_t t, int n)
{
	stopping = 1;
	sem_post(&wanted);
	pthread_join(t, NULL);
	outcome("had %d of %d, wrong flags %d", had, n, wrong);
	return 0;
}

/* Asked by a system call of its own: a child's exit status 0 when it has fd and may give it to an exec. */
static _Noreturn void answer(int fd) { _exit(kernel_flag(fd) == 0 ? 0 : 1); }

static int child_answers(pid_t pid)
{
	int status;

	need(pid > 0 && waitpid(pid, &status, __WALL) == pid);
	return status == 0;
}

/* In the program's own handler before a fork. */
static int handler_receives;
static void prepare(void) { if (handler_receives) receive(); }

static int handed_at_fork(void)
{
	pthread_t t;
	int n = 40;

	need(pthread_atfork(prepare, NULL, NULL) == 0);
	hand_on_begins(&t);
	for (int i = 0; i < n; i++) {
		pid_t pid;
		handler_receives = 1;
		pid = fork();
		if (pid == 0)
			answer(in_hand);
		handler_receives = 0;
		had += child_answers(pid);
		close(in_hand);
	}
	return hand_on_ends(t, n);
}

/* To a thread that takes a descriptor table of its own, which is a copy. */
static void *unshares(void *how)
{
	receive();
	switch ((intptr_t)how) {
	case 0: need(unshare(CLONE_FILES) == 0); break;
	case 1: need(syscall(SYS_unshare, CLONE_FILES) == 0); break;
	case 2: need(close_range(INT_MAX - 1, INT_MAX, CLOSE_RANGE_UNSHARE) == 0); break;
	}
	wrong += fcntl(in_hand, F_GETFD) != 0;
	had += kernel_flag(in_hand) == 0;
	return NULL;
}

static int handed_before_unshare(void)
{
	pthread_t t, receiver;
	int n = 30;

	hand_on_begins(&t);
	for (int i = 0; i < n; i++) {
		in_thread(&receiver, unshares, (void *)(intptr_t)(i % 3));
		pthread_join(receiver, NULL);
		close(in_hand);
	}
	return hand_on_ends(t, n);
}

/* To a child that shares memory, or the table, but is no thread. */
static _Atomic int *told;
static int child_of_memory(void *arg) { (void)arg; syscall(SYS_exit, kernel_flag(in_hand) != 0); return 0; }
static int child_of_table(void *arg)
{
	int fd;

	while ((fd = atomic_load(told)) < 0)
		;
	syscall(SYS_exit, kernel_flag(fd) != 0);
	return arg != NULL;
}

static int handed_to_clones(void)
{
	char *stack = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;
	int n = 30, fd;

	told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(stack != MAP_FAILED && (void *)told != MAP_FAILED);
	hand_on_begins(&t);
	for (int i = 0; i < n; i++) {
		receive();
		had += child_answers(clone(child_of_memory, stack + (1 << 16), CLONE_VM | SIGCHLD, NULL));
		close(in_hand);
	}
	for (int i = 0; i < n; i++) {
		pid_t pid;
		*told = -1;
		pid = clone(child_of_table, stack + (1 << 16), CLONE_FILES | SIGCHLD, NULL);
		nap_us(200);
		need((fd = fcntl(null, F_DUPFD, 3)) >= 0);
		*told = fd;
		had += child_answers(pid);
		close(fd);
	}
	return hand_on_ends(t, 2 * n);
}

/* Calls over a descriptor that is undecided, and that fail: it is as undecided as before. */
static int failed_over(void)
{
	pthread_t t;
	int n = 0, fd;

	hand_on_begins(&t);
	for (int i = 0; i < 9; i++, n++) {
		receive();
		fd = in_hand;
		switch (i % 3) {
		case 0: need(dup2(777, fd) == -1 && errno == EBADF); break;
		case 1: need(dup3(0, fd, 0x40) == -1 && errno == EINVAL); break;
		case 2: need(close_range((unsigned)fd, (unsigned)fd, 0x40) == -1 && errno == EINVAL); break;
		}
		had += start_one("posix_spawn") == 1; /* counts what it has beyond what it should: the one in our hand */
		wrong += fcntl(fd, F_GETFD) != 0;
		close(fd);
	}
	leaks = 0;
	return hand_on_ends(t, n);
}

/* O_PATH: an ioctl on it is refused, and decides nothing. */
static int o_path(void)
{
	pthread_t t;
	int fd;

	hand_on_begins(&t);
	for (int i = 0; i < 4; i++) {
		need((fd = open("/", O_PATH)) >= 0);
		need(ioctl(fd, i & 1 ? FIONCLEX : FIOCLEX) == -1 && errno == EBADF);
		wrong += fcntl(fd, F_GETFD) != 0;
		had += start_one("vfork") == 1;
		need(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
		wrong += fcntl(fd, F_GETFD) != FD_CLOEXEC || kernel_flag(fd) != FD_CLOEXEC;
		close(fd);
	}
	leaks = 0;
	return hand_on_ends(t, 4);
}

/* ---- marks -------------------------------------------------------------------------------------------------------------------------------------*/
/* By a range, after io_uring made descriptors that are born close-on-exec a thing of the past. */
static int marked_by_range(void)
{
	pthread_t t;
	unsigned char params[128] = { 0 };
	int fd, marked = 0;

	hand_on_begins(&t);
	need((fd = dup(null)) >= 0);
	close(quiet((int)syscall(SYS_io_uring_setup, 1, params))); /* refused or not */
	need(close_range((unsigned)fd, (unsigned)fd, CLOSE_RANGE_CLOEXEC) == 0);
	marked += fcntl(fd, F_GETFD) == FD_CLOEXEC && kernel_flag(fd) == FD_CLOEXEC;
	for (int i = 0; i < 3; i++)
		need(start_one("fork") >= 0);
	marked += kernel_flag(fd) == FD_CLOEXEC;
	outcome("marked %d; ", marked);
	return hand_on_ends(t, 0);
}

/* Threads that libc makes for itself are threads. */
static void ticks(union sigval v)
{
	for (unsigned i = 0; i < 20 && !stopping; i++) {
		int fd = dup(null);
		need(fd >= 0);
		spin_us(150);
		mark(fd, i);
		close(fd);
	}
	(void)v;
}

static int libc_threads(void)
{
	struct sigevent e = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = ticks };
	struct itimerspec often = { { 0, 2000000 }, { 0, 2000000 } };
	timer_t timer;

	need(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0 && timer_settime(timer, 0, &often, NULL) == 0);
	nap_us(20000);
	for (int i = 0; i < 40; i++)
		need(start_one(i & 1 ? "fork" : "vfork") >= 0);
	stopping = 1;
	timer_delete(timer);
	nap_us(20000);
	outcome("40 children");
	return 0;
}

const struct hazard handed_hazards[] = {
	{ "writes-first", writes_first, 1 }, { "receives-first", receives_first, 1 }, { "twenty-first", twenty_first, 1 },
	{ "handed-at-fork", handed_at_fork, 0 }, { "handed-before-unshare", handed_before_unshare, 0 }, { "handed-to-clones", handed_to_clones, 0 },
	{ "failed-over", failed_over, 0 }, { "o-path", o_path, 0 }, { "marked-by-range", marked_by_range, 0 },
	{ "libc-threads", libc_threads, 1 }, { 0 },
};
