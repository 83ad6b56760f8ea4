/*
 * analyzer/model_fd.c: numbers, generations and open file descriptions of an image.
 *
 * A generation is found by (number, generation), whatever came in between. Only the newest generation of a number can be open: an
 * older one whose close was not read (yet) is superseded, which ends its part in every count.
 */
#define _GNU_SOURCE
#include "analyzer/describe.h"
#include "analyzer/model_parts.h"

void moment_of(const struct step *s, struct moment *m)
{
	const struct fdw_event *e = s->e;

	*m = (struct moment){ .time = s->time, .pid = s->process->pid, .tid = e->tid, .thread = s->thread->name, .call = s->call,
		.stack = space_stack(s->image->space, e->stack), .ret = e->ret, .fd = e->fd, .fd2 = e->fd2, .err = e->err,
		.flags = e->flags, .op = e->op };
}

/* ---- descriptions ---------------------------------------------------------------------------------------------------------------*/

static struct description *description_new(uint8_t kind)
{
	struct description *d = xcalloc(1, sizeof *d);

	d->kind = kind;
	return d;
}

void description_drop(struct description *d)
{
	if (!d || --d->references)
		return;
	free(d->path);
	free(d->local);
	free(d->peer);
	free(d->link);
	free(d);
}

static void set_description(struct generation *g, struct description *d)
{
	struct description *old = g->description;

	if (old == d)
		return;
	d->references++;
	if (g->shares) {
		d->open++;
		old->open--;
	}
	g->description = d;
	description_drop(old);
}

static void take(char **field, char *s)
{
	if (!s)
		return;
	free(*field);
	*field = s;
}

void describe_event(const struct step *s, struct description *d)
{
	const struct fdw_event *e = s->e;
	uint8_t inet;

	d->writable |= (e->flags & FDW_F_WRITABLE) != 0;
	if (e->kind && !(e->op == FDW_OP_OBJECT && (d->kind == FDW_KIND_CONN || d->kind == FDW_KIND_LISTENER) &&
	                 e->kind == FDW_KIND_SOCKET))
		d->kind = e->kind;
	if (!e->detail || !e->detail_len)
		return;
	if (e->flags & (FDW_F_PEER | FDW_F_LOCAL)) {
		take(e->flags & FDW_F_PEER ? &d->peer : &d->local, describe_address(e->detail, e->detail_len, &inet));
		d->inet |= inet;
	} else {
		take(&d->path, clean_text(e->detail, strnlen((const char *)e->detail, e->detail_len)));
	}
}

/* ---- numbers and generations ---------------------------------------------------------------------------------------------------*/

static struct number *number_of(struct image *i, int fd, int add)
{
	struct number *n;

	HASH_FIND_INT(i->numbers, &fd, n);
	if (!n && add) {
		n = xcalloc(1, sizeof *n);
		n->fd = fd;
		HASH_ADD_INT(i->numbers, fd, n);
	}
	return n;
}

struct number *number_find(struct image *i, int fd) { return number_of(i, fd, 0); }

struct generation *generation_newest(struct image *i, int fd)
{
	struct number *n = number_of(i, fd, 0);
	return n ? n->newest : NULL;
}

struct generation *generation_find(struct image *i, int fd, uint32_t gen)
{
	struct generation *g = generation_newest(i, fd);

	while (g && g->gen > gen)
		g = g->older;
	return g && g->gen == gen ? g : NULL;
}

int number_was_wanted(const struct generation *g, const struct image *i)
{
	for (const struct number *n = i->numbers; n; n = n->hh.next)
		for (const struct generation *o = n->newest; n->fd > g->fd && o; o = o->older)
			if (o->opened.time > g->closed.time && o->opened.op == FDW_OP_CREATE)
				return 1;
	return 0;
}

static void share(struct generation *g)
{
	if (!g->shares)
		g->description->open++;
	g->shares = 1;
}

static void unshare(struct generation *g)
{
	if (g->shares)
		g->description->open--;
	g->shares = 0;
}

