/*
 * preload/thread.h: threads as they come and go, and their alternate signal stacks.
 */
#ifndef FDW_THREAD_H
#define FDW_THREAD_H

#include "core.h"

/* First event of a thread: its name. deliver sends one event without asking anything. */
void fdw_thread_announce(void (*deliver)(struct fdw_event *));
int fdw_thread_init(void);
void fdw_thread_watch_end(void); /* this thread has something to say when it ends */

void fdw_thread_main(void);      /* recording starts: this is the program's first thread */
void fdw_threads_reset(void);    /* in a fork child of a recorded process: this is the only thread */
int fdw_tool_threads_end(void);  /* ends the tracer's threads; bounded, 0: some are still at work */
long fdw_tool_futex(const long *args); /* one of them sleeps, or wakes others */
/*
 * clang's thread sanitizer is in the program, so above us: it knows a thread, and has memory for it, only when the function that it gave us to start has
 * begun: there the first steps are made with the first event.
 */
extern char fdw_tsan __asm__("__tsan_init") __attribute__((weak, visibility("default")));
FDW_INLINE int fdw_tsan_in_program(void) { return &fdw_tsan != NULL; }
/*
 * pthread_create is a sanitizer's, or somebody else's: in a fork child of a process with threads it ends the process (TSan), or waits for a lock that nobody
 * gives back (ASan, LSan). So such a child does without the tracer's threads.
 */
extern int fdw_threads_are_anothers;
int fdw_tool_threads(void);      /* how many there are, or are not quite over */
uint32_t fdw_tool_thread(void);  /* id of one of the tracer's threads, 0 when there is none */

/* The first thing in a thread of LTTng's (start.c). */
void fdw_tool_thread_begins(void);

#endif
