/*
 * preload/close.c: close, mq_close, and what every other way of closing a descriptor shares.
 *
 * Context: everywhere; close is async-signal-safe and a cancellation point (real_close keeps it one).
 * May not: wait without a bound. Locks: the word's own protocol (table.h).
 */
#include "close.h"
#include "event.h"
#include "inside.h"
#include "log.h"
#include "pending.h"
#include "protect.h"
#include "quick.h"
#include "resolve.h"
#include "retire.h"
#include "routes.h"
#include "thread.h"
#include "vforked.h"
#include "poison.h"

static void hold_back(const char *rule, int fd, uint16_t call, uintptr_t pc, const char *what, int loser)
{
	if (fdw_recording() || fdw_process.child)
		return; /* the report judges; a fork child that cleans up is nobody's bug */
	fdw_pending_add(rule, what, fd, call, pc, loser);
	fdw_thread_watch_end();
}

void fdw_marked(int fd, int failed, uint16_t call, uintptr_t pc)
{
	uint32_t run = fdw_run_of(fd, pc);
	uint64_t v = fdw_peek(fd);
	int known = fdw_is_closed(v);

	if (likely(!failed) || fd < 0 || (!known && fdw_gen(v)))
		return;
	if (known)
		hold_back("use-after-close", fd, call, pc, "EBADF: it was closed before", 0);
	else
		fdw_pending_never_seen(fd, pc);
	if (fdw_recording() && run < FDW_RUN_QUIET)
		fdw_send(&(struct fdw_event){ .op = FDW_OP_USE, .call = call, .fd = fd, .gen = known ? fdw_gen(v) : 0, .fd2 = -1,
			.ret = -1, .err = EBADF, .arg = run,
			.flags = (known ? FDW_F_KNOWN_CLOSED : FDW_F_NEVER_SEEN) | (run > 1 ? FDW_F_RUN : 0) }, pc);
}

static uint32_t history(const struct fdw_claim *c, int err)
{
	if (err != EBADF)
		return 0;
	if (fdw_is_closed(c->before))
		return FDW_F_KNOWN_CLOSED | fdw_named_only(c->fd);
	return fdw_gen(c->before) == 0 ? FDW_F_NEVER_SEEN : 0;
}

/* As few arguments as registers: the caller's frame is gone by then. */
static __attribute__((noinline)) void tell_close(uint64_t which, int r, int err, uint64_t call_and_flags, uintptr_t pc, uint64_t arg)
{
	fdw_send(&(struct fdw_event){ .op = FDW_OP_CLOSE, .call = (uint16_t)call_and_flags, .fd = (int)(uint32_t)which - 1, .gen = (uint32_t)(which >> 32),
		.fd2 = -1, .ret = r, .err = err, .flags = (uint32_t)(call_and_flags >> 16), .arg = arg }, pc);
}

void fdw_closed(struct fdw_claim *c, int r, int err, uint16_t call, uintptr_t pc, uint32_t extra, uint64_t arg)
{
	int was_owner = c->owner, failed = r < 0 && err == EBADF;
	uint32_t run = extra & FDW_F_RANGE ? 0 : fdw_run_of(c->fd, pc);
	uint32_t flags = extra | history(c, r < 0 ? err : 0) | (run > 1 ? FDW_F_RUN : 0) | (c->loser ? FDW_F_LOSER : 0) |
	                 (c->refused ? FDW_F_INVENTED : 0);
	fdw_word_t *w;
	uint64_t v;

	/* On Linux EINTR and EIO come after the number was freed: only EBADF means that nothing was closed. */
	fdw_claim_end(c, failed ? FDW_CLOSE_NOT_OPEN : FDW_CLOSE_DONE, call, pc);
	if (c->loser && failed)
		hold_back("double-close", c->fd, call, pc, "another thread was closing it at the same time", 1);
	else if (flags & FDW_F_KNOWN_CLOSED)
		hold_back("double-close", c->fd, call, pc, "it was closed before", 0);
	else if (flags & FDW_F_NEVER_SEEN)
		fdw_pending_never_seen(c->fd, pc);
	if (!was_owner && !failed && fdw_state(c->before) == FDW_CLOSED && (w = fdw_word(c->fd))) {
		/* Closed as far as we knew, yet the kernel closed something: it had been opened by a route we cannot see. */
		v = c->before;
		atomic_compare_exchange_strong(w, &v, fdw_with_state(v, FDW_UNKNOWN));
	}
	if (unlikely(fdw_recording()) && (!failed || run < FDW_RUN_QUIET))
		tell_close(fdw_kept_key(c->fd, !was_owner && !failed && !c->loser ? 0 : c->before), r, r < 0 ? err : 0, call | (uint64_t)flags << 16, pc,
		           extra & FDW_F_STREAM ? arg : run);
}

