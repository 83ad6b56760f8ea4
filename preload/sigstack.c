/*
 * preload/sigstack.c: see sigstack.h.
 *
 * Context: any thread, handlers. System calls: rt_sigprocmask, sigaltstack, mincore, tgkill, gettid, uname, prlimit; none of them under a filter.
 * Locks: one, of places and pins; its waits are bounded, and without it nothing is pinned.
 */
#include <sys/utsname.h>
#include "aside.h"
#include "env.h"
#include "event.h"
#include "log.h"
#include "sigplace.h"
#include "sigstack.h"
#include "stack.h"
#include "thread.h"
#include "wait.h"
#include "poison.h"

#define NO_PLACE 0xffffu
#define LOCK_BOUND_US 250000u
#define LOCK_BOUND_FILTERED_US 2000u

struct fdw_place fdw_places[FDW_PLACES] FDW_LARGE;
uint32_t fdw_places_end;
static uint64_t turns;
static _Atomic uint32_t locked; /* by which thread */
_Atomic uint32_t fdw_sigstacks;

static void set_mask(const uint64_t *mask, uint64_t *was)
{
	if (!fdw_process.filtered)
		fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, mask, was, 8L);
}

int fdw_places_lock(uint64_t *mask)
{
	static const uint64_t all = UINT64_MAX;
	uint32_t me = fdw_tid(), holder;
	struct fdw_wait w;

	fdw_wait_start(&w, fdw_process.filtered ? LOCK_BOUND_FILTERED_US : LOCK_BOUND_US);
	for (;;) {
		holder = 0;
		if (!atomic_load(&locked)) {
			set_mask(&all, mask);
			if (atomic_compare_exchange_strong(&locked, &holder, me))
				return 1;
			set_mask(mask, NULL);
		}
		if (atomic_load(&locked) == me || !fdw_wait_step(&w)) /* ours: we are a handler in its middle, under a filter */
			return 0;
	}
}

void fdw_places_unlock(const uint64_t *mask)
{
	atomic_store(&locked, 0);
	set_mask(mask, NULL);
}

/* ---- places -----------------------------------------------------------------------------------------------------------------------------------*/

static int lives(uint32_t tid)
{
	return tid == fdw_tid() || !fdw_thread_gone(tid);
}

static void free_place(struct fdw_place *p)
{
	fdw_unpin(p);
	p->tid = 0;
	atomic_fetch_sub(&fdw_sigstacks, 1);
}

/* Those of threads that ended without a word (no libc thread, or cancelled early) count as free when all are taken. */
static struct fdw_place *take(void)
{
	for (uint32_t i = 0; i < FDW_PLACES; i++)
		if (!fdw_places[i].tid) {
			fdw_places_end = i < fdw_places_end ? fdw_places_end : i + 1;
			return &fdw_places[i];
		}
	for (uint32_t i = 0; i < FDW_PLACES; i++)
		if (!lives(fdw_places[i].tid)) {
			free_place(&fdw_places[i]);
			return &fdw_places[i];
		}
	return NULL;
}

static struct fdw_place *own(void)
{
	struct fdw_place *p = fdw_self.sigstack && fdw_self.sigstack != NO_PLACE ? &fdw_places[fdw_self.sigstack - 1] : NULL;

	return p && p->tid == fdw_tid() ? p : NULL;
}

extern void *__libc_stack_end __attribute__((weak));

/*
 * A part of the stack that runs at this moment: it is in memory, and a lock would cut the stack's mapping in two. A thread of libc's has its thread
 * pointer at the top of its stack.
 */
static int is_on_own_stack(const struct fdw_place *p)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0), top = (uintptr_t)__builtin_thread_pointer();

	if (top < sp)
		top = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
	return p->low > sp && p->low < top && p->low - sp < 8u << 20;
}

/*
 * Main's stack grows, and its mapping does so only as a whole: a lock in it would make all of it count against the limit. Below it the kernel leaves
 * at least this much to it alone.
 */
#define MAIN_STACK_MOST (128u << 20)
static int is_in_main_stack(const struct fdw_place *p)
{
	uintptr_t top = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
	return p->low < top && p->high > top - MAIN_STACK_MOST;
}

