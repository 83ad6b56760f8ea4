/*
 * preload/sigstack.h: alternate signal stacks: pinned, remembered, and missed when their memory goes.
 *
 * In enforce and audit the pages of an installed stack (of a large one the upper 256 KiB) are locked (mlock faults them in), and unlocked when it is
 * replaced, disabled, or its thread ends. Not those in main's stack, and none while mlockall(MCL_FUTURE) makes what libc maps count against the limit.
 * Where the limit or the right is missing they are touched. A page that another pinned stack shares stays locked, and what the program itself locked,
 * before or after, is never unlocked by us. When the program's own mlock fails for want of what we hold, the pins are given up and it is called again.
 *
 *   function                    | any thread | handler | vfork child | waits
 *   fdw_sigstack_changed        |    yes     |   yes   |   never     | bounded; for pages to be faulted in
 *   fdw_sigstack_would_go, went |    yes     |   yes   |   never     | bounded; where a stack is in that memory
 *   fdw_sigstack_thread_ends    |  own end   |   no    |   never     | bounded
 */
#ifndef FDW_SIGSTACK_H
#define FDW_SIGSTACK_H

#include "core.h"

/*
 * Around a call that sets this thread's alternate stack: what it sets, as it was before (NULL: nothing that we shall know), and that it succeeded. From
 * before the call on the stack is known for one, for a handler may run on it at once.
 */
const stack_t *fdw_sigstack_changes(const stack_t *, stack_t *copy);
void fdw_sigstack_changed(const stack_t *, uint16_t call, uintptr_t pc);
void fdw_sigstack_thread_ends(void);
void fdw_sigstack_process_ends_slow(void);
void fdw_sigstack_reset(void); /* in a fork child: locks are not inherited, and this thread's stack is all there is */

/* Bytes that the kernel puts there for a signal, now; not known: at most that. 0: it does not say. */
uint32_t fdw_sigframe(int *known);

extern _Atomic uint32_t fdw_sigstacks; /* stacks that are remembered; 0: nothing to look at */

/*
 * Memory from low on, n bytes, is taken away (gone), or its contents are, or may no longer be written to. In two steps, around a call that may fail, and
 * after which the memory may be another thread's at once: whether a stack is in it (0: none), and that it went. Of this thread's own stack the kernel
 * says whether it is installed, and it is told; another's is marked, and its thread tells if it finds it installed still.
 */
uint64_t fdw_sigstack_would_go_slow(uintptr_t low, size_t n);
void fdw_sigstack_went(uint64_t turn, uintptr_t low, size_t n, int gone, uint16_t call, uintptr_t pc);
FDW_INLINE uint64_t fdw_sigstack_would_go(uintptr_t low, size_t n)
{
	return unlikely(atomic_load_explicit(&fdw_sigstacks, memory_order_relaxed)) ? fdw_sigstack_would_go_slow(low, n) : 0;
}
/* The process ends, recorded: this thread's stack whose memory is gone is told. */
FDW_INLINE void fdw_sigstack_process_ends(void)
{
	if (unlikely(atomic_load_explicit(&fdw_sigstacks, memory_order_relaxed)))
		fdw_sigstack_process_ends_slow();
}
/* Pins in the range, or all (n 0), are taken off, or put on again. Returns how many there are. */
unsigned fdw_sigstack_unpin(uintptr_t low, size_t n);
void fdw_sigstack_repin(uintptr_t low, size_t n);
/* The program locked memory of its own: from low on, n bytes (0: none that a stack may lie in), or unlocked it. */
void fdw_sigstack_program_locks(uintptr_t low, size_t n);
void fdw_sigstack_program_unlocks(uintptr_t low, size_t n);
void fdw_sigstack_future(int locked); /* mlockall: what is mapped from now on is locked as well, or not */

#endif
