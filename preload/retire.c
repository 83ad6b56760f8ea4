/*
 * preload/retire.c: see retire.h.
 *
 * Context: any thread, handlers. System calls: dup3 in place of close, close, prlimit, clock_gettime (vDSO); openat and fcntl once, pread. Only where
 * substitutes are allowed.
 * Locks: none. An entry of the ring belongs to whoever takes its key by compare-and-swap; a number to whoever moves its word from tombstone to
 * closing, so it is closed once, and only as the generation that was retired.
 */
#include <sys/sysinfo.h>
#include "birth.h"
#include "event.h"
#include "log.h"
#include "options.h"
#include "proc.h"
#include "protect.h"
#include "retire.h"
#include "poison.h"

#define FILLING UINT64_MAX /* a key: its thread is about to say which */
#define RING 1024u /* 64 KiB, touched as used */
/*
 * Most numbers held back at once. Programs have arrays of 1024, FD_SETSIZE to begin with: so where numbers below that do, what is held back must
 * not lift others over it: the lowest free number is at most what is open and what is held. MARGIN: opened since that was counted.
 */
#define MOST 896u
#define ARRAYS 1024u
#define MARGIN 64u
#define ROOM_US 5000u

static struct entry {
	_Alignas(64) _Atomic uint64_t key; /* generation << 32 | number + 1; 0: free */
	uint32_t poller, poller_gen, turn; /* poller: number + 1 of the one whose only waiter may hold an event; 0: anybody may */
	uint64_t at;                       /* us */
	uint8_t audit;                     /* kept for its own sake */
} ring[RING] FDW_LARGE;
static _Atomic uint32_t next_ticket;
static _Atomic uint64_t look_at;        /* us: nothing is due before */
static _Atomic int stone = -1;          /* the O_PATH descriptor all tombstones are duplicates of */

static uint64_t now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

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

/* ---- who may hold an event ------------------------------------------------------------------------------------------------------------------*/

/* Not recv and its like: with MSG_PEEK a reaper asks whether its connection is idle, and leaves everything to who has the event. */
int fdw_reads(uint16_t call)
{
#define C(name) case FDW_CALL_##name:
	switch (call) {
	C(read) C(__read_chk) C(pread) C(__pread_chk) C(readv) C(preadv) C(preadv2) C(splice) C(accept) C(accept4) C(eventfd_read)
		return 1;
	}
#undef C
	return 0;
}

static int others_wait_on(const struct fdw_record *poller)
{
	return poller->waiter && (poller->arm & FDW_ARM_MANY_WAITERS || poller->waiter != fdw_tid());
}

static int may_be_held(const struct fdw_claim *c)
{
	const struct fdw_record *r = fdw_record(c->fd), *poller = fdw_poller_of(r);

	if (c->before & FDW_W_POLLER && others_wait_on(r))
		return 1;
	if (!(c->before & FDW_W_REGISTERED))
		return 0;
	if (r->arm & FDW_ARM_MANY_POLLERS)
		return 1;
	if (!poller || !poller->waiter)
		return 0;
	return c->before & FDW_W_ONESHOT ? c->before & FDW_W_POLLER || r->handler != fdw_tid() : others_wait_on(poller);
}

/* Their close has no error worth keeping, and an end that peers see. */
static int may_be_replaced(uint8_t kind)
{
	switch (kind) {
	case FDW_KIND_SOCKET: case FDW_KIND_LISTENER: case FDW_KIND_CONN: case FDW_KIND_PIPE_R: case FDW_KIND_PIPE_W: case FDW_KIND_EVENTFD:
	case FDW_KIND_TIMERFD: case FDW_KIND_SIGNALFD: case FDW_KIND_INOTIFY: case FDW_KIND_EPOLL: case FDW_KIND_PORT: case FDW_KIND_PIDFD:
		return 1;
	}
	return 0;
}

/* ---- giving numbers back ----------------------------------------------------------------------------------------------------------------------*/

