/*
 * preload/birth.c: see birth.h. The decisions; each thread's list of what it has undecided: sections.c.
 *
 * Context: any thread, handlers. System calls: fcntl(F_SETFD), membarrier; none where a filter is.
 * Order of publication: kernel call, record, word with SECTION, entry in the list (release), return to the program. The gate scans with
 * acquire: a hand-off orders the two; and a section that the scan misses is harmless, its flag is set.
 * A section without an entry would never be decided by the gate, so an entry's slot is taken before the call that creates.
 */
#include <linux/membarrier.h>
#include "birth.h"
#include "event.h"
#include "options.h"
#include "module.h"
#include "probe.h"
#include "protect.h"
#include "sections.h"
#include "site.h"
#include "stack.h"
#include "wait.h"
#include "poison.h"

/* ---- one word ------------------------------------------------------------------------------------------------------------------------*/

static int undecided(uint64_t v, uint32_t gen)
{
	return fdw_state(v) == FDW_OPEN && v & FDW_W_SECTION && fdw_gen(v) == gen;
}

/* SECTION to DECIDING, for the one system call that clears the flag. */
static int begin_deciding(int fd, uint32_t gen)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v;

	if (!w)
		return 0;
	v = atomic_load_explicit(w, memory_order_acquire);
	while (undecided(v, gen)) {
		int was = fdw_self.deciding;
		fdw_self.deciding = fd + 1; /* before: a handler of ours must know, and not wait for us */
		if (fdw_cas(w, &v, ((v & ~FDW_W_SECTION) | FDW_W_DECIDING) + FDW_FLUX_ONE))
			return 1;
		fdw_self.deciding = was;
	}
	return 0;
}

/* late: 0 or FDW_W_LATE. */
static void end_deciding(int fd, uint64_t late)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v = atomic_load_explicit(w, memory_order_relaxed);

	/* A closer whose bound was reached set the count to 0. */
	while (!fdw_cas(w, &v, ((v & ~FDW_W_DECIDING) | (fdw_state(v) == FDW_OPEN ? late : 0)) - (fdw_flux(v) ? FDW_FLUX_ONE : 0)))
		;
	fdw_self.deciding = 0;
}

/*
 * Threads that are about to make a call of ours are counted in fdw_process.calling, in its lower half; in the upper one stands fdw_process.forks.
 * A handler that comes in between may fork: its child counts from 0, and what goes on there was counted in the parent only.
 */
int fdw_own_call_begins(uint64_t *began)
{
	/* Counted before it looks: whoever seals waits for those that did not see it. */
	*began = atomic_fetch_add(&fdw_process.calling, 1);
	return !atomic_load(&fdw_process.sealed);
}

void fdw_own_call_ends(uint64_t began)
{
	uint64_t now = atomic_load(&fdw_process.calling);

	while (now >> 32 == began >> 32 && !atomic_compare_exchange_weak(&fdw_process.calling, &now, now - 1))
		;
}

int fdw_decide(int fd, uint32_t gen, int late)
{
	int was = fdw_self.deciding; /* of what a handler of this thread interrupted */
	uint64_t began;
	int done;

	FDW_STEP(clear_before);
	done = fdw_own_call_begins(&began) && begin_deciding(fd, gen);
	if (done) {
		FDW_STEP(clear_claimed);
		fdw_raw(SYS_fcntl, (long)fd, (long)F_SETFD, 0L);
		FDW_STEP(clear_done);
		end_deciding(fd, late ? FDW_W_LATE : 0);
		fdw_self.deciding = was;
	}
	fdw_own_call_ends(began);
	return done;
}

/* Somebody clears the flag of what fd is now: one system call of another thread. Not when that is ourselves, interrupted by a handler. */
static void wait_deciding(int fd, fdw_word_t *w)
{
	uint64_t v = atomic_load_explicit(w, memory_order_acquire);
	uint32_t gen = fdw_gen(v);
	struct fdw_wait wait;

	if (likely(!(v & FDW_W_DECIDING)) || fdw_self.deciding == fd + 1)
		return;
	fdw_wait_start(&wait, FDW_DECIDING_BOUND_US);
	while (v & FDW_W_DECIDING && fdw_gen(v) == gen) {
		if (!fdw_wait_step(&wait)) {
			fdw_bound_reached(fd, 0, FDW_DECIDING_BOUND_US);
			return;
		}
		v = atomic_load_explicit(w, memory_order_acquire);
	}
}

/* ---- creation ------------------------------------------------------------------------------------------------------------------------------*/