/* errno of the pin that failed, 0; -1: it was not tried. */
static int install(const stack_t *ss)
{
	struct fdw_place *p;
	int err = -1;
	uint64_t mask;

	if (!fdw_places_lock(&mask)) {
		if ((p = own())) /* it is nobody's memory any more, as far as we know */
			p->low = p->high = 0;
		return -1;
	}
	if ((p = own()))
		free_place(p);
	fdw_self.sigstack = 0;
	if (!(ss->ss_flags & SS_DISABLE) && (p = take())) {
		*p = (struct fdw_place){ .tid = fdw_tid(), .low = (uintptr_t)ss->ss_sp, .high = (uintptr_t)ss->ss_sp + ss->ss_size, .turn = ++turns };
		fdw_self.sigstack = (uint16_t)(p - fdw_places + 1);
		atomic_fetch_add(&fdw_sigstacks, 1);
		p->may_pin = p->high > p->low && fdw_enforcing() && !fdw_process.filtered && !is_on_own_stack(p) && !is_in_main_stack(p);
		if (p->may_pin) {
			fdw_find_theirs(p);
			err = fdw_pin(p);
		}
	}
	fdw_places_unlock(&mask);
	return err;
}

/* Once: raising the limit, or a newer kernel, is up to whoever runs this. */
static void say_unpinned(int err, const char *release)
{
	static _Atomic int said;
	int none = 0;

	if (err > 0 && fdw_kernel_vector_bug(release) && !fdw_recording() && atomic_compare_exchange_strong(&said, &none, 1))
		fdw_log_line("signal stacks cannot be locked (RLIMIT_MEMLOCK), and this kernel may corrupt AVX registers where they are paged out: raise "
		             "the limit, or the kernel beyond 5.4.1: ", release);
}

/* A handler that sets another stack may have little of its own left. */
struct setting { const stack_t *ss; int err; uint16_t call; };
static __attribute__((noinline)) void say(void *setting, uintptr_t pc)
{
	const struct setting *s = setting;
	const stack_t *ss = s->ss;
	struct utsname u;
	struct rlimit rl = { 0 };
	int off = (ss->ss_flags & SS_DISABLE) != 0, err = s->err, known;
	uint32_t frame;

	if (fdw_process.filtered || fdw_raw(SYS_uname, &u) != 0)
		u.release[0] = 0;
	say_unpinned(err, u.release);
	if (!fdw_recording())
		return;
	if (!fdw_process.filtered)
		fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_MEMLOCK, NULL, &rl);
	frame = fdw_sigframe(&known);
	fdw_send(&(struct fdw_event){ .op = FDW_OP_SIGSTACK, .call = s->call, .fd = err < 0 ? FDW_SIGSTACK_LEFT : err ? FDW_SIGSTACK_TOUCHED : FDW_SIGSTACK_PINNED,
		.err = err > 0 ? err : 0, .fd2 = rl.rlim_cur >> 10 > INT32_MAX ? INT32_MAX : (int)(rl.rlim_cur >> 10),
		.gen = frame, .flags = (uint32_t)known << FDW_F_USER_SHIFT, .arg = off ? 0 : (uintptr_t)ss->ss_sp, .ret = off ? 0 : (int64_t)ss->ss_size,
		.detail = (const uint8_t *)u.release, .detail_len = (uint32_t)strnlen(u.release, 64) }, pc);
}

static void look_at_own(int ends);

/* A task that clone() made without a thread pointer of its own: what fdw_self says is another's. */
static int is_another(void)
{
	return unlikely(atomic_load_explicit(&fdw_raw_threads, memory_order_relaxed)) && !fdw_process.filtered &&
	       (uint32_t)fdw_raw(SYS_gettid) != fdw_tid();
}

