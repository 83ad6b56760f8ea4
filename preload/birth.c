/*
 * preload/birth.c: see birth.h.
 *
 * Context: any thread, handlers. System calls: fcntl(F_SETFD), tgkill with signal 0 when a thread looks for a block; none where a filter is.
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
#include "site.h"
#include "stack.h"
#include "wait.h"
#include "poison.h"

#define SLOTS 32u /* a message brings twenty descriptors, a shell-like caller makes three pipes before it marks one */
#define ALL_TAKEN UINT32_MAX
#define BLOCKS 1024u /* 768 bytes each, touched as used; mlockall() takes them all */

/* One a thread. Entry: generation << 32 | number + 1; written by the owner alone, stale as soon as its word is no longer in SECTION. */
#define RESERVED UINT64_MAX /* its call is under way */
static struct block {
	_Alignas(128) _Atomic uint32_t owner;
	uint8_t oldest;           /* which slot goes first when all are taken */
	_Atomic uint32_t end;     /* slots from here on were never used */
	uint16_t site[SLOTS];
	_Atomic uint32_t gate[SLOTS]; /* fdw_process.gates when it was born */
	_Atomic uint64_t entry[SLOTS];
	uintptr_t frame[SLOTS];   /* of the call that took the slot, UINTPTR_MAX on a signal stack */
} blocks[BLOCKS] FDW_LARGE;
_Atomic uint32_t fdw_section_blocks; /* those below were used */

static struct block *own_block(void) { return &blocks[fdw_self.birth_block - 1]; }

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

