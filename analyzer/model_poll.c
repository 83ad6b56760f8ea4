/*
 * analyzer/model_poll.c: registrations in pollers: armed, delivered, re-armed after the descriptor's end.
 *
 * A poller's event names a descriptor by the data it was registered with: a number, a pointer, anything. So registrations are found by
 * descriptor and by (poller, data). What one data value stands for is only known as long as one registration has it; a live registration
 * always takes it from dead ones, for memory is used again, and so are numbers.
 *
 * Events of different threads may be read in another order than they happened: a delivery before the ADD it belongs to, by microseconds.
 * So nothing here is judged by one delivery of another thread's.
 */
#include <errno.h>
#include <sys/epoll.h>
#include "analyzer/model_parts.h"

struct datum {
	struct { uint64_t data; int poller; uint32_t gen; } key;
	struct registration *first;
	UT_hash_handle hh;
};

/* ---- by data --------------------------------------------------------------------------------------------------------------------------------*/

static struct datum *datum_find(struct image *i, int poller, uint32_t gen, uint64_t data)
{
	struct datum *d, key = { 0 };

	key.key.data = data;
	key.key.poller = poller;
	key.key.gen = gen;
	HASH_FIND(hh, i->data, &key.key, sizeof key.key, d);
	return d;
}

static void leave_datum(struct registration *r)
{
	struct datum *d = r->datum;
	struct registration **p;

	if (!d)
		return;
	for (p = &d->first; *p != r; p = &(*p)->same)
		;
	*p = r->same;
	r->datum = NULL;
	if (d->first)
		return;
	HASH_DEL(r->image->data, d);
	free(d);
}

/* The dead that have it stand for nothing any more: what is delivered is the living one's. */
static void join_datum(struct registration *r)
{
	struct datum *d = datum_find(r->image, r->poller, r->poller_gen, r->data);

	for (struct registration *o = d ? d->first : NULL, *next; o; o = next) {
		next = o->same;
		if (o->generation->state == GENERATION_CLOSED) {
			o->ghosts = 0;
			leave_datum(o);
		}
	}
	d = datum_find(r->image, r->poller, r->poller_gen, r->data);
	if (!d) {
		d = xcalloc(1, sizeof *d);
		d->key.data = r->data;
		d->key.poller = r->poller;
		d->key.gen = r->poller_gen;
		HASH_ADD(hh, r->image->data, key, sizeof d->key, d);
	}
	r->datum = d;
	r->same = d->first;
	d->first = r;
}

/* ---- by descriptor ------------------------------------------------------------------------------------------------------------------------------*/

static struct registration *find(const struct generation *g, int poller, uint32_t gen)
{
	struct registration *r = g ? g->registrations : NULL;

	while (r && !(r->poller == poller && r->poller_gen == gen))
		r = r->next;
	return r;
}

static struct registration *get(const struct step *s, struct generation *g)
{
	struct registration *r = find(g, s->e->fd, s->e->gen);

	if (r)
		return r;
	r = xcalloc(1, sizeof *r);
	r->replay = s->replay;
	r->image = s->image;
	r->generation = g;
	r->poller = s->e->fd;
	r->poller_gen = s->e->gen;
	r->next = g->registrations;
	g->registrations = r;
	return r;
}

static void judge_ghost(struct registration *r)
{
	if (!r->judged && r->ghosts)
		RULES_CALL(ghost, r);
	r->judged = 1;
}

void poll_forget(struct generation *g)
{
	for (struct registration *r = g->registrations, *next; r; r = next) {
		next = r->next;
		judge_ghost(r);
		leave_datum(r);
		free(r);
	}
	g->registrations = NULL;
}

void poll_image_ends(struct image *i)
{
	for (const struct number *n = i->numbers; n; n = n->hh.next)
		for (const struct generation *g = n->newest; g; g = g->older)
			for (struct registration *r = g->registrations; r; r = r->next)
				judge_ghost(r);
}

/* ---- arming -----------------------------------------------------------------------------------------------------------------------------------------*/

static unsigned operation(const struct fdw_event *e) { return e->flags >> FDW_F_USER_SHIFT; }

static void armed(const struct step *s, struct registration *r)
{
	const struct fdw_event *e = s->e;

	leave_datum(r);
	r->data = e->arg;
	if (e->detail_len == sizeof r->events && e->detail)
		memcpy(&r->events, e->detail, sizeof r->events);
	moment_of(s, &r->armed);
	r->delivered.time = 0;
	r->ghosts = 0;
	join_datum(r);
}