/* Alone in its place last, so that a handler never finds half of it. */
static void know_stack(uintptr_t low, uintptr_t high)
{
	struct fdw_thread *t = &fdw_self;
	unsigned i;

	for (i = 0; i < FDW_ALTS; i++)
		if (t->alt[i].low == low && t->alt[i].high == high)
			return;
	i = t->alt_next++ % FDW_ALTS;
	if (t->alt[i].high == t->alt_high && t->alt[i].low == t->alt_low) /* the one before this one stays */
		i = t->alt_next++ % FDW_ALTS;
	t->alt[i].high = 0;
	atomic_signal_fence(memory_order_seq_cst);
	t->alt[i].low = low;
	atomic_signal_fence(memory_order_seq_cst);
	t->alt[i].high = high;
	t->alt_known = 1;
}

static void know_setting(const stack_t *ss)
{
	if (!(ss->ss_flags & SS_DISABLE) && ss->ss_size)
		know_stack((uintptr_t)ss->ss_sp, (uintptr_t)ss->ss_sp + ss->ss_size);
}

const stack_t *fdw_sigstack_changes(const stack_t *ss, stack_t *copy)
{
	int saved = errno;

	if (!ss || fdw_self.vforked || is_another())
		return NULL;
	if (fdw_process.filtered) /* it cannot be asked whether it may be read: it is when the call has succeeded */
		return ss;
	if (!fdw_readable_bytes(ss, sizeof *ss))
		return NULL;
	*copy = *ss; /* old may be the same */
	know_setting(copy);
	if (unlikely(atomic_load_explicit(&fdw_sigstacks, memory_order_relaxed)) && fdw_on())
		look_at_own(0);
	errno = saved;
	return copy;
}

void fdw_sigstack_changed(const stack_t *ss, uint16_t call, uintptr_t pc)
{
	int off = (ss->ss_flags & SS_DISABLE) != 0, saved = errno, err;

	know_setting(ss);
	fdw_self.alt_high = 0;
	atomic_signal_fence(memory_order_seq_cst);
	fdw_self.alt_low = off ? 0 : (uintptr_t)ss->ss_sp;
	atomic_signal_fence(memory_order_seq_cst);
	fdw_self.alt_high = off ? 0 : (uintptr_t)ss->ss_sp + ss->ss_size;
	if (!fdw_on() || fdw_self.tool || (fdw_process.mode == FDW_MODE_OBSERVE && !fdw_recording()))
		return;
	err = install(ss);
	if (!off)
		fdw_thread_watch_end();
	if (err > 0 || fdw_recording())
		fdw_deep(say, &(struct setting){ ss, err, call }, pc);
	errno = saved;
}

/* ---- memory that goes ---------------------------------------------------------------------------------------------------------------------------*/

/* Behind everybody's back a system call of the program's own, or a handler by what it returns to, may have changed it: so the kernel decides. */
static int is_installed(const struct fdw_place *p)
{
	stack_t now;

	return !fdw_process.filtered && fdw_raw(SYS_sigaltstack, NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE) && (uintptr_t)now.ss_sp == p->low;
}

/* The calling thread's. by: the thread that took it. */
static void tell_lost(const struct fdw_place *p, uint32_t by, uint16_t call, uintptr_t pc)
{
	struct fdw_event e = { .op = FDW_OP_SIGSTACK_LOST, .call = call, .fd = -1, .fd2 = (int)p->tid, .gen = by, .arg = p->low,
		.ret = (int64_t)(p->high - p->low) };

	if (fdw_recording() && by)
		fdw_send_of(&e, pc);
	else if (fdw_recording())
		fdw_send(&e, pc);
	else if (!fdw_process.child)
		fdw_log_violation(&(struct fdw_violation){ .rule = "sigstack-unmapped", .call = fdw_call_names[call], .fd = FDW_NO_FD, .pc = pc,
			.what = by ? "it took the memory of another thread's alternate signal stack, which was still installed afterwards" :
			             "it takes the memory of this thread's alternate signal stack" });
}

/* Freed behind everybody's back, as by free(): a thread that ends finds out. */
static int is_mapped(const struct fdw_place *p)
{
	unsigned char resident[64];
	uintptr_t low = fdw_page_of(p->low), n = fdw_pages_end(p->high) - low;

	return fdw_process.filtered || fdw_raw(SYS_mincore, low, n < sizeof resident * FDW_PAGE ? n : sizeof resident * FDW_PAGE, resident) != -ENOMEM;
}

