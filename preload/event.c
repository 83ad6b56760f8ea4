/*
 * preload/event.c: see event.h.
 *
 * Context: any thread, handlers; vfork children see vforked.h. May not: allocate; emit on behalf of the tracer, or on a signal stack with
 * little room left (counted in `lost`).
 */
#include "birth.h"
#include "event.h"
#include "exit.h"
#include "log.h"
#include "protect.h"
#include "stack.h"
#include "thread.h"
#include "vforked.h"
#include "poison.h"

const struct fdw_trace_ops *fdw_ops;

/* A tracepoint needs 2.3 KiB (measured on LTTng-UST 2.13.5); twice that must be left of a signal stack. */
#define ROOM_ON_SIGNAL_STACK 4608u

int fdw_room_for_tracer(void)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	return !fdw_on_signal_stack(sp) || sp - fdw_self.alt_low >= ROOM_ON_SIGNAL_STACK;
}

static void stamp(struct fdw_event *e)
{
	e->pid = fdw_process.pid;
	e->tid = fdw_tid();
	e->seq = ++fdw_self.seq;
	e->flags |= (fdw_process.threads | fdw_raw_threads ? FDW_F_MULTI : 0) |
	            (atomic_load_explicit(&fdw_process.child, memory_order_relaxed) ? FDW_F_CHILD : 0);
	if (e->detail_len > FDW_DETAIL_MAX) {
		e->detail_len = FDW_DETAIL_MAX;
		e->flags |= FDW_F_CUT;
	}
}

static void deliver(struct fdw_event *e)
{
	stamp(e);
	if (e->op >= FDW_OP_PROC_START)
		fdw_ops->life(e);
	else
		fdw_ops->op(e);
}

/*
 * An emission that a siglongjmp left is recognised by its frame, which lies at or below ours on the same stack, or by its having been on the
 * signal stack when we are not.
 */
void fdw_emission_check(uintptr_t frame)
{
	struct fdw_thread *t = &fdw_self;

	if (likely(!t->emitting) || fdw_on_signal_stack(frame) || (t->emit_frame > frame && t->emit_frame != UINTPTR_MAX))
		return;
	for (; t->emitting; t->emitting--)
		fdw_emitter_leave();
	fdw_ops->abandoned();
}

/*
 * Enters an emission. A handler that interrupts one emits in the middle of it: its events overtake the interrupted one, which the
 * replay knows by their seq.
 */
static int enter(struct fdw_thread *t, uintptr_t frame)
{
	fdw_emission_check(frame);
	if (t->emitting >= FDW_NESTING_MAX || !fdw_room_for_tracer() || !fdw_emitter_enter()) {
		t->lost++;
		return 0;
	}
	if (t->emitting++ == 0)
		t->emit_frame = fdw_on_signal_stack(frame) ? UINTPTR_MAX : frame;
	return 1;
}

static void leave(struct fdw_thread *t)
{
	t->emitting--;
	fdw_emitter_leave();
}

/* LTTng's first steps in a thread allocate; what an allocator of the program's then opens must not come back here. */
#define ANNOUNCING 2

static void announce(struct fdw_thread *t)
{
	t->announced = ANNOUNCING;
	fdw_thread_announce(deliver);
	t->announced = 1;
}

void fdw_thread_hello(void)
{
	struct fdw_thread *t = &fdw_self;

	if (!fdw_on() || !fdw_recording() || t->tool || t->announced || !enter(t, (uintptr_t)__builtin_frame_address(0)))
		return;
	fdw_emitter_uncount();
	announce(t);
	leave(t);
}

static void send_event(struct fdw_event *e, uintptr_t pc, int caller_only)
{
	struct fdw_thread *t = &fdw_self;
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	int saved = errno;

	if (!fdw_on() || !fdw_recording() || t->tool) {
		if (unlikely(t->vforked))
			fdw_vforked_send(e, pc);
		return;
	}
	if (unlikely(t->announced == ANNOUNCING)) {
		t->lost++;
		return;
	}
	if (!enter(t, frame))
		return;
	if (unlikely(!t->announced))
		announce(t);
	if (unlikely(t->lost) && t->emitting == 1) {
		struct fdw_event lost = { .op = FDW_OP_LOST, .fd = -1, .fd2 = -1, .arg = t->lost };
		t->lost = 0;
		deliver(&lost);
	}
	if (fdw_on_signal_stack(frame))
		e->flags |= FDW_F_SIGNAL_STACK;
	e->stack = fdw_stack_id(pc, caller_only || (e->flags & FDW_F_SIGNAL_STACK) != 0);
	deliver(e);
	leave(t);
	errno = saved;
}

