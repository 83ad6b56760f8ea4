/*
 * preload/vforked.h: the events of a vfork child, told by the child itself. It runs in its parent's memory, thread-locals included, while the
 * parent's thread sleeps in the kernel; it has descriptors of its own, a copy. Nothing of it may stay in that memory but what is restored
 * here. `was` lives in a register over the vfork: nothing on the stack survives there.
 *
 * Why the ring buffer stands it (LTTng-UST 2.13, read and tried):
 *   memory      buffers are shared memory of all processes of a user; a place is reserved and committed by locked instructions, since threads
 *               migrate between the choice of a CPU and the reservation. So a child is one more writer
 *   the CPU     the child is not registered for restartable sequences: sched_getcpu() gives the CPU its parent slept on. It is only a
 *               choice of a buffer
 *   RCU         the reader's section is its parent's thread's, which is registered and asleep; membarrier() reaches all that share the memory
 *   wake-ups    at the end of a sub-buffer a byte is written to a pipe: so its number must stay LTTng's in the child (fdw_vforked_keeps)
 *   death       a child that is killed within an emission wedges that sub-buffer, as any process that is killed there; the section that
 *               it left open would stop its parent, so the parent ends it (fdw_vforked_ended)
 */
#ifndef FDW_VFORKED_H
#define FDW_VFORKED_H

#include "table.h"

uint64_t fdw_vforked_begins(void);      /* in the parent, before. Returns `was` */
void fdw_vforked_child(uint8_t kind, uint16_t call, uintptr_t pc); /* the first thing in the child: FORK_CHILD */
void fdw_vforked_ended(uint64_t was);   /* in the parent again; its FORK comes after this */
int fdw_vforked_tells(void);            /* whether the child that just ended, or exec'd, had said FORK_CHILD */
/* A life event in the child's name; others are not sent. In a thread that is no vfork child: nothing. Keeps errno. */
void fdw_vforked_send(struct fdw_event *, uintptr_t pc);
/* In a vfork child while recording: the table tells which numbers are the tracer's, here as in the parent. */
FDW_INLINE int fdw_vforked_recording(void)
{
	return fdw_self.vforked && atomic_load_explicit(&fdw_ready, memory_order_acquire) && fdw_recording();
}
/* In a vfork child: fd is the tracer's, and must stay what it is. */
FDW_INLINE int fdw_vforked_keeps(int fd) { return unlikely(fdw_self.vforked) && fdw_is_protected(fd); }

#endif