/*
 * The newest registration of an earlier descriptor with this number, in the same poller. With its data, where `data` is not NULL.
 */
static struct registration *predecessor(struct generation *g, int poller, uint32_t gen, const uint64_t *data)
{
	for (struct generation *o = g ? g->older : NULL; o; o = o->older) {
		struct registration *r = find(o, poller, gen);
		if (r && o->state == GENERATION_CLOSED && (!data || r->data == *data))
			return r;
	}
	return NULL;
}

/*
 * A member of epoll_data that has 32 bits leaves the others as they were, and mostly they never were anything: Erlang's are what lay on the stack. So
 * two values that differ there only may be the same number twice, and say nothing of whose they are.
 */
static int tells_apart(uint64_t a, uint64_t b) { return (uint32_t)a != (uint32_t)b; }

/*
 * The live registration is changed to the data of a dead one. Memory is used again, and a program may give a descriptor another record of its
 * own; so somebody must have held the old event when its descriptor was closed, and it must be a third thread that acts on it now: neither the
 * one that closed, nor the one that registered the new descriptor. Or the very thread that got it, which has not waited since. And never when the
 * live registration's own event was delivered, or may have been: whoever has that may change its data as he likes. (A lone thread is not told of all.)
 */
static struct registration *stolen(const struct step *s, struct generation *g, const struct registration *live)
{
	uint64_t data = s->e->arg;
	struct registration *old = live && live->armed.time && tells_apart(live->data, data) ? predecessor(g, s->e->fd, s->e->gen, &data) : NULL;
	struct datum *d = old ? datum_find(s->image, s->e->fd, s->e->gen, data) : NULL;

	for (const struct registration *o = d ? d->first : NULL; o; o = o->same)
		if (o->generation->state != GENERATION_CLOSED)
			return NULL; /* somebody living has it: a record that several share */
	if (!old || !old->delivered.time || live->delivered.time || !old->generation->closed.time || s->image->blind)
		return NULL;
	if (s->e->tid == old->delivered.tid && old->delivered_wait == s->thread->waits)
		return old;
	return live->armed.flags & FDW_F_MULTI && s->e->tid != old->generation->closed.tid && s->e->tid != live->armed.tid ? old : NULL;
}

static void arm(struct step *s, struct generation *g)
{
	struct registration *live = find(g, s->e->fd, s->e->gen), *old;

	if (operation(s->e) == EPOLL_CTL_MOD && (old = stolen(s, g, live))) {
		pending_rearm(s, old->generation, g, old); /* the owner's data is still what it was: it will say so again */
		leave_datum(old); /* what comes with it now is the stranger's */
	} else {
		armed(s, get(s, g));
	}
}

/* The number is open, but not in the poller: the kernel forgot it at the close of what was. */
static void answered(struct step *s, struct generation *g)
{
	uint64_t data = s->e->arg;
	struct registration *old;

	if (!g || g->state == GENERATION_CLOSED || s->image->blind || find(g, s->e->fd, s->e->gen))
		return;
	if ((old = predecessor(g, s->e->fd, s->e->gen, &data)))
		pending_rearm_answered(s, old->generation, g, old);
}

/* Refused: the number is closed, or being closed. What was never in this poller is not re-armed but used after its close. */
static void refused(struct step *s, struct generation *g)
{
	struct registration *r = find(g, s->e->fd, s->e->gen);

	if (!g || (!r && !(s->e->flags & FDW_F_INVENTED)))
		return;
	if (!r && !g->registrations && g->state == GENERATION_CLOSED)
		return;
	pending_use_excused(s, s->e->fd2);
	pending_rearm(s, g, NULL, r);
}

static void removed(struct step *s, struct generation *g)
{
	struct registration *r = find(g, s->e->fd, s->e->gen);

	/* Who takes a number out of a poller that is closed already has tidied up in another order: no harm is possible. */
	if (s->e->ret < 0)
		pending_use_excused(s, s->e->fd);
	else if (r)
		leave_datum(r);
}