void fdw_births_allow(uintptr_t pc)
{
	/* Go's runtime starts children without libc, and does not wait for what its threads were handed. Its threads come from libc, though. */
	if (fdw_process.may_birth && fdw_is_go(pc))
		fdw_births_forbid();
	if (fdw_process.may_birth)
		atomic_store_explicit(&fdw_process.births, 1, memory_order_relaxed);
}

int fdw_births_notice(void)
{
	/* While recording, and before that begins, the tracer's threads would do. In a fork child libc's word is its parent's. */
	if (!fdw_process.may_birth || fdw_options.record[0] || fdw_process.forks || !fdw_on())
		return 0;
	atomic_store_explicit(&fdw_process.births, 1, memory_order_relaxed);
	return 1;
}

void fdw_births_forbid(void)
{
	fdw_process.may_birth = 0;
	atomic_store_explicit(&fdw_process.births, 0, memory_order_relaxed);
}

void fdw_births_share(void)
{
	fdw_births_forbid();
	fdw_sections_decide();
}

/*
 * Before a filter of the program's own, under which no flag can be cleared: all that is undecided is decided as asked so far, and threads that
 * are about to clear one are waited for. What a blocked call still brings stays close-on-exec (fdw_birth_made).
 */
#define SEAL_BOUND_US 2000000u /* once in a process's life; a thread that comes too late is killed */
void fdw_births_seal(void)
{
	struct fdw_work *work = FDW_WORK_CLAIM();
	int threads = fdw_process.births;
	struct fdw_wait wait;

	fdw_births_share();
	atomic_store(&fdw_process.sealed, 1);
	/* Their half of the fence between their slot and may_birth (fdw_birth_begin). Some 15 ms: not for a process that is alone. */
	if (threads)
		fdw_raw(SYS_membarrier, (long)MEMBARRIER_CMD_GLOBAL, 0L, 0L);
	fdw_wait_start(&wait, SEAL_BOUND_US);
	while (((uint32_t)atomic_load(&fdw_process.calling) || fdw_sections_to_come(work)) && fdw_wait_step(&wait))
		;
	if (work)
		fdw_work_done(work);
}

uint32_t fdw_birth_begin(uintptr_t pc)
{
	uintptr_t frame;
	uint16_t site;
	int slot;

	if (!fdw_on() || !fdw_enforcing() || fdw_process.filtered || fdw_tool_caller(pc))
		return 0;
	site = fdw_site(pc);
	if (fdw_site_kind(site) == FDW_SITE_NEVER)
		return 0;
	frame = fdw_on_signal_stack((uintptr_t)__builtin_frame_address(0)) ? UINTPTR_MAX : (uintptr_t)__builtin_frame_address(0);
	slot = fdw_slot_take(site, frame);
	if (unlikely(slot < 0))
		return 0;
	/* In this order: who forbids looks at the slots after that, and has all threads pass a fence in between. */
	atomic_signal_fence(memory_order_seq_cst);
	if (unlikely(!*(volatile uint8_t *)&fdw_process.may_birth)) {
		fdw_slot_give((unsigned)slot);
		return 0;
	}
	return FDW_BORN | (uint32_t)slot << FDW_BORN_SLOT_SHIFT;
}

static unsigned slot_of(uint32_t born) { return born >> FDW_BORN_SLOT_SHIFT & (FDW_SECTION_SLOTS - 1); }

void fdw_birth_pair(uint32_t born[2], uint32_t asked, uintptr_t pc)
{
	born[0] = fdw_birth(asked, pc);
	if (born[0])
		fdw_slot_hold(slot_of(born[0])); /* not left over: the other one is being made room for */
	born[1] = born[0] ? fdw_birth(asked, pc) : 0;
	if (born[0] && !born[1]) {
		fdw_birth_failed(born[0]);
		born[0] = 0;
	}
}

void fdw_birth_failed(uint32_t born)
{
	if (born & FDW_BORN)
		fdw_slot_give(slot_of(born));
}

void fdw_birth_plain(int fd) { fdw_raw(SYS_fcntl, (long)fd, (long)F_SETFD, 0L); }

/* A handler forked during the call: we are its child, and leave all to the kernel. */
static __attribute__((noinline)) void undo_in_child(int fd, unsigned slot)
{
	if (fdw_word(fd))
		atomic_fetch_and_explicit(fdw_word(fd), ~FDW_W_SECTION, memory_order_relaxed);
	fdw_birth_plain(fd);
	if (fdw_self.birth_block)
		fdw_slot_give(slot);
}

