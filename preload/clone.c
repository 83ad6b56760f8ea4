/*
 * preload/clone.c: clone, and the hooks of vfork.S: children that begin in a function, or in their parent's memory.
 *
 * Context: any thread; vfork also in handlers. A child that shares its parent's memory runs nothing of this but what vforked.h allows.
 * Locks: none; LTTng's are never held around these.
 */
#include <sched.h>
#include "birth.h"
#include "event.h"
#include "exit.h"
#include "fork.h"
#include "gate.h"
#include "resolve.h"
#include "retire.h"
#include "vforked.h"
#include "poison.h"

struct started { int (*fn)(void *); void *arg; uintptr_t pc; };

/* libc ends the child with fn's result, by a system call that ends its thread only. */
static int ended_by_return(int status, uintptr_t pc)
{
	if (fdw_self.vforked || !atomic_load_explicit(&fdw_process.threads, memory_order_relaxed))
		fdw_ending(status, FDW_CALL_clone, pc);
	return status;
}

static int run_clone_child(void *p)
{
	struct started s = *(struct started *)p; /* our parent's frame, as copied */

	fdw_forked_child(FDW_FORK_CLONE, FDW_CALL_clone, s.pc);
	return ended_by_return(s.fn(s.arg), s.pc);
}

static int run_vfork_clone_child(void *p)
{
	struct started *s = p; /* our parent's frame itself */

	fdw_vforked_child(FDW_FORK_CLONE, FDW_CALL_clone, s->pc);
	return ended_by_return(s->fn(s->arg), s->pc);
}

/*
 * A child with a thread pointer of its own has none of ours, which lies behind it: what is there is anything, and LTTng finds nothing. Where nobody else is
 * there to miss us we are off until it has exec'd or ended; a child with a copy of our memory stays so. Beside other threads, who would, it is on its own.
 */
struct aside { int is; uint8_t recording; };

static struct aside stand_aside(int flags)
{
	struct aside a = { .is = flags & CLONE_SETTLS && !(flags & CLONE_THREAD) && (flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM && fdw_on() &&
	          !fdw_made_threads() };

	if (a.is) {
		a.recording = atomic_exchange(&fdw_process.recording, 0);
		atomic_store(&fdw_ready, 0);
	}
	return a;
}

static void come_back(struct aside a)
{
	if (!a.is)
		return;
	atomic_store(&fdw_ready, 1);
	atomic_store(&fdw_process.recording, a.recording);
}

FDW_EXPORT int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	struct started s = { fn, arg, FDW_CALLER };
	va_list ap;
	void *ptid, *tls, *ctid;
	int r;

	va_start(ap, arg);
	ptid = va_arg(ap, void *);
	tls = va_arg(ap, void *);
	ctid = va_arg(ap, void *);
	va_end(ap);
	if ((flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM || flags & CLONE_FILES)
		atomic_store(&fdw_raw_threads, 1);
	/* Another process uses the table, and what happens there is not seen here; or it has a table of its own, but our memory of ours. */
	if ((flags & CLONE_FILES && !(flags & CLONE_THREAD)) || (flags & (CLONE_VM | CLONE_VFORK | CLONE_FILES)) == CLONE_VM) {
		fdw_births_share();
		fdw_nothing_kept();
	}
	if (!(flags & CLONE_FILES))
		fdw_gate();
	if (unlikely(!fdw_on() || !fn || !stack) || flags & CLONE_SETTLS || (flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM) {
		struct aside aside = stand_aside(flags);
		r = FDW_REAL(clone)(fn, stack, flags, arg, ptid, tls, ctid);
		come_back(aside);
		fdw_gate_child(r, FDW_FORK_CLONE, FDW_CALL_clone, FDW_CALLER);
		return r;
	}
	if (flags & CLONE_VM) { /* and CLONE_VFORK: we sleep until it exec'd or ended, so our own flag marks it */
		uint64_t was = fdw_vforked_begins();
		r = FDW_REAL(clone)(run_vfork_clone_child, stack, flags, &s, ptid, tls, ctid);
		fdw_vforked_ended(was);
	} else {
		fdw_forking();
		r = FDW_REAL(clone)(run_clone_child, stack, flags, &s, ptid, tls, ctid);
	}
	fdw_forked_parent(r, FDW_FORK_CLONE, FDW_CALL_clone, FDW_CALLER);
	return r;
}

/* ---- vfork: the hooks of vfork.S ------------------------------------------------------------------------------------------------------------*/

uint64_t fdw_vfork_pre(void);
void fdw_vfork_child(uintptr_t pc);
int fdw_vfork_parent(long r, uintptr_t pc, uint64_t was);

uint64_t fdw_vfork_pre(void)
{
	int saved = errno;
	uint64_t was;

	fdw_gate();
	was = fdw_vforked_begins();
	errno = saved;
	return was;
}

void fdw_vfork_child(uintptr_t pc) { fdw_vforked_child(FDW_FORK_VFORK, FDW_CALL_vfork, pc); }

int fdw_vfork_parent(long r, uintptr_t pc, uint64_t was)
{
	int saved = errno, tells = fdw_vforked_tells();

	fdw_vforked_ended(was);
	fdw_said_fork(FDW_FORK_VFORK, r < 0 ? -1 : r, tells ? 0 : FDW_F_UNOBSERVED, FDW_CALL_vfork, pc);
	fdw_gate_child(r < 0 ? -1 : r, FDW_FORK_VFORK, FDW_CALL_vfork, pc);
	errno = saved;
	if (r < 0) {
		errno = (int)-r;
		return -1;
	}
	return (int)r;
}
