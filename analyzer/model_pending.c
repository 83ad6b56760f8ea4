/*
 * analyzer/model_pending.c: failed closes and uses that cannot be judged yet.
 *
 * Three things have to be known first:
 *	the run	    a close that fails may be the first of a loop over every number there is; so may an fcntl(F_SETFD). It waits for
 *		    the thread's next close (or use). Told by the interposer for closes (FDW_F_RUN), found here for uses.
 *		    So may a few that make room for the list of all numbers that the thread opens next.
 *		    What no run excuses may be part of a walk (model_walk.c).
 *	the others  who opened, who closed: another thread's event may be read later. It waits MODEL_SETTLE_NS at most; a close that met another one
 *		    under way waits until that is over, which may linger for seconds, or never come to its end.
 *	the child   a fork child that closes what it inherited twice, and then execs, has cleaned up. It waits for exit or exec.
 */
#include <errno.h>
#include "analyzer/model_parts.h"

typedef void judge_fn(const struct transition *);

struct pending {
	struct transition t;
	struct fdw_event event;
	judge_fn *judge;
	struct moment inside;
	uint64_t due;
	struct pending *next;
};

static void judge_close(const struct transition *t) { RULES_CALL(close_failed, t); }
static void judge_use(const struct transition *t) { RULES_CALL(use_failed, t); }
static void judge_stale(const struct transition *t) { RULES_CALL(stale_stream, t); }
static void judge_rearm(const struct transition *t) { RULES_CALL(rearmed, t); }
static void judge_in_use(const struct transition *t) { RULES_CALL(closed_in_use, t); }
static void judge_range(const struct transition *t) { RULES_CALL(range_closed_again, t); }

static struct pending *pending_new(const struct step *s, struct generation *g, judge_fn *judge)
{
	struct pending *p = xcalloc(1, sizeof *p);

	p->event = *s->e;
	p->event.detail = NULL;
	p->event.detail_len = 0;
	p->judge = judge;
	p->due = s->time + MODEL_SETTLE_NS;
	p->t = (struct transition){ .replay = s->replay, .image = s->image, .event = &p->event, .generation = g };
	moment_of(s, &p->t.at);
	generation_pin(g);
	return p;
}

static void pending_free(struct pending *p)
{
	generation_unpin(p->t.generation);
	generation_unpin(p->t.other);
	free(p);
}

/* ---- the child, and the judgement ------------------------------------------------------------------------------------------------*/

/* Fork children that have not exec'd tidy up: only what is certainly their own doing counts, and only later. */
static int is_doubt(const struct pending *p)
{
	const struct generation *g = p->t.generation;

	return p->event.flags & FDW_F_CHILD && g && g->forked;
}

static int is_anothers(const struct fdw_event *e, const struct generation *g) { return g->forked && g->closed.pid != fdw_pid_shown(e->pid); }

static int is_tidying(const struct pending *p)
{
	const struct generation *g = p->t.generation;

	if (!(p->event.flags & FDW_F_CHILD))
		return 0;
	return !g || g->swept || is_anothers(&p->event, g);
}

/* Both closes had something to close: not where the second may have met a tombstone. Or it was refused because the number was open again. */
static int is_too_late(const struct pending *p)
{
	const struct generation *g = p->t.generation;
	const struct fdw_event *e = &p->event;

	if (e->flags & FDW_F_INVENTED)
		return e->err == EBADF;
	return e->ret == 0 && g->state == GENERATION_CLOSED && g->closed.tid != e->tid && g->closed.ret == 0 && p->t.image->mode == FDW_MODE_OBSERVE;
}

/* Two threads closed g at the same time. Who was given the number before the second of them came to it? */
static void met_by_loser(struct pending *p)
{
	const struct fdw_event *e = &p->event;
	struct generation *g = p->t.generation, *o;

	if (e->op != FDW_OP_CLOSE || !(e->flags & FDW_F_LOSER) || !g || p->t.other || !is_too_late(p))
		return;
	for (o = generation_newest(p->t.image, e->fd); o && o->gen > g->gen; o = o->older)
		if (o->opened.time && o->opened.time < p->t.at.time && o->opened.tid != e->tid && (!o->closed.time || o->closed.time > p->t.at.time)) {
			p->t.other = o;
			generation_pin(o);
			if (e->ret == 0 && o->state == GENERATION_OPEN)
				generation_closed(o, &p->t.at);
			return;
		}
}

