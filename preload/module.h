/*
 * preload/module.h: the modules that stacks lead through.
 */
#ifndef FDW_MODULE_H
#define FDW_MODULE_H

#include "core.h"

/* One step of a hash: of a stack's addresses, and of the modules they lie in. */
FDW_INLINE uint64_t fdw_mixed(uint64_t h, uint64_t with)
{
	h = (h ^ with) * UINT64_C(0xff51afd7ed558ccd);
	return h ^ h >> 32;
}

/* Announces pc's module if it was not; any context. What tells it from others that lie there before and after it; 0: no module. */
uint64_t fdw_module_seen(uintptr_t pc);
void fdw_modules_forget(uint16_t call); /* the list starts anew */
int fdw_is_go(uintptr_t pc); /* code of a program or library that Go's linker made; no lock */

#endif
