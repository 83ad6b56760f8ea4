/*
 * preload/foreign.h: functions of libraries that few programs have, LIB in calls.def.
 *
 * Context: our constructor, and the constructor of a library that comes with dlopen.
 */
#ifndef FDW_FOREIGN_H
#define FDW_FOREIGN_H

#include "core.h"

/* Puts our wrappers in the place of what the program was started with. */
void fdw_foreign_find(void);
/* Whether pc lies in the library whose functions they are. */
int fdw_foreign_code(uintptr_t pc);

#endif