static int clear(int fd, uint32_t gen, uint64_t late)
{
	int was = fdw_self.deciding; /* of what a handler of this thread interrupted */
	int done;

	FDW_STEP(clear_before);
	/* Counted before it looks: whoever seals waits for those that did not see it (fdw_births_seal). */
	atomic_fetch_add(&fdw_process.clearing, 1);
	done = !atomic_load(&fdw_process.sealed) && begin_deciding(fd, gen);
	if (done) {
		FDW_STEP(clear_claimed);
		fdw_raw(SYS_fcntl, (long)fd, (long)F_SETFD, 0L);
		FDW_STEP(clear_done);
		end_deciding(fd, late);
		fdw_self.deciding = was;
	}
	atomic_fetch_sub(&fdw_process.clearing, 1);
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

/* ---- the thread's list -----------------------------------------------------------------------------------------------------------------*/

/* A handler of this thread may come between any two instructions: slots are taken and given with one. x86 does that without a bus lock. */
static int set_bit(unsigned i)
{
#if defined(__x86_64__)
	uint8_t was;
	__asm__ volatile("btsl %2, %1" : "=@ccc"(was), "+m"(fdw_self.undecided) : "r"(i) : "memory");
	return was;
#else
	return __atomic_fetch_or(&fdw_self.undecided, 1u << i, __ATOMIC_RELAXED) >> i & 1;
#endif
}

static void clear_bit(unsigned i)
{
#if defined(__x86_64__)
	__asm__ volatile("btrl %1, %0" : "+m"(fdw_self.undecided) : "r"(i) : "memory", "cc");
#else
	__atomic_fetch_and(&fdw_self.undecided, ~(1u << i), __ATOMIC_RELAXED);
#endif
}

static int take_slot(void)
{
	for (uint32_t left; (left = ~fdw_self.undecided); )
		if (!set_bit((unsigned)__builtin_ctz(left)))
			return __builtin_ctz(left);
	return -1;
}

/* Entries from here on are empty, for whoever reads them all. It only grows: the lowest free slot is taken first, so it stays small. */
static void list_reaches(struct block *b, unsigned end)
{
	uint32_t now = atomic_load_explicit(&b->end, memory_order_relaxed);

	while (unlikely(now < end) && !atomic_compare_exchange_weak_explicit(&b->end, &now, end, memory_order_relaxed, memory_order_relaxed))
		;
}

static void give_slot(unsigned i)
{
	atomic_store_explicit(&own_block()->entry[i], 0, memory_order_relaxed);
	clear_bit(i);
}

static int is_listed(uint64_t entry) { return entry && entry != RESERVED; }
static int fd_of(uint64_t entry) { return (int)(uint32_t)entry - 1; }
static uint32_t gen_of(uint64_t entry) { return (uint32_t)(entry >> 32); }

/* The thread went on without a mark. */
static void pass_over_slot(unsigned i)
{
	uint64_t e = atomic_load_explicit(&own_block()->entry[i], memory_order_relaxed);

	if (!is_listed(e))
		return; /* its call is under way further out */
	if (clear(fd_of(e), gen_of(e), 0))
		fdw_site_not_marked(own_block()->site[i]);
	give_slot(i);
}

/*
 * What a thread may hand a descriptor on with, or go on to wait in. All else decides nothing; nor does moving data where the site has always
 * marked: such a maker may log a line first, and whoever it hands one to all the same waits for it (gate.c).
 */
enum passing { PASSES_NOTHING, PASSES_DATA, PASSES_ALL };
static enum passing passing(uint16_t call)
{
#define C(name) case FDW_CALL_##name:
	switch (call) {
	C(read) C(__read_chk) C(write) C(pread) C(__pread_chk) C(pwrite) C(readv) C(writev) C(preadv) C(pwritev) C(preadv2) C(pwritev2)
	C(recv) C(__recv_chk) C(recvfrom) C(__recvfrom_chk) C(recvmsg) C(recvmmsg) C(send) C(sendto) C(sendmsg) C(sendmmsg)
	C(sendfile) C(splice) C(tee) C(vmsplice) C(copy_file_range) C(eventfd_read) C(eventfd_write) C(mq_send) C(mq_timedsend) C(syscall)
		return PASSES_DATA;
	C(none) C(accept) C(accept4) C(connect) C(epoll_ctl) C(epoll_wait) C(epoll_pwait) C(epoll_pwait2) C(poll) C(ppoll) C(__poll_chk)
	C(__ppoll_chk) C(select) C(pselect) C(mq_receive) C(mq_timedreceive) C(flock) C(lockf)
		return PASSES_ALL;
	}
#undef C
	return PASSES_NOTHING;
}

void fdw_pass_over(int fd, int fd2, uint16_t call)
{
	enum passing how = passing(call);
	int saved = errno;

	/* The tracer's own calls, in the middle of an event of ours, are none of the program's. */
	if (!fdw_self.birth_block || fdw_self.vforked || fdw_self.tool || fdw_self.emitting || how == PASSES_NOTHING)
		return;
	for (uint32_t left = fdw_self.undecided; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		uint64_t e = atomic_load_explicit(&own_block()->entry[i], memory_order_relaxed);
		int n = fd_of(e);
		if (is_listed(e) && n != fd && n != fd2 && (how == PASSES_ALL || fdw_site_kind(own_block()->site[i]) != FDW_SITE_MARKS))
			pass_over_slot(i);
	}
	errno = saved;
}

void fdw_pass_over_all(void) { fdw_passed_over(-1, -1, FDW_CALL_none); }

/* ---- blocks ------------------------------------------------------------------------------------------------------------------------------*/

/* The owner is gone: what it left undecided was not marked. Its flag stays until a child is started, or somebody asks. */
static int owner_gone(uint32_t tid)
{
	return !fdw_process.filtered && fdw_raw(SYS_tgkill, (long)fdw_process.pid, (long)tid, 0L) == -ESRCH;
}

static void inherit(struct block *b)
{
	for (unsigned i = 0; i < atomic_load_explicit(&b->end, memory_order_relaxed); i++) {
		uint64_t e = atomic_load_explicit(&b->entry[i], memory_order_acquire);
		if (is_listed(e) && clear(fd_of(e), gen_of(e), 0))
			fdw_site_not_marked(b->site[i]);
		if (e != RESERVED)
			atomic_store_explicit(&b->entry[i], 0, memory_order_relaxed);
	}
}

static int take_block(unsigned n)
{
	uint32_t end = atomic_load(&fdw_section_blocks);

	while (end < n + 1 && !atomic_compare_exchange_weak(&fdw_section_blocks, &end, n + 1))
		;
	inherit(&blocks[n]);
	fdw_self.birth_block = (uint16_t)(n + 1);
	return 1;
}

/*
 * A block for this thread: one that is free, or whose owner is gone; of those in use only a few are looked at while there are unused ones.
 * Two threads that find the same owner gone are told apart by the compare-and-swap; a new thread that got a dead one's id takes over its
 * block like any other. None: no births in this thread for a while, for a look costs a system call.
 */
#define LOOKS 8u
#define BLOCKLESS 256u
static int find_block(void)
{
	static _Atomic unsigned turn;
	uint32_t end = atomic_load(&fdw_section_blocks), tid = fdw_tid();
	unsigned looks = end > LOOKS ? LOOKS : end;

	if (!tid || (fdw_self.blockless && fdw_self.blockless--))
		return 0;
	for (unsigned i = 0; i < looks; i++) {
		unsigned n = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) % end;
		uint32_t owner = atomic_load(&blocks[n].owner);
		if ((owner == tid || owner == 0 || owner_gone(owner)) && atomic_compare_exchange_strong(&blocks[n].owner, &owner, tid))
			return take_block(n);
	}
	for (unsigned n = end; n < BLOCKS; n++) {
		uint32_t none = 0;
		if (atomic_compare_exchange_strong(&blocks[n].owner, &none, tid))
			return take_block(n);
	}
	fdw_self.blockless = BLOCKLESS;
	return 0;
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
	/* While recording, and before that begins, the tracer's threads would do. */
	if (!fdw_process.may_birth || fdw_options.record[0] || !fdw_on())
		return 0;
	atomic_store_explicit(&fdw_process.births, 1, memory_order_relaxed);
	return 1;
}

