/*
 * preload/event.c: see event.h.
 *
 * Context: any thread, handlers; vfork children see vforked.h. May not: allocate; emit on behalf of the tracer. A tracepoint needs 2.3 KiB
 * (measured on LTTng-UST 2.13.5): in a handler that runs on a signal stack it gets a stack of ours. What finds none is counted in `lost`.
 */
#include "aside.h"
#include "birth.h"
#include "clock.h"
#include "event.h"
#include "exit.h"
#include "heir.h"
#include "killed.h"
#include "last_use.h"
#include "log.h"
#include "protect.h"
#include "retire.h"
#include "stack.h"
#include "thread.h"
#include "vforked.h"
#include "wanted.h"
#include "poison.h"

const struct fdw_trace_ops *fdw_ops;

static void stamp(struct fdw_event *e)
{
	e->pid = fdw_process.who;
	e->tid = fdw_tid();
	e->seq = ++fdw_self.seq;
	e->flags |= (fdw_made_threads() ? FDW_F_MULTI : 0) | (fdw_self.waited ? FDW_F_WAITED : 0) |
	            (atomic_load_explicit(&fdw_process.child, memory_order_relaxed) ? FDW_F_CHILD : 0);
	fdw_self.waited = 0;
	if (e->detail_len > FDW_DETAIL_MAX) {
		e->detail_len = FDW_DETAIL_MAX;
		e->flags |= FDW_F_CUT;
	}
}

/*
 * For a flight recorder: calls on what was closed before, or is being closed. Not closes of everything, fork children that clean up, EPOLL_CTL_DEL. Where a
 * call is told of twice the second event is waited for: it may excuse the first.
 */
static int looks_wrong(const struct fdw_event *e)
{
	int wrong = e->flags & (FDW_F_KNOWN_CLOSED | FDW_F_LOSER) && !(e->flags & (FDW_F_RUN | FDW_F_RANGE | FDW_F_CHILD));

	if (e->op == FDW_OP_USE && (e->call == FDW_CALL_epoll_ctl || e->call == FDW_CALL_port_associate)) {
		fdw_self.wrong |= wrong;
		return 0;
	}
	if (e->op != FDW_OP_EPOLL_CTL)
		return wrong;
	wrong |= fdw_self.wrong;
	fdw_self.wrong = 0;
	return wrong && e->flags >> FDW_F_USER_SHIFT != EPOLL_CTL_DEL;
}

static void deliver(struct fdw_event *e)
{
	struct robust_list_head *h;

	stamp(e);
	h = fdw_event_begins();
	(e->op >= FDW_OP_PROC_START ? fdw_ops->life : fdw_ops->op)(e);
	fdw_event_over(h);
	if (unlikely(fdw_watch) && e->op < FDW_OP_PROC_START && looks_wrong(e) && atomic_exchange(&fdw_watch->armed, 0))
		fdw_raw(SYS_futex, &fdw_watch->armed, (long)FUTEX_WAKE, 1L, NULL, NULL, 0L);
}

/*
 * LTTng wakes its consumer by libc's write(), at which a thread can be cancelled. Most calls that emit are no places for that, natively; and what is
 * emitted would never be finished, which stops the recording of everybody on this processor. A cancellation that comes now is heard at the next such place.
 */
void fdw_emission_writes(void)
{
	int state;

	if (!fdw_self.uncancelled && pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state) == 0)
		fdw_self.uncancelled = state != PTHREAD_CANCEL_DISABLE;
}

static void may_be_cancelled(struct fdw_thread *t)
{
	t->uncancelled = 0;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
}

void fdw_emission_left(void)
{
	fdw_self.lost++;
	if (fdw_unfinished)
		atomic_fetch_add(fdw_unfinished, 1);
	fdw_ops->abandoned();
}

/*
 * A thread sanitizer takes LTTng's buffers, which one thread writes after another, for memory that they race for: it looks away meanwhile. These are its
 * own functions; others have some of that name for other tools.
 */
