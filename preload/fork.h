/*
 * preload/fork.h: what a fork is made of, for every call that forks.
 */
#ifndef FDW_FORK_H
#define FDW_FORK_H

#include "core.h"

int fdw_fork_init(void);
/* In a new process that shares no memory with its parent: everything that spoke of the parent. kind: enum fdw_fork. */
void fdw_forked_child(uint8_t kind, uint16_t call, uintptr_t pc);
/* The same call seen from its parent: before, and after with the child's pid or -1. */
void fdw_forking(void);
void fdw_forked_parent(pid_t r, uint8_t kind, uint16_t call, uintptr_t pc);
/* Around a libc function that forks, runs fork.c's handlers, and returns in both processes. What the first returned is for the second; r: 0 in the child. */
int fdw_fork_begins(uint8_t kind, uint16_t call, uintptr_t pc);
void fdw_fork_ends(int nested, pid_t r, uint8_t kind, uint16_t call, uintptr_t pc);
/* FORK, of what was started by whatever kind. While recording only. */
void fdw_said_fork(uint8_t kind, int64_t r, uint32_t flags, uint16_t call, uintptr_t pc);
/* FORK of a shell that libc starts, with a pid libc keeps to itself; fd/gen: the stream's descriptor, or -1. While recording only. */
void fdw_said_shell(uint8_t kind, int fd, uint32_t gen, const char *command, uint16_t call, uintptr_t pc);
/* A fork child that starts threads or waits for events or clients is a worker: from here on it is treated like any process. */
void fdw_child_becomes_worker(void);
FDW_INLINE void fdw_child_is_worker(void)
{
	if (unlikely(atomic_load_explicit(&fdw_process.child, memory_order_relaxed)) && !fdw_self.vforked)
		fdw_child_becomes_worker();
}

#endif
