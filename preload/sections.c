/*
 * preload/sections.c: see sections.h.
 *
 * Context: any thread, handlers. System calls: those of a decision, tgkill with signal 0 when a thread looks for a block; none where a filter is.
 * A handler may come between any two instructions, and may fork there: its child goes on in the middle of what was interrupted. So a block is
 * looked up once in a function, and is kept in the child while a slot is taken whose call is under way.
 */
#include "birth.h"
#include "probe.h"
#include "sections.h"
#include "site.h"
#include "stack.h"
#include "poison.h"

#define SLOTS FDW_SECTION_SLOTS /* a message brings twenty descriptors, a shell-like caller makes three pipes before it marks one */
#define ALL_TAKEN UINT32_MAX
#define BLOCKS 1024u /* 768 bytes each, touched as used; mlockall() takes them all */

/* One a thread. Entry: generation << 32 | number + 1; written by the owner alone, stale as soon as its word is no longer in SECTION. */
#define RESERVED UINT64_MAX /* its call is under way */
static struct block {
	_Alignas(128) _Atomic uint64_t owner; /* fdw_process.forks << 32 | thread: one from before the last fork is in another process */
	uint8_t oldest;           /* which slot goes first when all are taken */
	_Atomic uint32_t end;     /* slots from here on were never used */
	uint16_t site[SLOTS];
	_Atomic uint32_t gate[SLOTS]; /* fdw_process.gates when it was born */
	_Atomic uint64_t entry[SLOTS];
	uintptr_t frame[SLOTS];   /* of the call that took the slot, UINTPTR_MAX on a signal stack */
} blocks[BLOCKS] FDW_LARGE;

static struct block *own_block(void) { return &blocks[fdw_self.birth_block - 1]; }
static uint64_t owned_by(uint32_t tid) { return (uint64_t)fdw_process.forks << 32 | tid; }
static uint32_t thread_of(uint64_t owner) { return owner >> 32 == fdw_process.forks ? (uint32_t)owner : 0; }
static uint32_t owner_of(struct block *b) { return thread_of(atomic_load_explicit(&b->owner, memory_order_relaxed)); }

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

static void give_slot(struct block *b, unsigned i)
{
	atomic_store_explicit(&b->entry[i], 0, memory_order_relaxed);
	clear_bit(i);
}

static int is_listed(uint64_t entry) { return entry && entry != RESERVED; }
static int fd_of(uint64_t entry) { return (int)(uint32_t)entry - 1; }
static uint32_t gen_of(uint64_t entry) { return (uint32_t)(entry >> 32); }
static uint64_t entry_of(int fd, uint32_t gen) { return (uint64_t)gen << 32 | (uint32_t)(fd + 1); }

/* The thread went on without a mark. */
static void pass_over_slot(struct block *b, unsigned i)
{
	uint64_t e = atomic_load_explicit(&b->entry[i], memory_order_relaxed);

	if (!is_listed(e))
		return; /* its call is under way further out */
	if (fdw_decide(fd_of(e), gen_of(e), 0))
		fdw_site_not_marked(b->site[i]);
	give_slot(b, i);
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
	struct block *b;
	int saved = errno;

	/* The tracer's own calls, in the middle of an event of ours, are none of the program's. */
	if (!fdw_self.birth_block || fdw_self.vforked || fdw_self.tool || fdw_self.emitting || how == PASSES_NOTHING)
		return;
	b = own_block();
	for (uint32_t left = fdw_self.undecided; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		uint64_t e = atomic_load_explicit(&b->entry[i], memory_order_relaxed);
		int n = fd_of(e);
		if (is_listed(e) && n != fd && n != fd2 && (how == PASSES_ALL || fdw_site_kind(b->site[i]) != FDW_SITE_MARKS))
			pass_over_slot(b, i);
	}
	errno = saved;
}

void fdw_pass_over_all(void) { fdw_passed_over(-1, -1, FDW_CALL_none); }

/* ---- blocks ------------------------------------------------------------------------------------------------------------------------------*/

/* Its owner is gone: what that left undecided was not marked. Its flag stays until a child is started, or somebody asks. */
static void inherit(struct block *b)
{
	for (unsigned i = 0; i < atomic_load_explicit(&b->end, memory_order_relaxed); i++) {
		uint64_t e = atomic_load_explicit(&b->entry[i], memory_order_acquire);
		if (is_listed(e) && fdw_decide(fd_of(e), gen_of(e), 0))
			fdw_site_not_marked(b->site[i]);
		if (e != RESERVED)
			atomic_store_explicit(&b->entry[i], 0, memory_order_relaxed);
	}
}

