/*
 * preload/patience.h: waiting for a session daemon that works but has much to do.
 *
 * LTTng waits for it FDW_REGISTER_TIMEOUT and then goes on, unrecorded. That is right for a daemon that hangs; one that has a burst of new
 * processes on a busy machine before it is worth more: it takes one after the other, some 5 ms each, and a process that is not served
 * in time would be missing. (110 processes at once, on two processors with 16 others at work: up to 13 s.)
 *
 * Context: a program's start and fork children, behind LTTng's own wait; not under a seccomp filter.
 */
#ifndef FDW_PATIENCE_H
#define FDW_PATIENCE_H

#include "core.h"

/* CLOCK_MONOTONIC, ns: before LTTng's wait. */
uint64_t fdw_patience_clock(void);
/* 1: a session records this process. `began`: the clock before LTTng's wait. */
int fdw_patience(uint64_t began);

#endif
