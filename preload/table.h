/*
 * preload/table.h: the descriptor table: one atomic word and one record per number.
 *
 * The word holds the protocol (state, generation, in-flux count), the record what a report wants to know. Numbers beyond the
 * table are passed through, never judged.
 *
 *   function             | any thread | handler | vfork child | waits
 *   fdw_word, fdw_peek   |    yes     |   yes   |    yes      | no
 *   fdw_born             |    yes     |   yes   |    never    | no
 *   fdw_claim            |    yes     |   yes   |    never    | bounded, enforce only
 *   fdw_flux_enter/leave |    yes     |   yes   |    never    | no
 */
#ifndef FDW_TABLE_H
#define FDW_TABLE_H

#include "core.h"

/*
 * 2^20 is Linux' default fs.nr_open. The numbers that programs have, up to the usual soft limit, are part of our own data: a mapping costs in
 * every fork (layout.ld). For the others nothing is mapped but the steps in use, 8192 numbers and 576 KiB each: address space counts where
 * RLIMIT_AS is set, and all of it, reserved or not, where an unprivileged program calls mlockall(MCL_CURRENT). Their place is
 * far from everything, and most probably still free when they are needed; if not, or under a filter, those numbers are passed through.
 */
#define FDW_TABLE_MAX (1u << 20)
#define FDW_TABLE_STEP 8192u
#define FDW_TABLE_NEAR 1024u /* words and records: 18 pages */
#define FDW_NEAR_PAGE 4096

/*
 * The word: generation:32 | in-flux:12 | flags:16 | state:4
 *
 *  unknown    history not known (never seen, or an invisible route changed it): passed through, never judged
 *  open       made by a call we saw
 *  closing    exactly one thread is closing this generation (fdw_claim)
 *  closed     this generation was closed by a call we saw
 *  protected  the tracer's own
 *  tombstone  closed, by a call that we saw; the number is kept by an O_PATH descriptor for a while (retire.h)
 *  leaving    that descriptor is being closed, by exactly one thread (kept.c)
 */
enum fdw_state { FDW_UNKNOWN, FDW_OPEN, FDW_CLOSING, FDW_CLOSED, FDW_PROTECTED, FDW_TOMBSTONE, FDW_LEAVING };
#define FDW_STATE_MASK   UINT64_C(0xf)
#define FDW_W_INHERITED  (UINT64_C(1) << 4)  /* inherited and not used yet: the first use is an event */
#define FDW_W_STREAM     (UINT64_C(1) << 5)  /* a FILE or DIR owns the number */
#define FDW_W_POLLER     (UINT64_C(1) << 6)  /* an epoll descriptor or an event port */
#define FDW_W_REGISTERED (UINT64_C(1) << 7)  /* was added to a poller since it was made */
#define FDW_W_CLOEXEC    (UINT64_C(1) << 8)  /* what the program asked for, as far as seen */
#define FDW_W_SECTION    (UINT64_C(1) << 9)  /* born close-on-exec, the program has not decided yet (fork lock) */
#define FDW_W_REPLACED   (UINT64_C(1) << 10) /* with closing: dup2 or freopen puts another descriptor here; the number is never free */
#define FDW_W_DECIDING   (UINT64_C(1) << 11) /* somebody clears the flag in the kernel at this moment, and holds an in-flux count */
#define FDW_W_LATE       (UINT64_C(1) << 12) /* that happened at a bound of whoever started a child; its maker has not decided yet */
#define FDW_W_ONESHOT    (UINT64_C(1) << 13) /* was armed one-shot since it was made */
#define FDW_W_DUPED      (UINT64_C(1) << 14) /* a duplicate in this process was made of it, or it is one, or may be */
#define FDW_W_LOCKED     (UINT64_C(1) << 15) /* a lock was taken on it, and that was told */
#define FDW_W_SENT       (UINT64_C(1) << 16) /* another process may have its description: not by being our child (born_at tells of those) */
#define FDW_W_SHUT       (UINT64_C(1) << 17) /* shutdown() was called on it, while recording */
#define FDW_W_KEPT       (UINT64_C(1) << 18) /* with protected: not the tracer's, who may leave before the process ends */
#define FDW_FLAGS_MASK   UINT64_C(0xffff0)
#define FDW_FLUX_SHIFT   20
#define FDW_FLUX_ONE     (UINT64_C(1) << FDW_FLUX_SHIFT)
#define FDW_FLUX_MASK    (UINT64_C(0xfff) << FDW_FLUX_SHIFT)
#define FDW_GEN_SHIFT    32

