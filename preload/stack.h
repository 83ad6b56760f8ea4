/*
 * preload/stack.h: stacks of calls: unwound, hashed, sent once, referred to by id.
 */
#ifndef FDW_STACK_H
#define FDW_STACK_H

#include "core.h"

/* Id of the stack that ends at the wrapper's caller pc; sends it when it is new. 0: none. caller_only: do not unwind. */
uint32_t fdw_stack_id(uintptr_t pc, int caller_only);
void fdw_stack_flush(void); /* after dlclose: what was learned about code may be wrong */

FDW_INLINE int fdw_on_signal_stack(uintptr_t sp)
{
	return unlikely(fdw_self.alt_high) && sp >= fdw_self.alt_low && sp < fdw_self.alt_high;
}

#endif
