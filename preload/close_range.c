/*
 * preload/close_range.c: close_range and closefrom: many closes in one call, around the tracer's own numbers.
 *
 * Context: everywhere; both are used by forked children and daemons. Bounded by the table, never by RLIMIT_NOFILE.
 */
#include <linux/close_range.h>
#include "birth.h"
#include "close.h"
#include "event.h"
#include "gate.h"
#include "pending.h"
#include "resolve.h"
#include "routes.h"
#include "vforked.h"
#include "poison.h"

static uint32_t clip(unsigned last)
{
	uint32_t end = atomic_load_explicit(&fdw_table_end, memory_order_acquire);
	return last < end ? last + 1 : end;
}

/* Claims what is open: open to closing, for each number we know in [first, last]. */
static void claim_range(unsigned first, unsigned last)
{
	uint32_t tid = fdw_tid();

	for (uint32_t i = first; i < clip(last); i++) {
		uint64_t v;
		if (unlikely(fdw_state(fdw_peek((int)i)) == FDW_LEAVING))
			fdw_wait_left((int)i);
		v = atomic_load_explicit(fdw_word_at(i), memory_order_acquire);
		/* A tombstone too: the kernel closes it like any other, and nobody else may after that. */
		while (fdw_state(v) == FDW_OPEN || fdw_state(v) == FDW_TOMBSTONE)
			if (atomic_compare_exchange_weak(fdw_word_at(i), &v, fdw_with_state(v, FDW_CLOSING))) {
				fdw_record(i)->close_tid = tid;
				if (fdw_state(v) == FDW_TOMBSTONE)
					fdw_record(i)->arm |= FDW_ARM_WAS_TOMBSTONE;
				if (unlikely(v & (FDW_FLUX_MASK | FDW_W_SECTION | FDW_W_REGISTERED)))
					fdw_claimed_busy((int)i, fdw_word_at(i), v);
				break;
			}
	}
}

static void end_range(unsigned first, unsigned last, int ok, uint16_t call, uintptr_t pc)
{
	uint32_t tid = fdw_tid();

	for (uint32_t i = first; i < clip(last); i++) {
		uint64_t v = atomic_load_explicit(fdw_word_at(i), memory_order_acquire);
		struct fdw_claim c = { .fd = (int)i, .before = fdw_with_state(v, FDW_OPEN), .owner = 1 };
		if (fdw_state(v) != FDW_CLOSING || fdw_record(i)->close_tid != tid)
			continue;
		if (fdw_record(i)->arm & FDW_ARM_WAS_TOMBSTONE) { /* closed long ago */
			fdw_record(i)->arm &= (uint8_t)~FDW_ARM_WAS_TOMBSTONE;
			fdw_claim_done(&c, fdw_record(i)->close_call, fdw_record(i)->close_pc);
		} else if (ok)
			fdw_closed(&c, 0, 0, call, pc, FDW_F_RANGE, first == last);
		else
			fdw_claim_end(&c, FDW_CLOSE_UNDO, call, pc);
	}
}

/* The kernel's close_range without the tracer's numbers. errno as libc would leave it. */
static int split(fdw_range_fn *real, unsigned first, unsigned last, int flags)
{
	unsigned from = first;
	uint32_t end = clip(last);
	int r;

	for (uint32_t i = first; i < end; i++) {
		if (likely(!fdw_is_protected((int)i)))
			continue;
		if (i > from && (r = (int)fdw_errno_of(fdw_raw(SYS_close_range, (long)from, (long)(i - 1), (long)flags))) != 0)
			return r;
		from = i + 1;
	}
	return from > last ? 0 : real(from, last, flags);
}

/* From where a program's own begin to where nothing can be any more. */
static int closes_everything(unsigned first, unsigned last) { return first <= 64 && last >= 255; }

static __attribute__((noinline)) void say_range(unsigned first, unsigned last, int flags, uint16_t call, uintptr_t pc, int r, int err)
{
	if (!fdw_recording())
		return;
	fdw_send(&(struct fdw_event){ .op = FDW_OP_CLOSE_RANGE, .call = call, .fd = (int)first, .fd2 = (int)last, .ret = r,
		.err = r < 0 ? err : 0, .arg = (uint64_t)(unsigned)flags }, pc);
}

/* A few numbers, one of which somebody may hold an event for: closed as by close, one after the other, so that it can be kept (retire.h). */
#define FEW 64u
static int is_few_and_held(unsigned first, unsigned last)
{
	if (last - first >= FEW || !fdw_process.births || !fdw_enforcing())
		return 0;
	for (uint32_t i = first; i < clip(last); i++)
		if (fdw_state(fdw_peek((int)i)) == FDW_OPEN && fdw_peek((int)i) & (FDW_W_REGISTERED | FDW_W_POLLER))
			return 1;
	return 0;
}