extern void tsan_away(const char *file, int line) __asm__("AnnotateIgnoreWritesBegin") __attribute__((weak, visibility("default")));
extern void tsan_back(const char *file, int line) __asm__("AnnotateIgnoreWritesEnd") __attribute__((weak, visibility("default")));

FDW_INLINE void tsan_looks(void (*how)(const char *file, int line))
{
	if (unlikely(fdw_tsan_in_program()) && how)
		how("", 0);
}

/*
 * An emission that a siglongjmp left is recognised by its frame, which lies at or below ours on the same stack, or by its having been on the
 * signal stack when we are not.
 */
void fdw_emission_check(uintptr_t frame)
{
	struct fdw_thread *t = &fdw_self;

	if (likely(!t->emitting) || fdw_in_handler(frame) || (t->emit_frame > frame && t->emit_frame != UINTPTR_MAX))
		return;
	for (; t->emitting; t->emitting--) {
		tsan_looks(tsan_back);
		fdw_emitter_leave();
	}
	fdw_event_left();
	if (t->uncancelled)
		may_be_cancelled(t);
	fdw_emission_left();
}

/*
 * Enters an emission. A handler that interrupts one emits in the middle of it: its events overtake the interrupted one, which the
 * replay knows by their seq.
 */
static int enter(struct fdw_thread *t, uintptr_t frame)
{
	fdw_emission_check(frame);
	if (t->emitting >= FDW_NESTING_MAX || !fdw_emitter_enter()) {
		t->lost++;
		return 0;
	}
	if (t->emitting++ == 0)
		t->emit_frame = fdw_in_handler(frame) ? UINTPTR_MAX : frame;
	tsan_looks(tsan_away);
	return 1;
}

static void leave(struct fdw_thread *t)
{
	tsan_looks(tsan_back);
	t->emitting--;
	fdw_emitter_leave();
	if (unlikely(t->uncancelled) && !t->emitting)
		may_be_cancelled(t);
}

/* LTTng's first steps in a thread allocate; what an allocator of the program's then opens must not come back here. */
#define ANNOUNCING 2

static void announce(struct fdw_thread *t)
{
	t->announced = ANNOUNCING;
	fdw_thread_announce(deliver);
	t->announced = 1;
}

static FDW_TO_LTTNG void hello(void *unused, uintptr_t nothing)
{
	if (!enter(&fdw_self, fdw_outer_frame()))
		return;
	fdw_emitter_uncount();
	announce(&fdw_self);
	leave(&fdw_self);
}

void fdw_thread_hello(void)
{
	if (fdw_on() && fdw_recording() && !fdw_self.tool && !fdw_self.announced)
		fdw_deep(hello, NULL, 0);
}

FDW_INLINE void send_event(struct fdw_event *e, uintptr_t pc, uintptr_t frame, int caller_only)
{
	struct fdw_thread *t = &fdw_self;
	int saved = errno;

	if (!enter(t, frame))
		return;
	if (unlikely(!t->announced))
		announce(t);
	if (unlikely(t->lost) && t->emitting == 1) {
		struct fdw_event lost = { .op = FDW_OP_LOST, .fd = -1, .fd2 = -1, .arg = t->lost };
		t->lost = 0;
		deliver(&lost);
	}
	if (fdw_in_handler(frame))
		e->flags |= FDW_F_SIGNAL_STACK;
	e->stack = fdw_stack_id(pc, caller_only || (e->flags & FDW_F_SIGNAL_STACK) != 0);
	deliver(e);
	leave(t);
	errno = saved;
}

static FDW_TO_LTTNG void send_here(void *e, uintptr_t pc) { send_event(e, pc, fdw_outer_frame(), 0); }
static FDW_TO_LTTNG void send_of_here(void *e, uintptr_t pc) { send_event(e, pc, fdw_outer_frame(), 1); }

