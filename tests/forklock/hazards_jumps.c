/* tests/forklock/hazards_jumps.c: threads that leave the place between creation and mark by another door. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include "hazards.h"

static volatile int current = -1;
static volatile sig_atomic_t handled, told_wrong;
static struct held_report seen;

static void on_signal(int number, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&sa.sa_mask);
	need(sigaction(number, &sa, NULL) == 0);
}

static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* ---- fork in a handler --------------------------------------------------------------------------------------------------------------------*/
static const char *handler_way;

static void fork_in_handler(int number)
{
	int saved = errno;

	(void)number;
	handled++;
	if (fcntl(current, F_GETFD) != 0)
		told_wrong++;
	if (starter_child(&child, way_named(handler_way), &seen))
		told_wrong++;
	errno = saved;
}

/* The child of that moment has what is not yet marked: its own thread started it. Then the mark counts as ever. */
static int handler_between(void)
{
	static const char *const by[] = { "fork", "_Fork", "vfork", "posix_spawn" };
	pthread_t t;
	int had = 0, marked = 0, n = 100;

	on_signal(SIGUSR1, fork_in_handler, 0);
	in_thread(&t, idle, NULL);
	for (int i = 0; i < n; i++) {
		handler_way = by[i % (int)COUNT(by)];
		need((current = dup(null)) >= 0);
		raise(SIGUSR1);
		had += seen.held == 1 && seen.first == current;
		mark(current, (unsigned)i);
		marked += fcntl(current, F_GETFD) == FD_CLOEXEC && kernel_flag(current) == FD_CLOEXEC;
		close(current);
	}
	outcome("handled %d, had %d, marked %d, wrong %d", (int)handled, had, marked, (int)told_wrong);
	return 0;
}

static _Atomic int signalling;
static _Atomic unsigned headway; /* a handler that takes longer than the time between two signals would leave the thread none */

static void *signal_it(void *arg)
{
	unsigned random = 1, seen = headway - 1;

	while (signalling) {
		if (headway != seen) {
			seen = headway;
			pthread_kill(*(pthread_t *)arg, SIGUSR1);
		}
		nap_us(200 + next_random(&random) % 300);
	}
	return NULL;
}

static void fork_now(int number)
{
	int status, saved = errno;
	pid_t pid = number == SIGUSR1 && (handled++ & 1) ? vfork() : _Fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		told_wrong++;
	errno = saved;
}

/* The same wherever the signal comes, also in the middle of the protocol. */
static int handler_anywhere(void)
{
	pthread_t me = pthread_self(), t;
	int bad = 0;

	on_signal(SIGUSR1, fork_now, SA_RESTART);
	signalling = 1;
	in_thread(&t, signal_it, &me);
	for (unsigned i = 0; i < 60000 || handled < 200; i++) {
		int fd = i & 1 ? dup(null) : open("/dev/null", O_RDONLY);
		headway++;
		need(fd >= 0);
		if (i % 3 == 0) {
			mark(fd, i);
			bad += fcntl(fd, F_GETFD) != FD_CLOEXEC || kernel_flag(fd) != FD_CLOEXEC;
		} else if (i % 3 == 1) {
			poll(NULL, 0, 0); /* where it always marked, writing would decide nothing */
			bad += fcntl(fd, F_GETFD) != 0 || kernel_flag(fd) != 0;
		}
		need(close(fd) == 0);
	}
	signalling = 0;
	pthread_join(t, NULL);
	outcome("wrong flags %d, wrong children %d", bad, (int)told_wrong);
	return 0;
}

/* ---- a handler's child that goes on ---------------------------------------------------------------------------------------------------*/
static volatile sig_atomic_t in_child, what_was_wrong;

static void fork_and_return(int number)
{
	int status, saved = errno;
	pid_t pid = in_child ? -1 : handled++ & 1 ? fork() : _Fork();

	(void)number;
	if (pid == 0)
		in_child = 1;
	else if (!in_child && (pid < 0 || waitpid(pid, &status, 0) != pid || status)) {
		told_wrong++;
		what_was_wrong |= pid < 0 ? -1 : status;
	}
	errno = saved;
}