/* 1: nobody holds an event for it any more. *bound: that is only assumed. */
static int is_due(const struct entry *e, uint64_t now, int *bound)
{
	uint64_t age = now > e->at ? now - e->at : 0;
	uint32_t turn;

	*bound = 0;
	if (e->audit)
		return age >= (uint64_t)fdw_options.tombstone_ms * 1000;
	if (!e->poller)
		return age >= retire_us(now);
	if (age >= FDW_RETIRE_LONG_US)
		return *bound = 1;
	if (fdw_gen(fdw_peek((int)e->poller - 1)) != e->poller_gen)
		return age >= retire_us(now);
	turn = atomic_load_explicit(&fdw_record(e->poller - 1)->turn, memory_order_acquire);
	/* Turns: odd while it waits; each wait begins with a higher one. */
	if (turn > (e->turn | 1))
		return 1;
	return e->turn & 1 && turn == e->turn && age >= retire_us(now);
}

/* The entry is ours to end. */
static void give_back(uint64_t key)
{
	int fd = (int)(uint32_t)key - 1;
	fdw_word_t *w = fdw_word(fd);
	uint64_t v;

	atomic_fetch_sub(&fdw_process.retired, 1);
	if (!w)
		return;
	v = atomic_load_explicit(w, memory_order_acquire);
	do {
		if (fdw_state(v) != FDW_TOMBSTONE || fdw_gen(v) != (uint32_t)(key >> 32))
			return; /* the program put something over it */
	} while (!fdw_cas(w, &v, fdw_with_state(v, FDW_CLOSING)));
	FDW_STEP(give_back);
	fdw_raw(SYS_close, (long)fd);
	fdw_leave_closing(fd, v, FDW_CLOSED);
}

static int release(struct entry *e, uint64_t key)
{
	if (!key || key == FILLING || !atomic_compare_exchange_strong(&e->key, &key, 0))
		return 0;
	give_back(key);
	return 1;
}

static unsigned release_if(int all)
{
	uint64_t now = now_us(CLOCK_MONOTONIC);
	unsigned n = 0;
	int saved = errno, bound;

	for (unsigned i = 0; i < RING; i++) {
		uint64_t key = atomic_load_explicit(&ring[i].key, memory_order_acquire);
		if (!key || key == FILLING || (!all && !is_due(&ring[i], now, &bound)))
			continue;
		if (!all && bound)
			fdw_bound_reached((int)(uint32_t)key - 1, 0, FDW_RETIRE_LONG_US);
		n += (unsigned)release(&ring[i], key);
	}
	errno = saved;
	return n;
}

void fdw_release_due_slow(void)
{
	uint64_t at = atomic_load_explicit(&look_at, memory_order_relaxed), now;

	if (!fdw_on())
		return;
	now = now_us(CLOCK_MONOTONIC_COARSE);
	if (now < at || !atomic_compare_exchange_strong(&look_at, &at, now + 1000))
		return;
	release_if(0);
}

