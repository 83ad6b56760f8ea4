/*
 * preload/actions.h: what posix_spawn's child does to its descriptors, which no wrapper sees: it is read from the list of file actions.
 */
#ifndef FDW_ACTIONS_H
#define FDW_ACTIONS_H

#include "core.h"

void fdw_actions_learn(void); /* once, at the start of the program: it allocates */
/* 1: what is in the list is told by fdw_actions_say. NULL and an empty list are known always. */
int fdw_actions_known(const posix_spawn_file_actions_t *);
/* A CHILD_FD for each of them that is about a number, in their order. After the child's FORK. */
void fdw_actions_say(const posix_spawn_file_actions_t *, pid_t child, uint16_t call, uintptr_t pc);
/* The child would be given what keeps a closed number: such numbers are given back, and the kernel answers EBADF. */
void fdw_actions_give_back(const posix_spawn_file_actions_t *);

#endif
