/*
 * preload/probe.h: what another thread of this process is doing, as the kernel sees it.
 */
#ifndef FDW_PROBE_H
#define FDW_PROBE_H

#include "aside.h"

#define FDW_PROBE_MAX 64

struct fdw_probe {
	uint32_t tid;
	char state;   /* R S D T t as in /proc/PID/task/TID/stat; X: the thread is gone; 0: not known */
	uint64_t cpu; /* nanoseconds of CPU time so far; 0: not known */
};

/*
 * Fills in state and cpu of n <= FDW_PROBE_MAX threads, by a helper on the stack of work (NULL: none). 0: only that a thread is gone is known
 * (state X, else 0): there is no /proc here, or it is not this process's. Some 50 us; no descriptor of this process is used, not even for a
 * moment. Not where a filter is.
 */
int fdw_probe(struct fdw_probe *, unsigned n, struct fdw_work *work);

#endif