int fdw_release_all(void)
{
	return fdw_on() && release_if(1);
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

/* ---- retiring ------------------------------------------------------------------------------------------------------------------------------------*/

static uint32_t open_in(uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (uint32_t i = from; i < to && fdw_word((int)i); i++)
		n += fdw_state(atomic_load_explicit(fdw_word_at(i), memory_order_relaxed)) == FDW_OPEN;
	return n;
}

/* A program that has larger numbers anyway has no such arrays. */
static uint32_t room_below_arrays_end(void)
{
	uint32_t n = open_in(0, ARRAYS) + MARGIN;

	return open_in(ARRAYS, ARRAYS + MOST) ? MOST : n < ARRAYS ? ARRAYS - n : 0;
}

/*
 * What libc opens for itself must find numbers, and a message with many descriptors too: half of what is free, less a margin, and nothing where the
 * limit is small. Larger tables are looked at where they fill up, from below.
 */
static uint32_t room_below_limit(uint32_t limit)
{
	uint32_t n;

	if (limit > 4 * ARRAYS)
		return open_in(limit - limit / 4, limit - limit / 4 + MARGIN) > MARGIN / 2 || open_in(limit / 2, limit / 2 + ARRAYS) > ARRAYS / 2 ? 0 : MOST;
	n = open_in(0, limit) + MARGIN;
	return n < limit ? (limit - n) / 2 : 0;
}

/* How many may be held back, and up to which number. Asked again now and then, for all that changes unseen. */
static uint32_t room(uint32_t *end)
{
	static _Atomic uint32_t limit_known, most_known, asked;
	static _Atomic uint64_t again;
	uint32_t limit = atomic_load_explicit(&limit_known, memory_order_relaxed), most = atomic_load_explicit(&most_known, memory_order_relaxed), below;
	uint64_t now = now_us(CLOCK_MONOTONIC_COARSE), at = atomic_load_explicit(&again, memory_order_relaxed);
	struct rlimit rl;

	if (!limit || atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed) % 64 == 0 ||
	    (now >= at && atomic_compare_exchange_strong(&again, &at, now + ROOM_US))) {
		if (fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &rl) != 0)
			return 0;
		limit = rl.rlim_cur > FDW_TABLE_MAX ? FDW_TABLE_MAX : (uint32_t)rl.rlim_cur;
		most = limit / 4 < MOST ? limit / 4 : MOST;
		if (fdw_process.keeps && fdw_options.tombstones < most)
			most = fdw_options.tombstones;
		below = room_below_limit(limit);
		most = below < most ? below : most;
		below = room_below_arrays_end();
		most = below < most ? below : most;
		atomic_store_explicit(&limit_known, limit, memory_order_relaxed);
		atomic_store_explicit(&most_known, most, memory_order_relaxed);
		atomic_store_explicit(&fdw_process.tight, limit - limit / 4, memory_order_relaxed);
	}
	*end = limit - limit / 4;
	return most;
}

/* The lowest numbers are running out, or those that arrays have: what is kept is wanted. */
void fdw_number_is_high(int fd)
{
	uint32_t n = (uint32_t)fd;

	if (n >= atomic_load_explicit(&fdw_process.tight, memory_order_relaxed) || (n < ARRAYS && !open_in(ARRAYS, ARRAYS + MARGIN)))
		fdw_release_all();
}

/* fd, once, high and protected; -1: it could not be opened. */
static int keep(_Atomic int *place, long fd)
{
	int none = -1;

	long at;

	if (fd < 0)
		return -1;
	/* High, but not higher than that: what a fork copies is as long as the highest number. */
	at = fdw_raw(SYS_fcntl, fd, (long)F_DUPFD_CLOEXEC, (long)(ARRAYS - MARGIN / 2));
	if (at < 0)
		at = fdw_park((int)fd);
	else
		fdw_raw(SYS_close, fd);
	fd = at;
	if (atomic_compare_exchange_strong(place, &none, (int)fd)) {
		fdw_protect_kept((int)fd);
		return (int)fd;
	}
	fdw_raw(SYS_close, fd);
	return none;
}

/*
 * Not a directory, or openat and fchdir would work on it; and nobody's file: a late chmod of /proc/self/fd/N follows it. So it is a memfd of our own,
 * reopened as a path.
 */
static long make_stone(void)
{
	char path[64], *p = fdw_put(path, "/proc/thread-self/fd/");
	long fd = fdw_raw(SYS_memfd_create, "fdwarden", (long)MFD_CLOEXEC), r;

	if (fd < 0)
		return -1;
	*fdw_put_number(p, (unsigned long)fd) = 0;
	r = fdw_raw(SYS_openat, (long)AT_FDCWD, path, (long)(O_PATH | O_CLOEXEC), 0L);
	fdw_raw(SYS_close, fd);
	return r;
}

