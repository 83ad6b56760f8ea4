/*
 * preload/gate.c: see gate.h.
 *
 * Context: any thread, handlers. System calls: futex and clock_gettime to wait, those of probe.c, fcntl(F_SETFD).
 *
 * When a section's maker counts as having handed it on:
 *
 *   the site  | asleep, no CPU used between samples | runnable, D, T    | its state cannot be had
 *   marks     | 50 ms                               | 250 ms            | 200 ms
 *   others    | 2 samples, 2 ms apart               | 250 ms, or 2 ms   | 20 ms
 *             |                                     | of CPU used       |
 * A maker that ended has decided. With no memory to look into it (aside.h) its state cannot be had.
 */
#include "clock.h"
#include "event.h"
#include "gate.h"
#include "probe.h"
#include "site.h"
#include "wait.h"
#include "poison.h"

#define SAMPLE_US 2000u
#define ASLEEP_MARKS_US 50000u
#define BLIND_MARKS_US 200000u
#define BLIND_US 20000u
#define CPU_USED_NS 2000000u

#define BATCH 16u /* more are looked at in turns */
_Static_assert(BATCH <= FDW_PROBE_MAX, "one probe");

struct waiting {
	struct fdw_section s;
	uint64_t first_cpu, last_cpu;
	uint32_t turn_us;      /* when it was first looked at, after the gate's beginning */
	uint32_t asleep_since; /* us after the scan + 1; 0: was not asleep at the last sample */
	uint8_t sampled;
};

/* In a struct fdw_work: on a signal stack there is no room for it. */
struct room {
	struct fdw_section found[BATCH];
	struct waiting w[BATCH];
	struct fdw_probe p[BATCH];
};
_Static_assert(sizeof(struct room) <= FDW_WORK_ROOM, "fits");

/* ---- bounds reached, kept until the child has a name ------------------------------------------------------------------------------------*/

#define BOUNDED 64u
static _Thread_local struct { struct fdw_section s; uint32_t us; } bounded[BOUNDED] __attribute__((tls_model("initial-exec")));

static void at_bound(const struct fdw_section *s, uint32_t us)
{
	atomic_fetch_add_explicit(&fdw_process.bounds, 1, memory_order_relaxed);
	FDW_STEP(bound);
	if (!fdw_recording() || fdw_self.bounded == BOUNDED)
		return;
	bounded[fdw_self.bounded].s = *s;
	bounded[fdw_self.bounded++].us = us;
}

void fdw_gate_child_slow(int64_t child, uint8_t kind, uint16_t call, uintptr_t pc)
{
	unsigned n = fdw_self.bounded;

	fdw_self.bounded = 0;
	for (unsigned i = 0; i < n; i++)
		fdw_send(&(struct fdw_event){ .op = FDW_OP_FORK_BOUND, .call = call, .kind = kind, .fd = bounded[i].s.fd, .gen = bounded[i].s.gen,
			.fd2 = (int)bounded[i].s.tid, .ret = child, .arg = bounded[i].us }, pc);
}

/* ---- one scan -------------------------------------------------------------------------------------------------------------------------------*/

static uint32_t us_since(const struct timespec *start)
{
	struct timespec now;

	fdw_clock(CLOCK_MONOTONIC, &now);
	return (uint32_t)((now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000);
}

/* Takes out what is decided; how many are left. */
static unsigned still_open(struct waiting *w, unsigned n)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++)
		if (fdw_section_open(&w[i].s))
			w[left++] = w[i];
	return left;
}

static int section_marks(const struct fdw_section *s) { return fdw_site_kind(fdw_record(s->fd)->site) == FDW_SITE_MARKS; }
static int marks(const struct waiting *w) { return section_marks(&w->s); }

/* Whether the wait for one ends now. known: its state could be had. */
static int is_over(struct waiting *w, const struct fdw_probe *p, int known, uint32_t us)
{
	/* Those of a later turn stood open all the while. */
	uint32_t asleep = !marks(w) ? SAMPLE_US : w->turn_us >= ASLEEP_MARKS_US - SAMPLE_US ? SAMPLE_US : ASLEEP_MARKS_US - w->turn_us;

	if (!known)
		return us >= (marks(w) ? BLIND_MARKS_US : BLIND_US);
	if (!w->sampled)
		w->first_cpu = w->last_cpu = p->cpu;
	if (p->state != 'S' || p->cpu != w->last_cpu)
		w->asleep_since = 0;
	if (p->state == 'S' && !w->asleep_since)
		w->asleep_since = us + 1;
	else if (p->state == 'S' && us + 1 - w->asleep_since >= asleep)
		return 1;
	w->last_cpu = p->cpu;
	w->sampled = 1;
	return us >= FDW_GATE_BOUND_US || (!marks(w) && p->cpu - w->first_cpu > CPU_USED_NS);
}