void fdw_send(struct fdw_event *e, uintptr_t pc) { send_event(e, pc, 0); }
void fdw_send_of(struct fdw_event *e, uintptr_t pc) { send_event(e, pc, 1); }

/* A number was made out of src, -1 for nothing: table and event. */
static int made(uint8_t op, int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc, int src, struct fdw_detail d)
{
	uint32_t gen;

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
	if (unlikely(fdw_process.keeps))
		fdw_self.made = 1;
	fdw_number_made(fd);
	gen = fdw_born(fd, kind, flags, call, pc);
	flags &= ~FDW_BORN_DUP;
	if (op == FDW_OP_DUP)
		fdw_shares_history(fd, src);
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
		fdw_send(&(struct fdw_event){ .op = op, .call = call, .kind = kind, .fd = fd, .gen = gen, .fd2 = src,
			.gen2 = src >= 0 ? fdw_gen(fdw_peek(src)) : 0, .ret = fd, .flags = flags, .detail = d.data,
			.detail_len = d.data ? (uint32_t)d.len : 0 }, pc);
	return fd;
}

int fdw_made(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc, int src, struct fdw_detail d)
{
	return made(FDW_OP_CREATE, fd, kind, flags, call, pc, src, d);
}

int fdw_made_plain(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc, int src)
{
	return made(FDW_OP_CREATE, fd, kind, flags, call, pc, src, FDW_NO_DETAIL);
}

int fdw_made_dup(int fd, int src, uint32_t flags, uint16_t call, uintptr_t pc)
{
	return made(FDW_OP_DUP, fd, fdw_word(src) ? fdw_record(src)->kind : FDW_KIND_UNKNOWN, flags, call, pc, src, FDW_NO_DETAIL);
}

int fdw_received(int fd, int sock, uint32_t flags, uint16_t call, uintptr_t pc)
{
	return made(FDW_OP_RECV, fd, FDW_KIND_UNKNOWN, flags, call, pc, sock, FDW_NO_DETAIL);
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
	if (!fdw_on())
		return;
	if (errno == ENOTDIR && fdw_state(fdw_peek(fd)) == FDW_TOMBSTONE)
		errno = EBADF; /* it is no directory either */
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
			.ret = -1, .err = EBADF, .flags = known ? FDW_F_KNOWN_CLOSED : fdw_gen(v) ? 0 : FDW_F_NEVER_SEEN }, pc);
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

/* Whoever reads from what was armed one-shot has its event (retire.h). */
void fdw_used_slow(int fd, uint16_t call, uintptr_t pc)
{
	uint64_t v = fdw_peek(fd);

	if (v & FDW_W_INHERITED && fdw_recording())
		fdw_first_use(fd, call, pc);
	if (call == FDW_CALL_shutdown && fdw_word(fd))
		atomic_fetch_or_explicit(fdw_word(fd), FDW_W_SHUT, memory_order_relaxed);
	if (v & FDW_W_ONESHOT && !(v & FDW_W_POLLER) && fdw_reads(call))
		fdw_record(fd)->handler = fdw_tid();
}

void fdw_first_use(int fd, uint16_t call, uintptr_t pc)
{
	fdw_word_t *w = fdw_word(fd);

	fdw_vforked_fd(FDW_CHILD_USED, fd, -1, call, pc);
	if (!w || !fdw_on() || !(atomic_fetch_and(w, ~FDW_W_INHERITED) & FDW_W_INHERITED))
		return;
	fdw_send(&(struct fdw_event){ .op = FDW_OP_FIRST_USE, .call = call, .fd = fd, .gen = fdw_gen(fdw_peek(fd)), .fd2 = -1 }, pc);
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

	clock_gettime(CLOCK_BOOTTIME, &t);
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
	clock_gettime(CLOCK_MONOTONIC, &t);
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
