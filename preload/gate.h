/*
 * preload/gate.h: the forkers' half of the fork lock: whoever starts a child, or execs, looks once who is between creation and mark.
 *
 * What was born close-on-exec and is not decided (birth.h) may be about to be marked: then the child must not get it. Or its maker has handed
 * it to the thread that starts the child at this moment: then the child must get it. So the forker waits, shortly, for the sections that
 * are open in other threads at one scan; newer ones never extend the wait. A maker that sleeps has handed on what it made; a maker that
 * is ready to run but has no CPU has not (time alone cannot tell: on two busy CPUs the gap between dup and F_SETFD passed 20 ms 86 times
 * in 5 s). At the bound the flag is cleared, as the program had asked so far: losing a hand-off breaks a program, a leak does not. Each
 * such flag is counted and becomes an event that names the child.
 *
 * The gate stands at the wrapper's entry, before the program's atfork handlers take locks that a maker may need.
 *
 * A forker that holds a lock the maker needs before it can mark (an interpreter's global lock) waits in vain: the maker sleeps, and the flag is
 * cleared after 2 or 50 ms. To let the child of a fork decide at its exec instead, from memory it shares with its parent, would mend that for
 * fork, but not for vfork and posix_spawn, which is what such programs use; and a child that execs past us would lose what it was handed.
 * So it is not done: the leak of before stays, and is counted.
 *
 *   function       | any thread | handler | vfork child | waits
 *   fdw_gate       |    yes     |   yes   | no: nothing | up to FDW_GATE_BOUND_US, and only when another thread's section is open
 *   fdw_gate_child |    yes     |   yes   | no: nothing | no
 */
#ifndef FDW_GATE_H
#define FDW_GATE_H

#include "birth.h"

/* Microseconds; those that served the prototype, see forkers' table in gate.c. */
#define FDW_GATE_BOUND_US 250000u

void fdw_gate_slow(void);
void fdw_gate_child_slow(int64_t child, uint8_t kind, uint16_t call, uintptr_t pc);

/* Before a child is started or this process execs. */
FDW_INLINE void fdw_gate(void)
{
	fdw_child_starts();
	if (unlikely(atomic_load_explicit(&fdw_process.section_blocks, memory_order_acquire)) && fdw_on())
		fdw_gate_slow();
}

/* Afterwards, in the parent: tells of the bounds reached. child: its pid, -1 when none is known. kind: enum fdw_fork, 0 exec. */
FDW_INLINE void fdw_gate_child(int64_t child, uint8_t kind, uint16_t call, uintptr_t pc)
{
	if (unlikely(fdw_self.bounded))
		fdw_gate_child_slow(child, kind, call, pc);
}

/* Where no child has a name: exec, and a thread that gets a descriptor table of its own. */
FDW_INLINE void fdw_gate_and_tell(uint16_t call, uintptr_t pc)
{
	fdw_gate();
	fdw_gate_child(-1, 0, call, pc);
}

#endif
