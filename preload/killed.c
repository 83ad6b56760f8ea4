/*
 * preload/killed.c: see killed.h. A fork child has a list of its own, which libc hands in at the same place; one that was made without libc has none.
 */
#include "killed.h"
#include "poison.h"

_Atomic uint32_t *fdw_killed;

/* Beside the thread pointer, in memory that lives as long as the thread: it is libc's, and nobody else's who may take it away again. */
#define NEAR 8192
static int is_libcs(const struct robust_list_head *h)
{
	return (uintptr_t)h - (uintptr_t)__builtin_thread_pointer() + NEAR < 2 * NEAR;
}

void fdw_killed_learn(void)
{
	struct robust_list_head *h = NULL;
	size_t size = 0;

	fdw_self.locks = fdw_killed && !fdw_process.filtered && fdw_raw(SYS_get_robust_list, 0L, &h, &size) == 0 && size == sizeof *h && is_libcs(h) ? h : NULL;
}
