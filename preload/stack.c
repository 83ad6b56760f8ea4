/*
 * preload/stack.c: stacks of calls: unwound, given an id, sent once.
 *
 * Context: any thread, handlers, fork children. Takes no lock, allocates nothing, makes no system call.
 *
 * Why an unwinder of our own: libunwind 1.6 keeps a pipe that it reads and writes under the program's numbers, is not re-entrant, trusts
 * its cache after a dlclose, takes the loader's lock (which hangs in fork children) and costs 256 KiB a thread; libgcc's is 20 times
 * slower. What is needed is small: the loader finds the module without a lock, cfi.c reads one row of its unwind table, and rows.c
 * keeps it. And programs come the same way again and again: so of a walk is remembered which words it read.
 */
#include "event.h"
#include "killed.h"
#include "module.h"
#include "rows.h"
#include "stack.h"
#include "poison.h"

static _Atomic uint32_t epoch; /* grows with dlclose: what was learned before is not believed */

void fdw_stack_flush(void)
{
	atomic_fetch_add(&epoch, 1);
	fdw_rows_closed();
}

/* ---- walking ------------------------------------------------------------------------------------------------------------------------------*/

struct frame {
	uintptr_t pc, sp, fp;
	uintptr_t fp_at; /* where fp was read; 0: that is noted, or it is the register's */
};
struct trail;

/*
 * No stack is read outside [low, high), where all is mapped: between the stack pointer and the top of the thread's own stack, whose bounds
 * were learnt when the thread started (thread.c). On any other stack (coroutines, what a program mapped itself) nothing is known: `high` is 0,
 * and the kernel reads for us, which answers with an error where a load would end the program.
 */
struct bounds { uintptr_t low, high; struct trail *trail; /* where what is read is noted; or NULL */ };

/* A single frame larger than this is a mistake in unwind data, not a frame. */
#define FRAME_MAX (8u << 20)

static struct bounds bounds_of(uintptr_t sp)
{
	if (fdw_self.stack_low && sp >= fdw_self.stack_low && sp < fdw_self.stack_high)
		return (struct bounds){ sp, fdw_self.stack_high, NULL };
	return (struct bounds){ sp, 0, NULL };
}

/* The words that a walk read, all of them in the bounds; n beyond the room: they were too many. */
#define TRAIL 60u
struct trail {
	_Atomic unsigned n;
	struct { _Atomic uintptr_t at, word; } read[TRAIL];
};

static void note(struct trail *t, uintptr_t at, uintptr_t word)
{
	unsigned n = atomic_load_explicit(&t->n, memory_order_relaxed);

	if (n < TRAIL) {
		atomic_store_explicit(&t->read[n].at, at, memory_order_relaxed);
		atomic_store_explicit(&t->read[n].word, word, memory_order_relaxed);
	}
	atomic_store_explicit(&t->n, n + 1, memory_order_relaxed);
}

static int read_unnoted(const struct bounds *b, uintptr_t at, uintptr_t from, uintptr_t *word)
{
	struct iovec here = { word, sizeof *word }, there = { (void *)at, sizeof *word };

	if (at & 7 || at < b->low || at < from)
		return 0;
	if (likely(b->high)) {
		if (at + 8 > b->high)
			return 0;
		*word = *(const uintptr_t *)at;
		return 1;
	}
	return fdw_raw(SYS_process_vm_readv, (long)fdw_process.pid, &here, 1L, &there, 1L, 0L) == (long)sizeof *word;
}

static int read_word(const struct bounds *b, uintptr_t at, uintptr_t from, uintptr_t *word)
{
	int r = read_unnoted(b, at, from, word);

	if (r && b->trail)
		note(b->trail, at, *word);
	return r;
}

/*
 * A saved frame pointer is noted when a frame is found by it. In code without frame pointers the register holds anything, a connection's address in
 * nginx, and the walk would be another one each time.
 */
static void fp_matters(struct frame *f, const struct bounds *b)
{
	if (f->fp_at && b->trail)
		note(b->trail, f->fp_at, f->fp);
	f->fp_at = 0;
}

static int read_fp(struct frame *f, const struct bounds *b, uintptr_t at)
{
	f->fp_at = at;
	return read_unnoted(b, at, f->sp, &f->fp);
}

static int step_by_table(struct frame *f, const struct bounds *b, const struct fdw_cfi *c)
{
	uintptr_t cfa = (c->cfa_reg == FDW_CFI_FP ? f->fp : f->sp) + (uintptr_t)(intptr_t)c->cfa_offset;
	uintptr_t ra_at = cfa + (uintptr_t)(intptr_t)c->ra_offset, fp_at = cfa + (uintptr_t)(intptr_t)c->fp_offset;

	if (c->cfa_reg == FDW_CFI_FP)
		fp_matters(f, b);
	if (cfa <= f->sp || cfa - f->sp > FRAME_MAX || (c->fp_offset && !read_fp(f, b, fp_at)) || !read_word(b, ra_at, f->sp, &f->pc))
		return 0;
	f->sp = cfa;
	return f->pc > 4096;
}