static int may_send(struct fdw_event *e, uintptr_t pc)
{
	if (fdw_heir_is_late()) {
		fdw_recording_is_over();
		return 0;
	}
	if (likely(fdw_on() && fdw_recording() && !fdw_self.tool && fdw_self.announced != ANNOUNCING))
		return 1;
	if (fdw_self.announced == ANNOUNCING)
		fdw_self.lost++;
	else if (unlikely(fdw_self.vforked) && !(fdw_on() && fdw_recording() && !fdw_self.tool))
		fdw_vforked_send(e, pc);
	return 0;
}

void fdw_send(struct fdw_event *e, uintptr_t pc)
{
	if (may_send(e, pc) && !fdw_deep(send_here, e, pc))
		fdw_self.lost++;
}

void fdw_send_of(struct fdw_event *e, uintptr_t pc)
{
	if (may_send(e, pc) && !fdw_deep(send_of_here, e, pc))
		fdw_self.lost++;
}

/* What made a number, in one word: so that `made` leaves its frame to `tell_made`, which a handler's stack thanks. */
#define WHAT(op, kind, call) ((uint32_t)(op) | (uint32_t)(kind) << 8 | (uint32_t)(call) << 16)
#define OP_OF(what) ((uint8_t)(what))
#define KIND_OF(what) ((uint8_t)((what) >> 8))
#define CALL_OF(what) ((uint16_t)((what) >> 16))

static __attribute__((noinline)) int tell_made(uint32_t what, int fd, uint32_t flags, uintptr_t pc, int src, uint32_t gen, struct fdw_detail d)
{
	fdw_send(&(struct fdw_event){ .op = OP_OF(what), .call = CALL_OF(what), .kind = KIND_OF(what), .fd = fd, .gen = gen, .fd2 = src,
		.gen2 = src >= 0 ? fdw_gen(fdw_peek(src)) : 0, .ret = fd, .flags = flags, .detail = d.data,
		.detail_len = d.data ? (uint32_t)d.len : 0 }, pc);
	return fd;
}

/* A number was made out of src, -1 for nothing: table and event. gen: 0. */
static __attribute__((noinline)) int made(uint32_t what, int fd, uint32_t flags, uintptr_t pc, int src, uint32_t gen, struct fdw_detail d)
{
	uint8_t op = OP_OF(what), kind = KIND_OF(what);
	uint16_t call = CALL_OF(what);

	if (unlikely(!fdw_on())) {
		if (src >= 0)
			fdw_used(src, call, pc);
		if (!(flags & FDW_F_CLOEXEC))
			fdw_vforked_fd(FDW_CHILD_PLACED, fd, -1, call, pc);
		return fd;
	}
	if (fdw_tool_caller(pc))
		return fd;
	if (op == FDW_OP_DUP) {
		fdw_duplicated(src);
		flags |= FDW_BORN_DUP;
	}
	if (unlikely(fdw_process.keeps)) {
		fdw_self.made = 1;
		fdw_wanted_made();
	}
	fdw_number_made(fd);
	gen = fdw_born(fd, kind, flags, call, pc);
	flags &= ~FDW_BORN_DUP;
	if (op == FDW_OP_DUP)
		fdw_shares_history(fd, src);
	fdw_lifted(fd);
	if (unlikely(op == FDW_OP_RECV) && fdw_word(fd)) /* its sender has it, and may be ourselves */
		atomic_fetch_or_explicit(fdw_word(fd), FDW_W_DUPED | FDW_W_SENT, memory_order_relaxed);
	if (unlikely(call == FDW_CALL_pidfd_getfd) || unlikely(call == FDW_CALL_syscall && kind == FDW_KIND_OTHER)) /* it may be a copy of one of ours */
		atomic_fetch_add_explicit(&fdw_process.starts, 1, memory_order_relaxed);
	if (unlikely(kind == FDW_KIND_MQ))
		fdw_process.queues = 1;
	if (unlikely(flags & FDW_BORN)) {
		fdw_birth_made(fd, flags);
		flags &= ~FDW_BORN_MASK;
	}
	if (src >= 0)
		fdw_used(src, call, pc);
	if (fdw_recording())
		fdw_last_use_made(fd);
	return fdw_recording() ? tell_made(what, fd, flags, pc, src, gen, d) : fd;
}

