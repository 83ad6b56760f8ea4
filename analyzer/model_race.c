/*
 * analyzer/model_race.c: descriptors made without close-on-exec and marked later, and the threads that start children meanwhile.
 *
 * What is kept is what the rule needs once the image is over: for each pair of places (made, marked) when each thread was between the two,
 * and for each thread and place that started children when the thread lived, and how many of the children exec'd with what they
 * had inherited.
 *
 * Which generation a child got is not told by its number alone: numbers are reused within microseconds, and the fork is only known to lie
 * between two moments. So each number remembers since when all its generations belong to one race: where that was before the fork began
 * and still is, the child's is one of them, whichever.
 */
#include "analyzer/model_parts.h"

/* Without other threads nobody can come between; the interposer says when there were any. */
static int is_made_for_race(const struct step *s, const struct generation *g)
{
	const struct moment *m = &g->opened;

	return s->e->flags & FDW_F_MULTI && !g->race && !g->unseen && !g->inherited && !g->meant && g->fd > 2 && m->time &&
	       m->pid == s->process->pid && m->tid == s->e->tid && !(m->flags & FDW_F_CLOEXEC) && g->state == GENERATION_OPEN;
}

static const struct stack *made_by(const struct generation *g) { return g->group ? g->group->place : NULL; }

static struct race *race_of(struct image *i, const struct generation *g, const struct moment *marked)
{
	struct race key, *r;

	memset(&key, 0, sizeof key);
	key.key.opened = made_by(g);
	key.key.marked = marked->stack;
	HASH_FIND(hh, i->races, &key.key, sizeof key.key, r);
	if (r)
		return r;
	r = xcalloc(1, sizeof *r);
	r->key = key.key;
	r->opened = g->opened;
	r->marked = *marked;
	r->fd = g->fd;
	r->gen = g->gen;
	r->description = g->description;
	r->description->references++;
	HASH_ADD(hh, i->races, key, sizeof r->key, r);
	return r;
}

static void add_window(struct race *r, uint32_t tid, uint64_t opened, uint64_t marked)
{
	struct window *w;

	for (w = r->windows; w && w->tid != tid; w = w->next)
		;
	if (!w) {
		w = xcalloc(1, sizeof *w);
		w->tid = tid;
		w->next = r->windows;
		r->windows = w;
		w->first.opened = opened;
		w->first.marked = marked;
	}
	w->last.opened = opened;
	w->last.marked = marked;
}

/* When the generation before g was closed; 0: there was none. */
static uint64_t number_free_since(const struct generation *g)
{
	if (!g->older)
		return g->gen == 1 ? 0 : g->opened.time;
	return g->older->gen == g->gen - 1 && g->older->state == GENERATION_CLOSED && g->older->closed.time ? g->older->closed.time : g->opened.time;
}

static void extend_run(struct number *n, const struct generation *g)
{
	if (n->race != g->race || n->race_last + 1 != g->gen) {
		n->race = g->race;
		n->race_first = g->gen;
		n->race_since = number_free_since(g);
	}
	n->race_last = g->gen;
}

static void race_got(struct race *r, const struct passage *p)
{
	if (r->got++)
		return;
	r->forked = p->forked;
	r->execed = p->execed;
	r->child_exe = p->exe;
	r->child_pid = p->pid;
}

/*
 * Nobody else did anything since this thread began: whoever made it may be waiting for just that (Tcl's notifier makes its pipe so, and many runtimes
 * what their helper threads need). It is no proof that a program could have been started in between.
 */
static int is_first_of_all(const struct step *s) { return s->image->turns == s->thread->born_turn; }

void race_marked(struct step *s, struct generation *g)
{
	struct number *n = number_find(s->image, s->e->fd);
	struct moment at;

	if (!n || n->newest != g || !is_made_for_race(s, g))
		return;
	moment_of(s, &at);
	g->race = race_of(s->image, g, &at);
	g->race->count++;
	g->race->bounds += g->bound;
	if (!is_first_of_all(s))
		add_window(g->race, s->e->tid, g->opened.time, s->time);
	extend_run(n, g);
	for (struct passage *p = g->begun; p; p = p->sibling) {
		if (p->forked.time && p->forked.tid == at.tid)
			continue; /* the child was made by the thread that marked it too late: no race */
		p->raced = 1;
		if (p->sure && !p->meant && !p->used)
			race_got(g->race, p);
	}
}