/* What stands there from before a fork is its parent's. */
static void forget(struct block *b)
{
	for (unsigned i = 0; i < atomic_load_explicit(&b->end, memory_order_relaxed); i++)
		atomic_store_explicit(&b->entry[i], 0, memory_order_relaxed);
}

static int take_block(unsigned n, uint64_t was)
{
	uint32_t end = atomic_load(&fdw_process.section_blocks);

	if (was >> 32 == fdw_process.forks)
		inherit(&blocks[n]);
	else
		forget(&blocks[n]);
	while (end < n + 1 && !atomic_compare_exchange_weak(&fdw_process.section_blocks, &end, n + 1))
		;
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
	uint32_t end = atomic_load(&fdw_process.section_blocks), tid = fdw_tid();
	unsigned looks = end > LOOKS ? LOOKS : end;

	if (!tid || (fdw_self.blockless && fdw_self.blockless--))
		return 0;
	for (unsigned i = 0; i < looks; i++) {
		unsigned n = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) % end;
		uint64_t was = atomic_load(&blocks[n].owner);
		uint32_t owner = thread_of(was);
		if ((owner == tid || owner == 0 || fdw_thread_gone(owner)) && atomic_compare_exchange_strong(&blocks[n].owner, &was, owned_by(tid)))
			return take_block(n, was);
	}
	for (unsigned n = end; n < BLOCKS; n++) {
		uint64_t was = atomic_load(&blocks[n].owner);
		if (!thread_of(was) && atomic_compare_exchange_strong(&blocks[n].owner, &was, owned_by(tid)))
			return take_block(n, was);
	}
	fdw_self.blockless = BLOCKLESS;
	return 0;
}

/*
 * All slots are taken. A handler may have left a blocked accept, open or recvmsg by siglongjmp: what such a call reserved is known by its frame,
 * which lies at or below ours on the same stack; and where nothing but reserved slots is left, for nobody is in so many such calls at once.
 * Else the oldest section goes.
 */
static void make_room(struct block *b, uintptr_t frame)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (atomic_load_explicit(&b->entry[i], memory_order_relaxed) == RESERVED && b->frame[i] <= frame && frame != UINTPTR_MAX)
			give_slot(b, i);
	for (unsigned n = 0; fdw_self.undecided == ALL_TAKEN && n < SLOTS; n++)
		pass_over_slot(b, b->oldest++ % SLOTS);
	if (fdw_self.undecided == ALL_TAKEN)
		give_slot(b, b->oldest++ % SLOTS);
}

/* ---- slots, for births -----------------------------------------------------------------------------------------------------------------------*/

int fdw_slot_take(uint16_t site, uintptr_t frame)
{
	struct block *b;
	int i;

	if (unlikely(!fdw_self.birth_block) && !find_block())
		return -1;
	b = own_block();
	if (unlikely(fdw_self.undecided == ALL_TAKEN))
		make_room(b, frame);
	i = take_slot();
	if (unlikely(i < 0))
		return -1;
	if (unlikely(&blocks[fdw_self.birth_block - 1u] != b)) { /* a handler forked just now, and we are its child */
		clear_bit((unsigned)i);
		return -1;
	}
	list_reaches(b, (unsigned)i + 1);
	b->site[i] = site;
	b->frame[i] = frame;
	atomic_store_explicit(&b->gate[i], atomic_load_explicit(&fdw_process.gates, memory_order_relaxed), memory_order_relaxed);
	atomic_store_explicit(&b->entry[i], RESERVED, memory_order_relaxed);
	return i;
}

void fdw_slot_give(unsigned i) { give_slot(own_block(), i); }
void fdw_slot_hold(unsigned i) { own_block()->frame[i] = UINTPTR_MAX; }
uint16_t fdw_slot_site(unsigned i) { return own_block()->site[i]; }

void fdw_slot_list(unsigned i, int fd, uint32_t gen)
{
	atomic_store_explicit(&own_block()->entry[i], entry_of(fd, gen), memory_order_release);
}