static int have_stone(void)
{
	int fd = atomic_load(&stone);

	if (likely(fd >= 0))
		return fd;
	return keep(&stone, make_stone());
}

/* With threads it stays: one of them may be about to duplicate it. */
void fdw_nothing_kept(void)
{
	int fd;

	if (!fdw_on())
		return;
	release_if(1);
	if (!fdw_single_threaded() || fdw_recording())
		return;
	fd = atomic_exchange(&stone, -1);
	if (fd < 0)
		return;
	fdw_unprotect(fd);
	fdw_raw(SYS_close, (long)fd);
}

/* Who closes so much can spare a moment now and then, and holders may need it. */
static void give_way(void)
{
	static _Atomic uint64_t again;
	uint64_t now = now_us(CLOCK_MONOTONIC), at = atomic_load_explicit(&again, memory_order_relaxed);

	if (now >= at && atomic_compare_exchange_strong(&again, &at, now + 5000))
		fdw_raw(SYS_sched_yield);
}

/*
 * In the order of tickets: first in, first out. What is too much goes before its time. A thread may lose its CPU between its ticket and its entry for
 * longer than the ring takes to come round: so a place is claimed first, and one that is being filled is passed over. NULL: all are.
 */
static struct entry *place(uint32_t most)
{
	unsigned early = 0;

	for (unsigned i = 0; i < RING; i++) {
		uint32_t ticket = atomic_fetch_add(&next_ticket, 1);
		struct entry *e = &ring[ticket % RING], *oldest = &ring[(ticket - most) % RING];
		uint64_t none = 0;

		early += (unsigned)release(oldest, atomic_load_explicit(&oldest->key, memory_order_acquire));
		early += (unsigned)release(e, atomic_load_explicit(&e->key, memory_order_acquire));
		if (!atomic_compare_exchange_strong(&e->key, &none, FILLING))
			continue;
		if (early) {
			atomic_fetch_add_explicit(&fdw_process.bounds, early, memory_order_relaxed);
			give_way();
		}
		return e;
	}
	return NULL;
}

static void enter(uint64_t key, const struct fdw_claim *c, uint32_t most, int audit)
{
	struct entry *e = place(most);
	const struct fdw_record *r = fdw_record(c->fd), *poller = fdw_poller_of(r);
	int only_one = !(c->before & (FDW_W_ONESHOT | FDW_W_POLLER)) && !(r->arm & FDW_ARM_MANY_POLLERS) && poller &&
	               !(poller->arm & FDW_ARM_MANY_WAITERS);

	if (!e) {
		give_back(key);
		return;
	}
	e->poller = only_one ? r->poller : 0;
	e->poller_gen = only_one ? r->poller_gen : 0;
	e->turn = only_one ? atomic_load_explicit(&poller->turn, memory_order_acquire) : 0;
	e->at = now_us(audit ? CLOCK_MONOTONIC_COARSE : CLOCK_MONOTONIC);
	e->audit = (uint8_t)audit;
	atomic_store_explicit(&e->key, key, memory_order_release);
}

/* Somebody who closes all he finds does not use it any more, and counts on the lowest numbers afterwards. */
static int closes_everything(void)
{
	uint64_t by = atomic_load_explicit(&fdw_process.listing, memory_order_relaxed);

	if (!fdw_self.made && fdw_self.run_length + 1 >= FDW_RUN_OVER_ALL) {
		if (fdw_self.run_length + 1 == FDW_RUN_OVER_ALL)
			release_if(1);
		return 1;
	}
	return by && fdw_gen(fdw_peek((int)(uint32_t)by - 1)) == (uint32_t)(by >> 32) && fdw_state(fdw_peek((int)(uint32_t)by - 1)) == FDW_OPEN;
}

