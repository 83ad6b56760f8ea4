/*
 * preload/retire.c: see retire.h.
 *
 * The decisions: who may hold an event, which closed numbers are kept, and how. The ring they are kept in: kept.c.
 *
 * Context: any thread, handlers. System calls: dup3 in place of close, fcntl, close, prlimit; memfd_create and openat once. Only where substitutes
 * are allowed. Locks: none; the closer has the claim.
 */
#include "aside.h"
#include "birth.h"
#include "event.h"
#include "log.h"
#include "options.h"
#include "proc.h"
#include "protect.h"
#include "retire.h"
#include "poison.h"

/*
 * How many at once, beside FDW_KEPT_MOST. Programs have arrays of 1024, FD_SETSIZE to begin with: so where numbers below that do, what is held back must
 * not lift others over it: the lowest free number is at most what is open and what is held. MARGIN: opened since that was counted.
 */
#define ARRAYS 1024u
#define MARGIN 64u
#define ROOM_US 5000u

static _Atomic int stone = -1; /* the O_PATH descriptor all tombstones are duplicates of */

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

/* ---- how many -------------------------------------------------------------------------------------------------------------------------------------*/

static uint32_t open_in(uint32_t from, uint32_t to)
{
	uint32_t n = 0, end = atomic_load_explicit(&fdw_process.made_end, memory_order_relaxed);

	to = to < end ? to : end;
	for (uint32_t i = from; i < to && fdw_word((int)i); i++)
		n += fdw_state(atomic_load_explicit(fdw_word_at(i), memory_order_relaxed)) == FDW_OPEN;
	return n;
}

/* A program that has larger numbers anyway has no such arrays. */
static uint32_t room_below_arrays_end(void)
{
	uint32_t n = open_in(0, ARRAYS) + MARGIN;

	return open_in(ARRAYS, ARRAYS + FDW_KEPT_MOST) ? FDW_KEPT_MOST : n < ARRAYS ? ARRAYS - n : 0;
}

/*
 * What libc opens for itself must find numbers, and a message with many descriptors too: half of what is free, less a margin, and nothing where the
 * limit is small. Larger tables are looked at where they fill up, from below.
 */
static uint32_t room_below_limit(uint32_t limit)
{
	uint32_t n;

	if (limit > 4 * ARRAYS)
		return open_in(limit - limit / 4, limit - limit / 4 + MARGIN) > MARGIN / 2 || open_in(limit / 2, limit / 2 + ARRAYS) > ARRAYS / 2 ? 0 : FDW_KEPT_MOST;
	n = open_in(0, limit) + MARGIN;
	return n < limit ? (limit - n) / 2 : 0;
}

/* How many may be held back, and up to which number. Asked again now and then, for all that changes unseen, and when numbers run out. */
static _Atomic uint64_t room_again;
static uint32_t room(uint32_t *end, uint64_t now)
{
	static _Atomic uint32_t limit_known, most_known, asked;
	uint32_t limit = atomic_load_explicit(&limit_known, memory_order_relaxed), most = atomic_load_explicit(&most_known, memory_order_relaxed), below;
	uint64_t at = atomic_load_explicit(&room_again, memory_order_relaxed);
	struct rlimit rl;

	if (!limit || atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed) % 64 == 0 ||
	    (now >= at && atomic_compare_exchange_strong(&room_again, &at, now + ROOM_US))) {
		if (fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &rl) != 0)
			return 0;
		limit = rl.rlim_cur > FDW_TABLE_MAX ? FDW_TABLE_MAX : (uint32_t)rl.rlim_cur;
		most = limit / 4 < FDW_KEPT_MOST ? limit / 4 : FDW_KEPT_MOST;
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

	if (n < atomic_load_explicit(&fdw_process.tight, memory_order_relaxed) && (n >= ARRAYS || open_in(ARRAYS, ARRAYS + MARGIN)))
		return;
	atomic_store_explicit(&room_again, 0, memory_order_relaxed);
	fdw_release_all();
}

