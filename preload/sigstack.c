/*
 * preload/sigstack.c: see sigstack.h.
 *
 * Context: any thread, handlers. System calls: mlock, munlock, madvise, mincore, tgkill, gettid, uname, prlimit; none of them under a filter.
 * Locks: one, of places and pins; its waits are bounded, and without it nothing is pinned. A handler that interrupts its holder does without.
 */
#include <sys/utsname.h>
#include "event.h"
#include "log.h"
#include "sigstack.h"
#include "stack.h"
#include "thread.h"
#include "wait.h"
#include "poison.h"

#define STACKS 1024u
#define NO_PLACE 0xffffu
#define LOCK_BOUND_US 250000u
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLD
#define MADV_COLD 20
#endif

static struct place {
	uint32_t tid; /* 0: free */
	uint8_t pinned;
	uintptr_t low, high;
	uintptr_t theirs_low, theirs_high; /* pages the program has locked itself, and what lies between them: never unlocked by us */
} places[STACKS] FDW_LARGE;
static uint32_t end; /* places below it were ever taken */
static _Atomic uint32_t locked; /* by which thread */
static uint8_t program_locks; /* it has locked memory, or may have */
_Atomic uint32_t fdw_sigstacks;

static int lock(void)
{
	struct fdw_wait w;
	uint32_t holder = 0;

	fdw_wait_start(&w, LOCK_BOUND_US);
	while (!atomic_compare_exchange_strong(&locked, &holder, fdw_tid())) {
		if (holder == fdw_tid() || !fdw_wait_step(&w)) /* we are a handler in its middle */
			return 0;
		holder = 0;
	}
	return 1;
}

static void unlock(void) { atomic_store(&locked, 0); }

/* ---- pins: the lock is held -----------------------------------------------------------------------------------------------------------------*/

#define PAGE UINT64_C(4096)
static uintptr_t page_of(uintptr_t p) { return p & ~(uintptr_t)(PAGE - 1); }
static uintptr_t pages_end(uintptr_t p) { return page_of(p + PAGE - 1); }

/* Another stack that is pinned and has a part of this page. */
static const struct place *sharer(const struct place *p, uintptr_t page)
{
	for (uint32_t i = 0; i < end; i++)
		if (&places[i] != p && places[i].pinned && page >= page_of(places[i].low) && page < pages_end(places[i].high))
			return &places[i];
	return NULL;
}

static int is_theirs(const struct place *p, uintptr_t page) { return page >= p->theirs_low && page < p->theirs_high; }

/* In runs: a page at a time would be a system call a page. */
static void unlock_all_but_theirs(const struct place *p)
{
	uintptr_t from = 0, page;

	for (page = page_of(p->low); page < pages_end(p->high); page += PAGE) {
		if (!is_theirs(p, page) && !sharer(p, page)) {
			from = from ? from : page;
			continue;
		}
		if (from)
			fdw_raw(SYS_munlock, from, page - from);
		from = 0;
	}
	if (from)
		fdw_raw(SYS_munlock, from, page - from);
}

/* 0, or why not. Touched, then. */
static int pin(struct place *p)
{
	uintptr_t low = page_of(p->low), n = pages_end(p->high) - low;
	long r = fdw_raw(SYS_mlock, low, n);

	p->pinned = r == 0;
	if (r == -ENOMEM)
		unlock_all_but_theirs(p); /* some of it is locked, up to a page that nobody may touch */
	if (r != 0)
		fdw_raw(SYS_madvise, low, n, (long)MADV_POPULATE_WRITE);
	return (int)-r;
}

static void unpin(struct place *p)
{
	if (!p->pinned)
		return;
	p->pinned = 0;
	if (!fdw_process.filtered) /* else it stays locked until it is unmapped */
		unlock_all_but_theirs(p);
}

/* ---- what the program has locked itself --------------------------------------------------------------------------------------------------------
 * The kernel keeps one lock a page and does not tell whose. It is asked, before ours is put on, by advice that it refuses for locked pages and that
 * changes nothing else of note; a kernel without that advice (before 5.4) leaves us to take all of it for theirs.
 */
static int is_locked(uintptr_t low, size_t n) { return fdw_raw(SYS_madvise, low, n, (long)MADV_COLD) == -EINVAL; }

static int was_theirs(const struct place *p, uintptr_t page)
{
	const struct place *other = sharer(p, page);
	return other ? is_theirs(other, page) : is_locked(page, PAGE);
}

