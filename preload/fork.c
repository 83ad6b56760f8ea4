/*
 * preload/fork.c: fork, _Fork, what every fork has in common, and the fork child. (Calls of libc that fork by themselves: forkers.c; clone and vfork:
 * clone.c.)
 *
 * Context: any thread; fork also in handlers. System calls of ours: getpid in the child, where no filter is.
 * LOCKS: the program's atfork handlers run inside libc's fork; ours is registered first, so it is the innermost. LTTng's locks
 * are taken there, inside all of the program's, and never around vfork. A child may emit while it holds them: its thread is known to LTTng.
 *
 * What a fork child resets, in this order:
 *   pid            events must carry the child's from the first one
 *   thread         sequence and announcement start again; a handler's unfinished work is not ours
 *   child          observed only, until exec, a thread, or a wait for events (fdw_child_becomes_worker)
 * The table is kept: generations go on, as the descriptors do. In-flux counts of threads that are gone are cleared when the
 * child becomes a worker: before that nobody waits for them.
 */
#include "aside.h"
#include "clock.h"
#include "env.h"
#include "event.h"
#include "exit.h"
#include "fork.h"
#include "gate.h"
#include "heir.h"
#include "inside.h"
#include "killed.h"
#include "last_use.h"
#include "patience.h"
#include "pending.h"
#include "protect.h"
#include "reap.h"
#include "resolve.h"
#include "sigstack.h"
#include "routes.h"
#include "thread.h"
#include "vforked.h"
#include "poison.h"

/*
 * A child without the tracer's hooks. Its listener threads are not there, so LTTng's destructors must not look for them. And when its
 * thread was forked in the middle of an emission, that emission will be finished twice, here and in the parent: here it must end in
 * memory of our own, and nothing more is recorded until exec.
 */
static void go_without_hooks(void)
{
	atomic_store(&fdw_process.no_fini, 1);
	fdw_process.heir = fdw_mark != NULL;
	if (!fdw_self.emitting)
		return;
	fdw_event_left(); /* what libc's list says is a copy of the parent's, who finishes it */
	fdw_buffers_detach();
	fdw_recording_is_over();
}

/* On the way of every fork what is the same already is not written. */
#define SET(field, value)                                                                                              \
	do {                                                                                                           \
		__typeof__(field) now = (__typeof__(field))(value);                                                    \
		if ((field) != now)                                                                                    \
			(field) = now;                                                                                 \
	} while (0)

/* A child lives that has what we have: again after the fork, so that what another thread made meanwhile counts as older. */
FDW_FORK_PATH static void shared_by_fork(void)
{
	uint32_t n;

	fdw_child_starts();
	n = atomic_load_explicit(&fdw_process.starts, memory_order_relaxed);
	SET(fdw_process.forked, n);
}

FDW_FORK_PATH static void reset_child(void)
{
	struct fdw_thread *t = &fdw_self;

	SET(t->vforked, 0); /* forked by a vfork child: this memory is our own */
	SET(t->vfork_pid, 0);
	/* libc corrects its own idea of the thread's id in fork, but not in clone() and not in what goes through syscall(). */
	if (fdw_tid() == t->parent_tid)
		fdw_tid_offset = 0;
	fdw_process.pid = fdw_process.filtered ? fdw_tid() : (uint32_t)fdw_raw(SYS_getpid);
	fdw_process.who = fdw_pid_beside(fdw_process.who, fdw_process.pid);
	if (unlikely(fdw_process.pid == 1 || fdw_process.leads))
		fdw_find_space();
	SET(t->seq, 0);
	SET(t->announced, 0);
	SET(t->lost, 0);
	SET(t->run_length, 0);
	fdw_pending_forget();
	fdw_births_reset();
	fdw_retired_reset();
	shared_by_fork();
	fdw_sigstack_reset();
	atomic_store_explicit(&fdw_process.threads, 0, memory_order_relaxed);
	SET(t->counted, 1);
	if (fdw_recording()) {
		fdw_threads_reset();
		fdw_inside_reset();
		fdw_last_uses_reset();
		fdw_emitters_reset();
	}
	atomic_store(&fdw_process.child, 1);
}