/* Code without tables (compiled at run time) mostly keeps frame pointers. */
static int step_by_frame_pointer(struct frame *f, const struct bounds *b)
{
	uintptr_t fp = f->fp;

	fp_matters(f, b);
	if (fp < f->sp || fp - f->sp > FRAME_MAX || !read_word(b, fp + 8, f->sp, &f->pc) || !read_fp(f, b, fp))
		return 0;
	f->sp = fp + 16;
	return f->pc > 4096;
}

static int step(struct frame *f, const struct bounds *b)
{
	struct fdw_cfi c;

	if (!fdw_row(f->pc, atomic_load_explicit(&epoch, memory_order_relaxed), &c))
		return c.kind == FDW_CFI_NONE && step_by_frame_pointer(f, b);
	return c.kind == FDW_CFI_ROW && step_by_table(f, b, &c);
}

/* Frames from the wrapper's caller outwards. Ours come first and are passed over until the return address is pc. */
static unsigned walk(struct frame f, const struct bounds *b, uintptr_t pc, uint64_t *out, unsigned max)
{
	unsigned n = 0;
	int found = 0;

	for (unsigned i = 0; i < 24 + max && n < max; i++) {
		found |= f.pc == pc;
		if (found)
			out[n++] = f.pc;
		if (!step(&f, b))
			break;
	}
	return n;
}

/* ---- ids --------------------------------------------------------------------------------------------------------------------------------------*/

/*
 * One slot per distinct stack: its place is its id, its content a hash of its frames, and once something was unloaded, of the modules
 * these lie in: what lies there now may be another, but mostly it is the same plugin again. A process with more distinct stacks than
 * slots sends the rest without a stack. TOLD only once the event is out: who comes before, in another thread, a handler or a child forked
 * meanwhile, tells it too, so that no event names a stack before it is there.
 */
#define STACKS 65536u
#define STACK_PROBES 64u
#define TOLD (UINT64_C(1) << 63)
FDW_LARGE static _Atomic uint64_t stacks[STACKS];

static uint64_t hash_of(const uint64_t *pcs, unsigned n)
{
	uint64_t h = UINT64_C(0x9e3779b97f4a7c15) + n;
	int unloaded = atomic_load_explicit(&epoch, memory_order_relaxed) != 0;

	for (unsigned i = 0; i < n; i++) {
		h = fdw_mixed(h, pcs[i]);
		if (unlikely(unloaded))
			h = fdw_mixed(h, fdw_module_seen((uintptr_t)pcs[i] - 1));
	}
	h &= ~TOLD;
	return h ? h : 1;
}

static void define(uint32_t id, const uint64_t *pcs, unsigned n)
{
	struct fdw_stack s = { .pid = fdw_process.who, .id = id, .depth = n, .frames = pcs };
	struct robust_list_head *h;

	for (unsigned i = 0; i < n; i++)
		fdw_module_seen((uintptr_t)pcs[i] - 1);
	h = fdw_event_begins();
	fdw_ops->stack(&s);
	fdw_event_over(h);
}

static uint32_t id_of(const uint64_t *pcs, unsigned n)
{
	uint64_t h = hash_of(pcs, n), seen;

	for (unsigned i = 0; i < STACK_PROBES; i++) {
		uint32_t s = ((uint32_t)h + i) & (STACKS - 1);
		seen = atomic_load_explicit(&stacks[s], memory_order_acquire);
		if (seen == 0 && atomic_compare_exchange_strong(&stacks[s], &seen, h))
			seen = h;
		if (seen == (h | TOLD))
			return s + 1;
		if (seen == h) {
			define(s + 1, pcs, n);
			atomic_store_explicit(&stacks[s], h | TOLD, memory_order_release);
			return s + 1;
		}
	}
	return 0;
}

/* ---- walks, remembered by where they began -------------------------------------------------------------------------------------------------*/

/*
 * A walk is told by where it begins, by the words it reads, and by the rows of the epoch. Where all are the same its end is, too. One writer at
 * a time; a reader that finds the same turn before and after has not read a mix, and reads no stack but its own whatever it finds.
 */
#define WALKS 128u /* 1 KiB each, touched as used */
#define WAYS 4u    /* of walks that begin alike, as the events of one fopen do */
static struct known {
	_Atomic uint32_t turn; /* odd: being written */
	_Atomic uint32_t epoch, id;
	_Atomic uintptr_t pc, sp, fp, first, high;
	struct trail trail;
} known[WALKS] FDW_LARGE;