static void add_theirs(struct place *p, uintptr_t low, uintptr_t high)
{
	p->theirs_low = p->theirs_high && p->theirs_low < low ? p->theirs_low : low;
	p->theirs_high = p->theirs_high > high ? p->theirs_high : high;
}

#define PAGES_ASKED 256 /* one system call each */
static void find_theirs(struct place *p)
{
	uintptr_t low = page_of(p->low), high = pages_end(p->high);

	if (!program_locks || !is_locked(low, high - low))
		return;
	if (is_locked(low, 0) || high - low > PAGES_ASKED * PAGE) /* it does not know this advice */
		add_theirs(p, low, high);
	for (uintptr_t page = low; page < high && !is_theirs(p, high - PAGE); page += PAGE)
		if (was_theirs(p, page))
			add_theirs(p, page, page + PAGE);
}

static int overlaps(const struct place *p, uintptr_t low, size_t n) { return p->tid && (!n || (p->low < low + n && low < p->high)); }

unsigned fdw_sigstack_unpin(uintptr_t low, size_t n)
{
	unsigned was = 0;

	if (!atomic_load(&fdw_sigstacks) || fdw_process.filtered || !lock())
		return 0;
	for (uint32_t i = 0; i < end; i++)
		if (overlaps(&places[i], low, n) && places[i].pinned) {
			unpin(&places[i]);
			was++;
		}
	unlock();
	return was;
}

void fdw_sigstack_repin(uintptr_t low, size_t n)
{
	if (!atomic_load(&fdw_sigstacks) || fdw_process.filtered || !fdw_enforcing() || !lock())
		return;
	for (uint32_t i = 0; i < end; i++)
		if (overlaps(&places[i], low, n))
			pin(&places[i]);
	unlock();
}

void fdw_sigstack_program_locks(uintptr_t low, size_t n)
{
	uintptr_t from = page_of(low), to = pages_end(low + n);

	program_locks = 1;
	if (!n || !atomic_load(&fdw_sigstacks) || !lock())
		return;
	for (uint32_t i = 0; i < end; i++) {
		struct place *p = &places[i];
		uintptr_t first = page_of(p->low), last = pages_end(p->high);
		if (p->tid && first < to && from < last)
			add_theirs(p, from > first ? from : first, to < last ? to : last);
	}
	unlock();
}

/* What is left of theirs is one piece: of a hole in its middle nothing is known. */
void fdw_sigstack_program_unlocks(uintptr_t low, size_t n)
{
	uintptr_t from = page_of(low), to = pages_end(low + n);

	if (!atomic_load(&fdw_sigstacks) || fdw_process.filtered || !lock())
		return;
	for (uint32_t i = 0; i < end; i++) {
		struct place *p = &places[i];
		if (from <= p->theirs_low && to > p->theirs_low)
			p->theirs_low = to;
		if (to >= p->theirs_high && from < p->theirs_high)
			p->theirs_high = from;
		if (p->theirs_low >= p->theirs_high)
			p->theirs_low = p->theirs_high = 0;
		if (p->tid && p->pinned && p->low < to && from < pages_end(p->high))
			pin(p);
	}
	unlock();
}

/* ---- places -----------------------------------------------------------------------------------------------------------------------------------*/

static int lives(uint32_t tid)
{
	return tid == fdw_tid() || fdw_process.filtered || fdw_raw(SYS_tgkill, (long)fdw_process.pid, (long)tid, 0L) == 0;
}

static void free_place(struct place *p)
{
	unpin(p);
	p->tid = 0;
	atomic_fetch_sub(&fdw_sigstacks, 1);
}

/* Those of threads that ended without a word (no libc thread, or cancelled early) count as free when all are taken. */
static struct place *take(void)
{
	for (uint32_t i = 0; i < STACKS; i++)
		if (!places[i].tid) {
			end = i < end ? end : i + 1;
			return &places[i];
		}
	for (uint32_t i = 0; i < STACKS; i++)
		if (!lives(places[i].tid)) {
			free_place(&places[i]);
			return &places[i];
		}
	return NULL;
}

static struct place *own(void)
{
	struct place *p = fdw_self.sigstack && fdw_self.sigstack != NO_PLACE ? &places[fdw_self.sigstack - 1] : NULL;

	return p && p->tid == fdw_tid() ? p : NULL;
}

