/*
 * scale: CPU ns a call, the mean of all threads, the best of ROUNDS rounds: `scale CALL own|same THREADS COUNT`: each thread on descriptors of its own, or
 * all on the same. Run by bench.sh natively and preloaded in turn.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 3, THREADS = 64 };
struct set { int file, event, poller; };
static long count;
static pthread_barrier_t begin;
static struct worker { pthread_t thread; struct set set; double ns; } workers[THREADS];

static void open_set(struct set *s)
{
	struct epoll_event e = { .events = EPOLLIN };

	s->file = open("/dev/null", O_RDWR | O_CLOEXEC);
	s->event = eventfd(0, EFD_CLOEXEC);
	s->poller = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(s->poller, EPOLL_CTL_ADD, s->event, &e))
		abort();
}

static void read_none(const struct set *s) { char c; if (read(s->file, &c, 1) != 0) abort(); }
static void dup_close(const struct set *s) { if (close(dup(s->file))) abort(); }
static void epoll_mod(const struct set *s)
{
	struct epoll_event e = { .events = EPOLLIN };
	if (epoll_ctl(s->poller, EPOLL_CTL_MOD, s->event, &e)) abort();
}

static const struct { const char *name; void (*body)(const struct set *); } all[] = {
	{ "read", read_none }, { "close(dup)", dup_close }, { "epoll_ctl", epoll_mod },
};
static void (*body)(const struct set *);

static void *work(void *p)
{
	struct worker *w = p;
	struct timespec a, b;

	pthread_barrier_wait(&begin);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	for (long i = 0; i < count; i++)
		body(&w->set);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	w->ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)count;
	return NULL;
}

static double once(int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			abort();
	for (int i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		sum += workers[i].ns;
	}
	return sum / n;
}

int main(int argc, char **argv)
{
	int n = argc > 4 ? atoi(argv[3]) : 0, own = argc > 4 && !strcmp(argv[2], "own");
	double best = 1e18;

	for (size_t i = 0; argc > 4 && i < sizeof all / sizeof *all; i++)
		if (!strcmp(argv[1], all[i].name))
			body = all[i].body;
	if (n < 1 || n > THREADS || !body)
		return 2;
	count = atol(argv[4]) / n + 1;
	pthread_barrier_init(&begin, NULL, (unsigned)n);
	for (int i = 0; i < n; i++)
		if (own || i == 0)
			open_set(&workers[i].set);
		else
			workers[i].set = workers[0].set;
	for (int i = 0; i < ROUNDS; i++) {
		double ns = once(n);
		best = ns < best ? ns : best;
	}
	printf("%.1f\n", best);
	return 0;
}