/* It has one thread, and what its maker had in hand: all of that is decided by it alone, and a filter has nobody to wait for. */
static void child_goes_on(int fd, int marked)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog filter = { COUNT(all), all };
	int bad = 0, fresh;
	uint64_t start;

	bad |= fcntl(fd, F_GETFD) != marked || (marked && kernel_flag(fd) != marked);
	mark(fd, 0);
	bad |= (fcntl(fd, F_GETFD) != FD_CLOEXEC || kernel_flag(fd) != FD_CLOEXEC) << 1;
	need((fresh = dup(null)) >= 0);
	bad |= (fcntl(fresh, F_GETFD) != 0 || kernel_flag(fresh) != 0) << 2;
	close(fresh);
	start = now_us();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0))
		bad |= errno != EINVAL && errno != ENOSYS && errno != EACCES ? 8 : 0;
	bad |= (now_us() - start > 5000000) << 4; /* nobody to wait for; but a busy machine may take the CPU away */
	bad |= close(fd) != 0 || close(fd) == 0 ? 32 : 0;
	_exit(bad);
}

/* Wherever the signal came, the child returns to what the handler interrupted. */
static int handler_child_goes_on(void)
{
	pthread_t me = pthread_self(), t;
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	on_signal(SIGUSR1, fork_and_return, SA_RESTART);
	signalling = 1;
	pthread_sigmask(SIG_BLOCK, &usr1, NULL); /* a child of the thread's beginning would wait for that thread's end */
	in_thread(&t, signal_it, &me);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	for (unsigned i = 0; handled < 50; i++) {
		int fd = i & 1 ? dup(null) : open("/dev/null", O_RDONLY);
		headway++;
		need(fd >= 0);
		if (in_child)
			child_goes_on(fd, 0);
		if (i % 3 == 0)
			mark(fd, i);
		else
			poll(NULL, 0, 0);
		if (in_child)
			child_goes_on(fd, i % 3 == 0 ? FD_CLOEXEC : 0);
		need(close(fd) == 0 || in_child);
		if (in_child)
			child_goes_on(dup(null), 0);
	}
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	if (in_child)
		child_goes_on(dup(null), 0);
	signalling = 0;
	pthread_join(t, NULL);
	if (told_wrong)
		fprintf(stderr, "of them, statuses together: %#x\n", (unsigned)what_was_wrong);
	outcome("wrong children %d", (int)told_wrong);
	return 0;
}

/* ---- jumps -------------------------------------------------------------------------------------------------------------------------------*/
static sigjmp_buf back;

static void jump(int number) { (void)number; siglongjmp(back, 1); }

static int jump_between(void)
{
	pthread_t t;
	volatile int marked = 0, n = 200;

	on_signal(SIGUSR1, jump, 0);
	in_thread(&t, idle, NULL);
	for (volatile int i = 0; i < n; i++) {
		if (sigsetjmp(back, 1) == 0) {
			current = dup(null);
			need(current >= 0);
			raise(SIGUSR1);
		}
		mark(current, (unsigned)i);
		marked += fcntl(current, F_GETFD) == FD_CLOEXEC && kernel_flag(current) == FD_CLOEXEC;
		close(current);
	}
	outcome("marked %d of %d", marked, n);
	return 0;
}

static int listener(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = quiet(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	need(bind(fd, (struct sockaddr *)&a, sizeof a.sun_family) == 0 && listen(fd, 8) == 0);
	return fd;
}

static char fifo[96];
static int blocking_listener, blocking_pair[2];

/* Calls that make a descriptor, and wait until there is one to make. */
static void prepare_blocking(void)
{
	blocking_listener = listener();
	need(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, blocking_pair) == 0);
	blocking_pair[0] = quiet(blocking_pair[0]);
	blocking_pair[1] = quiet(blocking_pair[1]);
	snprintf(fifo, sizeof fifo, "%s/forklock.fifo.%d", scratch(), (int)getpid());
	need(mkfifo(fifo, 0600) == 0);
}

static void block(int in)
{
	char byte, control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };

	switch (in % 3) {
	case 0: need(accept(blocking_listener, NULL, NULL) < 0); break;
	case 1: need(open(fifo, O_RDONLY) < 0); break;
	case 2: need(recvmsg(blocking_pair[1], &h, 0) < 0); break;
	}
}

/* What a thread that jumped out of a blocked call makes afterwards is as protected as before. */
static void *jump_out_of_blocked(void *arg)
{
	for (volatile int i = 0; i < 60; i++) {
		if (sigsetjmp(back, 1))
			continue;
		handled = 1;
		block(i);
	}
	handled = 2;
	for (unsigned i = 0; handled == 2; i++) {
		int fd = dup(null);
		need(fd >= 0);
		spin_us(100);
		mark(fd, i);
		close(fd);
	}
	return arg;
}