void fdw_births_forbid(void)
{
	fdw_process.may_birth = 0;
	atomic_store_explicit(&fdw_process.births, 0, memory_order_relaxed);
}

/*
 * All slots are taken. A handler may have left a blocked accept, open or recvmsg by siglongjmp: what such a call reserved is known by its frame,
 * which lies at or below ours on the same stack; and where nothing but reserved slots is left, for nobody is in so many such calls at once.
 * Else the oldest section goes.
 */
static void make_room(uintptr_t frame)
{
	struct block *b = own_block();

	for (unsigned i = 0; i < SLOTS; i++)
		if (atomic_load_explicit(&b->entry[i], memory_order_relaxed) == RESERVED && b->frame[i] <= frame && frame != UINTPTR_MAX)
			give_slot(i);
	for (unsigned n = 0; fdw_self.undecided == ALL_TAKEN && n < SLOTS; n++)
		pass_over_slot(b->oldest++ % SLOTS);
	if (fdw_self.undecided == ALL_TAKEN)
		give_slot(b->oldest++ % SLOTS);
}

void fdw_births_share(void)
{
	uint32_t end = atomic_load_explicit(&fdw_section_blocks, memory_order_acquire);

	fdw_births_forbid();
	for (unsigned n = 0; n < end; n++)
		inherit(&blocks[n]);
}

/*
 * Threads that have decided for the close-on-exec form of a call, and may not have come to the kernel yet. One that sleeps has, or has been
 * waiting in it all along.
 */
static int calls_to_come(struct fdw_work *work)
{
	uint32_t end = atomic_load_explicit(&fdw_section_blocks, memory_order_acquire);

	for (unsigned n = 0; n < end; n++)
		for (unsigned i = 0; n + 1 != fdw_self.birth_block && i < atomic_load_explicit(&blocks[n].end, memory_order_relaxed); i++) {
			struct fdw_probe p = { .tid = atomic_load_explicit(&blocks[n].owner, memory_order_relaxed) };
			if (atomic_load_explicit(&blocks[n].entry[i], memory_order_relaxed) == RESERVED && fdw_probe(&p, 1, work) && p.state != 'S' && p.state != 'X')
				return 1;
		}
	return 0;
}