extern void *__libc_stack_end __attribute__((weak));

/*
 * A part of the stack that runs at this moment: it is in memory, and a lock would cut the stack's mapping in two. A thread of libc's has its thread
 * pointer at the top of its stack.
 */
static int is_on_own_stack(const struct place *p)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0), top = (uintptr_t)__builtin_thread_pointer();

	if (top < sp)
		top = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
	return p->low > sp && p->low < top && p->low - sp < 8u << 20;
}

/* errno of the pin that failed, 0; -1: it was not tried. */
static int install(const stack_t *ss)
{
	struct place *p;
	int err = -1;

	if (!lock()) {
		if ((p = own())) /* it is nobody's memory any more, as far as we know */
			p->low = p->high = 0;
		return -1;
	}
	if ((p = own()))
		free_place(p);
	fdw_self.sigstack = 0;
	if (!(ss->ss_flags & SS_DISABLE) && (p = take())) {
		*p = (struct place){ .tid = fdw_tid(), .low = (uintptr_t)ss->ss_sp, .high = (uintptr_t)ss->ss_sp + ss->ss_size };
		fdw_self.sigstack = (uint16_t)(p - places + 1);
		atomic_fetch_add(&fdw_sigstacks, 1);
		if (fdw_enforcing() && !fdw_process.filtered && !is_on_own_stack(p)) {
			find_theirs(p);
			err = pin(p);
		}
	}
	unlock();
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

static void say(const stack_t *ss, int err, uint16_t call, uintptr_t pc)
{
	struct utsname u;
	struct rlimit rl = { 0 };
	int off = (ss->ss_flags & SS_DISABLE) != 0, known;
	uint32_t frame;

	if (err <= 0 && !fdw_recording())
		return;
	if (fdw_process.filtered || fdw_raw(SYS_uname, &u) != 0)
		u.release[0] = 0;
	say_unpinned(err, u.release);
	if (!fdw_recording())
		return;
	if (!fdw_process.filtered)
		fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_MEMLOCK, NULL, &rl);
	frame = fdw_sigframe(&known);
	fdw_send(&(struct fdw_event){ .op = FDW_OP_SIGSTACK, .call = call, .fd = err < 0 ? FDW_SIGSTACK_LEFT : err ? FDW_SIGSTACK_TOUCHED : FDW_SIGSTACK_PINNED,
		.err = err > 0 ? err : 0, .fd2 = rl.rlim_cur >> 10 > INT32_MAX ? INT32_MAX : (int)(rl.rlim_cur >> 10),
		.gen = frame, .flags = (uint32_t)known << FDW_F_USER_SHIFT, .arg = off ? 0 : (uintptr_t)ss->ss_sp, .ret = off ? 0 : (int64_t)ss->ss_size,
		.detail = (const uint8_t *)u.release, .detail_len = (uint32_t)strnlen(u.release, 64) }, pc);
}

/* A task that clone() made without a thread pointer of its own: what fdw_self says is another's. */
static int is_another(void)
{
	return unlikely(atomic_load_explicit(&fdw_raw_threads, memory_order_relaxed)) && !fdw_process.filtered &&
	       (uint32_t)fdw_raw(SYS_gettid) != fdw_tid();
}

void fdw_sigstack_changed(const stack_t *ss, uint16_t call, uintptr_t pc)
{
	int off = (ss->ss_flags & SS_DISABLE) != 0, saved = errno, err;

	if (is_another())
		return;
	fdw_self.alt_low = off ? 0 : (uintptr_t)ss->ss_sp;
	fdw_self.alt_high = off ? 0 : (uintptr_t)ss->ss_sp + ss->ss_size;
	if (!fdw_on() || fdw_self.tool || (fdw_process.mode == FDW_MODE_OBSERVE && !fdw_recording()))
		return;
	err = install(ss);
	if (!off)
		fdw_thread_watch_end();
	say(ss, err, call, pc);
	errno = saved;
}

/* ---- memory that goes ---------------------------------------------------------------------------------------------------------------------------*/

/* Of our own thread the kernel can tell whether it is still installed: a handler with SS_AUTODISARM has it disarmed. */
static int is_installed(const struct place *p)
{
	stack_t now;

	if (p->tid != fdw_tid())
		return lives(p->tid);
	return fdw_process.filtered || fdw_raw(SYS_sigaltstack, NULL, &now) != 0 ||
	       (!(now.ss_flags & SS_DISABLE) && (uintptr_t)now.ss_sp == p->low);
}

