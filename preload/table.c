/*
 * preload/table.c: the descriptor words and the claimed close. Rules 1-5 of the design live here and nowhere else.
 *
 * Context: every thread, handlers. Not in a vfork child (the words are its parent's).
 * May not: allocate, block without a bound. mprotect only while the table grows and no seccomp filter is known.
 * Locks: none. Each word is its own protocol.
 */
#include <sys/auxv.h>
#include <sys/resource.h>
#include "event.h"
#include "table.h"
#include "wait.h"
#include "poison.h"

fdw_word_t *fdw_words;
struct fdw_record *fdw_records;
_Atomic uint32_t fdw_table_end;

/*
 * Numbers the table has room for. All addresses count for mlockall(MCL_CURRENT), also those without access: where the limit of locked
 * memory is in force, for all but root, there are no more of them than the hard limit allows descriptors. Root may raise that one later.
 */
static uint32_t table_max = FDW_TABLE_MAX;

static void choose_size(void)
{
	struct rlimit rl;

	if (getauxval(AT_EUID) == 0 || fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &rl) != 0)
		return;
	if (rl.rlim_max < FDW_TABLE_MAX - FDW_TABLE_STEP)
		table_max = ((uint32_t)rl.rlim_max / FDW_TABLE_STEP + 1) * FDW_TABLE_STEP;
}

