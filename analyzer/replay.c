/*
 * analyzer/replay.c: a replay: records in, the order of the work on each, what it all comes to at the end.
 */
#include "analyzer/finding.h"
#include "analyzer/model_parts.h"

/* ---- records --------------------------------------------------------------------------------------------------------------------------------*/

static void feed_event(struct replay *r, struct source *source, const struct record *rec)
{
	const struct fdw_event *e = &rec->event.e;
	struct process *p = process_of(r, source, e->pid);
	struct step s = { .replay = r, .process = p, .image = p->image, .e = e, .time = rec->time };

	if (p->expected && !p->threads)
		image_hold(p->image, 1);
	s.call = rec->event.call ? rec->event.call : "none";
	s.thread = thread_of(r, s.image, e);
	s.image->multi |= (e->flags & FDW_F_MULTI) != 0;
	s.thread->waits += (e->flags & FDW_F_WAITED) != 0;
	if (s.image->speaker != e->tid) {
		s.image->speaker = e->tid;
		s.image->turns++;
	}
	if (!s.thread->born) {
		s.thread->born = rec->time;
		s.thread->born_turn = s.image->turns;
	}
	if (e->op != FDW_OP_LOST && !(e->op == FDW_OP_THREAD && e->seq == 1))
		s.image->events++;
	if (!r->coverage.events++)
		r->coverage.first = rec->time;
	r->coverage.last = rec->time;
	pending_range_next(&s);
	model_operation(&s);
	s.image->last = s.process->last = s.thread->last = rec->time;
}

static void feed_gap(struct replay *r, struct source *s, const struct record *rec)
{
	if (!s->gap_end || rec->gap.begin < s->gap_begin)
		s->gap_begin = rec->gap.begin;
	if (rec->time > s->gap_end)
		s->gap_end = rec->time;
	r->coverage.damaged |= rec->gap.damage;
	s->gap_events += rec->gap.count ? rec->gap.count : 1;
}

void replay_feed(struct replay *r, const struct record *rec)
{
	struct source *source = source_of(r, rec);
	uint64_t now = rec->type == RECORD_GAP ? rec->gap.begin : rec->time; /* nobody may know where a gap ends */

	if (now > r->now)
		r->now = now;
	switch (rec->type) {
	case RECORD_EVENT: feed_event(r, source, rec); break;
	case RECORD_STACK: space_define(process_of(r, source, rec->stack.pid)->image->space, &rec->stack); break;
	case RECORD_MODULE: space_module(process_of(r, source, rec->module.pid)->image->space, &rec->module); break;
	case RECORD_GAP: feed_gap(r, source, rec); break;
	}
	if (r->waiting)
		pending_settle(r, NULL);
	if (r->ended)
		process_reap(r, 0);
}

/* What takes less time than writing an event, whatever writes it. And so few are not worth a doubt: clocks may be coarse. */
#define EVENT_NS 20
#define FEW 64
/* That write at the same time: many more than that have more to do than to lose events. */
#define PROCESSORS 16

uint64_t believable(struct replay *r, uint64_t n, uint64_t ns)
{
	if (n <= FEW || n <= ns / EVENT_NS)
		return n;
	r->coverage.damaged = 1;
	r->coverage.impossible++;
	return 1;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------------------------*/

struct replay *replay_new(struct findings *f)
{
	struct replay *r = xcalloc(1, sizeof *r);

	r->findings = f;
	r->stacks = stacks_new();
	r->last = &r->first;
	r->ended_last = &r->ended;
	r->waiting_last = &r->waiting;
	return r;
}

/*
 * The tracer's counter of a stream seems to go back between two packets now and then, and LTTng 2.13 is known to set bit 63: the
 * sum is right, modulo 2^63.
 */
static uint64_t lost_by_tracer(const struct source *s)
{
	uint64_t n = s->gap_events & ~(UINT64_C(1) << 63);

	return n >> 62 ? 0 : n;
}

void replay_end(struct replay *r)
{
	struct coverage *c = &r->coverage;
	uint64_t gaps = 0;

	for (struct source *s = r->sources; s; s = s->next)
		s->read = s->runs;
	process_reap(r, 1);
	coverage_end(r);
	tree_end(r);
	series_end(r);
	for (struct source *s = r->sources; s; s = s->next)
		gaps += believable(r, lost_by_tracer(s), (c->last - c->first) * PROCESSORS);
	if (c->damaged)
		findings_doubt(r->findings, "the recording is damaged");
	/* The tracer's losses are holes in the threads' sequences, too: count them once. */
	c->events_lost = (r->lost > gaps ? r->lost : gaps) + r->dropped;
	for (struct process *p = r->first; p; p = p->next)
		if (p->threads) {
			c->processes++;
			c->threads += p->threads;
		}
}

/* Both lists are in order of appearance. */
static struct process *merged(struct process *a, struct process *b)
{
	struct process *first = NULL, **last = &first;

	while (a && b) {
		struct process **next = b->first < a->first ? &b : &a;

		*last = *next;
		last = &(*next)->next;
		*next = (*next)->next;
	}
	*last = a ? a : b;
	return first;
}

void replay_absorb(struct replay *r, struct replay *from)
{
	coverage_absorb(r, &from->coverage);
	r->first = merged(r->first, from->first);
	from->first = NULL;
	own_suppressions_absorb(&r->own_suppressions, &from->own_suppressions);
}

struct own_suppressions *replay_suppressions(struct replay *r) { return r->own_suppressions; }

void replay_free(struct replay *r)
{
	struct unobserved *lists[] = { r->coverage.unobserved, r->coverage.blind, r->coverage.partial };

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		for (struct unobserved *u = lists[i], *next; u; u = next) {
			next = u->next;
			free(u);
		}
	tree_free(r->tree);
	creations_free(r);
	own_suppressions_free(r->own_suppressions);
	free(r->series);
	processes_free(r);
	names_free(r);
	stacks_free(r->stacks);
	free(r);
}

const struct coverage *replay_coverage(const struct replay *r) { return &r->coverage; }
const struct process *replay_processes(const struct replay *r) { return r->first; }
struct findings *replay_findings(struct replay *r) { return r->findings; }
