/*
 * flags: close-on-exec of every descriptor is what was last asked for it, whoever asks, and nobody's is changed by what happens to others.
 * Makers make, ask, mark, clear and hand over; receivers ask, mark and close what they did not make; churners are given the numbers
 * that become free, know which flag theirs have, and look at the kernel's too; others start children all the while.
 *	flags [--seconds=2] [--makers=2] [--receivers=2] [--churners=2] [--forkers=1]
 * Prints one line of NAME=NUMBER and what was wrong first. Exit status: 0 none was wrong; 1.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/eventfd.h>
#include <poll.h>
#include "forklock.h"

#define BOXES 16
static _Atomic int boxes[BOXES];     /* a descriptor on its way to a receiver, or -1 */
static _Atomic long wrong, checked, made, handed, churned, children;
static _Atomic int stopping;
static int null;

static void is(int got, int want, int line, const char *what)
{
	atomic_fetch_add_explicit(&checked, 1, memory_order_relaxed);
	if (got == want || atomic_fetch_add(&wrong, 1) >= 5)
		return;
	fprintf(stderr, "flags.c:%d: %s: %d, wanted %d (errno %d)\n", line, what, got, want, errno);
}
#define IS(got, want) is((got), (want), __LINE__, #got)

static int asked(int fd) { return fcntl(fd, F_GETFD); }

/* A call on another descriptor that makes none: what this thread made before is decided by it. */
/* Writing alone decides nothing at a place that always marked. */
static void move_on(void) { need(write(null, "x", 1) == 1); poll(NULL, 0, 0); }

static int make_one(unsigned which)
{
	int fd[2] = { -1, -1 };

	switch (which % 6) {
	case 0: fd[0] = dup(null); break;
	case 1: fd[0] = open("/dev/null", O_RDONLY); break;
	case 2: fd[0] = socket(AF_UNIX, SOCK_DGRAM, 0); break;
	case 3: fd[0] = fcntl(null, F_DUPFD, 0); break;
	case 4: fd[0] = eventfd(0, 0); break;
	case 5:
		need(pipe(fd) == 0);
		IS(asked(fd[1]), 0);
		close(fd[1]);
		break;
	}
	need(fd[0] >= 0);
	return fd[0];
}

static void mark_it(int fd, unsigned how)
{
	mark(fd, how);
	IS(asked(fd), FD_CLOEXEC);
	IS(kernel_flag(fd), FD_CLOEXEC);
}

static void clear_it(int fd, unsigned how)
{
	need((how & 1 ? ioctl(fd, FIONCLEX) : fcntl(fd, F_SETFD, 0)) == 0);
	IS(asked(fd), 0);
}

static void leave_it(int fd)
{
	move_on();
	IS(asked(fd), 0);
	IS(kernel_flag(fd), 0);
}

static void hand_over(int fd, unsigned where)
{
	int none = -1;

	while (!atomic_compare_exchange_strong(&boxes[where % BOXES], &none, fd)) {
		if (stopping) {
			close(fd);
			return;
		}
		none = -1;
		where++;
	}
	atomic_fetch_add_explicit(&handed, 1, memory_order_relaxed);
}

static void *make(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 7919u;

	while (!stopping) {
		unsigned r = next_random(&random);
		int fd = make_one(r);
		if (r & 64)
			IS(asked(fd), 0);
		spin_us(r >> 8 & 7);
		switch (r >> 12 & 7) {
		case 0: mark_it(fd, r); break;
		case 1: mark_it(fd, r); clear_it(fd, r >> 1); IS(kernel_flag(fd), 0); break;
		case 2: clear_it(fd, r); leave_it(fd); break;
		case 3: leave_it(fd); mark_it(fd, r); break;
		case 4: leave_it(fd); break;
		case 5: break;
		default: hand_over(fd, r >> 16); if (r & 128) move_on(); continue;
		}
		need(close(fd) == 0);
		atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
	}
	return NULL;
}

static void *receive(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 104729u;

	while (!stopping) {
		unsigned r = next_random(&random);
		int fd = atomic_exchange(&boxes[r % BOXES], -1);
		if (fd < 0)
			continue;
		if (r & 64)
			IS(asked(fd), 0);
		if (r & 128)
			mark_it(fd, r);
		if ((r & 384) == 384)
			clear_it(fd, r >> 1);
		need(close(fd) == 0);
	}
	return NULL;
}

/* A descriptor with a flag that is known for certain, also to the kernel: looked at twice, with a moment between. */
static void *churn(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 15485863u;

	while (!stopping) {
		unsigned r = next_random(&random);
		int marked = r & 1, fd = open("/dev/null", O_RDONLY | (marked ? O_CLOEXEC : 0));
		need(fd >= 0);
		move_on();
		IS(kernel_flag(fd), marked);
		IS(asked(fd), marked);
		spin_us(r >> 8 & 31);
		IS(asked(fd), marked);
		IS(kernel_flag(fd), marked);
		need(close(fd) == 0);
		atomic_fetch_add_explicit(&churned, 1, memory_order_relaxed);
	}
	return NULL;
}

static void *start_children(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg;
	int status;

	while (!stopping) {
		pid_t pid = next_random(&random) & 1 ? vfork() : fork();
		if (pid == 0)
			_exit(0);
		need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
		atomic_fetch_add_explicit(&children, 1, memory_order_relaxed);
	}
	return NULL;
}

static int begin(pthread_t *t, int argc, char **argv, const char *name, long otherwise, void *(*body)(void *))
{
	long n = option_number(argc, argv, name, otherwise);

	need(n >= 0 && n <= 16);
	for (long i = 0; i < n; i++)
		need(pthread_create(&t[i], NULL, body, (void *)(intptr_t)(i + 1)) == 0);
	return (int)n;
}

int main(int argc, char **argv)
{
	long seconds = option_number(argc, argv, "seconds", 2);
	pthread_t t[64];
	int n = 0;

	options_known(argc, argv, "seconds makers receivers churners forkers");
	alarm((unsigned)seconds * 3 + 60); /* bounded, whatever happens */
	clean_start();
	null = quiet(open("/dev/null", O_RDWR | O_CLOEXEC));
	for (int i = 0; i < BOXES; i++)
		boxes[i] = -1;
	n += begin(t + n, argc, argv, "makers", 2, make);
	n += begin(t + n, argc, argv, "receivers", 2, receive);
	n += begin(t + n, argc, argv, "churners", 2, churn);
	n += begin(t + n, argc, argv, "forkers", 1, start_children);
	nap_us((unsigned)seconds * 1000000);
	stopping = 1;
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	printf("checked=%ld wrong=%ld made=%ld handed=%ld churned=%ld children=%ld\n", checked, wrong, made, handed, churned, children);
	return wrong != 0;
}