/* Reserved without access: costs no memory, and mlockall(MCL_FUTURE) of an unprivileged program still succeeds. */
static void *reserve(size_t n)
{
	void *p = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static int open_step(uint32_t from, uint32_t to)
{
	long r = fdw_raw(SYS_mprotect, fdw_words + from, (to - from) * sizeof *fdw_words, PROT_READ | PROT_WRITE);
	if (r == 0)
		r = fdw_raw(SYS_mprotect, fdw_records + from, (to - from) * sizeof *fdw_records, PROT_READ | PROT_WRITE);
	return r == 0 ? 0 : -1;
}

void fdw_table_prepare(uint32_t end)
{
	uint32_t now = atomic_load_explicit(&fdw_table_end, memory_order_acquire);

	end = (end + FDW_TABLE_STEP - 1) / FDW_TABLE_STEP * FDW_TABLE_STEP;
	if (end > table_max)
		end = table_max;
	if (end <= now || open_step(now, end) != 0)
		return;
	/* Two threads may open the same step: mprotect twice is harmless, the larger end stays. Release: who sees the new end
	 * may touch the pages. */
	while (now < end && !atomic_compare_exchange_weak_explicit(&fdw_table_end, &now, end, memory_order_release,
	                                                           memory_order_relaxed))
		;
}

int fdw_table_init(void)
{
	choose_size();
	fdw_words = reserve(table_max * sizeof *fdw_words);
	fdw_records = reserve(table_max * sizeof *fdw_records);
	if (!fdw_words || !fdw_records)
		return -1;
	fdw_table_prepare(FDW_TABLE_STEP);
	return atomic_load(&fdw_table_end) ? 0 : -1;
}

fdw_word_t *fdw_word_grow(int fd)
{
	if (unlikely((uint32_t)fd >= atomic_load_explicit(&fdw_table_end, memory_order_acquire))) {
		if ((uint32_t)fd >= table_max || fdw_process.filtered)
			return NULL;
		fdw_table_prepare((uint32_t)fd + 1);
	}
	return fdw_word(fd);
}

uint32_t fdw_born(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc)
{
	return fdw_born_inline(fd, kind, flags, call, pc);
}

/* ---- closing ---------------------------------------------------------------------------------------------------------------------*/

static unsigned own_flux(int fd)
{
	return (fdw_self.flux[0].fd == fd + 1) + (fdw_self.flux[1].fd == fd + 1);
}

/* Rule 4: the closer waits until nobody arms or duplicates the number any more. Own counts (we are in a handler) don't matter. */
void fdw_drain(int fd, fdw_word_t *w)
{
	struct fdw_wait wait;
	unsigned own = own_flux(fd);

	if (!fdw_enforcing() || fdw_flux(atomic_load_explicit(w, memory_order_acquire)) <= own)
		return;
	fdw_wait_start(&wait, FDW_DRAIN_BOUND_US);
	while (fdw_flux(atomic_load_explicit(w, memory_order_acquire)) > own)
		if (!fdw_wait_step(&wait)) {
			/* Its holder was cancelled or jumped out: nobody else shall wait for it. A late leaver finds 0 and leaves it. */
			atomic_fetch_and_explicit(w, ~FDW_FLUX_MASK, memory_order_relaxed);
			fdw_bound_reached(fd, 0, FDW_DRAIN_BOUND_US);
			break;
		}
}

/* Waits, bounded, until the state of this generation is no longer *closing*. 0: the bound was reached, its history is unknown from here on. */
static int wait_closing(struct fdw_claim *c, fdw_word_t *w, uint64_t *v)
{
	struct fdw_wait wait;
	uint64_t n;

	fdw_wait_start(&wait, FDW_LOSER_BOUND_US);
	while (fdw_state(*v) == FDW_CLOSING && fdw_gen(*v) == fdw_gen(c->before)) {
		if (!fdw_wait_step(&wait)) {
			/* A close that lingers, or whose thread was cancelled inside it (POSIX leaves open whether it closed): nobody
			 * waits for it again. */
			n = fdw_with_state(*v, FDW_UNKNOWN) & ~FDW_FLAGS_MASK;
			atomic_compare_exchange_strong(w, v, n);
			fdw_bound_reached(c->fd, FDW_F_LOSER, FDW_LOSER_BOUND_US);
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
	if (fdw_enforcing() && fdw_records[c->fd].close_tid != fdw_tid() && wait_closing(c, w, &v))
		c->refused = fdw_gen(v) != fdw_gen(c->before);
}

/*
 * Another thread puts something else over this number, which is never free meanwhile: a close that comes now means either the old descriptor
 * or the new one, and is right in both cases. It takes its turn after the other, or is passed through. 1: look again.
 */
static int after_replacement(struct fdw_claim *c, fdw_word_t *w, uint64_t *v)
{
	if (fdw_enforcing() && fdw_records[c->fd].close_tid != fdw_tid() && wait_closing(c, w, v))
		return 1;
	c->before = fdw_with_state(c->before, FDW_UNKNOWN);
	return 0;
}

/* Not simply open: found in another state, or changed under our hands. */
void fdw_claim_slow(struct fdw_claim *c, fdw_word_t *w, uint64_t v, uint64_t mark)
{
	do {
		while (fdw_state(v) == FDW_OPEN)
			if (fdw_cas(w, &v, fdw_with_state(v, FDW_CLOSING) | mark)) {
				c->before = v;
				c->owner = 1;
				fdw_records[c->fd].close_tid = fdw_tid();
				fdw_drain(c->fd, w);
				return;
			}
		c->before = v;
	} while (fdw_state(v) == FDW_CLOSING && v & FDW_W_REPLACED && after_replacement(c, w, &v));
	if (fdw_state(c->before) == FDW_CLOSING)
		lose(c, w, v);
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
		if (fdw_cas(w, &v, n))
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
		int alt = fdw_self.alt_high && frame >= fdw_self.alt_low && frame < fdw_self.alt_high;
		if (!alt && slot->frame <= frame)
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
		uint64_t v = atomic_load_explicit(&fdw_words[i], memory_order_relaxed);
		if (unlikely(v & FDW_FLUX_MASK))
			atomic_store_explicit(&fdw_words[i], v & ~FDW_FLUX_MASK, memory_order_relaxed);
	}
	fdw_self.flux[0].fd = fdw_self.flux[1].fd = 0;
}

/* ---- the tracer's own --------------------------------------------------------------------------------------------------------------------*/

int fdw_is_protected(int fd)
{
	return fdw_state(fdw_peek(fd)) == FDW_PROTECTED;
}

static void force_state(int fd, enum fdw_state s)
{
	fdw_word_t *w = fdw_word_grow(fd);
	uint64_t v;

	if (!w)
		return;
	v = atomic_load_explicit(w, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(w, &v, fdw_with_state(v & ~FDW_FLAGS_MASK, s), memory_order_acq_rel,
	                                              memory_order_relaxed))
		;
}

void fdw_protect(int fd) { force_state(fd, FDW_PROTECTED); }
void fdw_unprotect(int fd) { if (fdw_is_protected(fd)) force_state(fd, FDW_UNKNOWN); }