/* The close that was under way did not come to its end, as far as was seen: then this one is what ended g. */
static void ended_by_loser(const struct pending *p)
{
	const struct fdw_event *e = &p->event;
	struct generation *g = p->t.generation;

	if (e->op == FDW_OP_CLOSE && e->flags & FDW_F_LOSER && e->ret == 0 && g && g->state == GENERATION_OPEN)
		generation_closed(g, &p->t.at);
}

static void dispatch(struct pending *p)
{
	met_by_loser(p);
	if (!is_tidying(p) && is_doubt(p)) {
		p->next = p->t.image->doubts;
		p->t.image->doubts = p;
		return;
	}
	if (!is_tidying(p))
		p->judge(&p->t);
	ended_by_loser(p);
	pending_free(p);
}

void pending_doubts(struct replay *r, struct image *i, int judge)
{
	struct pending *p = i->doubts, *next, *order = NULL;

	i->doubts = NULL;
	for (; p; p = next) { /* oldest first */
		next = p->next;
		p->next = order;
		order = p;
	}
	for (p = order; p; p = next) {
		next = p->next;
		if (judge && !(p->t.generation && p->t.generation->swept))
			p->judge(&p->t);
		pending_free(p);
	}
}

/* ---- the others ----------------------------------------------------------------------------------------------------------------------*/

static int is_complete(const struct pending *p)
{
	const struct generation *g = p->t.generation;

	return !g || (g->closed.time && (g->opened.time || g->inherited));
}

static void settle(struct pending *p)
{
	p->next = NULL;
	if (is_complete(p)) {
		dispatch(p);
		return;
	}
	*p->t.replay->waiting_last = p;
	p->t.replay->waiting_last = &p->next;
}

static int waits_for_first(const struct pending *p) { return p->event.op == FDW_OP_CLOSE && p->event.flags & FDW_F_LOSER && !is_complete(p); }