static void tell_lost(const struct place *p, uint16_t call, uintptr_t pc)
{
	if (fdw_recording())
		fdw_send(&(struct fdw_event){ .op = FDW_OP_SIGSTACK_LOST, .call = call, .fd = -1, .fd2 = (int)p->tid, .arg = p->low,
			.ret = (int64_t)(p->high - p->low) }, pc);
	else if (!fdw_process.child)
		fdw_log_violation(&(struct fdw_violation){ .rule = "sigstack-unmapped", .call = fdw_call_names[call], .fd = -1, .pc = pc,
			.what = p->tid == fdw_tid() ? "it takes the memory of this thread's alternate signal stack" :
			                              "it takes the memory of another thread's alternate signal stack" });
}

void fdw_sigstack_memory_slow(uintptr_t low, size_t n, int gone, uint16_t call, uintptr_t pc)
{
	int saved = errno;

	for (uint32_t i = 0; n && i < end && fdw_on(); i++) {
		struct place p = places[i];
		if (!overlaps(&p, low, n))
			continue;
		if (is_installed(&p))
			tell_lost(&p, call, pc);
		if (!gone || !lock())
			continue;
		if (places[i].tid == p.tid && places[i].low == p.low) {
			places[i].pinned = 0; /* and what was locked went with it */
			free_place(&places[i]);
		}
		unlock();
	}
	errno = saved;
}

struct fdw_sigstack_hit fdw_sigstack_would_go_slow(uintptr_t low, size_t n)
{
	struct fdw_sigstack_hit hit = { 0 };
	int saved = errno;

	for (uint32_t i = 0; n && i < end && fdw_on() && !hit.tid; i++) {
		struct place p = places[i];
		if (overlaps(&p, low, n) && is_installed(&p))
			hit = (struct fdw_sigstack_hit){ i, p.tid, p.low };
	}
	errno = saved;
	return hit;
}

void fdw_sigstack_gone(struct fdw_sigstack_hit hit, uint16_t call, uintptr_t pc)
{
	struct place p = places[hit.place];
	int saved = errno;

	if (p.tid != hit.tid || p.low != hit.low)
		return;
	tell_lost(&p, call, pc);
	if (lock()) {
		if (places[hit.place].tid == hit.tid && places[hit.place].low == hit.low) {
			places[hit.place].pinned = 0; /* and what was locked went with it */
			free_place(&places[hit.place]);
		}
		unlock();
	}
	errno = saved;
}

/* Freed behind everybody's back, as by free(): a thread that ends finds out. */
static int is_mapped(const struct place *p)
{
	unsigned char resident[64];
	uintptr_t low = page_of(p->low), n = pages_end(p->high) - low;

	return fdw_process.filtered || fdw_raw(SYS_mincore, low, n < sizeof resident * PAGE ? n : sizeof resident * PAGE, resident) != -ENOMEM;
}

void fdw_sigstack_thread_ends(void)
{
	struct place *p = own();

	if (!p)
		return;
	if (!is_mapped(p))
		tell_lost(p, FDW_CALL_none, 0);
	if (lock()) {
		if (!is_mapped(p))
			p->pinned = 0;
		free_place(p);
		unlock();
	}
	fdw_self.sigstack = 0;
}

void fdw_sigstack_process_ends_slow(void)
{
	int saved = errno;

	for (uint32_t i = 0; i < end; i++)
		if (places[i].tid && is_installed(&places[i]) && !is_mapped(&places[i]))
			tell_lost(&places[i], FDW_CALL_none, 0);
	errno = saved;
}

FDW_FORK_PATH void fdw_sigstack_reset(void)
{
	struct place *p, mine = { 0 };

	if (likely(!atomic_load(&fdw_sigstacks)))
		return;
	p = own();
	if (p)
		mine = *p;
	for (uint32_t i = 0; i < end; i++)
		places[i].tid = 0;
	atomic_store(&locked, 0);
	atomic_store(&fdw_sigstacks, 0);
	end = 0;
	program_locks = 0;
	fdw_self.sigstack = 0;
	if (!mine.low)
		return;
	places[0] = (struct place){ .tid = fdw_tid(), .low = mine.low, .high = mine.high };
	end = 1;
	fdw_self.sigstack = 1;
	atomic_store(&fdw_sigstacks, 1);
}
