/*
 * analyzer/model_owner.c: whose descriptor is it? Learned from which places close what was opened where, and from who fails afterwards.
 *
 * A number that was closed twice may have been closed the second time when it belonged to somebody else: then the first to notice is the victim,
 * by an EBADF. From outside that looks like a use after close by the victim. So before anybody is blamed:
 *
 *	who owns it     noticed it himself: his thread opened it, made a stream of it, or armed it in a poller; and his thread fails
 *	who closed it   is another thread, that had opened and closed an earlier descriptor of this number, and closes this one by the very
 *			same call, which nobody else uses: its cleanup ran twice. Or its close_range went over what is not its own
 *	places          what is opened there was always closed elsewhere, and what is closed here was always opened elsewhere
 *	modules         what this program or library opens it closes itself, and never that one; which had opened and closed an earlier descriptor of
 *			this number itself. Threads do not matter then
 *
 * A thread that closes what others accepted is no culprit: that place closes what was opened there all the time.
 *
 * A stream whose number was closed and given out again takes the new one with it when it is closed. That is a mistake, or a reopening by hand:
 * close(fileno(f)), open() gives the number back, and f goes on with it. Only who closed the number can count on that, so what another thread opened is
 * not the stream's; nor is what another stream was made of, or what no stream can use. For the rest a victim is the proof: somebody who fails afterwards.
 */
#include <string.h>
#include "analyzer/model_parts.h"

struct pair {
	struct { const struct stack *opened, *closed; } key;
	uint64_t count;
	uint32_t tid;            /* who closed so; 0: several threads */
	UT_hash_handle hh;
};

/* How often is a habit. */
#define HABIT 3

static const struct stack *opened_at(const struct generation *g) { return g->group ? g->group->place : NULL; }

static struct pair *pair_of(struct image *i, const struct stack *opened, const struct stack *closed)
{
	struct pair *p, key = { .key = { opened, closed } };

	HASH_FIND(hh, i->pairs, &key.key, sizeof key.key, p);
	return p;
}

void owner_closed(const struct step *s, struct generation *g)
{
	const struct stack *opened = opened_at(g), *closed = space_stack(s->image->space, s->e->stack);
	struct pair *p;

	g->closed_at = closed;
	if (!opened || !closed)
		return;
	p = pair_of(s->image, opened, closed);
	if (!p) {
		p = xcalloc(1, sizeof *p);
		p->key.opened = opened;
		p->key.closed = closed;
		p->tid = s->e->tid;
		HASH_ADD(hh, s->image->pairs, key, sizeof p->key, p);
	}
	p->count++;
	if (p->tid != s->e->tid)
		p->tid = 0;
}

void owners_free(struct image *i)
{
	struct pair *p, *next;

	HASH_ITER(hh, i->pairs, p, next) {
		HASH_DEL(i->pairs, p);
		free(p);
	}
}

static uint64_t count(struct image *i, const struct stack *opened, const struct stack *closed)
{
	struct pair *p = opened && closed ? pair_of(i, opened, closed) : NULL;

	return p ? p->count : 0;
}

/* What is opened there is closed elsewhere, as a rule. */
static int closed_elsewhere(struct image *i, const struct stack *opened, const struct stack *closed)
{
	for (const struct pair *p = i->pairs; p; p = p->hh.next)
		if (p->key.opened == opened && p->key.closed != closed && p->count >= HABIT)
			return 1;
	return 0;
}

static int same_call(const struct stack *a, const struct stack *b)
{
	const struct place *pa, *pb;

	return stack_places(a, &pa) && stack_places(b, &pb) && pa->module == pb->module && pa->offset == pb->offset;
}

static const char *module_of(const struct stack *s)
{
	const struct place *p;

	return s && stack_places(s, &p) && p->module ? p->module->path : NULL;
}

static int same_module(const char *a, const char *b) { return a && b && !strcmp(a, b); }

/* What `owner` opens is closed by itself, as a rule, and was never closed by `other` but for this once. */
static int closes_its_own(struct image *i, const struct generation *g, const char *owner, const char *other)
{
	uint64_t own = 0;

	for (const struct pair *p = i->pairs; p; p = p->hh.next) {
		int this_one = p->key.opened == opened_at(g) && p->key.closed == g->closed_at && p->count == 1;

		if (this_one || !same_module(module_of(p->key.opened), owner))
			continue;
		if (same_module(module_of(p->key.closed), other))
			return 0;
		own += same_module(module_of(p->key.closed), owner) ? p->count : 0;
	}
	return own >= HABIT;
}

/* A module closed once more what it had opened and closed, and met another module's. */
static int is_other_modules(struct image *i, const struct generation *g, const struct generation *older)
{
	const char *owner = module_of(g->opened.stack), *closer = module_of(g->closed.stack);

	return owner && closer && !same_module(owner, closer) && same_module(module_of(older->opened.stack), closer) &&
	       same_module(module_of(older->closed.stack), closer) && closes_its_own(i, g, owner, closer);
}

/* The thread of the failed call is one that would have to know of a close. */
static int is_owners(const struct transition *t, const struct generation *g)
{
	if (g->opened.tid == t->at.tid || t->event->op == FDW_OP_STALE_STREAM)
		return 1;
	for (const struct registration *r = g->registrations; r; r = r->next)
		if (r->armed.time && r->armed.tid == t->at.tid)
			return 1;
	return 0;
}

/* Only this thread closes by this call: it is no xclose() of everybody's. */
static int is_own_call(struct image *i, const struct generation *g)
{
	for (const struct pair *p = i->pairs; p; p = p->hh.next)
		if (p->tid != g->closed.tid && same_call(p->key.closed, g->closed.stack))
			return 0;
	return 1;
}

