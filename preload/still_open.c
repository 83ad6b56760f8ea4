/*
 * preload/still_open.c: see still_open.h. A close by a route that we cannot see (a system call in the program's own code) leaves the word open, and
 * whoever reads the trace would take it for one that was never closed.
 *
 * Context: any thread, handlers; the end of the process, before an exec. One system call for each descriptor that is open; none under a filter.
 * Locks: none. A number that is made again meanwhile has another generation, and its word is left alone.
 */
#include "event.h"
#include "last_use.h"
#include "still_open.h"
#include "poison.h"

/* It is not open any more: its history ends here. One that a thread is just closing will most probably not be told of either. */
static int is_gone(int fd, uint64_t v)
{
	if (fdw_state(v) == FDW_CLOSING)
		return 1;
	return fdw_raw(SYS_fcntl, (long)fd, (long)F_GETFD) == -EBADF && fdw_cas(fdw_word(fd), &v, fdw_with_state(v, FDW_UNKNOWN) & ~FDW_FLAGS_MASK);
}

void fdw_still_open_ask(uint16_t call)
{
	uint32_t end = atomic_load_explicit(&fdw_process.made_end, memory_order_relaxed);

	if (fdw_process.filtered || fdw_self.private_table)
		return;
	end = end < FDW_ASKED_AT_END ? end : FDW_ASKED_AT_END;
	for (uint32_t fd = 3; fd < end; fd++) {
		uint64_t v = fdw_peek((int)fd);
		if ((fdw_state(v) == FDW_OPEN || fdw_state(v) == FDW_CLOSING) && fdw_last_use_own(fd) && is_gone((int)fd, v))
			fdw_send(&(struct fdw_event){ .op = FDW_OP_RESYNC, .call = call, .fd = (int)fd, .fd2 = -1, .gen2 = fdw_gen(v) }, 0);
	}
}
