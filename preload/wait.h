/*
 * preload/wait.h: bounded waiting: a short spin, then naps. The only way the interposer ever waits.
 *
 * Context: everywhere but in a vfork child. A bound that is reached is counted in fdw_process.bounds.
 */
#ifndef FDW_WAIT_H
#define FDW_WAIT_H

#include "core.h"

/* How long a closer waits for threads that arm or duplicate its number: their kernel calls never block, so only a thread that
 * lost its CPU can take this long. 20 ms is two scheduler slices on a busy machine. */
#define FDW_DRAIN_BOUND_US 20000u
/* How long closers and markers wait for a thread that is clearing close-on-exec: one system call, but its thread may lose its CPU. */
#define FDW_DECIDING_BOUND_US 250000u
/* How long the loser of two concurrent closes waits for the winner: a lingering socket's close may block for seconds. */
#define FDW_LOSER_BOUND_US 50000u

#define FDW_WAIT_SPINS 300u /* then naps */

struct fdw_wait {
	unsigned spins;
	unsigned bound_us;
	unsigned naps;
	struct timespec until;
};

void fdw_wait_start(struct fdw_wait *, unsigned bound_us);
int fdw_wait_step(struct fdw_wait *); /* 0: the bound is reached */

#endif