/* For fdw_born's flags, beside FDW_F_*: born close-on-exec, in which slot of its thread (birth.h). Not an event's flags. */
#define FDW_BORN            0x20000000u
#define FDW_BORN_SLOT_SHIFT 24
#define FDW_BORN_MASK       0x3f000000u
/* It is a duplicate. */
#define FDW_BORN_DUP        0x40000000u

typedef _Atomic uint64_t fdw_word_t;

/* Written by the thread that made or claimed the number; read for messages only, so a torn read costs a wrong hint. */
struct fdw_record { /* one cache line */
	_Alignas(64) uint32_t gen;         /* which generation the fields speak of */
	uint32_t open_tid, close_tid;
	uint16_t open_call, close_call;
	uint8_t kind, arm;    /* arm: FDW_ARM_* */
	uint16_t site;        /* fork lock: where it was born (site.h) */
	_Atomic uint32_t turn; /* of a poller: how often it was waited on, * 2; odd: it is, at this moment (retire.h) */
	uintptr_t open_pc, close_pc;
	uintptr_t stream;     /* FILE or DIR that owns it */
	uint32_t poller, poller_gen; /* where it was registered last: number + 1 */
	union {               /* nothing is read from a poller */
		uint32_t handler;     /* armed one-shot: the thread that read from it last since then */
		uint32_t waiter;      /* of a poller: the thread that waited on it last */
	};
	uint32_t born_at;     /* fdw_process.starts when it was made: children started since then may have it */
};
#define FDW_ARM_MANY_POLLERS 1u
#define FDW_ARM_MANY_WAITERS 2u
#define FDW_ARM_NOT_LARGE 8u     /* the other end of a terminal, opened by name in place of libc's way: F_GETFL hides O_LARGEFILE */
#define FDW_ARM_GHOSTS 16u       /* of a poller: what was registered in it was closed while its description may live on */
#define FDW_ARM_LIFTED 32u       /* lower numbers were kept back when it was made: natively it would have had one of those */
#define FDW_ARM_WAS_TOMBSTONE 4u /* closing, by a range that goes over a tombstone */

/* Of the numbers below FDW_TABLE_NEAR, and of the others. */
struct fdw_near {
	_Alignas(FDW_NEAR_PAGE) fdw_word_t words[FDW_TABLE_NEAR];
	struct fdw_record records[FDW_TABLE_NEAR];
};
_Static_assert(sizeof(struct fdw_near) % FDW_NEAR_PAGE == 0, "whole pages, for table.c gives them back at the start");
extern __attribute__((visibility("hidden"))) struct fdw_near fdw_near;
extern __attribute__((visibility("hidden"))) _Atomic uint32_t fdw_table_end; /* numbers below it may be touched */
fdw_word_t *fdw_far_word(uint32_t fd);          /* fd: from FDW_TABLE_NEAR on; NULL from fdw_table_end on */
struct fdw_record *fdw_far_record(uint32_t fd); /* fd: below fdw_table_end, as everywhere below */

FDW_INLINE fdw_word_t *fdw_word_at(uint32_t fd)
{
	return likely(fd < FDW_TABLE_NEAR) ? &fdw_near.words[fd] : fdw_far_word(fd);
}
FDW_INLINE struct fdw_record *fdw_record(int fd)
{
	return likely((uint32_t)fd < FDW_TABLE_NEAR) ? &fdw_near.records[fd] : fdw_far_record((uint32_t)fd);
}

FDW_INLINE enum fdw_state fdw_state(uint64_t v) { return (enum fdw_state)(v & FDW_STATE_MASK); }
/* The kernel has something there, which is ours. (A fork child does not know whether it has left.) */
FDW_INLINE int fdw_is_tombstone(uint64_t v) { return fdw_state(v) == FDW_TOMBSTONE || (fdw_state(v) == FDW_LEAVING && fdw_enforcing()); }
/* Closed by a call that we saw, whether or not the number is kept. */
FDW_INLINE int fdw_is_closed(uint64_t v) { return fdw_state(v) == FDW_CLOSED || fdw_state(v) == FDW_TOMBSTONE || fdw_state(v) == FDW_LEAVING; }
FDW_INLINE uint32_t fdw_gen(uint64_t v) { return (uint32_t)(v >> FDW_GEN_SHIFT); }
FDW_INLINE unsigned fdw_flux(uint64_t v) { return (unsigned)((v & FDW_FLUX_MASK) >> FDW_FLUX_SHIFT); }
FDW_INLINE uint64_t fdw_with_state(uint64_t v, enum fdw_state s) { return (v & ~FDW_STATE_MASK) | s; }

