/*
 * preload/named.h: which numbers a program is told of: those in its arguments and its environment.
 */
#ifndef FDW_NAMED_H
#define FDW_NAMED_H

#include "core.h"

/* Once, before fdw_named. Nothing of what is read is kept but the numbers. */
void fdw_named_learn(char *const *argv, char *const *envp);
int fdw_named(int fd);

#endif
