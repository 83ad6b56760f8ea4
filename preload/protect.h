/*
 * preload/protect.h: the tracer inside the program: which code is its own, which descriptors, where it connects.
 */
#ifndef FDW_PROTECT_H
#define FDW_PROTECT_H

#include <sys/un.h>
#include "core.h"

/* 1: pc lies in the tracer's libraries, or this thread is the tracer's. */
int fdw_tool_caller(uintptr_t pc);
void fdw_tool_ranges_learn(void); /* after the provider was loaded */
/* LTTng connects to its per-user session daemon: the address of ours instead. 1 when `to` was filled in. */
int fdw_protect_connect(struct sockaddr_un *to, const struct sockaddr *addr, socklen_t len, uintptr_t pc);

#endif