/* The word of a number, or NULL when the table does not reach it (then its history is unknown). */
FDW_INLINE fdw_word_t *fdw_word(int fd)
{
	return fdw_word_at((uint32_t)fd);
}

/* The word's value; 0 (unknown, generation 0) beyond the table. */
FDW_INLINE uint64_t fdw_peek(int fd)
{
	fdw_word_t *w = fdw_word(fd);
	return w ? atomic_load_explicit(w, memory_order_acquire) : 0;
}

void fdw_table_init(void);
fdw_word_t *fdw_word_grow(int fd);     /* the word, opening the table up to it; NULL beyond its end or when memory is refused */
void fdw_table_prepare(uint32_t end);  /* opens numbers below end now (before a seccomp filter forbids it) */

/* Rule 1: a number the kernel just returned is open, with a new generation, whatever the word said. Returns the generation, 0
 * when the table cannot hold it. */
uint32_t fdw_born(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc);
/* The same in line, for calls that are made so often that a function call counts. */
FDW_INLINE uint32_t fdw_born_inline(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc);

/*
 * Compare and swap of a word. A process with one thread needs no bus lock: a handler of that thread is the only one that can come
 * between, and one instruction is one instruction for it too. (Measured: five locked ones were 12 % of close(dup()).)
 */
FDW_INLINE int fdw_cas(fdw_word_t *w, uint64_t *expected, uint64_t desired)
{
#if defined(__x86_64__)
	if (likely(fdw_single_threaded())) {
		uint8_t same;
		__asm__ volatile("cmpxchgq %3, %1" : "=@ccz"(same), "+m"(*(uint64_t *)w), "+a"(*expected) : "r"(desired) : "memory");
		return same;
	}
#endif
	/* acq_rel: whoever sees the new state also sees what the thread did before, and what earlier owners recorded is its own to
	 * read from here on. */
	return atomic_compare_exchange_strong_explicit(w, expected, desired, memory_order_acq_rel, memory_order_acquire);
}

void fdw_made_higher(uint32_t fd);
FDW_INLINE uint32_t fdw_born_inline(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc)
{
	fdw_word_t *w = fdw_word(fd);
	struct fdw_record *r;
	uint64_t v, n;

	if (unlikely(!w) && !(w = fdw_word_grow(fd)))
		return 0;
	if (unlikely((uint32_t)fd >= atomic_load_explicit(&fdw_process.made_end, memory_order_relaxed)))
		fdw_made_higher((uint32_t)fd);
	v = atomic_load_explicit(w, memory_order_relaxed);
	do {
		/* The in-flux count stays: those who hold it will leave it. Everything else is the new generation's. */
		n = ((uint64_t)(fdw_gen(v) + 1) << FDW_GEN_SHIFT) | (v & FDW_FLUX_MASK) | FDW_OPEN;
		if (unlikely(n >> FDW_GEN_SHIFT == 0))
			n |= UINT64_C(1) << FDW_GEN_SHIFT; /* 0 means unknown, also after 2^32 generations */
		n |= flags & FDW_F_CLOEXEC ? FDW_W_CLOEXEC : 0;
		n |= flags & FDW_F_INHERITED ? FDW_W_INHERITED | FDW_W_DUPED | FDW_W_SENT : 0;
		n |= flags & FDW_BORN_DUP ? FDW_W_DUPED : 0;
		n |= flags & FDW_BORN ? FDW_W_SECTION : 0;
		n |= kind == FDW_KIND_EPOLL || kind == FDW_KIND_PORT ? FDW_W_POLLER : 0;
	} while (!fdw_cas(w, &v, n));
	r = fdw_record(fd);
	r->gen = fdw_gen(n);
	r->open_tid = fdw_tid();
	r->open_call = call;
	r->open_pc = pc;
	r->kind = kind;
	r->arm = 0;
	r->stream = 0;
	r->poller = r->waiter = 0;
	r->born_at = fdw_born_now();
	return fdw_gen(n);
}

