/*
 * analyzer/model_walk.c: closes n, n+1, n+2 … by one place of a program, which does something else between them.
 *
 * A loop that closes every number and puts /dev/null where something was open (varnishd) opens, duplicates and closes other numbers on its way: no two of its
 * closes need be one right after the other, so none of them is in a run. That they come from one place, in order, and come by numbers that were
 * never open in this process tells what it is; or that some of them are a run over everything. Length alone does not: a server closes one connection after
 * another in one place, and in audit each has a new number.
 *
 * A walk begins with a close that failed and that no run excuses. It passes over what is left open on purpose. Failed closes that are part of it wait until
 * it is proven, or ends: with a close by its place that is out of order, after WALK_ASIDE closes elsewhere, or with the thread.
 */
#include "analyzer/model_parts.h"

/* Closes in other places before the next one of the walk. Findings wait as long. */
#define WALK_ASIDE 8
/* Numbers in a row that it leaves open. */
#define WALK_GAP 64
/* As short as a run over numbers that never were may be. */
#define WALK_LENGTH 3

struct walk {
	uint32_t stack;
	uint32_t began;          /* number of the thread's event */
	int last, step;          /* step 0: not known yet */
	uint32_t length, aside;
	uint8_t never_here, proven;
	struct pendings held;
	struct walk *next;
};

static int leaves_open(struct image *i, int from, int to, int step)
{
	const struct generation *g;

	for (int n = from; n != to; n += step)
		if ((g = generation_newest(i, n)) && g->state == GENERATION_CLOSED)
			return 0;
	return 1;
}

static int goes_on(const struct walk *w, const struct step *s)
{
	int64_t distance = (int64_t)s->e->fd - w->last, gap = distance < 0 ? -distance : distance;
	int step = distance > 0 ? 1 : -1;

	if (!distance || (w->step && w->step != step))
		return 0;
	if (s->e->flags & FDW_F_RUN && gap < (int64_t)s->e->arg) /* of what lies between not all is told: FDW_RUN_QUIET */
		return 1;
	return gap <= WALK_GAP && leaves_open(s->image, w->last + step, s->e->fd, step);
}

static void is_proven(struct walk *w)
{
	w->proven = 1;
	pendings_settle(&w->held, 1);
}

static void go_on(struct walk *w, const struct step *s, int never_here)
{
	w->step = s->e->fd > w->last ? 1 : -1;
	w->last = s->e->fd;
	w->length++;
	w->aside = 0;
	w->never_here |= never_here;
	if (!w->proven && w->never_here && w->length >= WALK_LENGTH)
		is_proven(w);
}

static void walk_end(struct walk **at)
{
	struct walk *w = *at;

	*at = w->next;
	pendings_settle(&w->held, 0);
	free(w);
}

static void walk_begin(const struct step *s, int never_here)
{
	struct walk *w = xcalloc(1, sizeof *w);

	*w = (struct walk){ .stack = s->e->stack, .began = s->e->seq, .last = s->e->fd, .length = 1,
		.never_here = (uint8_t)never_here, .next = s->thread->walks };
	s->thread->walks = w;
}

void walks_close(const struct step *s, int never_here)
{
	int failed = s->e->ret < 0 && s->e->flags & (FDW_F_KNOWN_CLOSED | FDW_F_NEVER_SEEN), begins = failed && walk_may_hold(s->e);
	struct walk **at = &s->thread->walks, *w;

	while ((w = *at)) {
		if (w->stack == s->e->stack && goes_on(w, s)) {
			go_on(w, s, never_here);
			begins = 0;
		} else if (w->stack == s->e->stack || ++w->aside > WALK_ASIDE) {
			walk_end(at);
			continue;
		}
		at = &w->next;
	}
	if (begins)
		walk_begin(s, never_here);
}

/* Two threads that close the same, and streams, are no part of it. */
int walk_may_hold(const struct fdw_event *e)
{
	return e->op == FDW_OP_CLOSE && e->stack && e->fd >= 0 && !(e->flags & (FDW_F_LOSER | FDW_F_STREAM | FDW_F_RANGE));
}

static struct walk *walk_with(const struct thread *t, const struct fdw_event *e)
{
	struct walk *w = walk_may_hold(e) ? t->walks : NULL;

	while (w && (w->stack != e->stack || (int32_t)(e->seq - w->began) < 0))
		w = w->next;
	return w;
}

enum walked walk_of(const struct thread *t, const struct fdw_event *e, struct pendings **held)
{
	struct walk *w = walk_with(t, e);

	if (w)
		*held = &w->held;
	return !w ? WALK_NONE : w->proven ? WALKED : WALKING;
}

void walk_proven(struct thread *t, const struct fdw_event *e)
{
	struct walk *w = walk_with(t, e);

	if (w)
		is_proven(w);
}

void walks_end(struct thread *t)
{
	while (t->walks)
		walk_end(&t->walks);
}