void fdw_lifted_slow(int fd)
{
	for (int i = 3; i < fd && fdw_word(fd); i++)
		if (fdw_is_tombstone(fdw_peek(i))) {
			fdw_record(fd)->arm |= FDW_ARM_LIFTED;
			return;
		}
}

/* ---- what they are duplicates of ------------------------------------------------------------------------------------------------------------------*/

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

static struct stat stone_is; /* the memfd, by which copies are known */

static int have_stone(void)
{
	int fd = atomic_load(&stone);

	if (likely(fd >= 0))
		return fd;
	fd = keep(&stone, make_stone());
	if (fd >= 0)
		fdw_raw(SYS_fstat, (long)fd, &stone_is);
	return fd;
}

/* With threads it stays: one of them may be about to duplicate it. */
void fdw_nothing_kept(void)
{
	int fd;

	if (!fdw_on())
		return;
	fdw_release_all();
	if (!fdw_single_threaded() || fdw_recording())
		return;
	fd = atomic_exchange(&stone, -1);
	if (fd < 0)
		return;
	fdw_unprotect(fd);
	fdw_raw(SYS_close, (long)fd);
}

/* By what they are: since the call that copied the table, others may have kept more numbers in theirs, and given some back. */
void fdw_tombstones_copied(void)
{
	uint32_t end = atomic_load_explicit(&fdw_process.made_end, memory_order_relaxed);
	int fd = atomic_load(&stone);
	struct stat st, is = stone_is;

	if (fd < 0 || fdw_process.filtered)
		return;
	if (!is.st_ino) /* another thread has just made it */
		fdw_raw(SYS_fstat, (long)fd, &is);
	for (uint32_t i = 0; i < end; i++)
		if (i != (uint32_t)fd && fdw_raw(SYS_fstat, (long)i, &st) == 0 && st.st_ino == is.st_ino && st.st_dev == is.st_dev)
			fdw_raw(SYS_close, (long)i);
}

/* ---- retiring ------------------------------------------------------------------------------------------------------------------------------------*/

/* Somebody who closes all he finds does not use it any more, and counts on the lowest numbers afterwards. */
static int closes_everything(int fd)
{
	uint64_t by = atomic_load_explicit(&fdw_process.listing, memory_order_relaxed);
	uint32_t run = fdw_run_with(fd);

	if (run >= FDW_RUN_OVER_ALL) {
		if (run == FDW_RUN_OVER_ALL)
			fdw_release_all();
		fdw_freed(fd);
		return 1;
	}
	return by && fdw_gen(fdw_peek((int)(uint32_t)by - 1)) == (uint32_t)(by >> 32) && fdw_state(fdw_peek((int)(uint32_t)by - 1)) == FDW_OPEN;
}

struct keeping { uint32_t most; int stone; };

/* 0: it may not be kept. */
static int may_be_kept(const struct fdw_claim *c, int audit, struct keeping *k)
{
	uint32_t end = 0;

	if (!fdw_enforcing() || c->fd < 3 || !(audit ? fdw_process.may_birth && !fdw_process.names && !closes_everything(c->fd) : fdw_process.births))
		return 0;
	k->most = room(&end, fdw_kept_clock());
	if (!k->most && audit)
		fdw_release_all();
	return k->most && (uint32_t)c->fd < end && (k->stone = have_stone()) >= 0;
}

static void is_tombstone(const struct fdw_claim *c, const struct keeping *k, int held, uint16_t call, uintptr_t pc)
{
	struct fdw_record *r = fdw_record(c->fd), *poller = fdw_poller_of(r);
	int only_one = !(c->before & (FDW_W_ONESHOT | FDW_W_POLLER)) && !(r->arm & FDW_ARM_MANY_POLLERS) && poller &&
	               !(poller->arm & FDW_ARM_MANY_WAITERS);
	struct fdw_kept kept = { .key = fdw_kept_key(c->fd, c->before), .audit = fdw_process.keeps, .held = (uint8_t)held };

	if (only_one) {
		kept.poller = r->poller;
		kept.poller_gen = r->poller_gen;
		kept.turn = atomic_load_explicit(&poller->turn, memory_order_acquire);
	}
	r->close_call = call;
	r->close_pc = pc;
	if (!fdw_leave_closing(c->fd, c->before, FDW_TOMBSTONE))
		return;
	atomic_fetch_add(&fdw_process.retired, 1);
	fdw_keep(&kept, fdw_kept_clock(), k->most); /* not from when it was asked for: threads lose their CPU */
}