/* As the child finds them: thread-local, for other threads may fork at the same time. */
FDW_FORK_PATH static void before_fork(void)
{
	struct fdw_thread *t = &fdw_self;

	fdw_child_starts();
	if (!t->vforked && fdw_recording())
		t->fork_begun = fdw_fork_clock();
	SET(t->parent_who, t->vforked ? fdw_pid_beside(fdw_process.who, t->vfork_pid) : fdw_process.who);
	SET(t->parent_tid, fdw_tid());
}

/* ---- LTTng's hooks --------------------------------------------------------------------------------------------------------------------------*/

/*
 * They take LTTng's locks before the fork and give them back in parent and child, who goes on in the buffers that it inherited (heir.h); or, where that
 * may not be, start LTTng's threads and connection anew, if the limit of open files leaves numbers for that. Not under a seccomp filter, which would kill
 * the child for that; nor in a handler that interrupted an emission, for whose end they would wait: such a child writes to the buffers as it finds them.
 * They must not be cancelled. LTTng blocks signals from one to the other; on a signal stack we do, for it must not let them in where we have moved to
 * another one.
 */
static FDW_TO_LTTNG void call_hook(void *hook, uintptr_t unused)
{
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	fdw_self.tool = 1;
	((void (*)(void *))hook)(&fdw_self.fork_mask);
	fdw_self.tool = 0;
	pthread_setcancelstate(cancel, NULL);
}

static void call_tracer(void (*hook)(void *mask))
{
	/* It has begun: it must end. */
	for (int i = 0; !fdw_deep(call_hook, (void *)(uintptr_t)hook, 0); i++)
		if (i == 1000) {
			call_hook((void *)(uintptr_t)hook, 0);
			break;
		} else
			fdw_raw(SYS_sched_yield);
	if (!fdw_self.masked)
		return;
	fdw_self.masked = 0;
	fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &fdw_self.outer_mask, NULL, 8L);
}

static int tracer_before(void)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	uint64_t all = UINT64_MAX;

	fdw_emission_check(frame);
	if (!fdw_recording() || fdw_process.filtered || fdw_self.emitting || fdw_self.vforked ||
	    (!fdw_mark && (fdw_threads_are_anothers || !fdw_tracer_has_numbers())))
		return 0;
	fdw_thread_hello();
	fdw_self.masked = fdw_on_signal_stack(frame) && fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &all, &fdw_self.outer_mask, 8L) == 0;
	if (fdw_deep(call_hook, (void *)(uintptr_t)fdw_ops->before_fork, 0))
		return 1;
	if (fdw_self.masked)
		fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &fdw_self.outer_mask, NULL, 8L);
	return fdw_self.masked = 0;
}

/* Coroutines and handlers fork on stacks of a few KiB; what LTTng does in the child takes more than 8. Touched in children only. */
FDW_LARGE static char child_stack[128 << 10] __attribute__((aligned(64)));

/* What it says before it is served is nobody's: so it waits. */
static void serve_child(void *mask, uintptr_t unused)
{
	char *timeout = fdw_patience_timeout, was[2] = { 0 };
	struct fdw_patience patience;

	if (!fdw_patience_begin(&patience) && timeout) {
		/* Its threads and its connection it makes all the same, but waits for nothing. */
		memcpy(was, timeout, 2);
		memcpy(timeout, "0", 2);
		fdw_ops->after_fork_child(mask);
		memcpy(timeout, was, 2);
		return;
	}
	fdw_ops->after_fork_child(mask);
	fdw_patience(&patience);
}

static void after_fork_child(void *mask) { fdw_call_on_stack(serve_child, mask, 0, child_stack + sizeof child_stack); }

/* ---- atfork handlers ------------------------------------------------------------------------------------------------------------------------*/

/*
 * Registered first, so innermost: prepare runs after all of the program's, parent and child before. LTTng's locks are taken inside the
 * program's own: a thread that holds one of the program's locks may be waiting for LTTng's. In the child they are released at once; where LTTng
 * is set up anew, only after all of the program's handlers (end): it allocates, and the allocator's locks are released there.
 * They also see the forks libc makes on its own; these do without hooks.
 */