/* Not libc's: that is a cancellation point, which close_range is not. */
static int close_number(int fd) { return (int)fdw_errno_of(fdw_raw(SYS_close, (long)fd)); }

static int one_by_one(unsigned first, unsigned last, uint16_t call, uintptr_t pc)
{
	int saved = errno;

	say_range(first, last, 0, call, pc, 0, 0);
	for (unsigned i = first; i <= last; i++) {
		enum fdw_state state = fdw_state(fdw_peek((int)i));
		if (state == FDW_OPEN)
			fdw_close_by(close_number, (int)i, call, pc, FDW_F_RANGE);
		else if (state != FDW_TOMBSTONE && state != FDW_LEAVING && state != FDW_PROTECTED && state != FDW_CLOSING)
			close_number((int)i);
	}
	errno = saved;
	return 0;
}

int fdw_close_range_by(fdw_range_fn *real, unsigned int first, unsigned int last, int flags, uintptr_t pc)
{
	int r, err;

	if (first > last || flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) /* EINVAL: nothing is closed */
		return real(first, last, flags);
	/* This thread gets a descriptor table of its own: from here on ours says nothing about it, unless it is alone. */
	if (flags & CLOSE_RANGE_UNSHARE && !fdw_single_threaded()) {
		fdw_gate_and_tell(FDW_CALL_close_range, pc); /* as in a child: from here on it has copies */
		r = real(first, last, flags);
		if (r == 0)
			fdw_unshared("close_range(CLOSE_RANGE_UNSHARE)", FDW_CALL_close_range, pc);
		return r;
	}
	if (flags & CLOSE_RANGE_CLOEXEC) {
		/* What is undecided is marked hereby; the kernel marks the rest. */
		for (uint32_t i = first; fdw_process.section_blocks && i < clip(last); i++)
			if (fdw_birth_hidden(fdw_peek((int)i)))
				fdw_birth_marked((int)i);
			else if (unlikely(fdw_peek((int)i) & FDW_W_LATE))
				atomic_fetch_and_explicit(fdw_word_at(i), ~FDW_W_LATE, memory_order_relaxed);
		return real(first, last, flags);
	}
	if (unlikely(!flags && is_few_and_held(first, last)))
		return one_by_one(first, last, FDW_CALL_close_range, pc);
	if (closes_everything(first, last))
		fdw_pending_prepares();
	claim_range(first, last);
	r = split(real, first, last, flags);
	err = errno;
	say_range(first, last, flags, FDW_CALL_close_range, pc, r, err);
	end_range(first, last, r == 0, FDW_CALL_close_range, pc);
	errno = err;
	return r;
}

FDW_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	if (unlikely(!fdw_on())) {
		if (fdw_vforked_recording() && first <= last && !(flags & CLOSE_RANGE_CLOEXEC)) {
			fdw_vforked_fd(FDW_CHILD_CLOSED, (int)first, last > INT32_MAX ? INT32_MAX : (int)last, FDW_CALL_close_range, FDW_CALLER);
			return split(real_close_range, first, last, flags);
		}
		return FDW_LIBC(close_range)(first, last, flags);
	}
	return fdw_close_range_by(real_close_range, first, last, flags, FDW_CALLER);
}

/* Where close_range is refused: one number at a time up to the table's end; beyond it nothing is ours, and libc finds by /proc what there is. */
static void close_each(unsigned low)
{
	uint32_t end = clip(UINT32_MAX), i = low;

	for (; i < end; i++)
		if (!fdw_is_protected((int)i))
			close_number((int)i);
	FDW_REAL(closefrom)((int)i);
}

FDW_EXPORT void closefrom(int low)
{
	unsigned first = low < 0 ? 0 : (unsigned)low;
	int saved = errno;

	if (unlikely(!fdw_on())) {
		fdw_vforked_fd(FDW_CHILD_CLOSED, (int)first, INT32_MAX, FDW_CALL_closefrom, FDW_CALLER);
		if (!fdw_vforked_recording())
			FDW_REAL(closefrom)(low);
		else if (split(real_close_range, first, UINT32_MAX, 0) != 0)
			close_each(first);
		return;
	}
	if (closes_everything(first, UINT32_MAX))
		fdw_pending_prepares();
	claim_range(first, UINT32_MAX);
	if (split(real_close_range, first, UINT32_MAX, 0) != 0)
		close_each(first);
	say_range(first, UINT32_MAX, 0, FDW_CALL_closefrom, FDW_CALLER, 0, 0);
	end_range(first, UINT32_MAX, 1, FDW_CALL_closefrom, FDW_CALLER);
	errno = saved;
}