/* Rules 2 and 3: a close in three steps. */
struct fdw_claim {
	int fd;
	uint64_t before;   /* the word as found */
	uint8_t owner;     /* this thread moved open to closing: it must call fdw_claim_end */
	uint8_t loser;     /* another thread is closing the same generation */
	uint8_t refused;   /* enforce: the call must fail with EBADF without asking the kernel */
	uint8_t protect;   /* the tracer's own: must fail with EBADF */
};
void fdw_claim_slow(struct fdw_claim *, fdw_word_t *, uint64_t v, uint64_t mark);
void fdw_claimed_busy(int fd, fdw_word_t *, uint64_t v); /* v: as it was when it was claimed, and the mark */
/* mark: 0 or FDW_W_REPLACED. */
FDW_INLINE void fdw_claim_as(struct fdw_claim *c, int fd, uint64_t mark)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v;

	*c = (struct fdw_claim){ .fd = fd };
	if (unlikely(!w))
		return;
	v = atomic_load_explicit(w, memory_order_acquire);
	if (likely(fdw_state(v) == FDW_OPEN && fdw_cas(w, &v, fdw_with_state(v, FDW_CLOSING) | mark))) {
		c->before = v;
		c->owner = 1;
		fdw_record(fd)->close_tid = fdw_tid();
		if (unlikely(v & (FDW_FLUX_MASK | FDW_W_SECTION | FDW_W_REGISTERED)))
			fdw_claimed_busy(fd, w, v | mark);
	} else if (fdw_state(v) != FDW_UNKNOWN) {
		fdw_claim_slow(c, w, v, mark);
	} else {
		c->before = v;
	}
}

FDW_INLINE void fdw_claim(struct fdw_claim *c, int fd) { fdw_claim_as(c, fd, 0); }
/* v: the word, in *closing*. 0: its thread ended inside the close, so that it is over, and the history of the number unknown. */
int fdw_close_goes_on(int fd, uint64_t v);
void fdw_wait_left(int fd); /* bounded: while it is leaving nobody may put anything there */

enum fdw_close_result { FDW_CLOSE_DONE, FDW_CLOSE_NOT_OPEN, FDW_CLOSE_UNDO };
void fdw_claim_end(struct fdw_claim *, enum fdw_close_result, uint16_t call, uintptr_t pc);
/*
 * Rule 3: leave *closing* only if the generation is still ours. The kernel freed the number before we came here, so another thread may have
 * been given it, or have put something over it, and have said so already: then 0. before: the word as it was claimed.
 */
FDW_INLINE int fdw_leave_closing(int fd, uint64_t before, enum fdw_state to)
{
	uint64_t v = fdw_with_state(before, FDW_CLOSING);

	while (!fdw_cas(fdw_word_at((uint32_t)fd), &v, fdw_with_state(v, to) & ~FDW_FLAGS_MASK))
		if (fdw_gen(v) != fdw_gen(before) || fdw_state(v) != FDW_CLOSING)
			return 0;
	return 1;
}

/* The same for an owner whose close succeeded. */
FDW_INLINE void fdw_claim_done(const struct fdw_claim *c, uint16_t call, uintptr_t pc)
{
	fdw_record(c->fd)->close_call = call;
	fdw_record(c->fd)->close_pc = pc;
	fdw_leave_closing(c->fd, c->before, FDW_CLOSED);
}

/* Another number has the same description from here on. */
FDW_INLINE void fdw_duplicated(int fd)
{
	fdw_word_t *w = fdw_word(fd);

	if (w && !(atomic_load_explicit(w, memory_order_relaxed) & FDW_W_DUPED))
		atomic_fetch_or_explicit(w, FDW_W_DUPED, memory_order_relaxed);
}

/* A duplicate is known to others since its description is. */
FDW_INLINE void fdw_shares_history(int fd, int src)
{
	if (!fdw_word(fd) || !fdw_word(src))
		return;
	fdw_record(fd)->born_at = fdw_record(src)->born_at;
	if (unlikely(fdw_peek(src) & FDW_W_SENT))
		atomic_fetch_or_explicit(fdw_word(fd), FDW_W_SENT, memory_order_relaxed);
}

/* Rule 4: arming, duplicating and F_SETFD hold an in-flux count on the number while the kernel call runs. */
void fdw_flux_enter(int fd, uintptr_t frame);
void fdw_flux_leave(int fd);
void fdw_flux_reset(void); /* in a fork child: nobody else is in flux */

/* Tracer descriptors (lttng_ust_add_fd_to_tracker). */
int fdw_is_protected(int fd);
void fdw_protect(int fd);
void fdw_protect_kept(int fd);
void fdw_unprotect(int fd);

/* Close-on-exec of fd is now `on`: table and event (dup.c). */
void fdw_note_setfd(int fd, int on, uint16_t call, uintptr_t pc);

#endif
