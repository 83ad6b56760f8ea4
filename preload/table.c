/*
 * preload/table.c: the descriptor words and the claimed close. Rules 1-5 of the design live here and nowhere else.
 *
 * Context: every thread, handlers. Not in a vfork child (the words are its parent's).
 * May not: allocate, block without a bound. mmap only while the table grows and no seccomp filter is known.
 * Locks: none. Each word is its own protocol.
 */
#include <sys/auxv.h>
#include "birth.h"
#include "event.h"
#include "stack.h"
#include "table.h"
#include "wait.h"
#include "poison.h"

struct fdw_near fdw_near;
_Atomic uint32_t fdw_table_end = FDW_TABLE_NEAR;
static fdw_word_t *far_words;
static struct fdw_record *far_records;

fdw_word_t *fdw_far_word(uint32_t fd)
{
	return fd < atomic_load_explicit(&fdw_table_end, memory_order_acquire) ? &far_words[fd - FDW_TABLE_NEAR] : NULL;
}

struct fdw_record *fdw_far_record(uint32_t fd) { return &far_records[fd - FDW_TABLE_NEAR]; }

/* Where the table ends for good: the next step could not be had. */
static _Atomic uint32_t limit = FDW_TABLE_MAX;

#define FAR (UINT64_C(64) << 30)

static int map_at(void *at, size_t n)
{
	long r = fdw_raw(SYS_mmap, at, n, (long)(PROT_READ | PROT_WRITE), (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE),
	                 -1L, 0L);
	if (r == (long)(uintptr_t)at)
		return 0;
	if (r > 0) /* a kernel that does not know MAP_FIXED_NOREPLACE took it for a hint */
		fdw_raw(SYS_munmap, r, n);
	return -1;
}

static int open_far(uint32_t from, uint32_t to)
{
	fdw_word_t *words = far_words + (from - FDW_TABLE_NEAR);
	struct fdw_record *records = far_records + (from - FDW_TABLE_NEAR);

	if (!far_words || map_at(words, (to - from) * sizeof *words) != 0)
		return -1;
	if (map_at(records, (to - from) * sizeof *records) == 0)
		return 0;
	fdw_raw(SYS_munmap, words, (to - from) * sizeof *words);
	return -1;
}

/* The place was taken before we needed it: one step, wherever there is room. */
static int open_anywhere(uint32_t from, uint32_t *to)
{
	size_t n = FDW_TABLE_STEP * sizeof(fdw_word_t);
	long p;

	if (from != FDW_TABLE_NEAR)
		return -1;
	p = fdw_raw(SYS_mmap, NULL, n + FDW_TABLE_STEP * sizeof(struct fdw_record), (long)(PROT_READ | PROT_WRITE),
	            (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), -1L, 0L);
	if (p < 0)
		return -1;
	far_words = (fdw_word_t *)p;
	far_records = (struct fdw_record *)((char *)p + n);
	*to = from + FDW_TABLE_STEP;
	atomic_store(&limit, *to);
	return 0;
}

/* One thread opens steps at a time: the one that finds the other at it waits for a moment, as does a handler that interrupted it, in vain. */
#define GROW_BOUND_US 2000u
void fdw_table_prepare(uint32_t end)
{
	static _Atomic int growing;
	struct fdw_wait wait;
	uint32_t now;
	int none = 0;

	if (end <= FDW_TABLE_NEAR)
		return;
	end = FDW_TABLE_NEAR + (end - FDW_TABLE_NEAR + FDW_TABLE_STEP - 1) / FDW_TABLE_STEP * FDW_TABLE_STEP;
	if (end > FDW_TABLE_MAX)
		end = FDW_TABLE_MAX;
	if (end > atomic_load(&limit))
		end = atomic_load(&limit);
	for (unsigned first = 1; !atomic_compare_exchange_strong(&growing, &none, 1); first = none = 0) {
		if (first)
			fdw_wait_start(&wait, GROW_BOUND_US);
		if (!fdw_wait_step(&wait))
			return;
	}
	now = atomic_load_explicit(&fdw_table_end, memory_order_acquire);
	if (end > now) {
		/* Release: who sees the new end may touch the pages. */
		if (open_far(now, end) == 0 || open_anywhere(now, &end) == 0)
			atomic_store_explicit(&fdw_table_end, end, memory_order_release);
		else
			atomic_store(&limit, now);
	}
	atomic_store(&growing, 0);
}