static int retire(struct fdw_claim *c, int audit, uint16_t call, uintptr_t pc)
{
	int errno_before = errno;
	struct keeping k;

	if (!may_be_kept(c, audit, &k))
		return 0;
	FDW_STEP(retire_before);
	if (fdw_raw(SYS_dup3, (long)k.stone, (long)c->fd, (long)O_CLOEXEC) != c->fd)
		return 0;
	FDW_STEP(retire_done);
	is_tombstone(c, &k, !audit, call, pc);
	errno = errno_before;
	return 1;
}

struct closing { struct fdw_claim *c; uint16_t call; uintptr_t pc; int done; };

static __attribute__((noinline)) void retire_it(void *arg, uintptr_t unused)
{
	struct closing *j = arg;
	uint64_t began;

	j->done = fdw_own_call_begins(&began) && retire(j->c, !may_be_held(j->c), j->call, j->pc);
	fdw_own_call_ends(began);
}

int fdw_retire_slow(struct fdw_claim *c, uint16_t call, uintptr_t pc)
{
	struct closing j = { c, call, pc, 0 };

	/* A stream's number is closed once more by its stream, inside libc. */
	if (!(c->before & FDW_W_STREAM) && may_be_replaced(fdw_record(c->fd)->kind) && (fdw_process.keeps || may_be_held(c)))
		fdw_deep(retire_it, &j, 0);
	return j.done;
}

static void take_again(struct fdw_claim *c, uint16_t call, uintptr_t pc)
{
	int audit = fdw_process.keeps;
	struct keeping k;
	long fd;

	if (fdw_state(fdw_peek(c->fd)) != FDW_CLOSING || (!audit && !may_be_held(c)) || !may_be_kept(c, audit, &k))
		return;
	fd = fdw_raw(SYS_fcntl, (long)k.stone, (long)F_DUPFD_CLOEXEC, (long)c->fd);
	if (fd == c->fd && fdw_gen(fdw_peek(c->fd)) == fdw_gen(c->before))
		is_tombstone(c, &k, may_be_held(c), call, pc);
	else if (fd >= 0) /* somebody was faster; or he was, and has closed it again */
		fdw_raw(SYS_close, fd);
}

static __attribute__((noinline)) void take_it_again(void *arg, uintptr_t unused)
{
	struct closing *j = arg;
	uint64_t began;

	if (fdw_own_call_begins(&began))
		take_again(j->c, j->call, j->pc);
	fdw_own_call_ends(began);
}

void fdw_take_again_slow(struct fdw_claim *c, uint16_t call, uintptr_t pc)
{
	fdw_deep(take_it_again, &(struct closing){ c, call, pc, 0 }, 0);
}

/*
 * In a vfork child the word is its parent's, where others may have closed the number meanwhile that is open here: the kernel knows. The program's own
 * O_PATH descriptors are not met there: the number is taken, here too.
 */
static int is_tombstone_here(int fd)
{
	return !fdw_process.filtered && (fdw_raw(SYS_fcntl, (long)fd, (long)F_GETFL) & (long)(1u << 31 | O_PATH)) == O_PATH;
}

int fdw_tombstone_met(int fd, uint16_t call, uintptr_t pc)
{
	uint64_t v = fdw_peek(fd);
	int is_ours = fdw_state(v) == FDW_PROTECTED;

	if (!fdw_is_tombstone(v) && !is_ours)
		return 0;
	if (!fdw_on()) {
		if (is_ours || !fdw_self.vforked || fdw_self.private_table || !is_tombstone_here(fd))
			return 0;
		errno = EBADF;
		return 1;
	}
	if (is_ours && fdw_tool_caller(pc))
		return 0;
	errno = EBADF;
	if (!is_ours)
		fdw_use_failed(fd, call, pc);
	return 1;
}