/*
 * Before a filter of the program's own, under which no flag can be cleared: all that is undecided is decided as asked so far, and threads that
 * are about to clear one are waited for. What a blocked call still brings stays close-on-exec (fdw_birth_made).
 */
#define SEAL_BOUND_US 2000000u /* once in a process's life; a thread that comes too late is killed */
void fdw_births_seal(void)
{
	struct fdw_work *work = FDW_WORK_CLAIM();
	struct fdw_wait wait;

	fdw_births_share();
	atomic_store(&fdw_process.sealed, 1);
	/* Their half of the fence between their slot and may_birth (fdw_birth_begin). */
	fdw_raw(SYS_membarrier, (long)MEMBARRIER_CMD_GLOBAL, 0L, 0L);
	fdw_wait_start(&wait, SEAL_BOUND_US);
	while ((atomic_load(&fdw_process.clearing) || calls_to_come(work)) && fdw_wait_step(&wait))
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
	if (fdw_site_kind(site) == FDW_SITE_NEVER || (unlikely(!fdw_self.birth_block) && !find_block()))
		return 0;
	frame = fdw_on_signal_stack((uintptr_t)__builtin_frame_address(0)) ? UINTPTR_MAX : (uintptr_t)__builtin_frame_address(0);
	if (unlikely(fdw_self.undecided == ALL_TAKEN))
		make_room(frame);
	slot = take_slot();
	if (unlikely(slot < 0))
		return 0;
	list_reaches(own_block(), (unsigned)slot + 1);
	own_block()->site[slot] = site;
	own_block()->frame[slot] = frame;
	atomic_store_explicit(&own_block()->entry[slot], RESERVED, memory_order_relaxed);
	/* In this order: who forbids looks at the slots after that, and has all threads pass a fence in between. */
	atomic_signal_fence(memory_order_seq_cst);
	if (unlikely(!*(volatile uint8_t *)&fdw_process.may_birth)) {
		give_slot((unsigned)slot);
		return 0;
	}
	atomic_store_explicit(&own_block()->gate[slot], atomic_load_explicit(&fdw_process.gates, memory_order_relaxed), memory_order_relaxed);
	return FDW_BORN | (uint32_t)slot << FDW_BORN_SLOT_SHIFT;
}

static unsigned slot_of(uint32_t born) { return born >> FDW_BORN_SLOT_SHIFT & (SLOTS - 1); }

void fdw_birth_pair(uint32_t born[2], uint32_t asked, uintptr_t pc)
{
	born[0] = fdw_birth(asked, pc);
	if (born[0])
		own_block()->frame[slot_of(born[0])] = UINTPTR_MAX; /* not left over: the other one is being made room for */
	born[1] = born[0] ? fdw_birth(asked, pc) : 0;
	if (born[0] && !born[1]) {
		fdw_birth_failed(born[0]);
		born[0] = 0;
	}
}

void fdw_birth_failed(uint32_t born)
{
	if (born & FDW_BORN)
		give_slot(slot_of(born));
}

void fdw_birth_plain(int fd) { fdw_raw(SYS_fcntl, (long)fd, (long)F_SETFD, 0L); }

void fdw_birth_made(int fd, uint32_t born)
{
	uint64_t v = fdw_peek(fd);
	unsigned i = slot_of(born);

	if (unlikely(atomic_load(&fdw_process.sealed))) { /* the call had blocked: what the kernel has is what there is, from here on */
		if (fdw_word(fd))
			atomic_fetch_and_explicit(fdw_word(fd), ~FDW_W_SECTION, memory_order_relaxed);
		give_slot(i);
		return;
	}
	if (unlikely(fdw_state(v) != FDW_OPEN || !(v & FDW_W_SECTION))) { /* beyond the table */
		fdw_birth_plain(fd);
		give_slot(i);
		return;
	}
	fdw_record(fd)->site = own_block()->site[i];
	FDW_STEP(born);
	atomic_store_explicit(&own_block()->entry[i], (uint64_t)fdw_gen(v) << 32 | (uint32_t)(fd + 1), memory_order_release);
	FDW_STEP(listed);
}