int fdw_made(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc, int src, struct fdw_detail d)
{
	return made(WHAT(FDW_OP_CREATE, kind, call), fd, flags, pc, src, 0, d);
}

int fdw_made_plain(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc, int src)
{
	return made(WHAT(FDW_OP_CREATE, kind, call), fd, flags, pc, src, 0, FDW_NO_DETAIL);
}

int fdw_made_dup(int fd, int src, uint32_t flags, uint16_t call, uintptr_t pc)
{
	return made(WHAT(FDW_OP_DUP, fdw_word(src) ? fdw_record(src)->kind : FDW_KIND_UNKNOWN, call), fd, flags, pc, src, 0, FDW_NO_DETAIL);
}

int fdw_received(int fd, int sock, uint32_t flags, uint16_t call, uintptr_t pc)
{
	return made(WHAT(FDW_OP_RECV, FDW_KIND_UNKNOWN, call), fd, flags, pc, sock, 0, FDW_NO_DETAIL);
}

/* ---- uses -------------------------------------------------------------------------------------------------------------------------------*/

static void log_use(int fd, uint16_t call, uintptr_t pc)
{
	struct fdw_record *r = fdw_record(fd);

	if (fdw_process.child)
		return;
	fdw_log_violation(&(struct fdw_violation){ .rule = "use-after-close", .call = fdw_call_names[call], .fd = fd,
		.what = "EBADF: it was closed before", .pc = pc, .before = fdw_call_names[r->close_call],
		.before_tid = r->close_tid, .before_pc = r->close_pc });
}

/* Calls that only ask whether a number is open. */
static int only_asks(uint16_t call)
{
	return call == FDW_CALL_fstat || call == FDW_CALL___fxstat || call == FDW_CALL_tcgetattr || call == FDW_CALL_select ||
	       call == FDW_CALL_pselect;
}

void fdw_use_failed(int fd, uint16_t call, uintptr_t pc)
{
	uint64_t v;
	int known;

	/* the guard first: early in the life of a process errno is out of reach (core.h) */
	if (!fdw_on()) {
		if (fdw_hides() && fdw_self.vforked)
			fdw_no_directory(fd);
		return;
	}
	fdw_no_directory(fd);
	if (likely(errno != EBADF)) {
		fdw_used(fd, call, pc);
		return;
	}
	if (fd < 0 || fdw_tool_caller(pc))
		return;
	v = fdw_peek(fd);
	known = fdw_is_closed(v);
	if (fdw_state(v) == FDW_OPEN || fdw_state(v) == FDW_CLOSING) {
		fdw_used(fd, call, pc);
		return; /* EBADF has other reasons: not open for writing, no directory */
	}
	if (fdw_recording())
		fdw_send(&(struct fdw_event){ .op = FDW_OP_USE, .call = call, .fd = fd, .gen = known ? fdw_gen(v) : 0, .fd2 = -1,
			.ret = -1, .err = EBADF, .flags = known ? FDW_F_KNOWN_CLOSED | fdw_named_only(fd) : fdw_gen(v) ? 0 : FDW_F_NEVER_SEEN }, pc);
	else if (known && !only_asks(call))
		log_use(fd, call, pc);
	errno = EBADF;
}

_Atomic int fdw_inherited_end;

void fdw_inherited(int fd)
{
	if (fd > 2 && fd >= atomic_load(&fdw_inherited_end))
		atomic_store(&fdw_inherited_end, fd + 1);
}