void poll_ctl(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct generation *poller = e->fd >= 0 && e->gen ? generation_find(s->image, e->fd, e->gen) : NULL;
	struct generation *g = e->fd2 >= 0 && e->gen2 ? generation_get(s->image, e->fd2, e->gen2) : NULL;
	int add = operation(e) == EPOLL_CTL_ADD;

	passage_used(poller);
	passage_used(g);
	if (s->thread->rearm)
		pending_rearm_next(s, add && g && s->thread->rearm_fd == e->fd2);
	if (operation(e) == EPOLL_CTL_DEL)
		removed(s, g);
	else if (!e->gen || !g)
		return;
	else if (e->ret == 0)
		arm(s, g);
	else if (e->flags & FDW_F_KNOWN_CLOSED)
		refused(s, g);
	else if (e->err == ENOENT && !add) {
		s->thread->rearm_fd = e->fd2;
		answered(s, g);
	}
}

/* ---- delivered ---------------------------------------------------------------------------------------------------------------------------------------*/

/* Numbers of this process that have the same description, for which such an event may be meant. */
static unsigned duplicates(const struct generation *g)
{
	unsigned n = 0;

	for (const struct number *o = g->registrations->image->numbers; o; o = o->hh.next)
		n += o->newest != g && o->newest->shares && o->newest->description == g->description;
	return n;
}

/* Somebody has the description, as far as known; a child that has said nothing yet may have it. */
static int lives_on(const struct registration *r)
{
	const struct process *own = r->image->process;

	if (r->generation->description->open)
		return 1;
	for (const struct process *p = own->next; p; p = p->next)
		if (p->parent == own && !p->threads && !p->ended && !p->finished)
			return 1;
	return 0;
}

/*
 * Delivered although it is closed. Whether that was so when the kernel gave it out is certain when this thread closed it itself, or has had an
 * event for it since. Only where somebody is known to have the description: else a stranger was armed with this data.
 */
static void delivered_dead(const struct step *s, struct registration *r)
{
	const struct moment *closed = &r->generation->closed;
	int sure = closed->tid == s->e->tid || (r->ghost.time && r->ghost.tid == s->e->tid);

	if (!closed->time || s->time <= closed->time || s->image->blind || (!r->ghosts && !lives_on(r)))
		return;
	moment_of(s, &r->ghost);
	if (!sure)
		return;
	r->ghost_wait = s->thread->waits;
	/* What was sent in a message may have come back. */
	if (!r->generation->description->sent && !duplicates(r->generation))
		r->ghosts++;
}

static void delivered(const struct step *s, const struct fdw_delivery *d)
{
	struct datum *datum = datum_find(s->image, s->e->fd, s->e->gen, d->data);
	struct registration *alive = NULL, *dead = NULL;
	unsigned living = 0;

	for (struct registration *r = datum ? datum->first : NULL; r; r = r->same) {
		if (d->fd >= 0 && r->generation->fd != d->fd)
			continue;
		if (r->generation->state == GENERATION_CLOSED)
			dead = !dead || r->generation->closed.time > dead->generation->closed.time ? r : dead;
		else
			living++, alive = r;
	}
	if (living == 1) {
		moment_of(s, &alive->delivered);
		alive->delivered_wait = s->thread->waits;
	}
	if (!living && dead)
		delivered_dead(s, dead);
}

void poll_delivered(struct step *s)
{
	struct fdw_delivery d;

	passage_used(s->e->gen ? generation_find(s->image, s->e->fd, s->e->gen) : NULL);
	s->thread->waits++;
	for (uint32_t at = 0; s->e->detail && at + sizeof d <= s->e->detail_len; at += (uint32_t)sizeof d) {
		memcpy(&d, s->e->detail + at, sizeof d);
		delivered(s, &d);
	}
}

const struct registration *poll_ghost(const struct step *s, const struct generation *g)
{
	for (const struct registration *r = g ? g->registrations : NULL; r; r = r->next)
		if (r->ghost_wait && r->ghost.tid == s->e->tid && r->ghost_wait == s->thread->waits)
			return r;
	return NULL;
}

/* ---- closed in use ------------------------------------------------------------------------------------------------------------------------------------*/

void poll_in_use(struct step *s)
{
	struct thread *t = s->thread, *other;
	uint32_t tid = (uint32_t)s->e->fd2;

	moment_of(s, &t->inside);
	HASH_FIND(hh, s->image->threads, &tid, sizeof tid, other);
	t->inside.tid = tid;
	t->inside.thread = other ? other->name : NULL;
	t->inside_fd = s->e->fd;
	t->inside_gen = s->e->gen;
}

void poll_closed(const struct step *s, struct generation *g)
{
	struct thread *t = s->thread;

	if (t->inside.time && t->inside_fd == g->fd && t->inside_gen == g->gen && s->e->op == FDW_OP_CLOSE)
		pending_in_use(s, g, &t->inside);
	t->inside.time = 0;
}
