/*
 * preload/kept.c: see kept.h.
 *
 * Context: any thread, handlers. System calls: close, close_range, clock_gettime (vDSO), sysinfo, sched_getaffinity, sched_yield, tgkill. Only where
 * substitutes are allowed.
 * Locks: none. An entry of the ring belongs to whoever takes its key by compare-and-swap; a number to whoever moves its word from tombstone to
 * leaving, so it is closed once, and only as the generation that was retired.
 */
#include <sys/sysinfo.h>
#include "aside.h"
#include "clock.h"
#include "event.h"
#include "kept.h"
#include "options.h"
#include "poison.h"

#define FILLING UINT64_MAX /* a key: its thread is about to say which */
#define RING 1024u /* 64 KiB, touched as used */
#define BATCH 32u
#define LOOK_US 1000u
#define LOOK_AUDIT_US 20000u

static struct entry {
	_Alignas(64) _Atomic uint64_t key; /* 0: free */
	struct fdw_kept kept;
	uint64_t at;                       /* us */
	_Atomic uint64_t asked;            /* us: when the kernel was asked last whether the holder lives */
} ring[RING] FDW_LARGE;
static _Atomic uint32_t next_ticket;
static _Atomic uint32_t span;          /* entries of older tickets than that are free, but for a late one now and then */
static _Atomic uint64_t look_at;       /* us: nothing is due before */

static uint64_t now_us(clockid_t clock)
{
	struct timespec t;

	fdw_clock(clock, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

uint64_t fdw_kept_clock(void) { return now_us(CLOCK_MONOTONIC_COARSE); }

/*
 * FDW_RETIRE_US for each thread that shares a CPU, as the last minute had it. Asked again now and then. (How many want to run at this moment
 * /proc/loadavg tells, but a file that is kept open keeps /proc from being unmounted, and the program's list of its numbers from being its own.)
 */
static uint64_t retire_us(uint64_t now)
{
	static _Atomic uint64_t known = FDW_RETIRE_US, again;
	uint64_t at = atomic_load_explicit(&again, memory_order_relaxed), cpus[16] = { 0 }, us;
	struct sysinfo info;
	unsigned n = 0;

	if (now < at || !atomic_compare_exchange_strong(&again, &at, now + FDW_RETIRE_US / 4))
		return atomic_load_explicit(&known, memory_order_relaxed);
	if (fdw_raw(SYS_sysinfo, &info) != 0 || fdw_raw(SYS_sched_getaffinity, 0L, (long)sizeof cpus, cpus) <= 0)
		return FDW_RETIRE_US;
	for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++)
		n += (unsigned)__builtin_popcountll(cpus[i]);
	us = FDW_RETIRE_US * (uint64_t)info.loads[0] / (UINT64_C(65536) * (n ? n : 1));
	us = us < FDW_RETIRE_US ? FDW_RETIRE_US : us > FDW_RETIRE_LONG_US ? FDW_RETIRE_LONG_US : us;
	atomic_store_explicit(&known, us, memory_order_relaxed);
	return us;
}

/* The one who may hold an event, the poller's only waiter, ended without another wait. Asked now and then. */
static int holder_ended(struct entry *e, uint64_t now)
{
	uint32_t tid = fdw_record((int)e->kept.poller - 1)->waiter;

	if (!tid || now - atomic_load_explicit(&e->asked, memory_order_relaxed) < FDW_RETIRE_US / 2)
		return 0;
	atomic_store_explicit(&e->asked, now, memory_order_relaxed);
	return fdw_thread_gone(tid);
}

/* 1: nobody holds an event for it any more. *bound: that is only assumed. */
static int is_due(struct entry *e, uint64_t now, int *bound)
{
	uint64_t age = now > e->at ? now - e->at : 0;
	const struct fdw_kept *k = &e->kept;
	uint32_t turn;

	*bound = 0;
	if (k->audit)
		return age >= (uint64_t)fdw_options.tombstone_ms * 1000;
	if (!k->poller)
		return age >= retire_us(now);
	if (age >= FDW_RETIRE_LONG_US)
		return *bound = 1;
	if (fdw_gen(fdw_peek((int)k->poller - 1)) != k->poller_gen)
		return age >= retire_us(now);
	turn = atomic_load_explicit(&fdw_record(k->poller - 1)->turn, memory_order_acquire);
	/* Turns: odd while it waits; each wait begins with a higher one. */
	if (turn > (k->turn | 1))
		return 1;
	if (k->turn & 1 && turn == k->turn)
		return age >= retire_us(now);
	return holder_ended(e, now);
}

/* ---- giving numbers back: whoever has the keys has taken them out of the ring -----------------------------------------------------------*/

static int number(uint64_t key) { return (int)(uint32_t)key - 1; }

/* 0: the program put something over it. */
static int begins_to_leave(uint64_t key)
{
	fdw_word_t *w = fdw_word(number(key));
	uint64_t v;

	if (!w)
		return 0;
	v = atomic_load_explicit(w, memory_order_acquire);
	do {
		if (fdw_state(v) != FDW_TOMBSTONE || fdw_gen(v) != (uint32_t)(key >> 32))
			return 0;
	} while (!fdw_cas(w, &v, fdw_with_state(v, FDW_LEAVING)));
	return 1;
}

/* The kernel freed it before we came here: another thread may have been given it, and have said so already. */
static void has_left(uint64_t key)
{
	fdw_word_t *w = fdw_word(number(key));
	uint64_t v = key >> 32 << FDW_GEN_SHIFT | FDW_LEAVING;

	while (!fdw_cas(w, &v, fdw_with_state(v, FDW_CLOSED) & ~FDW_FLAGS_MASK))
		if (fdw_gen(v) != (uint32_t)(key >> 32) || fdw_state(v) != FDW_LEAVING)
			return;
}

/* They come in the order of their closes, which is mostly that of their numbers. */
static void sort(uint64_t *key, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned j = i; j && number(key[j - 1]) > number(key[j]); j--) {
			uint64_t k = key[j];
			key[j] = key[j - 1];
			key[j - 1] = k;
		}
}

