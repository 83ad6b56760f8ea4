/*
 * preload/wanted.c: see wanted.h.
 *
 * Context: any thread, handlers. System calls: rt_sigprocmask, which says whether code can be read, once for each place; fcntl, fstat, close, when a number
 * is given back. Only where substitutes are allowed. Locks: none.
 */
#include "aside.h"
#include "birth.h"
#include "compares.h"
#include "env.h"
#include "routes.h"
#include "site.h"
#include "wanted.h"
#include "poison.h"

/* What follows a call up to a comparison is some 60 bytes, and the way round an error message a hundred more; a loop comes back to what is before it. */
#define CODE_MAX 256u
#define CODE_PAGE 4096u

/* As far as it can be read: of this page, and its neighbours. */
static struct fdw_code code_around(uintptr_t pc)
{
	uintptr_t page = pc & ~(uintptr_t)(CODE_PAGE - 1), next = page + CODE_PAGE, begin = pc - CODE_MAX, end = pc + CODE_MAX;

	if (fdw_process.filtered || !fdw_readable((const void *)pc))
		begin = end = pc;
	if (begin < page && !fdw_readable((const void *)(page - 1)))
		begin = page;
	if (end > next && !fdw_readable((const void *)next))
		end = next;
	return (struct fdw_code){ (const uint8_t *)begin, (const uint8_t *)pc, (const uint8_t *)end };
}

static int look(uintptr_t pc, const struct fdw_place *results, unsigned n) { return fdw_compares(code_around(pc), results, n); }

/* Where pair[] lies for the code at pc, which addresses it by its stack pointer or its frame pointer. */
#if defined(__x86_64__)
#define SP 4
#define FP 5
#else
#define SP 31
#define FP 29
#endif
static unsigned places_of(struct fdw_place to[4], uintptr_t pair, struct fdw_frame f)
{
	for (unsigned i = 0; i < 2; i++) {
		to[2 * i] = (struct fdw_place){ SP, (int32_t)(pair + i * sizeof(int) - f.sp) };
		to[2 * i + 1] = (struct fdw_place){ FP, (int32_t)(pair + i * sizeof(int) - f.fp) };
	}
	return 4;
}

struct asking { uintptr_t pc; const int *pair; struct fdw_frame frame; int what; };

static __attribute__((noinline)) void look_there(void *arg, uintptr_t unused)
{
	struct asking *a = arg;
	struct fdw_place places[4];

	a->what = look(a->pc, places, a->pair ? places_of(places, (uintptr_t)a->pair, a->frame) : 0);
}

/* What the code at pc compares with; looked at when it is met first. */
static int compares(uintptr_t pc, const int *pair, struct fdw_frame frame)
{
	uint16_t site = fdw_site(pc);
	struct asking a = { pc, pair, frame, fdw_site_compares(site) };

	if (likely(a.what != FDW_COMPARES_UNKNOWN))
		return a.what;
	if (!fdw_deep(look_there, &a, 0))
		return FDW_COMPARES_NOTHING;
	fdw_site_learn_compares(site, a.what);
	return a.what;
}

/* What the last call wanted is forgotten, which may have failed. 1: numbers are kept, or just were. */
static int begins(void)
{
	if (!fdw_on())
		return 0;
	fdw_self.asks = 0;
	fdw_self.wanted[0] = fdw_self.wanted[1] = 0;
	return fdw_self.freed_from || atomic_load_explicit(&fdw_process.retired, memory_order_relaxed) != 0;
}

/* 0: none. */
static int lower(int a, int b) { return !b || (a && a < b) ? a : b; }

void fdw_wanted_slow(uintptr_t pc, int low)
{
	int what, saved = errno;

	if (!begins())
		return;
	what = compares(pc, NULL, (struct fdw_frame){ 0 });
	fdw_self.asks = what != FDW_COMPARES_NOTHING;
	if (what == FDW_COMPARES_OWN)
		fdw_self.wanted[0] = lower(fdw_give_back_lowest(fdw_self.kept_since, low, INT32_MAX), fdw_self.freed_from);
	else if (what > 2 && what >= low)
		fdw_self.wanted[0] = fdw_give_back_lowest(FDW_KEPT_EVER, what, what);
	errno = saved;
}

void fdw_wanted_pair_slow(uintptr_t pc, const int *pair, struct fdw_frame frame)
{
	int saved = errno;

	if (!begins())
		return;
	fdw_self.asks = compares(pc, pair, frame) != FDW_COMPARES_NOTHING;
	for (int i = 0; i < 2; i++)
		fdw_self.wanted[i] = fdw_self.asks ? fdw_give_back_lowest(fdw_self.kept_since, 0, INT32_MAX) : 0;
	errno = saved;
}

/*
 * Record locks of this process on the file would go with the number that is closed here: whoever holds one has the file open under another number.
 * What answered was asked for by no thread but this one, so nobody else means it.
 */
static int move(int fd, int to)
{
	long flags = fdw_raw(SYS_fcntl, (long)fd, (long)F_GETFD), got;

	if (flags < 0 || fdw_may_be_locked(fd))
		return fd;
	got = fdw_raw(SYS_fcntl, (long)fd, (long)(flags & FD_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD), (long)to);
	if (got < 0)
		return fd;
	if (got != to && !fdw_self.freed_from) { /* somebody was faster */
		fdw_raw(SYS_close, got);
		return fd;
	}
	fdw_raw(SYS_close, (long)fd);
	return (int)got;
}

int fdw_wanted_move(int fd, unsigned which)
{
	int to = fdw_self.wanted[which];
	uint64_t began;

	fdw_self.wanted[which] = 0;
	if (fd < 3 || fd >= to)
		return fd;
	if (fdw_own_call_begins(&began))
		fd = move(fd, to);
	fdw_own_call_ends(began);
	return fd;
}

void fdw_wanted_made(void)
{
	if (!fdw_self.asks) {
		fdw_self.kept_since = fdw_kept_ticket();
		fdw_self.freed_from = 0;
	}
	fdw_self.asks = 0;
}
