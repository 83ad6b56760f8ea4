/*
 * preload/wait.c: see wait.h.
 * Context: any thread, handlers. System calls: clock_gettime (vDSO), futex on a word of our own; with a seccomp filter sched_yield
 * and futex are still what libc itself needs in any program with threads.
 */
#include <linux/futex.h>
#include <time.h>
#include "clock.h"
#include "wait.h"
#include "poison.h"

void fdw_wait_start(struct fdw_wait *w, unsigned bound_us)
{
	w->spins = w->naps = 0;
	w->bound_us = bound_us;
	fdw_clock(CLOCK_MONOTONIC, &w->until);
	w->until.tv_sec += bound_us / 1000000;
	w->until.tv_nsec += (long)(bound_us % 1000000) * 1000;
	if (w->until.tv_nsec >= 1000000000) {
		w->until.tv_nsec -= 1000000000;
		w->until.tv_sec++;
	}
}

#define NAP_US 100u
static void nap(void)
{
	static uint32_t never; /* nobody wakes it: a futex is a nap that needs no system call beyond what threads use anyway */
	struct timespec t = { 0, NAP_US * 1000 };
	fdw_raw(SYS_futex, &never, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);
}

int fdw_wait_step(struct fdw_wait *w)
{
	struct timespec now;

	if (w->spins++ < FDW_WAIT_SPINS) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
		return 1;
	}
	fdw_clock(CLOCK_MONOTONIC, &now);
	if (now.tv_sec > w->until.tv_sec || (now.tv_sec == w->until.tv_sec && now.tv_nsec >= w->until.tv_nsec) ||
	    (fdw_clock_may_stand() && w->naps++ > w->bound_us / NAP_US)) {
		atomic_fetch_add_explicit(&fdw_process.bounds, 1, memory_order_relaxed);
		return 0;
	}
	nap();
	return 1;
}
