/*
 * preload/inside.h: which descriptor a thread is inside a call on, at this moment: while recording, in a process with threads.
 *
 * A closer that finds another thread there tells of it (close-in-use). What stands here may be old: a thread that left its call by siglongjmp, or
 * that has all but returned. So the closer asks the kernel where that thread is, and only one that sleeps in a system call on that number counts.
 *
 *   function          | any thread | handler | vfork child | waits
 *   fdw_inside, _left |    yes     |   yes   |    yes (no) | no
 *   fdw_inside_closes |    yes     |   yes   |   never     | for a helper that reads /proc (aside.h), when there is somebody
 */
#ifndef FDW_INSIDE_H
#define FDW_INSIDE_H

#include "event.h"

int fdw_inside_slow(int fd, uint16_t call, uintptr_t pc);
void fdw_inside_left(int was);

/* Before a call that may block; returns what fdw_left takes, after it. */
FDW_INLINE int fdw_inside(int fd, uint16_t call, uintptr_t pc)
{
	return unlikely(fdw_recording()) && atomic_load_explicit(&fdw_process.threads, memory_order_relaxed) ? fdw_inside_slow(fd, call, pc) : -1;
}
FDW_INLINE void fdw_left(int was)
{
	if (unlikely(was >= 0))
		fdw_inside_left(was);
}

/* Of fd, whose word was v, by its owner, before the close. */
void fdw_inside_closes_slow(int fd, uint64_t v);
FDW_INLINE void fdw_inside_closes(int fd, uint64_t v)
{
	if (unlikely(fdw_recording()) && atomic_load_explicit(&fdw_process.threads, memory_order_relaxed))
		fdw_inside_closes_slow(fd, v);
}
/* Whatever threads are inside a call on is in use (last_use.h). */
void fdw_inside_used(void);
void fdw_inside_thread_ends(void);
void fdw_inside_reset(void); /* in a fork child */

#endif