FDW_FORK_PATH static int is_daemon(void) { return fdw_self.in_fork && fdw_self.fork_kind == FDW_FORK_DAEMON; }

FDW_FORK_PATH static void at_prepare(void)
{
	/*
	 * The wrapper has not looked (begin), or it is none of our wrappers. Or a handler of the program's, which ran before us, may
	 * have waited for a maker to hand it something: it came after the wrapper's look.
	 */
	if (!fdw_self.in_fork || fdw_process.atfork)
		fdw_gate();
	before_fork();
	SET(fdw_self.hooked, fdw_self.in_fork && tracer_before());
	if (!is_daemon())
		return;
	fdw_self.fork_errno = errno;
	errno = 0; /* so that at_parent knows whether there is a child */
}

/* daemon()'s parent ends inside libc, by a call nobody sees, when there is a child. */
FDW_FORK_PATH static void at_parent(void)
{
	shared_by_fork();
	if (fdw_self.hooked) {
		call_tracer(fdw_ops->after_fork_parent);
		fdw_self.hooked = 0;
	}
	if (is_daemon() && errno == 0)
		fdw_ending(0, FDW_CALL_daemon, fdw_self.fork_pc);
}

/* The first thing in a child. */
FDW_FORK_PATH static void child_begins(int hooked, uint8_t kind, uint16_t call, uintptr_t pc)
{
	uint32_t parent_tid = fdw_self.vfork_pid ? fdw_self.vfork_pid : fdw_self.parent_tid;

	reset_child();
	if (!hooked && fdw_recording())
		go_without_hooks();
	if (fdw_recording()) {
		fdw_trace_clock_forked();
		fdw_life(FDW_OP_FORK_CHILD, kind, fdw_boottime(), fdw_self.parent_who, (int)parent_tid, 0, call, pc, FDW_NO_DETAIL);
	}
}

FDW_FORK_PATH static void at_child(void)
{
	if (is_daemon())
		errno = fdw_self.fork_errno;
	if (!fdw_self.in_fork) {
		child_begins(0, FDW_FORK_FORK, FDW_CALL_none, 0);
		return;
	}
	child_begins(fdw_self.hooked, fdw_self.fork_kind, fdw_self.fork_call, fdw_self.fork_pc);
	if (fdw_self.hooked && fdw_mark) {
		call_tracer(fdw_inherit);
		fdw_self.hooked = 0;
	}
}

/* As pthread_atfork, whose code comes with each library, and would lie where nothing else of ours is wanted at the start. */
extern void *__dso_handle __attribute__((visibility("hidden")));
int fdw_fork_init(void)
{
	return fdw_thread_init() | FDW_REAL(__register_atfork)(at_prepare, at_parent, at_child, &__dso_handle);
}

void fdw_child_becomes_worker(void)
{
	atomic_store(&fdw_process.child, 0);
	fdw_flux_reset();
}

void fdw_forking(void) { before_fork(); }
void fdw_forked_child(uint8_t kind, uint16_t call, uintptr_t pc) { child_begins(0, kind, call, pc); }

void fdw_said_shell(uint8_t kind, int fd, uint32_t gen, const char *command, uint16_t call, uintptr_t pc)
{
	enum fdw_why why = fdw_shell_why();
	struct fdw_detail d = fdw_text(command);

	fdw_send(&(struct fdw_event){ .op = FDW_OP_FORK, .kind = kind, .call = call, .fd = fd, .gen2 = gen, .fd2 = -1, .arg = why,
		.gen = kind == FDW_FORK_POPEN ? fdw_fork_took(fdw_self.fork_begun) : 0,
		.flags = why ? FDW_F_UNOBSERVED : 0, .detail = d.data, .detail_len = (uint32_t)d.len }, pc);
}

