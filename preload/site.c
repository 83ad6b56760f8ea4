/*
 * preload/site.c: see site.h. A fixed table, open addressing; a site that finds no place is not learnt about.
 */
#include "site.h"
#include "poison.h"

#define SITES 4096u /* 16 bytes each, touched as used */
#define PROBES 16u

static struct site { _Atomic uintptr_t pc; _Atomic uint8_t kind, without; _Atomic uint16_t compares; } sites[SITES + 1] FDW_LARGE; /* 0 is no site */

uint16_t fdw_site(uintptr_t pc)
{
	uint64_t h = pc * UINT64_C(0x9e3779b97f4a7c15) >> 52;

	for (unsigned i = 0; i < PROBES; i++) {
		uint16_t n = (uint16_t)(1 + ((h + i) & (SITES - 1)));
		uintptr_t found = atomic_load_explicit(&sites[n].pc, memory_order_relaxed);
		if (likely(found == pc) || (!found && (atomic_compare_exchange_strong(&sites[n].pc, &found, pc) || found == pc)))
			return n;
	}
	return 0;
}

enum fdw_site_kind fdw_site_kind(uint16_t n)
{
	return n ? (enum fdw_site_kind)atomic_load_explicit(&sites[n].kind, memory_order_relaxed) : FDW_SITE_NEVER;
}

static void become(struct site *s, enum fdw_site_kind kind)
{
	atomic_store_explicit(&s->kind, (uint8_t)kind, memory_order_relaxed);
	atomic_store_explicit(&s->without, 0, memory_order_relaxed);
}

void fdw_site_marked(uint16_t n)
{
	enum fdw_site_kind k = fdw_site_kind(n);

	if (!n || k == FDW_SITE_MARKS)
		return;
	if (k == FDW_SITE_UNKNOWN)
		become(&sites[n], FDW_SITE_MARKS);
	else if (k == FDW_SITE_NEVER || atomic_load_explicit(&sites[n].without, memory_order_relaxed))
		become(&sites[n], FDW_SITE_MIXED);
}

void fdw_site_not_marked(uint16_t n)
{
	enum fdw_site_kind k = fdw_site_kind(n);
	uint8_t without;

	if (k == FDW_SITE_NEVER)
		return;
	if (k == FDW_SITE_MARKS)
		become(&sites[n], FDW_SITE_MIXED);
	without = (uint8_t)(atomic_load_explicit(&sites[n].without, memory_order_relaxed) + 1);
	if (without >= (k == FDW_SITE_UNKNOWN ? FDW_SITE_UNKNOWN_MAX : FDW_SITE_MIXED_MAX))
		become(&sites[n], FDW_SITE_NEVER);
	else
		atomic_store_explicit(&sites[n].without, without, memory_order_relaxed);
}

void fdw_site_closed(uint16_t n)
{
	if (fdw_site_kind(n) != FDW_SITE_MARKS)
		fdw_site_not_marked(n);
}

int fdw_site_compares(uint16_t n) { return n ? atomic_load_explicit(&sites[n].compares, memory_order_relaxed) : FDW_COMPARES_NOTHING; }

/* A number that has no room is above every one that is kept. */
void fdw_site_learn_compares(uint16_t n, int with)
{
	if (n)
		atomic_store_explicit(&sites[n].compares, (uint16_t)(with <= UINT16_MAX ? with : FDW_COMPARES_NOTHING), memory_order_relaxed);
}