FDW_INLINE int close_fd(fdw_close_fn *real, int fd, uint16_t call, uintptr_t pc, uint32_t extra)
{
	struct fdw_claim c;
	int r, err;

	if (fdw_tool_caller(pc)) { /* its own until it is closed: else another thread's closefrom gets it first, and LTTng takes that for the end of the world */
		r = real(fd);
		fdw_unprotect(fd);
		return r;
	}
	fdw_claim(&c, fd);
	if (unlikely(c.refused | c.protect)) {
		if (c.refused)
			fdw_closed(&c, -1, EBADF, call, pc, extra, 0);
		errno = EBADF;
		return -1;
	}
	if (c.owner)
		fdw_inside_closes(fd, c.before);
	FDW_STEP(close_claimed);
	if (fdw_retire(&c, call, pc)) {
		r = 0;
	} else {
		/* What stands below us may call close again: that is no second close (see close). */
		fdw_self.closing_below = fd + 1;
		r = real(fd);
		fdw_self.closing_below = 0;
		if (r == 0 && !(c.before & FDW_W_STREAM)) /* its stream will close the number once more, inside libc */
			fdw_take_again(&c, call, pc);
	}
	FDW_STEP(close_done);
	if (likely(r == 0 && c.owner && !fdw_recording())) {
		fdw_run_of(fd, pc);
		fdw_claim_done(&c, call, pc);
		return 0;
	}
	err = errno;
	fdw_closed(&c, r, err, call, pc, extra, 0);
	errno = err;
	return r;
}

int fdw_close_by(fdw_close_fn *real, int fd, uint16_t call, uintptr_t pc, uint32_t extra)
{
	return close_fd(real, fd, call, pc, extra);
}

/* Returns 1 when it closed fd; 0: nothing was done. */
FDW_INLINE int quick_close(int fd, uintptr_t pc, int *result)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v;
	struct fdw_claim c = { .fd = fd };
	long r;

	if (unlikely(!w))
		return 0;
	v = atomic_load_explicit(w, memory_order_relaxed);
	/* In flux although we are alone: a handler of ours came into an arming call. Registered: fdw_closing_registered looks. */
	if (unlikely((v & (FDW_STATE_MASK | FDW_FLUX_MASK | FDW_W_SECTION | FDW_W_REGISTERED)) != FDW_OPEN) || !fdw_cas(w, &v, fdw_with_state(v, FDW_CLOSING)))
		return 0;
	c.before = v;
	c.owner = 1;
	fdw_record(fd)->close_tid = fdw_tid();
	r = FDW_QUICK(SYS_close, fd);
	if (unlikely(r != 0)) {
		fdw_closed(&c, -1, (int)-r, FDW_CALL_close, pc, 0, 0);
		errno = (int)-r;
		*result = -1;
		return 1;
	}
	fdw_run_of(fd, pc);
	fdw_claim_done(&c, FDW_CALL_close, pc);
	*result = 0;
	return 1;
}

/* Or where nothing is on. */
static int close_in_vfork_child(int fd, uintptr_t pc)
{
	if (fdw_vforked_keeps(fd))
		return (int)fdw_errno_of(-EBADF);
	if (fdw_refused(fd, FDW_CALL_close, pc))
		return -1;
	fdw_vforked_fd(FDW_CHILD_CLOSED, fd, fd, FDW_CALL_close, pc);
	return FDW_LIBC(close)(fd);
}

/* Before anything is claimed: libc would end the thread before it comes to the kernel. */
FDW_INLINE void end_if_cancelled(void)
{
	if (unlikely(!fdw_single_threaded()))
		pthread_testcancel();
}

/* In a function of its own, so that the quick way saves no registers for it. */
static __attribute__((noinline)) int close_slowly(int fd, uintptr_t pc)
{
	if (fdw_from_below(pc) && fdw_self.closing_below == fd + 1)
		return (int)fdw_errno_of(fdw_raw(SYS_close, (long)fd));
	if (unlikely(!fdw_on()))
		return close_in_vfork_child(fd, pc);
	end_if_cancelled();
	return close_fd(real_close, fd, FDW_CALL_close, pc, 0);
}

FDW_EXPORT int close(int fd)
{
	int r;

	if (fdw_quick() && quick_close(fd, FDW_CALLER, &r))
		return r;
	return close_slowly(fd, FDW_CALLER);
}

FDW_EXPORT int mq_close(mqd_t fd)
{
	if (unlikely(!fdw_on()))
		return FDW_REAL(mq_close)(fd);
	return close_fd(FDW_REAL(mq_close), fd, FDW_CALL_mq_close, FDW_CALLER, 0);
}