static void close_run(const uint64_t *key, unsigned n)
{
	if (n > 1 && fdw_raw(SYS_close_range, (long)number(key[0]), (long)number(key[n - 1]), 0L) == 0)
		return;
	for (unsigned i = 0; i < n; i++)
		fdw_raw(SYS_close, (long)number(key[i]));
}

static void give_back(uint64_t *key, unsigned n)
{
	unsigned mine = 0, from = 0;

	fdw_self.gives_back++;
	for (unsigned i = 0; i < n; i++)
		if (begins_to_leave(key[i]))
			key[mine++] = key[i];
	FDW_STEP(give_back);
	sort(key, mine);
	for (unsigned i = 1; i <= mine; i++)
		if (i == mine || number(key[i]) != number(key[i - 1]) + 1) {
			close_run(key + from, i - from);
			from = i;
		}
	for (unsigned i = 0; i < mine; i++)
		has_left(key[i]);
	fdw_self.gives_back--;
	atomic_fetch_sub(&fdw_process.retired, n);
}

/* ---- which --------------------------------------------------------------------------------------------------------------------------------*/

/* The key, which is the caller's from now on; 0: somebody else's. */
static uint64_t take(struct entry *e)
{
	uint64_t key = atomic_load_explicit(&e->key, memory_order_acquire);

	return key && key != FILLING && atomic_compare_exchange_strong(&e->key, &key, 0) ? key : 0;
}

struct giving { uint64_t key[BATCH]; unsigned n, all; };

static void now_give_back(struct giving *g)
{
	if (g->n)
		give_back(g->key, g->n);
	g->n = 0;
}

static void gives(struct giving *g, uint64_t key)
{
	if (!key)
		return;
	g->key[g->n++] = key;
	g->all++;
	if (g->n == BATCH)
		now_give_back(g);
}