/* The first of WAYS places. */
static struct known *known_of(const struct frame *f, uintptr_t pc)
{
	return &known[((f->sp ^ pc) * UINT64_C(0x9e3779b97f4a7c15)) >> 59 << 2];
}
_Static_assert(WALKS == WAYS << (64 - 59) && WAYS == 1u << 2, "a hash is a place");

/* Where the next one goes: what was written least often, so that all take turns. Not what is being written, which a thread that died there never ends. */
static struct known *least_written(struct known *k)
{
	struct known *least = k;
	uint32_t turns = UINT32_MAX;

	for (unsigned i = 0; i < WAYS; i++) {
		uint32_t turn = atomic_load_explicit(&k[i].turn, memory_order_relaxed);
		if (!(turn & 1) && turn < turns) {
			least = &k[i];
			turns = turn;
		}
	}
	return least;
}

#define IS(field, value) (atomic_load_explicit(&k->field, memory_order_relaxed) == (value))
static uint32_t known_id(struct known *k, const struct frame *f, const struct bounds *b, uintptr_t pc)
{
	uint32_t turn = atomic_load_explicit(&k->turn, memory_order_acquire), id = atomic_load_explicit(&k->id, memory_order_relaxed);
	unsigned n = atomic_load_explicit(&k->trail.n, memory_order_relaxed);

	if (turn & 1 || !IS(pc, pc) || !IS(sp, f->sp) || !IS(fp, f->fp) || !IS(first, f->pc) || !IS(high, b->high) ||
	    !IS(epoch, atomic_load_explicit(&epoch, memory_order_relaxed)) || n > TRAIL)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		uintptr_t at = atomic_load_explicit(&k->trail.read[i].at, memory_order_relaxed);
		if (at < b->low || at > b->high - 8 || *(const uintptr_t *)at != atomic_load_explicit(&k->trail.read[i].word, memory_order_relaxed))
			return 0;
	}
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&k->turn, memory_order_relaxed) == turn ? id : 0;
}

#define SET(field, value) atomic_store_explicit(&k->field, value, memory_order_relaxed)
static void now_known(struct known *k, const struct frame *f, const struct bounds *b, uintptr_t pc, uint32_t e, uint32_t id)
{
	int all = k->trail.n <= TRAIL && id;

	SET(pc, all ? pc : 0);
	SET(sp, f->sp);
	SET(fp, f->fp);
	SET(first, f->pc);
	SET(high, b->high);
	SET(epoch, e);
	SET(id, id);
}

/* 0: somebody else writes there, in another thread, or interrupted by us. */
static int begin_knowing(struct known *k)
{
	uint32_t turn = atomic_load_explicit(&k->turn, memory_order_relaxed);

	if (turn & 1 || !atomic_compare_exchange_strong_explicit(&k->turn, &turn, turn + 1, memory_order_acq_rel, memory_order_relaxed))
		return 0;
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&k->trail.n, 0, memory_order_relaxed);
	return 1;
}

static uint32_t walk_to_id(const struct frame *f, struct bounds *b, uintptr_t pc, unsigned depth)
{
	uint64_t pcs[FDW_STACK_MAX];
	unsigned n = walk(*f, b, pc, pcs, depth);

	if (!n)
		pcs[n++] = pc;
	return id_of(pcs, n);
}

uint32_t fdw_stack_id(uintptr_t pc, int caller_only)
{
	unsigned depth = fdw_process.stack_depth;
	uint64_t alone = pc;
	uint32_t id, e = atomic_load_explicit(&epoch, memory_order_relaxed);
	struct frame f;
	struct bounds b;
	struct known *k;

	if (!pc || !depth)
		return 0;
	if (caller_only || depth == 1)
		return id_of(&alone, 1);
	/* Both builtins speak of this function, which has a frame pointer (-fno-omit-frame-pointer). */
	f.fp = (uintptr_t)__builtin_frame_address(0);
	f.sp = f.fp + 16;
	f.pc = ((const uintptr_t *)f.fp)[1];
	f.fp = *(const uintptr_t *)f.fp;
	f.fp_at = 0;
	b = bounds_of(f.sp);
	k = known_of(&f, pc);
	if (!b.high)
		return walk_to_id(&f, &b, pc, depth);
	for (unsigned i = 0; i < WAYS; i++)
		if ((id = known_id(&k[i], &f, &b, pc)))
			return id;
	k = least_written(k);
	if (!begin_knowing(k))
		return walk_to_id(&f, &b, pc, depth);
	b.trail = &k->trail;
	id = walk_to_id(&f, &b, pc, depth);
	now_known(k, &f, &b, pc, e, id);
	atomic_fetch_add_explicit(&k->turn, 1, memory_order_release);
	return id;
}