static void jump_if_blocked(int number)
{
	if (handled == 1)
		jump(number);
}

static int jump_blocked(void)
{
	pthread_t t;

	prepare_blocking();
	on_signal(SIGUSR1, jump_if_blocked, 0);
	in_thread(&t, jump_out_of_blocked, NULL);
	while (handled != 2) {
		nap_us(1000);
		if (handled == 1)
			pthread_kill(t, SIGUSR1);
	}
	for (int i = 0; i < 40; i++)
		need(start_one(i & 1 ? "vfork" : "fork") >= 0);
	handled = 3;
	pthread_join(t, NULL);
	unlink(fifo);
	outcome("ended");
	return 0;
}

/* ---- cancellation ------------------------------------------------------------------------------------------------------------------------*/
static void close_it(void *fd) { close(*(int *)fd); }

static void *make_and_sleep(void *arg)
{
	int fd = dup(null);

	need(fd >= 0);
	pthread_cleanup_push(close_it, &fd);
	for (;;)
		nap_us(1000000);
	pthread_cleanup_pop(0);
	return arg;
}

static void *wait_blocked(void *arg)
{
	block((int)(intptr_t)arg);
	return NULL;
}

/* Again and again, more often than any table of ours has places. */
static int cancelled(void)
{
	pthread_t t;
	void *r;
	int gone = 0, n = 300;

	prepare_blocking();
	makers_go(2, 50);
	for (int i = 0; i < n; i++) {
		in_thread(&t, i & 1 ? make_and_sleep : wait_blocked, (void *)(intptr_t)(i / 2));
		spin_us(i % 7 * 30u);
		need(pthread_cancel(t) == 0 && pthread_join(t, &r) == 0);
		gone += r == PTHREAD_CANCELED;
		if (i % 10 == 0)
			need(start_one("fork") >= 0);
	}
	makers_stop();
	unlink(fifo);
	outcome("cancelled %d of %d", gone, n);
	return 0;
}

/* ---- threads that end ---------------------------------------------------------------------------------------------------------------------*/
static void *make_and_end(void *arg)
{
	int fd = dup(null);

	need(fd >= 0);
	*(int *)arg = fd;
	return NULL;
}

static int thread_ends(void)
{
	pthread_t t, keep;
	int had = 0, marked = 0, n = 1500;

	in_thread(&keep, idle, NULL);
	for (int i = 0; i < n; i++) {
		int fd = -1;
		in_thread(&t, make_and_end, &fd);
		pthread_join(t, NULL);
		need(fd >= 0 && fcntl(fd, F_GETFD) == 0);
		if (i % 25 == 0)
			had += start_one(i & 1 ? "vfork" : "posix_spawn") == 1;
		mark(fd, (unsigned)i);
		marked += fcntl(fd, F_GETFD) == FD_CLOEXEC && kernel_flag(fd) == FD_CLOEXEC;
		close(fd);
	}
	leaks = 0; /* those were meant to have it */
	outcome("had %d, marked %d of %d", had, marked, n);
	return 0;
}

/* ---- a process that is stopped --------------------------------------------------------------------------------------------------------------*/
static int stopped(void)
{
	pid_t process = fork();
	int status;

	need(process >= 0);
	if (process == 0) {
		makers_go(2, 100);
		for (int i = 0; i < 400; i++)
			start_one(i & 1 ? "fork" : "vfork");
		makers_stop();
		need(write(child.write_end, &(struct held_report){ .held = (int)leaks, .has = (int)children }, sizeof(struct held_report)) > 0);
		_exit(0);
	}
	for (int i = 0; i < 4; i++) {
		nap_us(40000);
		kill(process, SIGSTOP);
		nap_us(400000);
		kill(process, SIGCONT);
	}
	need(waitpid(process, &status, 0) == process && status == 0 && starter_result(&child, &seen) == 0);
	leaks = seen.held;
	children = seen.has;
	outcome("%ld children", children);
	return 0;
}

const struct hazard jump_hazards[] = {
	{ "handler-between", handler_between, 0 }, { "handler-anywhere", handler_anywhere, 0 },
	{ "handler-child-goes-on", handler_child_goes_on, 0 }, { "jump-between", jump_between, 0 },
	{ "jump-blocked", jump_blocked, 1 }, { "cancelled", cancelled, 1 }, { "thread-ends", thread_ends, 0 }, { "stopped", stopped, 1 }, { 0 },
};