/* It no longer counts as open. time 0: not known. */
static void uncount(struct generation *g, uint64_t time)
{
	unshare(g);
	if (!g->counted)
		return;
	g->counted = 0;
	if (g->group)
		live_change(&g->group->live, time, --g->group->alive);
}

static void count(struct generation *g)
{
	share(g);
	if (g->counted)
		return;
	g->counted = 1;
	if (!g->group)
		return;
	live_change(&g->group->live, g->opened.time, ++g->group->alive);
	if (g->group->alive > g->group->peak)
		g->group->peak = g->group->alive;
}

static void generation_free(struct generation *g)
{
	uncount(g, 0);
	passage_leave(g);
	passage_orphan(g);
	poll_forget(g);
	description_drop(g->description);
	free(g);
}

/* The newest one always stays; of the others the youngest MODEL_HISTORY, and those somebody still needs. */
static void forget_old(struct number *n)
{
	struct generation **p = &n->newest->older;
	unsigned kept = 0;

	while (*p) {
		struct generation *g = *p;

		if (kept++ < MODEL_HISTORY || g->pins) {
			p = &g->older;
			continue;
		}
		*p = g->older;
		generation_free(g);
	}
}

static struct generation *insert(struct number *n, uint32_t gen)
{
	struct generation **p = &n->newest, *g = xcalloc(1, sizeof *g);

	while (*p && (*p)->gen > gen)
		p = &(*p)->older;
	g->gen = gen;
	g->fd = n->fd;
	g->unseen = 1;
	g->older = *p;
	*p = g;
	set_description(g, description_new(FDW_KIND_UNKNOWN));
	for (struct generation *o = g->older; o; o = o->older)
		uncount(o, 0);
	g->pins++;
	forget_old(n);
	g->pins--;
	return g;
}

/* A fork child's table is copied when its first event is read; what its parent did just before may have been read later. */
static struct generation *from_parent(struct image *i, int fd, uint32_t gen)
{
	struct process *parent = i->forked ? i->process->parent : NULL;
	struct generation *theirs, *g;

	if (!parent || !parent->image || parent->images != i->parent_image || !(theirs = generation_find(parent->image, fd, gen)))
		return NULL;
	g = insert(number_of(i, fd, 1), gen);
	set_description(g, theirs->description);
	g->opened = theirs->opened;
	g->unseen = theirs->unseen;
	g->inherited = g->forked = 1;
	g->cloexec = theirs->cloexec;
	g->meant = theirs->meant;
	g->gift = theirs->gift;
	passage_hold(g, theirs->passage);
	return g;
}

struct generation *generation_get(struct image *i, int fd, uint32_t gen)
{
	struct generation *g = generation_find(i, fd, gen);

	if (!g)
		g = from_parent(i, fd, gen);
	return g ? g : insert(number_of(i, fd, 1), gen);
}

static void join_group(const struct step *s, struct generation *g)
{
	struct image *i = s->image;
	struct group *o;
	/* By what it is, not by its id: after a dlclose the same place has another. */
	const struct stack *place = space_stack(i->space, s->e->stack);

	HASH_FIND_PTR(i->groups, &place, o);
	if (!o) {
		o = xcalloc(1, sizeof *o);
		o->place = place;
		HASH_ADD_PTR(i->groups, place, o);
	}
	g->worked = i->closes != o->closes;
	o->closes = i->closes;
	g->group = o;
	g->nth = ++o->made;
}

struct generation *generation_made(const struct step *s, struct description *d, uint8_t kind)
{
	const struct fdw_event *e = s->e;
	struct image *i = s->image;
	struct generation *g = generation_find(i, e->fd, e->gen);