/* ---- a child that has one ----------------------------------------------------------------------------------------------------------*/

/* All who can have had the number in [begin, now] are of one race. */
static struct race *only_race(const struct number *n, uint64_t begin)
{
	const struct generation *g = n->newest;
	int next = g->gen == n->race_last + 1 && g->state == GENERATION_OPEN && n->race && made_by(g) == n->race->key.opened;

	return n->race && (g->gen == n->race_last || next) && begin && n->race_since <= begin ? n->race : NULL;
}

/* A number that a program found open. was: the newest that had it in the fork child, as far as its parent's events told. 1: it is a race's. */
int race_state(struct step *s, const struct generation *was)
{
	const struct image *before = s->image->before;
	struct image *owner;
	struct generation *origin;
	struct number *n;
	struct race *r;
	struct passage p;

	if (!was->forked || was->meant || (was->state == GENERATION_CLOSED && was->closed.pid == s->process->pid) || s->e->flags & FDW_F_NAMED)
		return 0;
	owner = passage_owner(before, was);
	n = owner ? number_find(owner, was->fd) : NULL;
	origin = n ? generation_find(owner, was->fd, was->gen) : NULL;
	if (!n || !n->race || (origin && !origin->race && was->state == GENERATION_OPEN && !was->cloexec))
		return 0;
	r = only_race(n, before->fork_begin);
	if (r && before->born.time) {
		p = (struct passage){ .forked = before->born, .execed = before->execed, .exe = s->image->exe, .pid = s->process->pid };
		race_got(r, &p);
	}
	return 1;
}

/* ---- starting children ----------------------------------------------------------------------------------------------------------------*/

static void start_drop(struct start *st)
{
	if (st && !--st->references)
		free(st);
}

/* The thread of s starts a child, or another program; NULL where nobody else can be at work. */
struct start *start_of(const struct step *s)
{
	struct start *st;

	if (!(s->e->flags & FDW_F_MULTI))
		return NULL;
	for (st = s->image->starts; st; st = st->next)
		if (st->tid == s->e->tid && !st->ended && st->at.stack == space_stack(s->image->space, s->e->stack) && st->at.op == s->e->op)
			return st;
	st = xcalloc(1, sizeof *st);
	moment_of(s, &st->at);
	st->tid = s->e->tid;
	st->born = s->thread->born;
	st->references = 1;
	st->next = s->image->starts;
	s->image->starts = st;
	return st;
}

void start_child(struct process *child, struct start *st)
{
	start_drop(child->started);
	child->started = st;
	if (st)
		st->references++;
}

/* Whether a program that follows this image could inherit anything: not after its child closed everything first. */
static int is_exposed(const struct image *i)
{
	unsigned open = 0, closed = 0;

	if (i->swept)
		return 0;
	for (const struct number *n = i->numbers; n; n = n->hh.next) {
		const struct generation *g = n->newest;

		open += n->fd > 2 && g->forked && g->state == GENERATION_OPEN && !g->cloexec;
		closed += n->fd > 2 && g->forked && g->state == GENERATION_CLOSED && g->closed.pid == i->process->pid;
	}
	return open || !closed;
}

/* The process runs another program. */
void start_execed(struct process *p, const struct image *old)
{
	if (p->started && is_exposed(old))
		p->started->exposed++;
	start_child(p, NULL);
	for (struct start *st = old->starts; st; st = st->next)
		if (st->at.op == FDW_OP_EXEC && st->at.tid == old->execed.tid && !st->ended)
			st->exposed++;
}

void starts_thread_ends(struct image *i, uint32_t tid, uint64_t now)
{
	for (struct start *st = i->starts; st; st = st->next)
		if (st->tid == tid && !st->ended)
			st->ended = now;
}

/* ---- the end ----------------------------------------------------------------------------------------------------------------------------*/

void races_free(struct image *i)
{
	struct race *r, *next;

	HASH_ITER(hh, i->races, r, next) {
		HASH_DEL(i->races, r);
		description_drop(r->description);
		for (struct window *w = r->windows, *following; w; w = following) {
			following = w->next;
			free(w);
		}
		free(r);
	}
	for (struct start *st = i->starts, *following; st; st = following) {
		following = st->next;
		start_drop(st);
	}
	i->starts = NULL;
}
