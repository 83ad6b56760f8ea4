/*
 * preload/sigpin.c: pages of alternate signal stacks, locked in memory; and what the program has locked itself, which is never unlocked by us.
 *
 * Context: any thread, handlers. System calls: mlock, munlock, madvise; none of them under a filter.
 * Locks: the one of sigstack.c, which whoever calls the functions of sigplace.h holds.
 */
#include "sigplace.h"
#include "sigstack.h"
#include "poison.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLD
#define MADV_COLD 20
#endif

static uint8_t program_locks; /* it has locked memory, or may have */
static uint8_t future_locked; /* mlockall(MCL_FUTURE): what libc maps counts against the limit, too, so that we hold nothing */

/* ---- pins: the lock is held -----------------------------------------------------------------------------------------------------------------*/

#define PIN_MOST (UINT64_C(256) << 10) /* of a larger stack the top, where signal frames and handlers' first ones lie */
static uintptr_t last(const struct fdw_place *p) { return fdw_pages_end(p->high); }
static uintptr_t first(const struct fdw_place *p)
{
	uintptr_t low = fdw_page_of(p->low);
	return last(p) - low > PIN_MOST ? last(p) - PIN_MOST : low;
}

/* Another stack that is pinned and has a part of this page. */
static const struct fdw_place *sharer(const struct fdw_place *p, uintptr_t page)
{
	for (uint32_t i = 0; i < fdw_places_end; i++)
		if (&fdw_places[i] != p && fdw_places[i].pinned && page >= first(&fdw_places[i]) && page < last(&fdw_places[i]))
			return &fdw_places[i];
	return NULL;
}

static int is_theirs(const struct fdw_place *p, uintptr_t page) { return page >= p->theirs_low && page < p->theirs_high; }

/* In runs: a page at a time would be a system call a page. */
static void unlock_all_but_theirs(const struct fdw_place *p)
{
	uintptr_t from = 0, page;

	for (page = first(p); page < last(p); page += FDW_PAGE) {
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

int fdw_pin(struct fdw_place *p)
{
	uintptr_t low = first(p), n = last(p) - low;
	long r;

	if (!p->may_pin || future_locked)
		return -1;
	r = fdw_raw(SYS_mlock, low, n);
	p->pinned = r == 0;
	if (r == -ENOMEM)
		unlock_all_but_theirs(p); /* some of it is locked, up to a page that nobody may touch */
	if (r != 0)
		fdw_raw(SYS_madvise, low, n, (long)MADV_POPULATE_WRITE);
	return (int)-r;
}

void fdw_unpin(struct fdw_place *p)
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

static int was_theirs(const struct fdw_place *p, uintptr_t page)
{
	const struct fdw_place *other = sharer(p, page);
	return other ? is_theirs(other, page) : is_locked(page, FDW_PAGE);
}

static void add_theirs(struct fdw_place *p, uintptr_t low, uintptr_t high)
{
	p->theirs_low = p->theirs_high && p->theirs_low < low ? p->theirs_low : low;
	p->theirs_high = p->theirs_high > high ? p->theirs_high : high;
}

/* A system call a page. */
void fdw_find_theirs(struct fdw_place *p)
{
	uintptr_t low = first(p), high = last(p);

	if (!program_locks || !is_locked(low, high - low))
		return;
	if (is_locked(low, 0)) /* it does not know this advice */
		add_theirs(p, low, high);
	for (uintptr_t page = low; page < high && !is_theirs(p, high - FDW_PAGE); page += FDW_PAGE)
		if (was_theirs(p, page))
			add_theirs(p, page, page + FDW_PAGE);
}

unsigned fdw_sigstack_unpin(uintptr_t low, size_t n)
{
	unsigned was = 0;
	uint64_t mask;

	if (!atomic_load(&fdw_sigstacks) || fdw_process.filtered || !fdw_places_lock(&mask))
		return 0;
	for (uint32_t i = 0; i < fdw_places_end; i++)
		if (fdw_place_overlaps(&fdw_places[i], low, n) && fdw_places[i].pinned) {
			fdw_unpin(&fdw_places[i]);
			was++;
		}
	fdw_places_unlock(&mask);
	return was;
}

void fdw_sigstack_repin(uintptr_t low, size_t n)
{
	uint64_t mask;

	if (!atomic_load(&fdw_sigstacks) || fdw_process.filtered || !fdw_enforcing() || !fdw_places_lock(&mask))
		return;
	for (uint32_t i = 0; i < fdw_places_end; i++)
		if (fdw_place_overlaps(&fdw_places[i], low, n))
			fdw_pin(&fdw_places[i]);
	fdw_places_unlock(&mask);
}

void fdw_sigstack_program_locks(uintptr_t low, size_t n)
{
	uintptr_t from = fdw_page_of(low), to = fdw_pages_end(low + n);
	uint64_t mask;

	program_locks = 1;
	if (!n || !atomic_load(&fdw_sigstacks) || !fdw_places_lock(&mask))
		return;
	for (uint32_t i = 0; i < fdw_places_end; i++) {
		struct fdw_place *p = &fdw_places[i];
		if (p->tid && first(p) < to && from < last(p))
			add_theirs(p, from > first(p) ? from : first(p), to < last(p) ? to : last(p));
	}
	fdw_places_unlock(&mask);
}

/* What is left of theirs is one piece: of a hole in its middle nothing is known. */
void fdw_sigstack_program_unlocks(uintptr_t low, size_t n)
{
	uintptr_t from = fdw_page_of(low), to = fdw_pages_end(low + n);
	uint64_t mask;

	if (!atomic_load(&fdw_sigstacks) || fdw_process.filtered || !fdw_places_lock(&mask))
		return;
	for (uint32_t i = 0; i < fdw_places_end; i++) {
		struct fdw_place *p = &fdw_places[i];
		if (from <= p->theirs_low && to > p->theirs_low)
			p->theirs_low = to;
		if (to >= p->theirs_high && from < p->theirs_high)
			p->theirs_high = from;
		if (p->theirs_low >= p->theirs_high)
			p->theirs_low = p->theirs_high = 0;
		if (p->tid && p->pinned && first(p) < to && from < last(p))
			fdw_pin(p);
	}
	fdw_places_unlock(&mask);
}

void fdw_sigstack_future(int is_locked_too)
{
	future_locked = is_locked_too != 0;
	if (future_locked)
		fdw_sigstack_unpin(0, 0);
}

FDW_FORK_PATH void fdw_pins_reset(void) { program_locks = future_locked = 0; }
