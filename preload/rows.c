/*
 * preload/rows.c: see rows.h.
 *
 * A row takes microseconds to find, and pages of unwind tables that nobody else touches. A server that forks a child for each connection would pay for the
 * same rows in every child again, a quarter of what a recording costs it. So those of code that cannot go away, of the program and of what it was
 * linked with, lie in memory that fork children have in common: there is nothing in them that depends on the process. All others are each process's own.
 */
#include <link.h>
#include <sys/mman.h>
#include "event.h"
#include "rows.h"
#include "poison.h"

#define ROWS 8192u /* 24 bytes each, touched as used */
/* pc is BUSY while a row is written; a reader that finds the same pc before and after has not read a mix. */
#define BUSY 1u
struct row { _Atomic uintptr_t pc; _Atomic uint64_t a, b; };

static struct row own[ROWS] FDW_LARGE;
static struct row *_Atomic common; /* NULL: there are none */

#define FIXED 256u
static struct { uintptr_t low, high; } fixed[FIXED] FDW_LARGE;
static unsigned fixed_count;

static unsigned slot_of(uintptr_t pc) { return (unsigned)((pc * UINT64_C(0x9e3779b97f4a7c15)) >> 51) & (ROWS - 1); }

static uint64_t pack_a(const struct fdw_cfi *c, uint32_t e)
{
	return (uint64_t)(uint32_t)c->cfa_offset | (uint64_t)c->cfa_reg << 32 | (uint64_t)c->kind << 40 | (uint64_t)(uint16_t)e << 48;
}

static int is_fixed(uintptr_t pc)
{
	for (unsigned i = 0; i < fixed_count; i++)
		if (pc - 1 - fixed[i].low < fixed[i].high - fixed[i].low)
			return 1;
	return 0;
}

/* *seen: whose row is there. */
FDW_INLINE int is_there(struct row *r, uintptr_t pc, uint32_t e, uintptr_t *seen, struct fdw_cfi *c)
{
	uint64_t a, b;

	*seen = atomic_load_explicit(&r->pc, memory_order_acquire);
	if (*seen != pc)
		return 0;
	a = atomic_load_explicit(&r->a, memory_order_relaxed);
	b = atomic_load_explicit(&r->b, memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&r->pc, memory_order_relaxed) != pc || (uint16_t)(a >> 48) != (uint16_t)e)
		return 0;
	*c = (struct fdw_cfi){ .cfa_offset = (int32_t)(uint32_t)a, .cfa_reg = (uint8_t)(a >> 32),
		.kind = (uint8_t)(a >> 40), .ra_offset = (int32_t)(uint32_t)b, .fp_offset = (int32_t)(b >> 32) };
	return 1;
}

/* One writer at a time, or a row would be put together from two: who comes second, a thread, a handler or another process, does without. */
static void keep(struct row *r, uintptr_t pc, uint32_t e, uintptr_t seen, const struct fdw_cfi *c)
{
	if (seen == BUSY || !atomic_compare_exchange_strong_explicit(&r->pc, &seen, BUSY, memory_order_acq_rel, memory_order_relaxed))
		return;
	atomic_store_explicit(&r->a, pack_a(c, e), memory_order_relaxed);
	atomic_store_explicit(&r->b, (uint32_t)c->ra_offset | (uint64_t)(uint32_t)c->fp_offset << 32, memory_order_relaxed);
	atomic_store_explicit(&r->pc, pc, memory_order_release);
}

static void find(uintptr_t pc, struct fdw_cfi *c)
{
	/* A function begins there, and no call stands before it: what makecontext's functions return into. Nobody called it. */
	if (fdw_cfi_find(pc - 1, c) != 0)
		c->kind = fdw_cfi_find(pc, c) == 0 ? FDW_CFI_STOP : FDW_CFI_NONE;
}

int fdw_row(uintptr_t pc, uint32_t epoch, struct fdw_cfi *c)
{
	struct row *shared = atomic_load_explicit(&common, memory_order_relaxed);
	unsigned s = slot_of(pc);
	uintptr_t seen, seen_shared = BUSY;

	if (shared && is_there(&shared[s], pc, 0, &seen_shared, c))
		return c->kind != FDW_CFI_NONE;
	if (is_there(&own[s], pc, epoch, &seen, c))
		return c->kind != FDW_CFI_NONE;
	find(pc, c);
	if (shared && is_fixed(pc))
		keep(&shared[s], pc, 0, seen_shared, c);
	else
		keep(&own[s], pc, epoch, seen, c);
	return c->kind != FDW_CFI_NONE;
}

/* ---- what is fixed --------------------------------------------------------------------------------------------------------------------------*/

static int add(struct dl_phdr_info *info, size_t size, void *unused)
{
	struct dl_find_object found;

	for (int i = 0; i < info->dlpi_phnum && fixed_count < FIXED; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t low = info->dlpi_addr + p->p_vaddr;
		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || _dl_find_object((void *)low, &found) != 0)
			continue;
		fixed[fixed_count].low = low;
		fixed[fixed_count++].high = low + p->p_memsz;
	}
	return 0;
}

void fdw_rows_share(void)
{
	long at;

	if (atomic_load(&common) || !_dl_find_object)
		return;
	at = fdw_raw(SYS_mmap, 0L, (long)(ROWS * sizeof *common), (long)(PROT_READ | PROT_WRITE), (long)(MAP_SHARED | MAP_ANONYMOUS), -1L, 0L);
	if (at < 0 && at > -4096)
		return;
	dl_iterate_phdr(add, NULL);
	atomic_store(&common, (struct row *)at);
}

/* A constructor that ran before us may have loaded it, and the program not need it any more. */
void fdw_rows_closed(void)
{
	struct dl_find_object found;

	for (unsigned i = 0; atomic_load(&common) && i < fixed_count; i++)
		if (_dl_find_object((void *)fixed[i].low, &found) != 0)
			atomic_store(&common, NULL);
}
