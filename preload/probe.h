/*
 * preload/probe.h: what another thread of this process is doing, as the kernel sees it.
 */
#ifndef FDW_PROBE_H
#define FDW_PROBE_H

#include "core.h"

#define FDW_PROBE_MAX 64

struct fdw_probe {
	uint32_t tid;
	char state;   /* R S D T t as in /proc/PID/task/TID/stat; X: the thread is gone; 0: not known */
	uint64_t cpu; /* nanoseconds of CPU time so far; 0: not known */
};

/*
 * Fills in state and cpu of n <= FDW_PROBE_MAX threads. 0: states cannot be had here. Needs about 2 KiB of stack and 50 us; no descriptor of
 * this process is used, not even for a moment: numbers stay the program's. Not where a filter is.
 */
int fdw_probe(struct fdw_probe *, unsigned n);

#endif
