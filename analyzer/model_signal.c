/*
 * analyzer/model_signal.c: alternate signal stacks and handlers of an image.
 *
 * A handler off the alternate stacks matters while threads have some: which of them did, and the first stack that any of them met.
 */
#include "analyzer/model_parts.h"

static struct transition transition_of(const struct step *s)
{
	struct transition t = { .replay = s->replay, .image = s->image, .event = s->e };

	moment_of(s, &t.at);
	return t;
}

static void meet(struct image *i, struct handler *h)
{
	if (!i->altstacks || !h->at.time)
		return;
	h->met = 1;
	if (!i->sigstack.time)
		i->sigstack = i->altstacks->installed;
}

static struct handler *handler_of(struct image *i, int sig)
{
	struct handler *h;

	HASH_FIND_INT(i->handlers, &sig, h);
	if (h)
		return h;
	h = xcalloc(1, sizeof *h);
	h->sig = sig;
	HASH_ADD_INT(i->handlers, sig, h);
	return h;
}

static struct altstack *altstack_of(struct image *i, uint32_t tid, int add)
{
	struct altstack *a;

	HASH_FIND(hh, i->altstacks, &tid, sizeof tid, a);
	if (a || !add)
		return a;
	a = xcalloc(1, sizeof *a);
	a->tid = tid;
	HASH_ADD(hh, i->altstacks, tid, sizeof a->tid, a);
	return a;
}

static void forget(struct image *i, struct altstack *a)
{
	if (!a)
		return;
	HASH_DEL(i->altstacks, a);
	free(a);
}

void signal_stack(struct step *s)
{
	struct transition t = transition_of(s);
	struct image *i = s->image;

	if (!s->e->ret) {
		forget(i, altstack_of(i, s->e->tid, 0));
		return;
	}
	altstack_of(i, s->e->tid, 1)->installed = t.at;
	for (struct handler *h = i->handlers; h; h = h->hh.next)
		meet(i, h);
	RULES_CALL(sigstack, &t);
}

void signal_stack_lost(struct step *s)
{
	struct transition t = transition_of(s);
	struct altstack *a = altstack_of(s->image, (uint32_t)s->e->fd2, 0);

	t.inside = a ? &a->installed : NULL;
	if (s->e->gen) { /* told by the thread whose stack it is */
		t.at.tid = s->e->gen;
		t.at.thread = NULL;
	}
	RULES_CALL(sigstack_lost, &t);
	forget(s->image, a);
}

void signal_handler(struct step *s)
{
	struct handler *h = handler_of(s->image, s->e->fd);

	if (h->met) /* what was wrong stays */
		return;
	if (s->e->arg && !(s->e->flags >> FDW_F_USER_SHIFT))
		moment_of(s, &h->at);
	else
		h->at.time = 0;
	meet(s->image, h);
}

void signal_thread_ends(struct image *i, uint32_t tid) { forget(i, altstack_of(i, tid, 0)); }

void signals_free(struct image *i)
{
	struct handler *h, *next;
	struct altstack *a, *following;

	HASH_ITER(hh, i->handlers, h, next) {
		HASH_DEL(i->handlers, h);
		free(h);
	}
	HASH_ITER(hh, i->altstacks, a, following) {
		HASH_DEL(i->altstacks, a);
		free(a);
	}
}
