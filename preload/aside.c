/*
 * preload/aside.c: see aside.h.
 *
 * Context: any thread, handlers, vfork children (whose memory is their parent's: a place is claimed in the parent's thread's name).
 * System calls: rt_sigprocmask, clone, tgkill with signal 0, getpid, sched_yield; none of them where a filter is.
 */
#include <sched.h>
#include "aside.h"
#include "proc.h"
#include "stack.h"
#include "poison.h"

long fdw_aside(unsigned long flags, void (*fn)(void *), void *arg, void *top); /* on_stack.S */

/* ---- places ------------------------------------------------------------------------------------------------------------------------------*/

FDW_LARGE struct fdw_work fdw_works[FDW_WORKS];

/*
 * Who uses a place, in one word, so that a handler never finds half of it; 0: nobody.
 *   thread:22 (the kernel's largest is 4194304) | on a signal stack:1 | frame of the user / 128:41, all ones: on a signal stack of before
 * Two frames of one thread, one in a handler that interrupted the other, are farther apart than 128: a signal frame lies between them.
 */
#define TID_BITS 22
#define TID_MASK ((UINT64_C(1) << TID_BITS) - 1)
#define ALT (UINT64_C(1) << TID_BITS)
#define FRAME_SHIFT (TID_BITS + 1)
#define UNTOLD (UINT64_MAX >> FRAME_SHIFT) /* no frame tells that it was left, and it tells nothing of others */
static _Atomic uint64_t users[FDW_WORKS];

static uint64_t user(uint32_t tid, uintptr_t frame)
{
	if (unlikely(frame - (uintptr_t)fdw_works < sizeof fdw_works)) /* on one of these stacks: no jump leads out of there, or tells anything of others */
		return tid;
	if (unlikely(fdw_on_signal_stack(frame)) && !(frame >= fdw_self.alt_low && frame < fdw_self.alt_high))
		return tid | UNTOLD << FRAME_SHIFT;
	return tid | (fdw_on_signal_stack(frame) ? ALT : 0) | (uint64_t)(frame >> 7) << FRAME_SHIFT;
}

/*
 * The same thread, the same stack, and not further out than we are: its frame was left by a jump, siglongjmp out of a handler. One
 * that was left further out is found when the thread comes back from there, or ends.
 */
static int left(uint64_t was, uint64_t now)
{
	return ((was ^ now) & (TID_MASK | ALT)) == 0 && was >> FRAME_SHIFT <= now >> FRAME_SHIFT && now >> FRAME_SHIFT != UNTOLD;
}

static int ended(uint64_t was)
{
	return fdw_thread_gone((uint32_t)(was & TID_MASK));
}

/* Also those of threads that ended: the kernel is asked only when there is nothing else. */
static __attribute__((noinline)) struct fdw_work *claim_ended(uint64_t now)
{
	for (unsigned i = 0; i < FDW_WORKS; i++) {
		uint64_t was = atomic_load_explicit(&users[i], memory_order_relaxed);
		if ((was == 0 || ended(was)) && atomic_compare_exchange_strong(&users[i], &was, now))
			return &fdw_works[i];
	}
	return NULL;
}

struct fdw_work *fdw_work_claim(uintptr_t frame)
{
	uint32_t tid = fdw_tid();
	uint64_t now = user(tid, frame);

	if (!tid)
		return NULL;
	for (unsigned i = 0; i < FDW_WORKS; i++) {
		uint64_t was = atomic_load_explicit(&users[i], memory_order_relaxed);
		if ((was == 0 || left(was, now)) && atomic_compare_exchange_strong(&users[i], &was, now))
			return &fdw_works[i];
	}
	return claim_ended(now);
}

void fdw_work_done(struct fdw_work *w) { atomic_store_explicit(&users[w - fdw_works], 0, memory_order_release); }

/* ---- running there -----------------------------------------------------------------------------------------------------------------------*/

#define SIGSET_BYTES 8

static int block_signals(uint64_t *mask)
{
	static const uint64_t all = UINT64_MAX;
	return fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &all, mask, (long)SIGSET_BYTES) == 0;
}

static void restore_signals(const uint64_t *mask)
{
	fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, mask, NULL, (long)SIGSET_BYTES);
}

/*
 * We go on as soon as it no longer uses our memory; its copy of our descriptors it gives back a little later, and until it is gone the process
 * has a thread more. Both are waited for: a program may close a listener and bind again, or ask for what only one thread may. Not for
 * ever: what a file system does at a close (FUSE, by this very thread) may take long.
 */
static void wait_for_end(long tid)
{
	long pid = fdw_raw(SYS_getpid);

	for (int i = 0; i < 1000 && fdw_raw(SYS_tgkill, pid, tid, 0L) == 0; i++)
		if (i > 10)
			fdw_raw(SYS_sched_yield);
}

int fdw_beside(void (*fn)(void *), void *arg, struct fdw_work *work)
{
	uint64_t mask;
	long r;

	/* The copies that the helper closes are closed by this process: a message queue then forgets whom to notify. */
	if (fdw_process.queues || !block_signals(&mask))
		return 0;
	r = fdw_aside(CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_VFORK, fn, arg, work + 1);
	restore_signals(&mask);
	if (r > 0)
		wait_for_end(r);
	return r > 0;
}

/*
 * A vfork child's table is a copy; its memory still tells of its parent, so what says that it is one must be true. fdw_raw_threads counts
 * whoever shares a table, too. In a fork child libc's word is its parent's: there the kernel counts.
 */
int fdw_table_is_own(void)
{
	if (atomic_load_explicit(&fdw_raw_threads, memory_order_relaxed))
		return 0;
	if (__libc_single_threaded)
		return 1;
	if (fdw_self.vforked)
		return (uint32_t)fdw_raw(SYS_getpid) != fdw_process.pid;
	return atomic_load(&fdw_process.child) && !atomic_load(&fdw_process.threads) && fdw_tasks() == 1;
}

/* The caller's frame counts, on a stack where every byte does: the mask lies in the place. */
int fdw_deep_slow(fdw_deep_fn *fn, void *arg, uintptr_t more)
{
	struct fdw_work *work = fdw_process.filtered ? NULL : FDW_WORK_CLAIM();
	int r = work && block_signals(&work->mask);

	if (r) {
		fdw_call_on_stack(fn, arg, more, work + 1);
		restore_signals(&work->mask);
	}
	if (work)
		fdw_work_done(work);
	return r;
}

struct unseen { void (*fn)(void *); void *arg; };
static void run_unseen(void *p, uintptr_t unused)
{
	struct unseen *u = p;
	u->fn(u->arg);
}

/* Without a place: on this stack, unless it is one of those that have no room. */
static int run_here(void (*fn)(void *), void *arg, struct fdw_work *work)
{
	uint64_t mask;

	if ((!work && fdw_on_signal_stack((uintptr_t)__builtin_frame_address(0))) || !block_signals(&mask))
		return 0;
	if (work)
		fdw_call_on_stack(run_unseen, &(struct unseen){ fn, arg }, 0, work + 1);
	else
		fn(arg);
	restore_signals(&mask);
	return 1;
}

int fdw_unseen(int own, void (*fn)(void *), void *arg)
{
	struct fdw_work *work = FDW_WORK_CLAIM();
	int r = own ? run_here(fn, arg, work) : work && fdw_beside(fn, arg, work);

	if (work)
		fdw_work_done(work);
	return r;
}
