/*
 * analyzer/coverage.c: what was not observed, and why: once for each program and reason.
 */
#include "analyzer/model_parts.h"
#include "analyzer/say.h"

static struct unobserved *entry(struct unobserved **list, const char *exe, const char *why)
{
	for (; *list; list = &(*list)->next)
		if (!strcmp((*list)->exe, exe) && !strcmp((*list)->why, why))
			return *list;
	*list = xcalloc(1, sizeof **list);
	(*list)->exe = exe;
	(*list)->why = why;
	return *list;
}

void coverage_unobserved(struct unobserved **list, const char *exe, const char *why) { entry(list, exe, why)->count++; }

static void absorb_list(struct unobserved **list, const struct unobserved *from)
{
	for (; from; from = from->next)
		entry(list, from->exe, from->why)->count += from->count;
}

void coverage_absorb(struct replay *r, const struct coverage *from)
{
	struct coverage *c = &r->coverage;

	c->processes += from->processes;
	c->descriptors += from->descriptors;
	c->inherited += from->inherited;
	c->open_to_close += from->open_to_close;
	c->unseen_creations += from->unseen_creations;
	c->events_lost += from->events_lost;
	c->impossible += from->impossible;
	c->damaged |= from->damaged;
	c->threads += from->threads;
	if (from->events && (!c->events || from->first < c->first))
		c->first = from->first;
	c->last = from->last > c->last ? from->last : c->last;
	c->events += from->events;
	absorb_list(&c->unobserved, from->unobserved);
	absorb_list(&c->blind, from->blind);
	absorb_list(&c->partial, from->partial);
}

/* A process that is not known from its beginning to its end: silence about it is no proof. */
void coverage_partial(struct replay *r, const struct image *i)
{
	const char *exe = *i->exe ? i->exe : i->process->exe;

	if (!i->events || i->process->source->read) /* it may go on */
		return;
	if (!i->started)
		coverage_unobserved(&r->coverage.partial, exe, "its beginning is missing in the recording");
	if (i->ending == END_NONE)
		coverage_unobserved(&r->coverage.partial, exe, "it said no goodbye: it was killed, still runs, or the end of its recording is missing");
}

/* ---- children that never said hello ----------------------------------------------------------------------------------------------*/

const char *coverage_why(uint32_t why)
{
	static const char *const whys[] = {
#define WHY_TEXT(name, value, text) [value] = text,
		FDW_WHYS(WHY_TEXT)
#undef WHY_TEXT
	};

	return why && why < sizeof whys / sizeof *whys ? whys[why] : "it was started, but never said hello";
}

const char *coverage_why_silent(struct replay *r, uint32_t why, int killed_by)
{
	char text[64], signal[24];

	if (why || !killed_by)
		return coverage_why(why);
	snprintf(text, sizeof text, "it was ended by %s before it said hello", text_signal(killed_by, signal, sizeof signal));
	return name_of_text(r, text);
}

void coverage_not_observed(struct replay *r, const struct source *s, const char *exe, uint32_t why, int killed_by)
{
	if (!why && !source_is_whole(s))
		return; /* it may well have said hello: that is lost, or still to come */
	coverage_unobserved(&r->coverage.unobserved, exe, coverage_why_silent(r, why, killed_by));
}

struct spawned {
	struct source *source;
	uint32_t who;
	const char *exe;
	struct spawned *next;
};

void coverage_spawned(struct step *s)
{
	uint32_t who = said_child(s);
	struct process *child = process_find(s->replay, s->process->source, who);
	const char *exe = name_of(s->replay, s->e->detail, s->e->detail_len);
	struct spawned *n;

	if (s->e->flags & FDW_F_UNOBSERVED) {
		coverage_not_observed(s->replay, s->process->source, exe, (uint32_t)s->e->arg, 0);
		return;
	}
	if (s->e->ret <= 0 || (child && child->known))
		return;
	n = xcalloc(1, sizeof *n);
	*n = (struct spawned){ s->process->source, who, exe, s->replay->spawned };
	s->replay->spawned = n;
}

void coverage_hello(struct replay *r, const struct source *s, uint32_t who)
{
	for (struct spawned **p = &r->spawned, *n; (n = *p); p = &n->next)
		if (n->source == s && n->who == who) {
			*p = n->next;
			free(n);
			return;
		}
}

void coverage_end(struct replay *r)
{
	for (struct spawned *n; (n = r->spawned); free(n)) {
		r->spawned = n->next;
		coverage_not_observed(r, n->source, n->exe, 0, 0);
	}
}
