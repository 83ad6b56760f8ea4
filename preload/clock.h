/*
 * preload/clock.h: the kernel's clocks, whatever another library makes of the program's (libfaketime: clocks that are set, run faster, or stand).
 *
 * Context: anywhere. System calls: clock_gettime (vDSO); as a call where another library stands before libc's function and no filter is.
 */
#ifndef FDW_CLOCK_H
#define FDW_CLOCK_H

#include <time.h>
#include "core.h"

void fdw_clock(clockid_t clock, struct timespec *t);
/* What fdw_clock() tells may stand still: there is a filter, and only the other library's function to be had. */
int fdw_clock_may_stand(void);
/* Once, at the start: what comes behind us, libc's or another's; programs_own: what the program and LTTng call is not libc's. */
void fdw_clock_is(void *found, int is_other, int programs_own);
int fdw_clock_is_faked(void); /* the program and LTTng have another clock than the kernel's */

/*
 * The tracer's stamps. Those of programs with clocks of their own (libfaketime, time namespaces) would make one order with nobody else's, and nonsense of
 * the buffers that processes share: they get the recorder's clock.
 */
void fdw_trace_clock_start(void);  /* before LTTng's constructors run */
void fdw_trace_clock_forked(void); /* in a fork child, which may live in another time namespace */

#endif