static void sample(struct fdw_work *work, unsigned n, uint32_t us)
{
	struct room *room = (struct room *)work->room;
	struct fdw_probe *p = room->p;
	int known;

	for (unsigned i = 0; i < n; i++)
		p[i] = (struct fdw_probe){ .tid = room->w[i].s.tid };
	known = !fdw_process.filtered && fdw_probe(p, n, work);
	for (unsigned i = 0; i < n; i++) {
		struct waiting *w = &room->w[i];
		int gone = p[i].state == 'X';
		if ((gone || is_over(w, &p[i], known, us)) && fdw_section_clear(&w->s, !gone) && !gone)
			at_bound(&w->s, us);
	}
}

static void wait_for(struct fdw_work *work, unsigned n, const struct timespec *start)
{
	struct room *room = (struct room *)work->room;
	struct fdw_wait wait;
	uint32_t us, next = SAMPLE_US / 2;

	fdw_wait_start(&wait, FDW_GATE_BOUND_US * 2); /* the bounds are those of sample() */
	while ((n = still_open(room->w, n)) && fdw_wait_step(&wait)) {
		if (wait.spins < FDW_WAIT_SPINS || (us = us_since(start)) < next)
			continue;
		sample(work, n, us);
		next = us_since(start) + SAMPLE_US;
	}
	/* We had no CPU ourselves for so long. */
	for (unsigned i = 0; i < n; i++)
		if (fdw_section_clear(&room->w[i].s, 1))
			at_bound(&room->w[i].s, us_since(start));
}

/* Mostly there is none, and nothing is written: after a fork that is a page fault. */
FDW_FORK_PATH static int any_open(void)
{
	struct fdw_section found;
	uint32_t all = atomic_load_explicit(&fdw_process.gates, memory_order_relaxed) + 1;
	unsigned next = 0;

	do {
		if (fdw_sections(&found, 1, &next, all))
			return 1;
	} while (next);
	return 0;
}

/*
 * All that stood open when it began, in turns; the bound is one for all of them. (I12: `next` is an index, and the blocks of sections are never
 * freed, so it may be kept over a wait; what it led to is looked at again.)
 */
static void wait_for_all(struct fdw_work *work, const struct timespec *start)
{
	struct room *room = (struct room *)work->room;
	uint32_t since = fdw_sections_since();
	unsigned next = 0, n;

	do {
		n = fdw_sections(room->found, BATCH, &next, since);
		for (unsigned i = 0; i < n; i++) {
			room->w[i] = (struct waiting){ .s = room->found[i], .turn_us = us_since(start) };
			if (fdw_section_late(&room->found[i])) /* this child gets it too */
				at_bound(&room->found[i], 0);
		}
		if (n)
			wait_for(work, n, start);
	} while (next);
}

/* So many start children at once that there is no memory left to look at each maker: one by one, as where no state can be had. */
static void wait_for_each(const struct timespec *start)
{
	uint32_t since = fdw_sections_since(), us, bound;
	struct fdw_section found;
	struct fdw_wait wait;
	unsigned next = 0;

	do {
		if (!fdw_sections(&found, 1, &next, since))
			continue;
		us = us_since(start);
		bound = section_marks(&found) ? BLIND_MARKS_US : BLIND_US;
		fdw_wait_start(&wait, bound > us ? bound - us : 0);
		while (fdw_section_open(&found) && fdw_wait_step(&wait))
			;
		if (fdw_section_late(&found) || fdw_section_clear(&found, 1))
			at_bound(&found, us_since(start));
	} while (next);
}

static void wait_for_makers(const struct timespec *start)
{
	struct fdw_work *work = FDW_WORK_CLAIM();

	if (unlikely(!work)) {
		wait_for_each(start);
		return;
	}
	wait_for_all(work, start);
	fdw_work_done(work);
}

/*
 * A handler that runs while we wait may be handed a descriptor that was born after we began. So handlers wait meanwhile; and when one did, its
 * turn comes, and what is open then is waited for too.
 */
#define SIGSET_BYTES 8
#define ROUNDS 3
static __attribute__((noinline)) void wait_without_handlers(void)
{
	uint64_t all = UINT64_MAX, before, pending;
	struct timespec start;
	int round = 0;

	fdw_clock(CLOCK_MONOTONIC, &start);
	do {
		pending = 0;
		if (++round == ROUNDS)
			start.tv_sec -= 1; /* they keep coming: what is open now is at its bound */
		if (fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &all, &before, (long)SIGSET_BYTES) != 0)
			before = all;
		wait_for_makers(&start);
		if (before != all) {
			fdw_raw(SYS_rt_sigpending, &pending, (long)SIGSET_BYTES);
			fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &before, NULL, (long)SIGSET_BYTES);
		}
	} while (pending & ~before && round < ROUNDS && any_open());
}

FDW_FORK_PATH void fdw_gate_slow(void)
{
	int saved = errno;

	/* A child of a fork that nobody told us of has its parent's list, and the flags there are not its affair. */
	if (fdw_raw(SYS_getpid) != (long)fdw_process.pid)
		return;
	fdw_pass_over_all(); /* its own: a thread that starts a child has decided */
	if (fdw_self.bounded)
		fdw_self.bounded = 0;
	FDW_STEP(gate_before);
	if (any_open())
		wait_without_handlers();
	FDW_STEP(gate_open);
	errno = saved;
}