FDW_FORK_PATH void fdw_said_fork(uint8_t kind, int64_t r, uint32_t flags, uint16_t call, uintptr_t pc)
{
	if (fdw_recording())
		fdw_send(&(struct fdw_event){ .op = FDW_OP_FORK, .kind = kind, .call = call, .fd = -1, .fd2 = -1,
			.gen = fdw_fork_took(fdw_self.fork_begun), .ret = r, .flags = flags }, pc);
}

FDW_FORK_PATH static void said_parent(uint8_t kind, pid_t r, uint16_t call, uintptr_t pc)
{
	int saved;

	shared_by_fork();
	if (likely(!fdw_recording() && !fdw_self.bounded))
		return;
	saved = errno;
	fdw_said_fork(kind, r, fdw_self.emitting ? FDW_F_UNOBSERVED : 0, call, pc);
	fdw_gate_child(r, kind, call, pc);
	errno = saved;
}

void fdw_forked_parent(pid_t r, uint8_t kind, uint16_t call, uintptr_t pc) { said_parent(kind, r, call, pc); }

/*
 * Around a libc function that forks, running the handlers above, and returns in both processes. r: 0 in the child.
 * The look at the makers comes before the program's handlers, which may take locks that a maker needs; where there are none, at_prepare's
 * will do, and a plain fork that is not recorded writes nothing.
 */
FDW_FORK_PATH int fdw_fork_begins(uint8_t kind, uint16_t call, uintptr_t pc)
{
	int nested = fdw_self.in_fork; /* fork in a handler that interrupted a fork */

	if (likely(kind == FDW_FORK_FORK && !fdw_recording() && !nested)) {
		if (fdw_process.atfork)
			fdw_gate();
		return 0;
	}
	fdw_gate();
	fdw_self.in_fork = 1;
	fdw_self.fork_kind = kind;
	fdw_self.fork_call = call;
	fdw_self.fork_pc = pc;
	return nested;
}

FDW_FORK_PATH void fdw_fork_ends(int nested, pid_t r, uint8_t kind, uint16_t call, uintptr_t pc)
{
	SET(fdw_self.in_fork, nested);
	if (r != 0) {
		said_parent(kind, r, call, pc);
	} else if (fdw_self.hooked) {
		int saved = errno;
		fdw_self.hooked = 0;
		call_tracer(after_fork_child);
		errno = saved;
	}
}

FDW_FORK_PATH FDW_EXPORT pid_t fork(void)
{
	int nested;
	pid_t r;

	if (unlikely(!fdw_on() || fdw_self.tool)) {
		r = FDW_REAL(fork)(); /* the handlers above see it all the same */
		if (r != 0 && fdw_self.vforked)
			said_parent(FDW_FORK_FORK, r, FDW_CALL_fork, FDW_CALLER);
		return r;
	}
	nested = fdw_fork_begins(FDW_FORK_FORK, FDW_CALL_fork, FDW_CALLER);
	r = FDW_REAL(fork)();
	fdw_fork_ends(nested, r, FDW_FORK_FORK, FDW_CALL_fork, FDW_CALLER);
	return r;
}

/* Async-signal-safe and without atfork handlers: the tracer's locks may be held by the thread it interrupts, so no hooks. */
FDW_FORK_PATH FDW_EXPORT pid_t _Fork(void)
{
	pid_t r;

	if (unlikely(!(fdw_on() || fdw_self.vforked) || !FDW_REAL(_Fork)))
		return real__Fork ? real__Fork() : (pid_t)fdw_errno_of(fdw_raw(SYS_clone, (long)SIGCHLD, 0L, NULL, NULL, NULL));
	fdw_gate();
	before_fork();
	r = real__Fork();
	if (r == 0)
		fdw_forked_child(FDW_FORK_FORK, FDW_CALL__Fork, FDW_CALLER);
	else
		said_parent(FDW_FORK_FORK, r, FDW_CALL__Fork, FDW_CALLER);
	return r;
}

/* What pthread_atfork, which is in each library, calls. */
FDW_EXPORT int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso)
{
	if (prepare && prepare != at_prepare)
		fdw_process.atfork = 1;
	return FDW_REAL(__register_atfork)(prepare, parent, child, dso);
}
