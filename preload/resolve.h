/*
 * preload/resolve.h: libc's own functions, found once.
 */
#ifndef FDW_RESOLVE_H
#define FDW_RESOLVE_H

#include "core.h"

void fdw_resolve(void); /* idempotent; the only place that calls dlsym for the table of calls */

void fdw_spawn_resolve(void); /* the older versions of posix_spawn(p) */

/* libc's function of a HANDV row: resolves on the first early call. NULL when this libc lacks it. */
#define FDW_REAL(name) (likely(real_##name) ? real_##name : (fdw_resolve(), real_##name))

/* Whose function f is: 1 another interposer's, 0 libc's or an early one of ours, -1 nobody knows. */
int fdw_is_anothers(void *f);

/*
 * An interposer below us may make its calls by syscall(), or by another name of the same function, and both lead to us. What it calls is part
 * of a call that is with us already: it goes to the kernel, or it would go round for ever.
 */
extern unsigned fdw_below_count;
int fdw_in_below(uintptr_t pc);
FDW_INLINE int fdw_from_below(uintptr_t pc) { return unlikely(fdw_below_count) && fdw_in_below(pc); }

#endif
