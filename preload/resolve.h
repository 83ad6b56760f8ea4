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

#endif
