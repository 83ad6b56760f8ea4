/*
 * preload/sigstack.h: alternate signal stacks: pinned, remembered, and missed when their memory goes.
 *
 * In enforce and audit the pages of an installed stack are locked (mlock faults them in), and unlocked when it is replaced, disabled, or its thread
 * ends. Where the limit or the right is missing they are touched. A page that another pinned stack shares stays locked, and what the program itself
 * locked, before or after, is never unlocked by us. When the program's own mlock fails for want of what we hold, the pins are given up and it is
 * called again.
 *
 *   function                    | any thread | handler | vfork child | waits
 *   fdw_sigstack_changed        |    yes     |   yes   |   never     | bounded; for pages to be faulted in
 *   fdw_sigstack_memory         |    yes     |   yes   |   never     | no
 *   fdw_sigstack_thread_ends    |  own end   |   no    |   never     | bounded
 */
#ifndef FDW_SIGSTACK_H
#define FDW_SIGSTACK_H

#include "core.h"

/* How this thread's alternate stack was set, by a call that succeeded. */
void fdw_sigstack_changed(const stack_t *, uint16_t call, uintptr_t pc);
void fdw_sigstack_thread_ends(void);
void fdw_sigstack_process_ends_slow(void);
void fdw_sigstack_reset(void); /* in a fork child: locks are not inherited, and this thread's stack is all there is */

/* Bytes that the kernel puts there for a signal, now; not known: at most that. 0: it does not say. */
uint32_t fdw_sigframe(int *known);

extern _Atomic uint32_t fdw_sigstacks; /* stacks that are remembered; 0: nothing to look at */

/* Memory from low on, n bytes, is taken away (gone), or its contents are, or may no longer be written to. */
void fdw_sigstack_memory_slow(uintptr_t low, size_t n, int gone, uint16_t call, uintptr_t pc);
FDW_INLINE void fdw_sigstack_memory(uintptr_t low, size_t n, int gone, uint16_t call, uintptr_t pc)
{
	if (unlikely(atomic_load_explicit(&fdw_sigstacks, memory_order_relaxed)))
		fdw_sigstack_memory_slow(low, n, gone, call, pc);
}
/* The process ends, recorded: stacks whose memory is gone are told. */
FDW_INLINE void fdw_sigstack_process_ends(void)
{
	if (unlikely(atomic_load_explicit(&fdw_sigstacks, memory_order_relaxed)))
		fdw_sigstack_process_ends_slow();
}
/*
 * The same in two steps, around a call that may fail, and after which the memory may be another thread's at once: what it would take; that it did.
 */
struct fdw_sigstack_hit { uint32_t place, tid; uintptr_t low; };
struct fdw_sigstack_hit fdw_sigstack_would_go_slow(uintptr_t low, size_t n);
void fdw_sigstack_gone(struct fdw_sigstack_hit, uint16_t call, uintptr_t pc);
FDW_INLINE struct fdw_sigstack_hit fdw_sigstack_would_go(uintptr_t low, size_t n)
{
	return unlikely(atomic_load_explicit(&fdw_sigstacks, memory_order_relaxed)) ? fdw_sigstack_would_go_slow(low, n) : (struct fdw_sigstack_hit){ 0 };
}
/* Pins in the range, or all (n 0), are taken off, or put on again. Returns how many there are. */
unsigned fdw_sigstack_unpin(uintptr_t low, size_t n);
void fdw_sigstack_repin(uintptr_t low, size_t n);
/* The program locked memory of its own: from low on, n bytes (0: none that a stack may lie in), or unlocked it. */
void fdw_sigstack_program_locks(uintptr_t low, size_t n);
void fdw_sigstack_program_unlocks(uintptr_t low, size_t n);

#endif