void fdw_birth_made(int fd, uint32_t born)
{
	uint64_t v = fdw_peek(fd);
	unsigned i = slot_of(born);

	if (unlikely(atomic_load(&fdw_process.sealed))) { /* the call had blocked: what the kernel has is what there is, from here on */
		if (fdw_word(fd))
			atomic_fetch_and_explicit(fdw_word(fd), ~FDW_W_SECTION, memory_order_relaxed);
		fdw_slot_give(i);
		return;
	}
	if (unlikely(!fdw_enforcing())) {
		undo_in_child(fd, i);
		return;
	}
	if (unlikely(fdw_state(v) != FDW_OPEN || !(v & FDW_W_SECTION))) { /* beyond the table */
		fdw_birth_plain(fd);
		fdw_slot_give(i);
		return;
	}
	fdw_record(fd)->site = fdw_slot_site(i);
	FDW_STEP(born);
	fdw_slot_list(i, fd, fdw_gen(v));
	FDW_STEP(listed);
	if (unlikely(!fdw_enforcing())) /* before the list it was nobody's to reset */
		undo_in_child(fd, i);
}

/* ---- decisions of the program -----------------------------------------------------------------------------------------------------------*/

/*
 * The kernel is not told: it has the flag since birth, and the system call saved pays for the fork lock. Where routes that we cannot see
 * might have closed the number meanwhile there are no births (fdw_births_forbid), so the answer is the kernel's.
 */
int fdw_birth_marked(int fd)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v;

	if (!w || !fdw_enforcing()) /* a fork child: its table may be older than its memory, so it asks the kernel */
		return 0;
	v = atomic_load_explicit(w, memory_order_acquire);
	FDW_STEP(mark_before);
	while (fdw_state(v) == FDW_OPEN && v & FDW_W_SECTION)
		if (fdw_cas(w, &v, (v & ~FDW_W_SECTION) | FDW_W_CLOEXEC)) {
			fdw_site_marked(fdw_record(fd)->site);
			fdw_slots_forget(fd, fdw_gen(v));
			return 1;
		}
	if (unlikely(v & FDW_W_DECIDING))
		wait_deciding(fd, w);
	return 0;
}

void fdw_birth_marked_late(int fd)
{
	if (fdw_word(fd) && fdw_state(fdw_peek(fd)) == FDW_OPEN && fdw_record(fd)->open_tid == fdw_tid())
		fdw_site_marked(fdw_site(fdw_record(fd)->open_pc));
}

/* 1: fdw_birth_clear_end must follow. The program's own F_SETFD comes in between and clears the flag. */
int fdw_birth_clear_begin(int fd)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v = fdw_peek(fd);

	if (!w || !fdw_enforcing())
		return 0;
	if (begin_deciding(fd, fdw_gen(v))) {
		fdw_site_not_marked(fdw_record(fd)->site);
		fdw_slots_forget(fd, fdw_gen(v));
		return 1;
	}
	if (unlikely(v & FDW_W_DECIDING))
		wait_deciding(fd, w);
	return 0;
}

void fdw_birth_clear_end(int fd) { end_deciding(fd, 0); }

void fdw_birth_ended(int fd)
{
	fdw_site_closed(fdw_record(fd)->site);
	fdw_slots_forget(fd, fdw_record(fd)->gen);
}

/* ---- one section, for the gate -------------------------------------------------------------------------------------------------------------*/

int fdw_section_open(const struct fdw_section *s)
{
	uint64_t v = fdw_peek(s->fd);
	return v & (FDW_W_SECTION | FDW_W_DECIDING) && fdw_state(v) == FDW_OPEN && fdw_gen(v) == s->gen && fdw_self.deciding != s->fd + 1;
}

int fdw_section_late(const struct fdw_section *s)
{
	uint64_t v = fdw_peek(s->fd);
	return v & FDW_W_LATE && fdw_state(v) == FDW_OPEN && fdw_gen(v) == s->gen;
}

int fdw_section_clear(const struct fdw_section *s, int late)
{
	uint16_t site = fdw_record(s->fd)->site;
	uint64_t v;

	if (fdw_decide(s->fd, s->gen, late)) {
		fdw_site_not_marked(site);
		return 1;
	}
	v = fdw_peek(s->fd);
	if (!(v & FDW_W_DECIDING) || fdw_gen(v) != s->gen || fdw_state(v) != FDW_OPEN)
		return 0;
	/* Its owner decided, and does not come to the system call. It holds the number in flux, so it is nobody else's: the same call, made by us. */
	fdw_birth_plain(s->fd);
	return 1;
}

FDW_FORK_PATH void fdw_births_reset(void)
{
	fdw_sections_reset();
	atomic_store_explicit(&fdw_process.births, 0, memory_order_relaxed);
	atomic_store_explicit(&fdw_process.calling, (uint64_t)fdw_process.forks << 32, memory_order_relaxed);
	if (fdw_self.bounded)
		fdw_self.bounded = 0;
}