/* Where the far numbers go: as far below us as nobody maps without being asked to. */
void fdw_table_init(void)
{
	uintptr_t here = (uintptr_t)&fdw_near & ~(uintptr_t)0xffffff;

	/*
	 * The loader's look at a neighbour mapped these pages of the file too, and each page that is mapped costs in every fork. A page that
	 * is written before it is read brings no neighbours.
	 */
	if (!fdw_process.filtered && getauxval(AT_PAGESZ) == FDW_NEAR_PAGE)
		fdw_raw(SYS_madvise, &fdw_near, sizeof fdw_near, (long)MADV_DONTNEED);
	atomic_store_explicit(&fdw_near.words[0], 0, memory_order_relaxed);
	*(volatile uint32_t *)&fdw_near.records[0].gen = 0;
	far_words = (fdw_word_t *)(here > FAR * 2 ? here - FAR : 0);
	far_records = (struct fdw_record *)((char *)far_words + FDW_TABLE_MAX * sizeof *far_words);
	/* A filter that we were started under let the loader map us: later on nobody asks it again. */
	if (fdw_process.filtered)
		fdw_table_prepare(FDW_TABLE_NEAR + 1);
}

fdw_word_t *fdw_word_grow(int fd)
{
	if (unlikely((uint32_t)fd >= atomic_load_explicit(&fdw_table_end, memory_order_acquire))) {
		if ((uint32_t)fd >= atomic_load_explicit(&limit, memory_order_relaxed) || fdw_process.filtered)
			return NULL;
		fdw_table_prepare((uint32_t)fd + 1);
	}
	return fdw_word(fd);
}

void fdw_made_higher(uint32_t fd)
{
	uint32_t n = atomic_load_explicit(&fdw_process.made_end, memory_order_relaxed);

	while (n <= fd && !atomic_compare_exchange_weak_explicit(&fdw_process.made_end, &n, fd + 1, memory_order_relaxed, memory_order_relaxed))
		;
}

uint32_t fdw_born(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc)
{
	return fdw_born_inline(fd, kind, flags, call, pc);
}

/* ---- closing ---------------------------------------------------------------------------------------------------------------------*/

static unsigned own_flux(int fd)
{
	return (fdw_self.flux[0].fd == fd + 1) + (fdw_self.flux[1].fd == fd + 1) + (fdw_self.deciding == fd + 1);
}

/* Rule 4: the closer waits until nobody arms or duplicates the number any more. Own counts (we are in a handler) don't matter. */
static void drain(int fd, fdw_word_t *w)
{
	struct fdw_wait wait;
	unsigned own = own_flux(fd);
	uint64_t v = atomic_load_explicit(w, memory_order_acquire);
	/* The flag that is being cleared must not be a stranger's: for that the wait is longer. */
	unsigned bound = v & FDW_W_DECIDING ? FDW_DECIDING_BOUND_US : FDW_DRAIN_BOUND_US;

	if (!fdw_enforcing() || fdw_flux(v) <= own)
		return;
	fdw_wait_start(&wait, bound);
	while (fdw_flux(atomic_load_explicit(w, memory_order_acquire)) > own)
		if (!fdw_wait_step(&wait)) {
			/* Its holder was cancelled or jumped out: nobody else shall wait for it. A late leaver finds 0 and leaves it. */
			atomic_fetch_and_explicit(w, ~FDW_FLUX_MASK, memory_order_relaxed);
			fdw_bound_reached(fd, 0, bound);
			FDW_STEP(drain_bound);
			break;
		}
}

void fdw_claimed_busy(int fd, fdw_word_t *w, uint64_t v)
{
	if (v & FDW_W_SECTION)
		fdw_birth_ended(fd);
	if (fdw_flux(v))
		drain(fd, w);
	/* dup2 may fail, and then nothing was closed */
	if (v & FDW_W_REGISTERED && !(v & FDW_W_REPLACED))
		fdw_closing_registered(fd, v);
}

/* Nobody waits for it again. A later end of that close finds another state, and leaves it. */
static void give_up_closing(fdw_word_t *w, uint64_t v)
{
	atomic_compare_exchange_strong(w, &v, fdw_with_state(v, FDW_UNKNOWN) & ~FDW_FLAGS_MASK);
}

/*
 * It runs nothing of the program any more, or has gone altogether. pthread_join returns when the kernel has cleared the thread's id in memory, a moment
 * before the id itself is free: tgkill still finds it then, but its list of robust locks, which libc hands in for every thread, was taken back before.
 */
static int thread_ended(uint32_t tid)
{
	const void *locks = NULL;
	size_t size;
	long r;

	if (fdw_process.filtered || fdw_thread_gone(tid))
		return !fdw_process.filtered;
	r = fdw_raw(SYS_get_robust_list, (long)tid, &locks, &size);
	return r == -ESRCH || (r == 0 && !locks);
}

/*
 * Cancelled, as fclose() waited for a reader; or it is a thread of our parent's. The kernel is asked between two looks at who it is, for that is written
 * a moment after the state.
 */