static void free_own(void)
{
	struct fdw_place *p;
	uint64_t mask;

	if (fdw_places_lock(&mask)) {
		if ((p = own())) {
			if (!is_mapped(p))
				p->pinned = 0; /* what was locked went with it */
			free_place(p);
		}
		fdw_places_unlock(&mask);
	}
	fdw_self.sigstack = 0;
}

static void look_at_own(int ends)
{
	struct fdw_place *p = own();
	uint32_t by;

	if (!p)
		return;
	by = atomic_load_explicit(&p->taken_by, memory_order_acquire);
	if ((!by && (!ends || is_mapped(p))) || !is_installed(p))
		return;
	if (by)
		tell_lost(p, by, p->taken_call, p->taken_pc);
	else
		tell_lost(p, 0, FDW_CALL_none, 0);
	free_own();
}

void fdw_sigstack_thread_ends(void)
{
	look_at_own(1);
	if (own())
		free_own();
}

void fdw_sigstack_process_ends_slow(void)
{
	int saved = errno;

	look_at_own(1);
	errno = saved;
}

/* Without the lock: whether it is worth taking. */
static int may_overlap(uintptr_t low, size_t n)
{
	for (uint32_t i = 0; i < fdw_places_end; i++)
		if (__atomic_load_n(&fdw_places[i].low, __ATOMIC_RELAXED) < low + n && low < __atomic_load_n(&fdw_places[i].high, __ATOMIC_RELAXED))
			return 1;
	return 0;
}

uint64_t fdw_sigstack_would_go_slow(uintptr_t low, size_t n)
{
	uint64_t turn = 0, mask;
	int saved = errno;

	if (n && fdw_on() && may_overlap(low, n) && fdw_places_lock(&mask)) {
		for (uint32_t i = 0; i < fdw_places_end; i++)
			if (fdw_place_overlaps(&fdw_places[i], low, n))
				turn = turns;
		fdw_places_unlock(&mask);
	}
	errno = saved;
	return turn;
}

/* Of another thread the kernel does not tell. */
static void is_taken(struct fdw_place *p, uint16_t call, uintptr_t pc)
{
	if (atomic_load(&p->taken_by))
		return;
	p->taken_call = call;
	p->taken_pc = pc;
	atomic_store_explicit(&p->taken_by, fdw_tid(), memory_order_release);
}

void fdw_sigstack_went(uint64_t turn, uintptr_t low, size_t n, int gone, uint16_t call, uintptr_t pc)
{
	struct fdw_place mine = { 0 };
	int saved = errno;
	uint64_t mask;

	if (!fdw_places_lock(&mask))
		return;
	for (uint32_t i = 0; i < fdw_places_end; i++) {
		struct fdw_place *p = &fdw_places[i];
		int is_own = p == own();
		if (!fdw_place_overlaps(p, low, n) || p->turn > turn)
			continue;
		if (is_own)
			mine = *p;
		p->pinned = p->pinned && !gone; /* what was locked went with it */
		p->may_pin = p->may_pin && !gone;
		if (!is_own && lives(p->tid))
			is_taken(p, call, pc);
		else if (gone)
			free_place(p);
	}
	fdw_places_unlock(&mask);
	if (mine.tid && is_installed(&mine))
		tell_lost(&mine, 0, call, pc);
	errno = saved;
}

FDW_FORK_PATH void fdw_sigstack_reset(void)
{
	struct fdw_place *p, mine = { 0 };

	if (likely(!atomic_load(&fdw_sigstacks)))
		return;
	p = own();
	if (p)
		mine = *p;
	for (uint32_t i = 0; i < fdw_places_end; i++)
		fdw_places[i].tid = 0;
	atomic_store(&locked, 0);
	atomic_store(&fdw_sigstacks, 0);
	fdw_places_end = 0;
	fdw_pins_reset();
	fdw_self.sigstack = 0;
	if (!mine.low)
		return;
	fdw_places[0] = (struct fdw_place){ .tid = fdw_tid(), .low = mine.low, .high = mine.high, .turn = ++turns };
	fdw_places_end = 1;
	fdw_self.sigstack = 1;
	atomic_store(&fdw_sigstacks, 1);
}
