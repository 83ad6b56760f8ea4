/*
 * preload/last_use.h: while recording: when each descriptor was used last, told at the end of the process of those that are still open.
 *
 * Time is counted in descriptors made: what became ever more and was lost is not used any more while further ones are made; what a program keeps for each
 * of its jobs is. Two words for each of the first numbers, one load for each use; higher numbers are not known of.
 *
 *   function          | any thread | handler | vfork child | waits
 *   fdw_last_use      |    yes     |   yes   |   no        | no
 */
#ifndef FDW_LAST_USE_H
#define FDW_LAST_USE_H

#include "event.h"

#define FDW_LAST_USES FDW_ASKED_AT_END
extern struct fdw_last_use { _Atomic uint32_t made, used; } fdw_last_uses[FDW_LAST_USES] __attribute__((visibility("hidden")));
extern _Atomic uint32_t fdw_made_so_far __attribute__((visibility("hidden")));

/* What threads write to all the time stays in their caches: only the first use after something was made is written. */
FDW_INLINE void fdw_last_use(int fd)
{
	uint32_t now = atomic_load_explicit(&fdw_made_so_far, memory_order_relaxed);

	if ((uint32_t)fd < FDW_LAST_USES && atomic_load_explicit(&fdw_last_uses[fd].used, memory_order_relaxed) != now)
		atomic_store_explicit(&fdw_last_uses[fd].used, now, memory_order_relaxed);
}
void fdw_last_use_made(int fd);
int fdw_last_use_own(uint32_t fd); /* below FDW_LAST_USES: the last that was made there this process made, not the one that forked it, nor an image before */
/* Calls over many descriptors, which are all waited for. The array can be read. */
void fdw_last_use_polled(const struct pollfd *, nfds_t n);
/* Before the process says that it ends. */
void fdw_last_uses_tell(void);
void fdw_last_uses_reset(void); /* in a fork child: what its parent made is not told of again */

#endif
