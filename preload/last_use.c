/*
 * preload/last_use.c: see last_use.h.
 *
 * Context: any thread, handlers; the end of the process. No system call but for the emission. Locks: none; what two threads write at the same moment is the
 * same, or one creation off.
 */
#include "inside.h"
#include "last_use.h"
#include "poison.h"

/* Fewer are no growth (rule_fd_leak.c); more would fill the buffers at the end. */
#define TOLD_LEAST 8u
#define TOLD_MOST 4096u

struct fdw_last_use fdw_last_uses[FDW_LAST_USES] FDW_LARGE;
_Atomic uint32_t fdw_made_so_far;
static _Atomic uint32_t made_by_parent;

void fdw_last_use_made(int fd)
{
	uint32_t n = atomic_fetch_add_explicit(&fdw_made_so_far, 1, memory_order_relaxed) + 1;

	if ((uint32_t)fd >= FDW_LAST_USES)
		return;
	atomic_store_explicit(&fdw_last_uses[fd].made, n, memory_order_relaxed);
	atomic_store_explicit(&fdw_last_uses[fd].used, n, memory_order_relaxed);
}

/* Once for each that is made meanwhile: a large set is no news each time. */
void fdw_last_use_polled(const struct pollfd *fds, nfds_t n)
{
	static _Atomic uint32_t seen;
	uint32_t now = atomic_load_explicit(&fdw_made_so_far, memory_order_relaxed);

	if (n > 1 && atomic_exchange_explicit(&seen, now, memory_order_relaxed) == now)
		return;
	for (nfds_t i = 0; i < n; i++)
		fdw_last_use(fds[i].fd);
}

int fdw_last_use_own(uint32_t fd)
{
	return atomic_load_explicit(&fdw_last_uses[fd].made, memory_order_relaxed) > atomic_load_explicit(&made_by_parent, memory_order_relaxed);
}

static int is_told(uint32_t fd) { return fdw_state(fdw_peek((int)fd)) == FDW_OPEN && fdw_last_use_own(fd); }

/* At the highest numbers stand those that were made last; of too many the oldest are told. */
void fdw_last_uses_tell(void)
{
	uint32_t end = atomic_load_explicit(&fdw_process.made_end, memory_order_relaxed), n = 0;
	uint32_t now = atomic_load_explicit(&fdw_made_so_far, memory_order_relaxed);

	end = end < FDW_LAST_USES ? end : FDW_LAST_USES;
	for (uint32_t fd = 3; fd < end && n < TOLD_LEAST; fd++)
		n += (uint32_t)is_told(fd);
	if (n < TOLD_LEAST)
		return;
	fdw_inside_used();
	n = 0;
	for (uint32_t fd = 3; fd < end && n < TOLD_MOST; fd++)
		if (is_told(fd)) {
			uint32_t made = now - fdw_last_uses[fd].made, used = now - fdw_last_uses[fd].used;
			fdw_send(&(struct fdw_event){ .op = FDW_OP_LAST_USE, .fd = (int)fd, .gen = fdw_gen(fdw_peek((int)fd)), .fd2 = -1,
				.arg = (uint64_t)made << 32 | used }, 0);
			n++;
		}
}

void fdw_last_uses_reset(void) { atomic_store_explicit(&made_by_parent, atomic_load_explicit(&fdw_made_so_far, memory_order_relaxed), memory_order_relaxed); }
