/*
 * preload/sigplace.h: what sigstack.c and sigpin.c share: the alternate signal stacks that are remembered.
 *
 * The lock is held where any of it is written, or believed; signals are blocked meanwhile, so that no handler jumps out of it, and no thread is
 * cancelled there. Where a filter is they are not: then a lock that was left is held for good, and all go without.
 */
#ifndef FDW_SIGPLACE_H
#define FDW_SIGPLACE_H

#include "core.h"

#define FDW_PLACES 1024u
struct fdw_place {
	uint32_t tid; /* 0: free */
	uint8_t pinned, may_pin;
	uint16_t taken_call;
	_Atomic uint32_t taken_by; /* another thread took its memory, as far as we know; its own thread finds out whether it was installed. 0: none did */
	uintptr_t taken_pc;
	uintptr_t low, high;
	uintptr_t theirs_low, theirs_high; /* pages the program has locked itself, and what lies between them: never unlocked by us */
	uint64_t turn; /* places are numbered as they are taken */
};
extern struct fdw_place fdw_places[FDW_PLACES];
extern uint32_t fdw_places_end; /* places below it were ever taken */

/* 0: not to be had; the program's mask otherwise. */
int fdw_places_lock(uint64_t *mask);
void fdw_places_unlock(const uint64_t *mask);

/* n 0: all memory. */
FDW_INLINE int fdw_place_overlaps(const struct fdw_place *p, uintptr_t low, size_t n)
{
	return p->tid && (!n || (p->low < low + n && low < p->high));
}

#define FDW_PAGE UINT64_C(4096)
FDW_INLINE uintptr_t fdw_page_of(uintptr_t p) { return p & ~(uintptr_t)(FDW_PAGE - 1); }
FDW_INLINE uintptr_t fdw_pages_end(uintptr_t p) { return fdw_page_of(p + FDW_PAGE - 1); }

/* 0, or why not (then its pages are touched); -1: it was not tried. */
int fdw_pin(struct fdw_place *);
void fdw_unpin(struct fdw_place *);
void fdw_find_theirs(struct fdw_place *); /* before a place is pinned */
void fdw_pins_reset(void);

#endif