/* The number of places, and the stone; 0: it may not be kept. */
static uint32_t may_be_kept(const struct fdw_claim *c, int audit, int *from)
{
	uint32_t end = 0, most;

	if (!fdw_enforcing() || c->fd < 3 || !(audit ? fdw_process.may_birth && !closes_everything() : fdw_process.births))
		return 0;
	most = room(&end);
	if (!most && audit)
		release_if(1);
	return most && (uint32_t)c->fd < end && (*from = have_stone()) >= 0 ? most : 0;
}

static void is_tombstone(const struct fdw_claim *c, uint32_t most, int audit, uint16_t call, uintptr_t pc)
{
	fdw_record(c->fd)->close_call = call;
	fdw_record(c->fd)->close_pc = pc;
	if (fdw_leave_closing(c->fd, c->before, FDW_TOMBSTONE)) {
		atomic_fetch_add(&fdw_process.retired, 1);
		enter((uint64_t)fdw_gen(c->before) << 32 | (uint32_t)(c->fd + 1), c, most, audit);
	}
}

static int retire(struct fdw_claim *c, int audit, uint16_t call, uintptr_t pc)
{
	int from, errno_before = errno;
	uint32_t most = may_be_kept(c, audit, &from);

	if (!most)
		return 0;
	FDW_STEP(retire_before);
	if (fdw_raw(SYS_dup3, (long)from, (long)c->fd, (long)O_CLOEXEC) != c->fd)
		return 0;
	FDW_STEP(retire_done);
	is_tombstone(c, most, fdw_process.keeps, call, pc);
	errno = errno_before;
	return 1;
}

int fdw_retire_slow(struct fdw_claim *c, uint16_t call, uintptr_t pc)
{
	int held = may_be_held(c), audit = !held && fdw_process.keeps, done;
	uint64_t began;

	/* A stream's number is closed once more by its stream, inside libc. */
	if (c->before & FDW_W_STREAM || !may_be_replaced(fdw_record(c->fd)->kind) || !(audit || held))
		return 0;
	done = fdw_own_call_begins(&began) && retire(c, audit, call, pc);
	fdw_own_call_ends(began);
	return done;
}

static void take_again(struct fdw_claim *c, uint16_t call, uintptr_t pc)
{
	int from, audit = fdw_process.keeps;
	uint32_t most;
	long fd;

	if (fdw_state(fdw_peek(c->fd)) != FDW_CLOSING || (!audit && !may_be_held(c)) ||
	    !(most = may_be_kept(c, audit, &from)))
		return;
	fd = fdw_raw(SYS_fcntl, (long)from, (long)F_DUPFD_CLOEXEC, (long)c->fd);
	if (fd == c->fd && fdw_gen(fdw_peek(c->fd)) == fdw_gen(c->before))
		is_tombstone(c, most, audit, call, pc);
	else if (fd >= 0) /* somebody was faster; or he was, and has closed it again */
		fdw_raw(SYS_close, fd);
}

void fdw_take_again_slow(struct fdw_claim *c, uint16_t call, uintptr_t pc)
{
	uint64_t began;

	if (fdw_own_call_begins(&began))
		take_again(c, call, pc);
	fdw_own_call_ends(began);
}

void fdw_give_back(int fd)
{
	for (unsigned i = 0; i < RING && fdw_state(fdw_peek(fd)) == FDW_TOMBSTONE; i++) {
		uint64_t key = atomic_load_explicit(&ring[i].key, memory_order_acquire);
		if ((int)(uint32_t)key == fd + 1)
			release(&ring[i], key);
	}
}

int fdw_tombstone_met(int fd, uint16_t call, uintptr_t pc)
{
	enum fdw_state state = fdw_state(fdw_peek(fd));

	if ((state != FDW_TOMBSTONE && state != FDW_PROTECTED) || !fdw_on() || (state == FDW_PROTECTED && fdw_tool_caller(pc)))
		return 0;
	errno = EBADF;
	if (state == FDW_TOMBSTONE)
		fdw_use_failed(fd, call, pc);
	return 1;
}
