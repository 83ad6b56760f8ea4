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

uint32_t fdw_tool_thread(void);  /* id of one of the tracer's threads, 0 when there is none */

#endif
