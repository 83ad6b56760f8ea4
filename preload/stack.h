/*
 * preload/stack.h: stacks of calls: unwound, hashed, sent once, referred to by id.
 */
#ifndef FDW_STACK_H
#define FDW_STACK_H

#include "core.h"

/* Id of the stack that ends at the wrapper's caller pc; sends it when it is new. 0: none. caller_only: do not unwind. */
uint32_t fdw_stack_id(uintptr_t pc, int caller_only);
void fdw_stack_flush(void); /* after dlclose: what was learned about code may be wrong */

/* Also one that this thread had before: an idea of ours that is out of date must not cost a handler its room. */
FDW_INLINE int fdw_on_signal_stack(uintptr_t sp)
{
	if (likely(!fdw_self.alt_known))
		return 0;
	for (unsigned i = 0; i < FDW_ALTS; i++)
		if (sp >= fdw_self.alt[i].low && sp < fdw_self.alt[i].high)
			return 1;
	return 0;
}

#endif