/* all: whether or not it is due. held: how many are left that somebody may hold an event for. */
struct release { int all; unsigned given, held; };

static __attribute__((noinline)) void release_if(void *arg, uintptr_t unused)
{
	struct release *r = arg;
	uint32_t end = atomic_load(&next_ticket), n = atomic_load_explicit(&span, memory_order_relaxed);
	uint64_t now = now_us(CLOCK_MONOTONIC);
	struct giving g;
	int saved = errno, bound;

	/* A thread that lost its CPU between its ticket and its entry has filled one that is older than all that are looked at otherwise. */
	if (r->all)
		n = end < RING ? end : RING;
	g.n = g.all = 0;
	for (uint32_t ticket = end - n; ticket != end; ticket++) {
		struct entry *e = &ring[ticket % RING];
		uint64_t key = atomic_load_explicit(&e->key, memory_order_acquire);
		if (!key || key == FILLING)
			continue;
		if (!r->all && !is_due(e, now, &bound)) {
			r->held += !e->kept.audit;
			continue;
		}
		if (!r->all && bound)
			fdw_bound_reached(number(key), 0, FDW_RETIRE_LONG_US);
		gives(&g, take(e));
	}
	now_give_back(&g);
	r->given = g.all;
	errno = saved;
}

void fdw_release_due_slow(void)
{
	uint64_t at = atomic_load_explicit(&look_at, memory_order_relaxed), now, next;
	struct release r = { 0 };

	if (!fdw_on())
		return;
	now = fdw_kept_clock();
	if (now < at || !atomic_compare_exchange_strong(&look_at, &at, next = now + LOOK_US))
		return;
	if (fdw_deep(release_if, &r, 0) && !r.held) /* fdw_keep looks earlier when it must */
		atomic_compare_exchange_strong(&look_at, &next, now + LOOK_AUDIT_US);
}

static int closed_by_this_thread(int fd) { return fdw_single_threaded() || fdw_record(fd)->close_tid == fdw_tid(); }

/* The lowest number from low on that this thread, or the only one, closed since then, and what its key was. NULL: none. */
static struct entry *lowest_kept(uint64_t since, int low, int high, uint64_t *its)
{
	uint32_t end = atomic_load(&next_ticket), n = atomic_load_explicit(&span, memory_order_relaxed);
	struct entry *lowest = NULL;

	if (since != FDW_KEPT_EVER && end - (uint32_t)since < n)
		n = end - (uint32_t)since;
	for (uint32_t ticket = end - n; ticket != end; ticket++) {
		struct entry *e = &ring[ticket % RING];
		uint64_t key = atomic_load_explicit(&e->key, memory_order_acquire);
		if (!key || key == FILLING || e->kept.held || number(key) < low || number(key) > high || !closed_by_this_thread(number(key)))
			continue;
		high = number(*its = key);
		lowest = e;
	}
	return lowest;
}

int fdw_release_all(void)
{
	struct release r = { .all = 1 };
	uint64_t lowest;

	if (!fdw_on())
		return 0;
	if (lowest_kept(fdw_self.kept_since, 0, INT32_MAX, &lowest))
		fdw_freed(number(lowest));
	return fdw_deep(release_if, &r, 0) && r.given;
}

void fdw_give_back(int fd)
{
	for (unsigned i = 0; i < RING && fdw_state(fdw_peek(fd)) == FDW_TOMBSTONE; i++) {
		uint64_t key = atomic_load_explicit(&ring[i].key, memory_order_acquire);
		if (key != FILLING && number(key) == fd && (key = take(&ring[i])))
			give_back(&key, 1);
	}
	fdw_wait_left(fd);
}

uint32_t fdw_kept_ticket(void) { return atomic_load_explicit(&next_ticket, memory_order_relaxed); }

int fdw_give_back_lowest(uint64_t since, int low, int high)
{
	uint64_t key;
	struct entry *e = lowest_kept(since, low, high, &key);

	if (!e || !(key = take(e)))
		return 0;
	give_back(&key, 1);
	fdw_wait_left(number(key));
	return number(key);
}

