/*
 * preload/exit.h: the end of a process or image, and its emitters.
 *
 * A thread that dies between reserving and committing a place in LTTng's ring buffer wedges that buffer for every process of the user.
 * So before _exit and exec, which end other threads wherever they are, new events are refused and those under way waited for.
 */
#ifndef FDW_EXIT_H
#define FDW_EXIT_H

#include "core.h"

int fdw_emitter_enter(void);  /* 0: refused, the event is lost and counted */
void fdw_emitter_leave(void);
void fdw_emitter_uncount(void); /* totals do not count a thread's announcement */
int fdw_emitters_stop(void); /* waits, bounded; 0: somebody is still inside */
void fdw_emitters_resume(void);
void fdw_emitters_reset(void);
void fdw_totals(uint16_t call); /* where from, what comes before it has said */
void fdw_recording_is_over(void); /* nothing is sent from here on */
void fdw_stop_recording(const char *why); /* and the tracer leaves this process */
void fdw_before_filter(void);   /* a seccomp filter is about to be installed */
void fdw_says_exit(int status, uint16_t call, uintptr_t pc);
void fdw_ending(int status, uint16_t call, uintptr_t pc); /* the process ends with the next system call: everything there is to say */

#endif
