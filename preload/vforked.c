/*
 * preload/vforked.c: see vforked.h.
 *
 * Context: vfork children, and their parents just before and after; also in handlers, and nested. May not: touch what the parent's other threads
 * share (table, emitters' counters, totals): those speak of the parent. No lock, no wait. System calls: getpid; in the parent munmap, where the child's
 * environment was large; on a signal stack rt_sigprocmask.
 */
#include <time.h>
#include "aside.h"
#include "env.h"
#include "event.h"
#include "killed.h"
#include "stack.h"
#include "vforked.h"
#include "poison.h"

/* `was`: seq:32 | emitting:8 | vforked:1 | tells:1 */
#define WAS_EMITTING 32
#define WAS_VFORKED (UINT64_C(1) << 40)
#define WAS_TELLS (UINT64_C(1) << 41)

/*
 * A signal that came while the parent slept is handled before it can take the flag back, and so is one that comes between the flag and
 * the vfork: with the flag believed, what such a handler opens, closes or waits for would be nobody's. (The child sets it once more.)
 * 1 is also the first process of a new pid namespace.
 */
int fdw_vfork_is_over(void)
{
	struct fdw_thread *t = &fdw_self;

	if (fdw_process.filtered || fdw_process.pid == 1 || (uint32_t)fdw_raw(SYS_getpid) != fdw_process.pid)
		return 0;
	t->vforked = 0;
	t->vfork_pid = 0;
	t->vfork_seq = 0;
	return 1;
}

uint64_t fdw_vforked_begins(void)
{
	struct fdw_thread *t = &fdw_self;
	int on = fdw_on();
	uint64_t was = t->vfork_seq | (uint64_t)t->emitting << WAS_EMITTING | (t->vforked ? WAS_VFORKED : 0) | (t->vfork_pid ? WAS_TELLS : 0);
	int tells = t->vfork_pid != 0;

	if (on && fdw_recording() && !t->tool) {
		fdw_thread_hello(); /* what allocates is done by the parent */
		tells = t->announced == 1;
	}
	fdw_vforked_flush();
	if (!t->vforked) /* one in its child's begins later than it could be told of */
		t->fork_begun = fdw_fork_clock();
	t->parent_who = t->vfork_pid ? fdw_pid_beside(fdw_process.who, t->vfork_pid) : fdw_process.who;
	t->parent_tid = t->vfork_pid ? t->vfork_pid : fdw_tid();
	t->vfork_tells = (uint8_t)tells;
	t->vfork_pid = 0;
	t->vfork_seq = 0;
	t->vforked = 1;
	return was;
}

void fdw_vforked_child(uint8_t kind, uint16_t call, uintptr_t pc)
{
	struct fdw_thread *t = &fdw_self;

	t->vforked = 1;
	t->vfork_first = t->vfork_end = 0;
	if (!t->vfork_tells)
		return;
	t->vfork_pid = (uint32_t)fdw_raw(SYS_getpid);
	fdw_life(FDW_OP_FORK_CHILD, kind, fdw_boottime(), t->parent_who, (int)t->parent_tid, 0, call, pc, FDW_NO_DETAIL);
}

void fdw_vforked_ended(uint64_t was)
{
	struct fdw_thread *t = &fdw_self;
	uint8_t emitting = (uint8_t)(was >> WAS_EMITTING);

	t->vfork_first = t->vfork_end = 0;
	t->vforked = (was & WAS_VFORKED) != 0;
	t->vfork_seq = (uint32_t)was;
	t->vfork_pid = was & WAS_TELLS ? (uint32_t)fdw_raw(SYS_getpid) : 0;
	fdw_env_vfork_ended();
	if (likely(t->emitting <= emitting))
		return;
	t->emitting = emitting; /* it was killed there, or left by a jump */
	if (emitting || !fdw_recording())
		return;
	fdw_event_left();
	fdw_emission_left();
}

int fdw_vforked_tells(void) { return fdw_self.vfork_tells; }

static __attribute__((noinline)) void send_here(void *arg, uintptr_t pc)
{
	struct fdw_event *e = arg;
	struct robust_list_head *h;

	fdw_self.emitting++;
	e->stack = fdw_stack_id(pc, (e->flags & FDW_F_SIGNAL_STACK) != 0);
	h = fdw_event_begins(); /* the parent's list: one that is killed alone is told below, both together by it */
	fdw_ops->life(e);
	fdw_event_over(h);
	fdw_self.emitting--;
}

void fdw_vforked_send(struct fdw_event *e, uintptr_t pc)
{
	struct fdw_thread *t = &fdw_self;
	int saved = errno;

	if (!t->vfork_pid || !t->vforked || e->op < FDW_OP_PROC_START || !fdw_recording())
		return;
	if (unlikely(t->vfork_end))
		fdw_vforked_flush();
	e->pid = fdw_pid_beside(fdw_process.who, t->vfork_pid);
	e->tid = t->vfork_pid;
	e->seq = ++t->vfork_seq; /* taken also for what cannot be sent: a gap is a loss */
	e->flags |= FDW_F_CHILD | (fdw_in_handler((uintptr_t)__builtin_frame_address(0)) ? FDW_F_SIGNAL_STACK : 0);
	if (e->detail_len > FDW_DETAIL_MAX) {
		e->detail_len = FDW_DETAIL_MAX;
		e->flags |= FDW_F_CUT;
	}
	if (t->emitting < FDW_NESTING_MAX)
		fdw_deep(send_here, e, pc);
	errno = saved;
}
