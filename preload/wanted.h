/*
 * preload/wanted.h: programs that close a number in order to be given it by the next call that makes a descriptor.
 *
 * In audit a closed number is kept back (retire.h), and such a program would be given another. That it wants the number shows where the creating
 * call returns to: there the result is compared, for equality, with a value of the program's own (compares.h). Neither the close nor its call
 * address tells: `close(fd); fd = open(…)` is written by everybody, and what of it is a late use's number is what audit is for. Before
 * such a call the number is given back that it natively would have got:
 *
 *   compared with a constant    that number
 *   with anything else          the lowest that this thread closed since it last made a descriptor without asking (so two closed and two
 *                               made in a row are answered, too); lower ones that it closed long ago are not free as far as the program knows
 *
 * and only what this thread, or the only one, closed, and for which nobody may hold an event. Lower numbers may be free by then, whose time as kept ones
 * was over: then what was made is moved to the number wanted, before anybody knows of it. Callers that do not ask lose nothing. A
 * call address is looked at once, when numbers are kept (site.h has the answer); its code is read only where the kernel says that it can be: pages
 * may be for execution only.
 *
 * Not seen: results that are compared by whoever the caller returns them to, or later; code made at run time, when it is written anew.
 *
 *   function         | any thread | handler | vfork child | waits
 *   fdw_wanted       |    yes     |   yes   |   no        | no
 */
#ifndef FDW_WANTED_H
#define FDW_WANTED_H

#include "core.h"

/* Before a call that returns a descriptor, to code at pc: from `low` on (F_DUPFD). */
void fdw_wanted_slow(uintptr_t pc, int low);
FDW_INLINE void fdw_wanted(uintptr_t pc, int low)
{
	if (unlikely(fdw_process.keeps))
		fdw_wanted_slow(pc, low);
}
/* Two at once, into pair[]. */
struct fdw_frame { uintptr_t sp, fp; }; /* of the caller, as they are when the wrapper returns to it */
void fdw_wanted_pair_slow(uintptr_t pc, const int *pair, struct fdw_frame);
#define FDW_CALLERS_FRAME ((struct fdw_frame){ (uintptr_t)__builtin_dwarf_cfa(), *(const uintptr_t *)__builtin_frame_address(0) })
FDW_INLINE void fdw_wanted_pair(uintptr_t pc, const int *pair, struct fdw_frame frame)
{
	if (unlikely(fdw_process.keeps))
		fdw_wanted_pair_slow(pc, pair, frame);
}
/* After the call: fd, or the number that was wanted, if it has that now. Keeps errno. */
int fdw_wanted_move(int fd, unsigned which);
FDW_INLINE int fdw_wanted_number(int fd) { return unlikely(fdw_self.wanted[0]) ? fdw_wanted_move(fd, 0) : fd; }
FDW_INLINE void fdw_wanted_numbers(int *pair)
{
	for (unsigned i = 2; i-- > 0;) /* the higher one first, which may have the lower's place */
		if (unlikely(fdw_self.wanted[i]))
			pair[i] = fdw_wanted_move(pair[i], i);
}
/* A descriptor was made, in audit. */
void fdw_wanted_made(void);

#endif
