/*
 * preload/pending.c: see pending.h. The same judgement as the report's (analyzer/model_walk.c), by what is known here.
 *
 * Context: everywhere a close is. A handler that interrupts this may lose a line of the log, no more.
 * May not: wait, allocate. Locks: none, all of it is the thread's own.
 */
#include "pending.h"
#include "poison.h"

#define LOOP_LENGTH 8
/* Of one walk: more are not said. A walk by closes that all fail is a mistake that is seen from the first ones. */
#define PENDING 4u
/* As the report has them. */
#define WALK_ASIDE 8
#define WALK_GAP 64
#define WALK_LENGTH 3

struct waits {
	uint32_t count, outlived;            /* those that were there when their run ended, unexcused */
	uint32_t losers;                     /* one bit for each */
	uint32_t turn;                       /* grows as one is written */
	struct fdw_violation all[PENDING], said;
	uintptr_t saying;                    /* the frame of who says it; 0: nobody */
	struct {
		uintptr_t pc;
		int last, step;              /* step 0: not known yet */
		uint32_t length;
		uint8_t aside, never_seen, proven;
	} walk;
};
static _Thread_local struct waits waits __attribute__((tls_model("initial-exec")));

FDW_FORK_PATH void fdw_pending_forget(void)
{
	struct waits *w = &waits;

	if (!fdw_self.walks)
		return;
	w->count = w->outlived = w->losers = 0;
	w->walk.pc = 0;
	fdw_self.held_back = fdw_self.walks = 0;
}

static void drop_from(uint32_t first)
{
	struct waits *w = &waits;

	if (w->count > first)
		w->count = first;
	if (w->outlived > first)
		w->outlived = first;
	if (!first)
		fdw_self.held_back = 0;
}

static int is_loser(uint32_t i) { return waits.losers >> i & 1; }

/*
 * Taken from the list first: the log may be interrupted. Numbers are read once, so that a handler between leaves none out of bounds. What is said lies in a place
 * of the thread's own, not on a stack, which may be a signal's; a handler that comes while it is read loses its line. (Whoever left by a jump stood below us.)
 */
static __attribute__((noinline)) void say(uint32_t i)
{
	struct waits *w = &waits;
	uint32_t count = w->count, outlived = w->outlived, below = (1u << i) - 1;
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0), outer = w->saying;

	if (!outer || outer <= frame) {
		w->saying = frame;
		w->said = w->all[i];
	}
	for (uint32_t n = i + 1; n < count; n++)
		w->all[n - 1] = w->all[n];
	w->losers = (w->losers & below) | (w->losers >> 1 & ~below);
	w->count = count - 1;
	w->outlived = outlived > i ? outlived - 1 : outlived;
	if (count == 1)
		fdw_self.held_back = 0;
	if (w->saying != frame)
		return;
	fdw_log_violation(&w->said);
	w->saying = 0;
}

static void walk_is_proven(void)
{
	struct waits *w = &waits;
	uint32_t n = w->count;

	w->walk.proven = 1;
	while (n && w->all[n - 1].pc == w->walk.pc && !is_loser(n - 1))
		n--;
	drop_from(n);
}

/* The thread's last run is over. What it does not excuse is said, but for what belongs to the walk. */
static void run_ends(void)
{
	struct waits *w = &waits;

	if (fdw_self.run_length >= LOOP_LENGTH) {
		drop_from(w->outlived);
		if (w->walk.pc && w->walk.last == fdw_self.run_last)
			walk_is_proven();
	}
	for (uint32_t i = w->outlived; i < w->count;)
		if (is_loser(i) || w->all[i].pc != w->walk.pc)
			say(i);
		else
			i++;
	w->outlived = w->count;
}

static void walk_ends(void)
{
	struct waits *w = &waits;

	w->walk.pc = 0;
	for (uint32_t n = w->outlived; n && w->count; n--)
		say(0);
	fdw_self.walks = w->count != 0;
}