int fdw_close_goes_on(int fd, uint64_t v)
{
	const struct fdw_record *r = fdw_record(fd);
	uint32_t by = r->close_tid;

	if (!thread_ended(by) || *(const volatile uint32_t *)&r->close_tid != by)
		return 1;
	give_up_closing(fdw_word(fd), v);
	return 0;
}

/* Waits, bounded, until the state of this generation is no longer *closing*. 0: in vain, its history is unknown from here on. */
static int wait_closing(struct fdw_claim *c, fdw_word_t *w, uint64_t *v)
{
	struct fdw_wait wait;

	FDW_STEP(lost);
	if (!fdw_close_goes_on(c->fd, *v))
		return 0;
	fdw_wait_start(&wait, FDW_LOSER_BOUND_US);
	while (fdw_state(*v) == FDW_CLOSING && fdw_gen(*v) == fdw_gen(c->before)) {
		if (!fdw_wait_step(&wait)) {
			give_up_closing(w, *v); /* it lingers */
			fdw_bound_reached(c->fd, FDW_F_LOSER, FDW_LOSER_BOUND_US);
			FDW_STEP(loser_bound);
			return 0;
		}
		*v = atomic_load_explicit(w, memory_order_acquire);
	}
	return 1;
}

/* Another thread closes this generation. Wait until that is over, then look again: is the number somebody else's by now? */
static void lose(struct fdw_claim *c, fdw_word_t *w, uint64_t v)
{
	c->loser = 1;
	/* Observe; or we are a handler that interrupted the closer: waiting for ourselves would be foolish. A newer generation was made
	 * after this call began: it cannot be what the caller meant. */
	if (fdw_enforcing() && fdw_record(c->fd)->close_tid != fdw_tid() && wait_closing(c, w, &v))
		c->refused = fdw_gen(v) != fdw_gen(c->before) || fdw_is_tombstone(v);
}

/*
 * Another thread puts something else over this number, which is never free meanwhile: a close that comes now means either the old descriptor
 * or the new one, and is right in both cases. It takes its turn after the other, or is passed through. 1: look again.
 */
static int after_replacement(struct fdw_claim *c, fdw_word_t *w, uint64_t *v)
{
	if (fdw_enforcing() && fdw_record(c->fd)->close_tid != fdw_tid() && wait_closing(c, w, v))
		return 1;
	c->before = fdw_with_state(c->before, FDW_UNKNOWN);
	return 0;
}

/* A handler that interrupted who gives back would wait for itself. */
void fdw_wait_left(int fd)
{
	struct fdw_wait wait;

	if (!fdw_enforcing() || fdw_self.gives_back)
		return;
	fdw_wait_start(&wait, FDW_LOSER_BOUND_US);
	while (fdw_state(fdw_peek(fd)) == FDW_LEAVING && fdw_wait_step(&wait))
		;
}

/* Not simply open: found in another state, or changed under our hands. */
void fdw_claim_slow(struct fdw_claim *c, fdw_word_t *w, uint64_t v, uint64_t mark)
{
	do {
		while (fdw_state(v) == FDW_OPEN)
			if (fdw_cas(w, &v, fdw_with_state(v, FDW_CLOSING) | mark)) {
				c->before = v;
				c->owner = 1;
				fdw_record(c->fd)->close_tid = fdw_tid();
				fdw_claimed_busy(c->fd, w, v);
				return;
			}
		c->before = v;
	} while (fdw_state(v) == FDW_CLOSING && v & FDW_W_REPLACED && after_replacement(c, w, &v));
	if (unlikely(mark && fdw_state(c->before) == FDW_LEAVING))
		fdw_wait_left(c->fd);
	if (fdw_state(c->before) == FDW_CLOSING)
		lose(c, w, v);
	else if (fdw_is_tombstone(c->before))
		c->refused = 1;
	else if (fdw_state(c->before) == FDW_PROTECTED)
		c->protect = 1;
}

void fdw_claim_end(struct fdw_claim *c, enum fdw_close_result result, uint16_t call, uintptr_t pc)
{
	fdw_word_t *w = fdw_word(c->fd);
	uint64_t v, n;

	if (!c->owner || !w)
		return;
	c->owner = 0;
	if (result == FDW_CLOSE_DONE) {
		fdw_claim_done(c, call, pc);
		return;
	}
	v = atomic_load_explicit(w, memory_order_relaxed);
	while (fdw_gen(v) == fdw_gen(c->before) && fdw_state(v) == FDW_CLOSING) { /* rule 3 */
		n = result == FDW_CLOSE_UNDO ? fdw_with_state(v, FDW_OPEN) & ~FDW_W_REPLACED : fdw_with_state(v, FDW_UNKNOWN) & ~FDW_FLAGS_MASK;
		if (!fdw_cas(w, &v, n))
			continue;
		/* The claim took it out of its maker's list: nobody would decide. */
		if (unlikely(n & FDW_W_SECTION))
			fdw_section_clear(&(struct fdw_section){ .fd = c->fd, .gen = fdw_gen(n) }, 0);
		break;
	}
}