void fdw_slots_forget(int fd, uint32_t gen)
{
	struct block *b;

	if (!fdw_self.undecided || !fdw_self.birth_block)
		return;
	b = own_block();
	for (uint32_t left = fdw_self.undecided; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		if (atomic_load_explicit(&b->entry[i], memory_order_relaxed) == entry_of(fd, gen))
			give_slot(b, i);
	}
}

/* ---- all threads ---------------------------------------------------------------------------------------------------------------------------*/

void fdw_sections_decide(void)
{
	uint32_t end = atomic_load_explicit(&fdw_process.section_blocks, memory_order_acquire);

	for (unsigned n = 0; n < end; n++)
		inherit(&blocks[n]);
}

/*
 * Threads that have decided for the close-on-exec form of a call, and may not have come to the kernel yet. One that sleeps has, or has been
 * waiting in it all along.
 */
int fdw_sections_to_come(struct fdw_work *work)
{
	uint32_t end = atomic_load_explicit(&fdw_process.section_blocks, memory_order_acquire);

	for (unsigned n = 0; n < end; n++)
		for (unsigned i = 0; n + 1 != fdw_self.birth_block && i < atomic_load_explicit(&blocks[n].end, memory_order_relaxed); i++) {
			struct fdw_probe p = { .tid = owner_of(&blocks[n]) };
			if (p.tid && atomic_load_explicit(&blocks[n].entry[i], memory_order_relaxed) == RESERVED && fdw_probe(&p, 1, work) &&
			    p.state != 'S' && p.state != 'X')
				return 1;
		}
	return 0;
}

/*
 * What was handed to a thread was born before that thread counts here, and then read a smaller number. The relaxed load of fdw_birth_begin
 * may be old, never too new.
 */
uint32_t fdw_sections_since(void) { return atomic_fetch_add(&fdw_process.gates, 1) + 1; }

/* *next counts slots of all blocks. */
unsigned fdw_sections(struct fdw_section *s, unsigned room, unsigned *next, uint32_t since)
{
	uint32_t end = atomic_load_explicit(&fdw_process.section_blocks, memory_order_acquire) * SLOTS, tid = fdw_tid();
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
		s[n] = (struct fdw_section){ .fd = fd_of(e), .gen = gen_of(e), .tid = owner_of(b) };
		if (unlikely(s[n].tid == tid)) /* the kernel gave us the id of a maker that ended, and so has decided */
			fdw_decide(fd_of(e), gen_of(e), 0);
		n += fdw_section_open(&s[n]) || fdw_section_late(&s[n]);
	}
	if (*next >= end)
		*next = 0;
	return n;
}

/*
 * Of the lists nothing is written, for each of their pages would be a fault: whose owner is from before the fork counts as nobody's. But where
 * the fork was a handler's, which interrupted a call that had taken a slot, the child goes on in that call.
 */
#define UNDECIDED (FDW_W_SECTION | FDW_W_DECIDING | FDW_W_LATE)
FDW_FORK_PATH static void reset_entry(uint64_t e)
{
	uint64_t v = fdw_peek(fd_of(e));

	if (fdw_gen(v) == gen_of(e) && v & UNDECIDED)
		atomic_fetch_and_explicit(fdw_word(fd_of(e)), ~UNDECIDED, memory_order_relaxed);
}

FDW_FORK_PATH void fdw_sections_reset(void)
{
	uint32_t end = atomic_load_explicit(&fdw_process.section_blocks, memory_order_relaxed), under_way = fdw_self.undecided;

	for (unsigned n = 0; n < end; n++)
		for (unsigned i = 0; i < atomic_load_explicit(&blocks[n].end, memory_order_relaxed); i++) {
			uint64_t e = atomic_load_explicit(&blocks[n].entry[i], memory_order_relaxed);
			if (!is_listed(e))
				continue;
			reset_entry(e);
			if (n + 1 == fdw_self.birth_block)
				under_way &= ~(1u << i);
		}
	fdw_process.forks++;
	if (fdw_self.birth_block && under_way)
		atomic_store_explicit(&own_block()->owner, owned_by(fdw_tid()), memory_order_relaxed);
	else if (fdw_self.birth_block)
		fdw_self.birth_block = 0;
	if (fdw_self.undecided != under_way)
		fdw_self.undecided = under_way;
	atomic_store_explicit(&fdw_process.section_blocks, fdw_self.birth_block, memory_order_relaxed);
}