/* An earlier descriptor of the number that the same thread closed. */
static const struct generation *closed_before(const struct generation *g)
{
	for (const struct generation *o = g->older; o; o = o->older)
		if (o->state == GENERATION_CLOSED && o->closed.op == FDW_OP_CLOSE && !(o->closed.flags & FDW_F_RANGE) &&
		    o->closed.tid == g->closed.tid && o->closed.pid == g->closed.pid)
			return o;
	return NULL;
}

int call_only_asks(const char *call)
{
	static const char *const asking[] = { "fstat", "fstat64", "__fxstat", "__fxstat64", "isatty", "tcgetattr", "select", "__select",
		"pselect", "poll", "ppoll", NULL };

	for (const char *const *a = asking; *a; a++)
		if (!strcmp(*a, call))
			return 1;
	return 0;
}

/* ---- streams ---------------------------------------------------------------------------------------------------------------------------*/

static int fits_stream(const struct generation *g)
{
	uint8_t kind = g->description->kind;

	return !g->stream && kind != FDW_KIND_EPOLL && kind != FDW_KIND_PORT && kind != FDW_KIND_LISTENER;
}

/* One thread closed each of them, from `first` on, and made the next one; nobody else had the number in between. */
static int by_one_thread(const struct generation *first, const struct generation *last)
{
	for (const struct generation *g = last; g != first; g = g->older)
		if (!g->older || !g->opened.time || g->older->closed.op == FDW_OP_STALE_STREAM || g->older->closed.flags & FDW_F_RANGE ||
		    g->older->closed.tid != last->opened.tid || g->opened.tid != last->opened.tid || g->opened.pid != g->older->closed.pid)
			return 0;
	return 1;
}

/* How many calls below the last one that both have in common, whose caller at least is the same. */
static size_t least_apart(const struct stack *a, const struct stack *b)
{
	const struct place *pa, *pb;
	size_t na = a ? stack_places(a, &pa) : 0, nb = b ? stack_places(b, &pb) : 0;

	while (na && nb && pa[na - 1].module == pb[nb - 1].module && pa[na - 1].offset == pb[nb - 1].offset)
		na--, nb--;
	return na < nb ? na : nb;
}

/* In a function and what it calls, by calls of its own or in a helper of each: that may be meant. */
#define TOGETHER 2

enum meant_for_stream owner_reopened(const struct transition *t)
{
	const struct generation *own = t->generation, *now = t->other;

	if (!own->closed.time || !now->opened.time)
		return STREAM_MEANT; /* who did it was not seen */
	if (!fits_stream(now) || !by_one_thread(own, now))
		return STREAM_NOT;
	return least_apart(own->closed.stack, now->opened.stack) > TOGETHER ? STREAM_UNLIKELY : STREAM_MEANT;
}

/* g was taken away by the end of a stream that had been made for an earlier descriptor of the number, and somebody goes on with g. */
static struct foreign by_stream(const struct transition *t)
{
	const struct generation *o = t->generation->older;

	while (o && !o->stream)
		o = o->older;
	if (!o || t->loop || call_only_asks(t->at.call) || t->at.time <= t->generation->closed.time || t->generation->closed.pid != t->at.pid)
		return (struct foreign){ .verdict = FOREIGN_NOT };
	return (struct foreign){ FOREIGN_STRONG, o, "stream", "the stream was made for an earlier descriptor of the number, whose close was seen; what "
		"has the number now is still in use" };
}

/* ---- closes ----------------------------------------------------------------------------------------------------------------------------*/

struct foreign owner_suspect(const struct transition *t)
{
	const struct generation *g = t->generation;
	struct foreign f = { .verdict = FOREIGN_NOT };
	int others;

	if (g && g->state == GENERATION_CLOSED && g->closed.op == FDW_OP_STALE_STREAM)
		return by_stream(t);
	if (!g || g->state != GENERATION_CLOSED || g->closed.op != FDW_OP_CLOSE || !g->opened.time || g->inherited || t->loop ||
	    t->at.time <= g->closed.time || g->closed.pid != t->at.pid || g->opened.pid != t->at.pid || !is_owners(t, g))
		return f;
	others = g->closed.tid != g->opened.tid && g->closed.tid != t->at.tid;
	if (g->closed.flags & FDW_F_RANGE)
		return others ? (struct foreign){ FOREIGN_STRONG, NULL, "range",
			"another thread's close_range went over it, and the thread that opened it goes on using it" } : f;
	f.older = closed_before(g);
	if (!f.older || count(t->image, opened_at(g), g->closed_at) > 1)
		return f;
	f.verdict = FOREIGN_POSSIBLE;
	f.reason = "the same thread had closed an earlier descriptor of this number; whose this one was cannot be told";
	if (others && f.older->opened.tid == g->closed.tid && same_call(f.older->closed.stack, g->closed.stack) && is_own_call(t->image, g)) {
		f.verdict = FOREIGN_STRONG;
		f.reason = "the thread that closed it had opened and closed an earlier descriptor of this number, by the same call; the thread that "
		           "opened this one goes on using it";
	} else if (count(t->image, opened_at(f.older), g->closed_at) >= HABIT && closed_elsewhere(t->image, opened_at(g), g->closed_at)) {
		f.verdict = FOREIGN_STRONG;
		f.reason = "the place that closed it closes what is opened elsewhere, and what is opened where this was is closed elsewhere; its thread "
		           "had closed an earlier descriptor of this number";
	} else if (is_other_modules(t->image, g, f.older)) {
		f.verdict = FOREIGN_STRONG;
		f.reason = "what was opened there is closed by the same program or library, never by the one that closed it, which had opened and closed an earlier "
		           "descriptor of this number";
	}
	return f;
}
