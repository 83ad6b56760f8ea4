/*
 * preload/protect.h: the tracer inside the program: which code is its own, which descriptors, where it connects.
 */
#ifndef FDW_PROTECT_H
#define FDW_PROTECT_H

#include <sys/un.h>
#include "core.h"

extern uintptr_t fdw_tool_low, fdw_tool_high; /* bounds of all the tracer's libraries; equal: none known */
int fdw_tool_range(uintptr_t pc);
/* 1: pc lies in the tracer's libraries, or this thread runs on behalf of the tracer. */
FDW_INLINE int fdw_tool_caller(uintptr_t pc)
{
	return unlikely(fdw_self.tool) || (unlikely(pc - fdw_tool_low < fdw_tool_high - fdw_tool_low) && fdw_tool_range(pc));
}
void fdw_tool_ranges_learn(void); /* after the provider was loaded */
void fdw_tool_range_add(uintptr_t pc); /* the library at pc, too */
/* LTTng connects to its per-user session daemon: the address of ours instead. 1 when `to` was filled in. */
int fdw_protect_connect(struct sockaddr_un *to, const struct sockaddr *addr, socklen_t len, uintptr_t pc);

void fdw_protected_close(void); /* closes the tracer's numbers, but for those that are kept: nobody serves them any more */
/* From here on LTTng's buffers, as mapped in this process, are a copy that nobody reads. For a fork child; up to 20 ms. */
void fdw_buffers_detach(void);

/* Whether LTTng would get the numbers it needs, here and now. Always 1 where a filter is. */
int fdw_tracer_has_numbers(void);
/* Moves a descriptor of our own out of the way of the program's: the new number, close-on-exec. */
int fdw_park(int fd);

#endif