static void first_use(int fd, uint16_t call, uintptr_t pc)
{
	fdw_word_t *w = fdw_word(fd);

	fdw_vforked_fd(FDW_CHILD_USED, fd, -1, call, pc);
	if (!w || !fdw_on() || !(atomic_fetch_and(w, ~FDW_W_INHERITED) & FDW_W_INHERITED))
		return;
	fdw_send(&(struct fdw_event){ .op = FDW_OP_FIRST_USE, .call = call, .fd = fd, .gen = fdw_gen(fdw_peek(fd)), .fd2 = -1 }, pc);
}

/* Whoever reads from what was armed one-shot has its event (retire.h). */
void fdw_used_slow(int fd, uint16_t call, uintptr_t pc)
{
	uint64_t v = fdw_peek(fd);

	if (fdw_recording()) {
		if (v & FDW_W_INHERITED)
			first_use(fd, call, pc);
		if (!only_asks(call) && call != FDW_CALL_fcntl) /* sweeps over all numbers are no use of them */
			fdw_last_use(fd);
	}
	if (call == FDW_CALL_shutdown && fdw_word(fd))
		atomic_fetch_or_explicit(fdw_word(fd), FDW_W_SHUT, memory_order_relaxed);
	if (v & FDW_W_ONESHOT && !(v & FDW_W_POLLER) && fdw_reads(call))
		fdw_record(fd)->handler = fdw_tid();
}

void fdw_object(int fd, uint32_t flags, uint8_t kind, uint16_t call, uintptr_t pc, struct fdw_detail d)
{
	if (!fdw_recording())
		return;
	fdw_send(&(struct fdw_event){ .op = FDW_OP_OBJECT, .call = call, .kind = kind, .fd = fd, .gen = fdw_gen(fdw_peek(fd)),
		.fd2 = -1, .flags = flags, .detail = d.data, .detail_len = d.data ? (uint32_t)d.len : 0 }, pc);
}

void fdw_locked(int fd, uint16_t call, uintptr_t pc)
{
	fdw_word_t *w = fdw_word(fd);

	if (fdw_recording() && fdw_on() && w && !(atomic_fetch_or_explicit(w, FDW_W_LOCKED, memory_order_relaxed) & FDW_W_LOCKED))
		fdw_object(fd, FDW_F_LOCKED, FDW_KIND_UNKNOWN, call, pc, FDW_NO_DETAIL);
}

FDW_FORK_PATH void fdw_life(uint8_t op, uint8_t kind, int64_t ret, uint64_t arg, int fd2, uint32_t flags, uint16_t call, uintptr_t pc,
              struct fdw_detail d)
{
	if (!fdw_recording())
		return;
	fdw_send(&(struct fdw_event){ .op = op, .kind = kind, .call = call, .fd = -1, .fd2 = fd2, .ret = ret, .arg = arg,
		.flags = flags, .detail = d.data, .detail_len = d.data ? (uint32_t)d.len : 0 }, pc);
}

int64_t fdw_boottime(void)
{
	struct timespec t;

	fdw_clock(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void fdw_bound_reached(int fd, uint32_t flags, uint64_t bound_us)
{
	if (fdw_recording())
		fdw_send(&(struct fdw_event){ .op = FDW_OP_WAIT_BOUND, .fd = fd, .gen = fdw_gen(fdw_peek(fd)), .fd2 = -1, .flags = flags,
			.arg = bound_us }, 0);
}

uint64_t fdw_fork_clock(void)
{
	struct timespec t;

	if (!fdw_recording())
		return 0;
	fdw_clock(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint32_t fdw_fork_took(uint64_t begin)
{
	uint64_t us = begin ? (fdw_fork_clock() - begin) / 1000 + 1 : 0;

	return us > UINT32_MAX ? 0 : (uint32_t)us;
}

void fdw_emit_blind(const char *what, uint16_t call, uintptr_t pc)
{
	fdw_life(FDW_OP_BLIND, 0, 0, 0, -1, 0, call, pc, fdw_text(what));
}
