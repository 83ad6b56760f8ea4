/*
 * preload/patience.h: waiting for a session daemon that works but has much to do.
 *
 * LTTng waits for it FDW_REGISTER_TIMEOUT and then goes on, unrecorded. That is right for a daemon that hangs; one that has a burst of new
 * processes on a busy machine before it is worth more: it takes one after the other, some 5 ms each, and a process that is not served
 * in time would be missing. (110 processes at once, on two processors with 16 others at work: up to 13 s.) One that somebody has stopped is not
 * waited for at all, however many processes are started meanwhile; of one that does nothing is waited for once more, by each.
 *
 * Context: a program's start and fork children, behind LTTng's own wait; not under a seccomp filter.
 */
#ifndef FDW_PATIENCE_H
#define FDW_PATIENCE_H

#include "core.h"

struct fdw_patience {
	uint64_t began;    /* CLOCK_MONOTONIC, ns */
	unsigned long cpu; /* what the daemon had used */
};
/* Before LTTng's wait. 0: it is not worth it: the daemon, or where it is waited for the one that makes the buffers, is stopped (SIGSTOP, a debugger). */
int fdw_patience_begin(struct fdw_patience *);
/* 1: a session records this process. */
int fdw_patience(const struct fdw_patience *);
/* Where LTTng keeps how long it waits: decimal, FDW_REGISTER_TIMEOUT; NULL: not known. Set by whoever loads it. */
extern char *fdw_patience_timeout;
/*
 * Set before: LTTng does not wait in its constructor, where the loader's lock is held that its threads want first, for interposers look for libc's
 * functions; it is waited for afterwards.
 */
extern int fdw_patience_outside;

#endif