/* ---- in flux -------------------------------------------------------------------------------------------------------------------------*/

static void flux_drop(int fd)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v;

	if (!w)
		return;
	v = atomic_load_explicit(w, memory_order_relaxed);
	while (fdw_flux(v) && !atomic_compare_exchange_weak_explicit(w, &v, v - FDW_FLUX_ONE, memory_order_release,
	                                                             memory_order_relaxed))
		;
}

void fdw_flux_enter(int fd, uintptr_t frame)
{
	fdw_word_t *w = fdw_word(fd);
	struct fdw_flux *slot = &fdw_self.flux[0];

	if (!w)
		return;
	if (unlikely(slot->fd)) {
		/* Left over by a siglongjmp out of a wrapper when its frame lies at or below ours on the same stack; otherwise
		 * we are a handler that interrupted it, and use the second slot. */
		if (!fdw_on_signal_stack(frame) && slot->frame <= frame)
			flux_drop(slot->fd - 1);
		else
			slot = &fdw_self.flux[1];
		if (slot == &fdw_self.flux[1] && slot->fd)
			return; /* a handler in a handler: not counted, which is what happened without us */
	}
	slot->fd = fd + 1;
	slot->frame = frame;
	if (unlikely(fdw_flux(atomic_fetch_add_explicit(w, FDW_FLUX_ONE, memory_order_acquire)) == 0xfff))
		atomic_fetch_sub_explicit(w, FDW_FLUX_ONE, memory_order_relaxed), slot->fd = 0;
}

void fdw_flux_leave(int fd)
{
	struct fdw_flux *slot = fdw_self.flux[1].fd == fd + 1 ? &fdw_self.flux[1] : &fdw_self.flux[0];

	if (slot->fd != fd + 1)
		return;
	slot->fd = 0;
	flux_drop(fd);
}

void fdw_flux_reset(void)
{
	/* Only the numbers of threads that are gone can be in flux here; they are few, and the words are ours alone now. */
	uint32_t end = atomic_load_explicit(&fdw_table_end, memory_order_relaxed);
	for (uint32_t i = 0; i < end; i++) {
		uint64_t v = atomic_load_explicit(fdw_word_at(i), memory_order_relaxed), n = v & ~(FDW_FLUX_MASK | FDW_W_SECTION | FDW_W_DECIDING);
		if (unlikely(fdw_state(v) == FDW_LEAVING)) /* nobody here gives it back */
			n = fdw_with_state(n, FDW_UNKNOWN) & ~FDW_FLAGS_MASK;
		if (unlikely(n != v))
			atomic_store_explicit(fdw_word_at(i), n, memory_order_relaxed);
	}
	fdw_self.flux[0].fd = fdw_self.flux[1].fd = 0;
}

/* ---- the tracer's own --------------------------------------------------------------------------------------------------------------------*/

int fdw_is_protected(int fd)
{
	return fdw_state(fdw_peek(fd)) == FDW_PROTECTED;
}

static void force_state(int fd, uint64_t s)
{
	fdw_word_t *w = fdw_word_grow(fd);
	uint64_t v;

	if (!w)
		return;
	v = atomic_load_explicit(w, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(w, &v, (v & ~(FDW_FLAGS_MASK | FDW_STATE_MASK)) | s, memory_order_acq_rel,
	                                              memory_order_relaxed))
		;
}

static void protect_as(int fd, uint64_t s)
{
	force_state(fd, s);
	fdw_process.protects = 1;
	if (fd >= FD_SETSIZE && (!fdw_process.beyond_sets || (uint32_t)fd < fdw_process.beyond_sets))
		fdw_process.beyond_sets = (uint32_t)fd;
}

void fdw_protect(int fd) { protect_as(fd, FDW_PROTECTED); }
void fdw_protect_kept(int fd) { protect_as(fd, FDW_PROTECTED | FDW_W_KEPT); }
void fdw_unprotect(int fd)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v = w ? atomic_load_explicit(w, memory_order_relaxed) : 0;

	/* Not what somebody else has made of the number meanwhile. */
	while (fdw_state(v) == FDW_PROTECTED &&
	       !atomic_compare_exchange_weak_explicit(w, &v, (v & ~(FDW_FLAGS_MASK | FDW_STATE_MASK)) | FDW_UNKNOWN, memory_order_acq_rel, memory_order_relaxed))
		;
}
