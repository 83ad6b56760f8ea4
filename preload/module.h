/*
 * preload/module.h: the modules that stacks lead through.
 */
#ifndef FDW_MODULE_H
#define FDW_MODULE_H

#include "core.h"

void fdw_module_seen(uintptr_t pc); /* announces pc's module if it was not; any context */
void fdw_modules_forget(uint16_t call); /* the list starts anew */
int fdw_is_go(uintptr_t pc); /* code of a program or library that Go's linker made; no lock */

#endif