	/* Of hostile records: what it is a duplicate of may be what it takes the place of. */
	if (d)
		d->references++;
	/* A child that counts on from the same generation as its parent may make one its copy of the parent's table has, too. */
	if (g && g->forked) {
		uncount(g, 0);
		passage_leave(g);
		g->inherited = g->forked = g->meant = 0;
		g->gift = NULL;
		g->state = GENERATION_UNKNOWN;
		memset(&g->closed, 0, sizeof g->closed);
		set_description(g, description_new(kind));
	}
	if (!g)
		g = insert(number_of(i, e->fd, 1), e->gen);
	if (d)
		set_description(g, d);
	else if (kind)
		g->description->kind = kind;
	moment_of(s, &g->opened);
	g->unseen = 0;
	g->cloexec = (e->flags & FDW_F_CLOEXEC) != 0;
	g->late = i->ending == END_EXIT;
	if (!g->group)
		join_group(s, g);
	if (g->state != GENERATION_CLOSED) { /* its close may have been read first */
		g->state = GENERATION_OPEN;
		if (g == generation_newest(i, e->fd))
			count(g);
	}
	description_drop(d);
	return g;
}

void generation_closed(struct generation *g, const struct moment *at)
{
	uncount(g, at->time);
	g->state = GENERATION_CLOSED;
	g->closed = *at;
	passage_origin_closed(g, at);
}

void generation_unknown(struct generation *g)
{
	uncount(g, 0);
	g->state = GENERATION_UNKNOWN;
}

struct generation *generation_placed(const struct moment *at, struct image *i, int fd, struct description *d)
{
	struct number *n = number_of(i, fd, 1);
	struct generation *g = insert(n, n->newest ? n->newest->gen + 1 : 1);

	if (d)
		set_description(g, d);
	g->opened = *at;
	g->unseen = 0;
	g->meant = 1;
	g->state = GENERATION_OPEN;
	return g;
}

void generation_pin(struct generation *g) { if (g) g->pins++; }
void generation_unpin(struct generation *g) { if (g) g->pins--; }

/* ---- images ------------------------------------------------------------------------------------------------------------------------*/

static void copy_generation(struct number *n, const struct generation *from)
{
	struct generation *g = insert(n, from->gen);

	set_description(g, from->description);
	g->state = from->state;
	g->inherited = g->forked = 1;
	g->unseen = from->unseen;
	g->cloexec = from->cloexec;
	g->stream = from->stream;
	g->swept = from->swept;
	g->meant = from->meant;
	g->opened = from->opened;
	g->closed = from->closed;
	g->gift = from->gift;
	if (g->state != GENERATION_OPEN)
		return;
	passage_hold(g, from->passage);
	count(g);
}

/* Oldest first, so that each is inserted as the newest. */
static void copy_number(struct image *child, int fd, const struct generation *g)
{
	if (!g)
		return;
	copy_number(child, fd, g->older);
	if (!generation_find(child, fd, g->gen))
		copy_generation(number_of(child, fd, 1), g);
}

void image_copy_numbers(struct image *child, const struct image *parent)
{
	for (const struct number *n = parent->numbers; n; n = n->hh.next)
		copy_number(child, n->fd, n->newest);
}

/* A child that never said anything may be gone long ago: it holds nothing for its parent. */
void image_hold(struct image *i, int holds)
{
	for (struct number *n = i->numbers; n; n = n->hh.next)
		if (holds && n->newest->counted)
			share(n->newest);
		else
			unshare(n->newest);
}

/* The process ends. What a living fork child still has open was handed over, not lost: a daemon's parent ends at once. */
void image_mark_handed(struct image *i)
{
	struct number *n;

	for (n = i->numbers; n; n = n->hh.next)
		n->newest->description->mark = 0;
	for (n = i->numbers; n; n = n->hh.next)
		n->newest->description->mark += n->newest->shares;
	for (n = i->numbers; n; n = n->hh.next)
		n->newest->handed = n->newest->description->open > n->newest->description->mark;
	for (n = i->numbers; n; n = n->hh.next)
		unshare(n->newest);
}

void image_free_numbers(struct image *i)
{
	struct number *n, *next;
	struct group *o, *following;

	HASH_ITER(hh, i->numbers, n, next) {
		for (struct generation *g = n->newest, *older; g; g = older) {
			older = g->older;
			generation_free(g);
		}
		HASH_DEL(i->numbers, n);
		free(n);
	}
	HASH_ITER(hh, i->groups, o, following) {
		HASH_DEL(i->groups, o);
		free(o);
	}
	races_free(i);
	owners_free(i);
	signals_free(i);
}