/* Pages that were never written stay so: each would be a fault, here and in the parent. */
FDW_FORK_PATH void fdw_retired_reset(void)
{
	uint32_t used = atomic_load(&next_ticket);

	if (likely(!fdw_process.retired))
		return;
	for (uint32_t i = 0; i < RING && i < used; i++) {
		uint64_t key = ring[i].key;
		if (!key)
			continue;
		if (key == FILLING) /* by a thread that is not here */
			ring[i].key = 0;
		ring[i].at = 0;
	}
	atomic_store(&look_at, 0);
}

/* ---- keeping ------------------------------------------------------------------------------------------------------------------------------*/

/* Who closes so much can spare a moment now and then, and holders may need it. */
static void give_way(unsigned early)
{
	static _Atomic uint64_t again;
	uint64_t now = now_us(CLOCK_MONOTONIC), at = atomic_load_explicit(&again, memory_order_relaxed);

	atomic_fetch_add_explicit(&fdw_process.bounds, early, memory_order_relaxed);
	if (now >= at && atomic_compare_exchange_strong(&again, &at, now + 5000))
		fdw_raw(SYS_sched_yield);
}

/* What is too much goes before its time: so many, when it is their turn. Returns how many of them were kept for a holder of events. */
static __attribute__((noinline)) unsigned release_oldest(uint32_t oldest, unsigned n)
{
	struct giving g;
	unsigned early = 0;

	g.n = g.all = 0;
	for (unsigned i = 0; i < n; i++) {
		struct entry *e = &ring[(oldest + i) % RING];
		unsigned held = !e->kept.audit;
		uint64_t key = take(e);
		early += key && held;
		gives(&g, key);
	}
	now_give_back(&g);
	return early;
}

static unsigned batch_of(uint32_t most)
{
	return most < 4 ? 1 : most / 4 < BATCH ? most / 4 : BATCH;
}

static void widen(uint32_t most)
{
	uint32_t n = atomic_load_explicit(&span, memory_order_relaxed);

	while (unlikely(n < most + 1) && !atomic_compare_exchange_weak(&span, &n, most + 1))
		;
}

/*
 * In the order of tickets: first in, first out. A thread may lose its CPU between its ticket and its entry for longer than the ring takes to come
 * round: so a place is claimed first, and one that is being filled is passed over. NULL: all are.
 */
static struct entry *place(uint32_t most)
{
	unsigned early = 0, batch = batch_of(most);

	widen(most);
	for (unsigned i = 0; i < RING; i++) {
		uint32_t ticket = atomic_fetch_add(&next_ticket, 1);
		struct entry *e = &ring[ticket % RING];
		uint64_t none = 0;

		if (ticket % batch == 0)
			early += release_oldest(ticket - most, batch);
		else if (unlikely(atomic_load_explicit(&ring[(ticket - most) % RING].key, memory_order_relaxed)))
			early += release_oldest(ticket - most, 1);
		if (unlikely(atomic_load_explicit(&e->key, memory_order_relaxed)))
			early += release_oldest(ticket, 1);
		if (!atomic_compare_exchange_strong(&e->key, &none, FILLING))
			continue;
		if (early)
			give_way(early);
		return e;
	}
	return NULL;
}

void fdw_keep(const struct fdw_kept *k, uint64_t now, uint32_t most)
{
	struct entry *e = place(most);
	uint64_t at = atomic_load_explicit(&look_at, memory_order_relaxed), key = k->key;

	if (!e) {
		give_back(&key, 1);
		return;
	}
	e->kept = *k;
	e->at = now;
	atomic_store_explicit(&e->asked, now, memory_order_relaxed);
	atomic_store_explicit(&e->key, k->key, memory_order_release);
	while (!k->audit && unlikely(at > now + LOOK_US) && !atomic_compare_exchange_weak(&look_at, &at, now + LOOK_US))
		;
}