void pending_settle(struct replay *r, const struct image *image)
{
	struct pending **at = &r->waiting, *p;

	while ((p = *at)) {
		if (!image && p->due > r->now)
			return; /* in order of time */
		if (image ? p->t.image != image : waits_for_first(p)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		if (!*at)
			r->waiting_last = at;
		dispatch(p);
	}
}

/* ---- the run -------------------------------------------------------------------------------------------------------------------------*/

static int is_loop(const struct sweep *s) { return s->length >= MODEL_LOOP || (s->never_seen && s->length >= 3); }

/*
 * Closes that all failed, of numbers that one run of closes closed before: somebody's own descriptors, closed twice. A loop over
 * everything would meet numbers that are open, or go on to some that never were. In a fork child that is no proof.
 */
static int may_repeat(const struct sweep *s)
{
	return !s->ok && !s->never_seen && s->repeats && s->repeats != NO_RUN && s->length <= FDW_RUN_QUIET && s->held.first &&
	       !(s->held.first->event.flags & FDW_F_CHILD);
}

static void pendings_add(struct pendings *all, struct pending *p)
{
	p->next = NULL;
	if (all->tail)
		all->tail->next = p;
	else
		all->first = p;
	all->tail = p;
}

void pendings_settle(struct pendings *all, int loop)
{
	struct pending *p = all->first, *next;

	*all = (struct pendings){ 0 };
	for (; p; p = next) {
		next = p->next;
		p->t.loop = loop;
		settle(p);
	}
}

static void sweep_end_as(struct sweep *s, int loop)
{
	pendings_settle(&s->held, loop);
	s->length = s->repeats = 0;
	s->never_seen = s->ok = 0;
}

static void sweep_end(struct sweep *s) { sweep_end_as(s, is_loop(s) && !may_repeat(s)); }

/* No run, by itself: but its closes may be part of a walk. */
static void closes_end(struct thread *t)
{
	struct sweep *s = &t->closes;
	struct pendings *held, one;
	struct pending *p = s->held.first, *next;
	enum walked is;

	if (!p || (is_loop(s) && !may_repeat(s))) {
		if (p)
			walk_proven(t, &p->event);
		sweep_end(s);
		return;
	}
	s->held = (struct pendings){ 0 };
	for (; p; p = next) {
		next = p->next;
		p->next = NULL;
		one = (struct pendings){ p, p };
		if ((is = walk_of(t, &p->event, &held)) == WALKING)
			pendings_add(held, p);
		else
			pendings_settle(&one, is == WALKED);
	}
	sweep_end(s);
}

static void sweep_add(struct sweep *s, struct pending *p)
{
	if (is_loop(s) && s->length > MODEL_LOOP && !may_repeat(s)) { /* known already: nothing to remember */
		pending_free(p);
		return;
	}
	pendings_add(&s->held, p);
}

/* The last of a run, if it is about fd and nothing came between it and the event of s. */
static int is_right_before(const struct sweep *w, const struct step *s, int fd)
{
	const struct pending *last = w->held.tail;

	return last && last->event.fd == fd && last->event.seq + 1 == s->e->seq;
}

static void forget_last(struct sweep *w)
{
	struct pending **at = &w->held.first, *last = w->held.tail;

	w->held.tail = NULL;
	for (; *at != last; at = &(*at)->next)
		w->held.tail = *at;
	*at = NULL;
	pending_free(last);
}

/* The close e belongs to the thread's run, or begins the next one. */
static struct sweep *close_run(const struct step *s, int never_here)
{
	struct sweep *w = &s->thread->closes;
	uint64_t length = s->e->flags & FDW_F_STREAM ? (s->e->flags & FDW_F_RUN ? w->length + 1 : 1) : s->e->arg;

	if (!(s->e->flags & FDW_F_RUN) || length < w->length) {
		closes_end(s->thread);
		w->id = ++s->image->close_runs;
	}
	walks_close(s, never_here);
	w->length = length > UINT32_MAX ? UINT32_MAX : length ? (uint32_t)length : 1;
	w->last = s->e->fd;
	w->seq = s->e->seq;
	return w;
}

void pending_close_ok(const struct step *s, struct generation *g)
{
	struct sweep *w = close_run(s, 0);

	w->ok = 1;
	if (g)
		g->close_run = w->id;
	if (!is_loop(w))
		return;
	s->image->swept = 1;
	if (g)
		g->swept = 1;
}

void pending_close(const struct step *s, struct generation *g)
{
	/* Who was forked has never had what was closed before. */
	int never_here = s->e->flags & FDW_F_NEVER_SEEN || (s->e->flags & FDW_F_CHILD && g && g->state == GENERATION_CLOSED && g->closed.time && is_anothers(s->e, g));
	struct sweep *w = close_run(s, never_here);
	uint32_t before = g && g->state == GENERATION_CLOSED && g->close_run ? g->close_run : NO_RUN;

	w->repeats = !w->repeats || w->repeats == before ? before : NO_RUN;
	w->never_seen |= (s->e->flags & FDW_F_NEVER_SEEN) && s->e->fd >= 0;
	sweep_add(w, pending_new(s, g, judge_close));
}

/*
 * Some make room first for the list of their numbers that they are about to read, whatever is there (OpenJDK's jspawnhelper: 4 and 5), be it open or not.
 * Two threads that close the same, and streams, are nobody's preparation.
 */
void pending_everything(const struct step *s)
{
	struct sweep *w = &s->thread->closes;
	const struct fdw_event *first = w->held.first ? &w->held.first->event : NULL;

	/* One close after the other, and then the list: a run may also be of closes with other things between. */
	if (!first || w->seq + 1 != s->e->seq || w->seq - first->seq != w->length - first->arg)
		return;
	for (const struct pending *p = w->held.first; p; p = p->next)
		if (p->event.flags & (FDW_F_LOSER | FDW_F_STREAM))
			return;
	sweep_end_as(w, 1);
}

/* Loops over everything mark or ask; writing to eight closed numbers in a row is eight mistakes. */
static int may_loop(const char *call) { return !strcmp(call, "fcntl") || !strcmp(call, "ioctl"); }

static struct sweep *use_run(const struct step *s)
{
	struct sweep *w = &s->thread->uses;
	int64_t step = (int64_t)s->e->fd - w->last;

	if (!w->length || w->stack != s->e->stack || (step != 1 && step != -1))
		sweep_end(w);
	if (w->length < MODEL_LOOP - 1 || may_loop(s->call))
		w->length++;
	if (s->e->flags & FDW_F_RUN && s->e->arg > w->length) /* the interposer saw more of it */
		w->length = s->e->arg > UINT32_MAX ? UINT32_MAX : (uint32_t)s->e->arg;
	w->last = s->e->fd;
	w->stack = s->e->stack;
	return w;
}

void pending_use(const struct step *s, struct generation *g)
{
	struct sweep *w = use_run(s);
	struct pending *p;

	w->never_seen |= (s->e->flags & FDW_F_NEVER_SEEN) != 0;
	if (!(s->e->flags & FDW_F_KNOWN_CLOSED))
		return;
	p = pending_new(s, g, judge_use);
	p->t.registration = poll_ghost(s, g);
	sweep_add(w, p);
}

/* fcntl(n, F_SETFD, FD_CLOEXEC) over everything: those that are open succeed. */
void pending_setfd(const struct step *s) { use_run(s); }

/* Told in two events, one right after the other: the use that failed, and what it was meant to do. */
void pending_use_excused(const struct step *s, int fd)
{
	if (is_right_before(&s->thread->uses, s, fd))
		forget_last(&s->thread->uses);
}

/*
 * The number is made free before something is put there, whatever may be on it: `close(3); dup2(n, 3)`, as zsh and ksh do it for numbers that their
 * users write.
 */
void pending_placed(const struct step *s)
{
	struct sweep *w = &s->thread->closes;

	if (is_right_before(w, s, s->e->fd) && !(w->held.tail->event.flags & (FDW_F_LOSER | FDW_F_STREAM)))
		forget_last(w);
}

void pending_stale(const struct step *s, struct generation *owned, struct generation *now)
{
	struct pending *p = pending_new(s, owned, judge_stale);

	p->t.other = now;
	generation_pin(now);
	settle(p);
}

/* ---- pollers ----------------------------------------------------------------------------------------------------------------------------*/

static struct pending *rearm_new(const struct step *s, struct generation *was, struct generation *now, const struct registration *r)
{
	struct pending *p = pending_new(s, was, judge_rearm);

	p->t.other = now;
	p->t.registration = r;
	generation_pin(now);
	return p;
}

void pending_rearm(const struct step *s, struct generation *was, struct generation *now, const struct registration *r)
{
	settle(rearm_new(s, was, now, r));
}

void pending_rearm_answered(const struct step *s, struct generation *was, struct generation *now, const struct registration *r)
{
	s->thread->rearm = rearm_new(s, was, now, r);
}

void pending_rearm_next(const struct step *s, int forget)
{
	struct pending *p = s->thread->rearm;

	s->thread->rearm = NULL;
	if (p && forget)
		pending_free(p);
	else if (p)
		settle(p);
}

void pending_in_use(const struct step *s, struct generation *g, const struct moment *inside)
{
	struct pending *p = pending_new(s, g, judge_in_use);

	p->inside = *inside;
	p->t.inside = &p->inside;
	settle(p);
}

/* ---- ranges ----------------------------------------------------------------------------------------------------------------------------*/

/*
 * Closing everything but a few numbers is several ranges in a row, and some of them are one number long. So one range over one
 * number that is closed already waits for the thread's next event, and what came before it is remembered.
 */
void pending_range(const struct step *s, struct generation *g)
{
	struct thread *t = s->thread;

	if (t->range_last == -2 || s->e->fd <= t->range_last) /* a sweep goes upwards */
		t->range = pending_new(s, g, judge_range);
	t->range_last = s->e->fd2;
}

void pending_range_next(const struct step *s)
{
	struct thread *t = s->thread;
	struct pending *p = t->range;
	int again = s->e->op == FDW_OP_CLOSE_RANGE, inside = s->e->op == FDW_OP_CLOSE && s->e->flags & FDW_F_RANGE;

	t->range = NULL;
	if (!again && !inside)
		t->range_last = -2;
	if (!p)
		return;
	if (inside && s->e->fd == p->event.fd)
		pending_free(p); /* it was open after all */
	else if (again && s->e->fd != p->event.fd)
		pending_free(p);
	else
		settle(p);
}

void pending_thread_end(struct replay *r, struct image *i, struct thread *t)
{
	closes_end(t);
	walks_end(t);
	sweep_end(&t->uses);
	if (t->range)
		settle(t->range);
	if (t->rearm)
		settle(t->rearm);
	t->range = t->rearm = NULL;
}
