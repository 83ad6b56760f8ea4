/*
 * libclock.c: an interposer for clock_gettime and friends, as libfaketime is one: the clock stands (CLOCK_STANDS=1), or runs from another time on at another
 * speed. Preloaded before us and after us by tests/e2e/clocks.bats.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int (*real)(clockid_t, struct timespec *);
static struct timespec begin;

__attribute__((constructor)) static void start(void)
{
	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	real(CLOCK_MONOTONIC, &begin);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	if (!real)
		start();
	t->tv_sec = 981173106;
	t->tv_nsec = 0;
	if (!getenv("CLOCK_STANDS")) {
		struct timespec now;
		real(CLOCK_MONOTONIC, &now);
		t->tv_sec -= (now.tv_sec - begin.tv_sec) * 7; /* backwards, too */
		t->tv_nsec = now.tv_nsec;
	}
	return 0;
}

time_t time(time_t *to)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return to ? *to = t.tv_sec : t.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}