/* ---- decisions of the program -----------------------------------------------------------------------------------------------------------*/

/* This thread's own entry for fd is done with. */
static void forget_own(int fd, uint32_t gen)
{
	if (!fdw_self.undecided || !fdw_self.birth_block)
		return;
	for (uint32_t left = fdw_self.undecided; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		if (atomic_load_explicit(&own_block()->entry[i], memory_order_relaxed) == ((uint64_t)gen << 32 | (uint32_t)(fd + 1)))
			give_slot(i);
	}
}

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
			forget_own(fd, fdw_gen(v));
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
		forget_own(fd, fdw_gen(v));
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
	forget_own(fd, fdw_record(fd)->gen);
}

/* ---- for the gate, and the fork child ---------------------------------------------------------------------------------------------------*/

/*
 * What was handed to a thread was born before that thread counts here, and then read a smaller number. The relaxed load of fdw_birth_begin
 * may be old, never too new.
 */
uint32_t fdw_sections_since(void) { return atomic_fetch_add(&fdw_process.gates, 1) + 1; }

/* *next counts slots of all blocks. */
unsigned fdw_sections(struct fdw_section *s, unsigned room, unsigned *next, uint32_t since)
{
	uint32_t end = atomic_load_explicit(&fdw_section_blocks, memory_order_acquire) * SLOTS, tid = fdw_tid();
	unsigned n = 0;

	for (; *next < end && n < room; ++*next) {
		unsigned i = *next % SLOTS;
		struct block *b = &blocks[*next / SLOTS];
		uint64_t e;
		if (i >= atomic_load_explicit(&b->end, memory_order_relaxed) || *next / SLOTS + 1 == fdw_self.birth_block) {
			*next += SLOTS - 1 - i; /* the next block */
			continue;
		}
		e = atomic_load_explicit(&b->entry[i], memory_order_acquire);
		if (!is_listed(e) || (int32_t)(atomic_load_explicit(&b->gate[i], memory_order_relaxed) - since) >= 0)
			continue;
		s[n] = (struct fdw_section){ .fd = fd_of(e), .gen = gen_of(e), .tid = atomic_load_explicit(&b->owner, memory_order_relaxed) };
		if (unlikely(s[n].tid == tid)) /* the kernel gave us the id of a maker that ended, and so has decided */
			clear(fd_of(e), gen_of(e), 0);
		n += fdw_section_open(&s[n]) || fdw_section_late(&s[n]);
	}
	if (*next >= end)
		*next = 0;
	return n;
}

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

	if (clear(s->fd, s->gen, late ? FDW_W_LATE : 0)) {
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
	uint32_t end = atomic_load_explicit(&fdw_section_blocks, memory_order_relaxed);

	for (unsigned n = 0; n < end; n++) {
		atomic_store_explicit(&blocks[n].owner, 0, memory_order_relaxed);
		for (unsigned i = 0; i < atomic_load_explicit(&blocks[n].end, memory_order_relaxed); i++) {
			uint64_t e = atomic_exchange_explicit(&blocks[n].entry[i], 0, memory_order_relaxed);
			if (is_listed(e) && fdw_word(fd_of(e)))
				atomic_fetch_and_explicit(fdw_word(fd_of(e)), ~(FDW_W_SECTION | FDW_W_DECIDING | FDW_W_LATE), memory_order_relaxed);
		}
	}
	if (end)
		atomic_store_explicit(&fdw_section_blocks, 0, memory_order_relaxed);
	atomic_store_explicit(&fdw_process.births, 0, memory_order_relaxed);
	atomic_store_explicit(&fdw_process.clearing, 0, memory_order_relaxed); /* by threads that are not here */
	if (!fdw_self.birth_block && !fdw_self.bounded && !fdw_self.deciding)
		return;
	fdw_self.undecided = fdw_self.bounded = 0;
	fdw_self.birth_block = 0;
	fdw_self.deciding = 0;
}