FDW_FORK_PATH void fdw_pending_flush(void)
{
	if (likely(!fdw_self.walks))
		return;
	run_ends();
	walk_ends();
}

void fdw_pending_prepares(void)
{
	if (likely(!fdw_self.held_back))
		return;
	if (!(waits.losers >> waits.outlived)) /* what the run before left unexcused is no part of it */
		drop_from(waits.outlived);
	fdw_pending_flush();
}

void fdw_pending_placed(int fd)
{
	const struct waits *w = &waits;
	uint32_t last = w->count - 1;

	if (unlikely(fdw_self.held_back) && last < PENDING && last >= w->outlived && fdw_self.run_last == fd && w->all[last].fd == fd && !is_loser(last))
		drop_from(last);
}

/* ---- the walk -----------------------------------------------------------------------------------------------------------------------------*/

/* Numbers between are left open on purpose. */
static int goes_on(int fd, uint32_t run)
{
	int last = waits.walk.last, step = fd > last ? 1 : -1, gap = fd < 0 ? 0 : (fd - last) * step;

	if (!gap || (waits.walk.step && waits.walk.step != step))
		return 0;
	if ((uint32_t)gap < run)
		return 1;
	if (gap > WALK_GAP)
		return 0;
	for (int n = last + step; n != fd; n += step)
		if (fdw_is_closed(fdw_peek(n)))
			return 0;
	return 1;
}

static void go_on(int fd)
{
	struct waits *w = &waits;

	w->walk.step = fd > w->walk.last ? 1 : -1;
	w->walk.last = fd;
	w->walk.length++;
	w->walk.aside = 0;
}

void fdw_pending_meets(int fd, uintptr_t pc, uint32_t run)
{
	struct waits *w = &waits;

	if (run == 1)
		run_ends();
	if (pc == w->walk.pc && goes_on(fd, run))
		go_on(fd);
	else if (w->walk.pc && (pc == w->walk.pc || ++w->walk.aside > WALK_ASIDE))
		walk_ends();
	fdw_self.walks = w->count || w->walk.pc;
}

static void prove(void)
{
	if (waits.walk.never_seen && waits.walk.length >= WALK_LENGTH)
		walk_is_proven();
}

void fdw_pending_never_seen(int fd, uintptr_t pc)
{
	if (likely(!fdw_self.walks) || waits.walk.pc != pc || waits.walk.last != fd)
		return;
	waits.walk.never_seen = 1;
	prove();
}

/* In its place, not on a stack, which may be a signal's. Anew when a handler came between that wrote there too. */
static void fill(struct fdw_violation *v, const char *rule, const char *what, int fd, uint16_t call, uintptr_t pc)
{
	struct fdw_record *r = fdw_record(fd);
	uint32_t turn;

	do {
		turn = ++waits.turn;
		v->rule = rule;
		v->call = fdw_call_names[call];
		v->fd = fd;
		v->what = what;
		v->pc = pc;
		v->before = fdw_call_names[r->close_call];
		v->before_tid = r->close_tid;
		v->before_pc = r->close_pc;
		atomic_signal_fence(memory_order_seq_cst);
	} while (waits.turn != turn);
}

void fdw_pending_add(const char *rule, const char *what, int fd, uint16_t call, uintptr_t pc, int loser)
{
	struct waits *w = &waits;
	uint32_t n;

	if (!loser && w->walk.pc == pc && w->walk.last == fd) {
		prove();
		if (w->walk.proven)
			return;
	} else if (!loser) {
		walk_ends(); /* one at a time */
		w->walk.pc = pc;
		w->walk.last = fd;
		w->walk.step = w->walk.aside = w->walk.never_seen = w->walk.proven = 0;
		w->walk.length = 1;
	}
	n = w->count;
	fdw_self.walks = 1;
	if (n >= PENDING)
		return;
	fill(&w->all[n], rule, what, fd, call, pc);
	w->losers = (w->losers & ((1u << n) - 1)) | (uint32_t)loser << n;
	w->count = n + 1;
	fdw_self.held_back |= !loser;
}
