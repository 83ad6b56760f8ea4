/*
 * analyzer/series.c: how many descriptors were open over time, in all observed processes. Kept only when asked for.
 *
 * Counted are those a process made itself, from then to its close or the end of its program; not those it found open at its start, by fork or exec.
 * Times are since the trace's first event, as everywhere in the report. What is told late (of an image that exec'd, by threads whose clocks differ)
 * goes where it belongs: a span knows what it added and its highest point above its beginning, whatever came before it.
 */
#include "analyzer/model_parts.h"

/* One span of time. */
struct span {
	int64_t change, peak;  /* peak: 0 or more */
};

struct series_kept {
	struct series told;    /* when it is over */
	uint64_t begin, width;
	unsigned used;
	struct span spans[SERIES];
};

void replay_keep_series(struct replay *r)
{
	if (!r->series)
		r->series = xcalloc(1, sizeof *r->series);
	r->series->width = 1000; /* ns, to begin with */
}

const struct series *replay_series(const struct replay *r) { return r->series ? &r->series->told : NULL; }

static struct span joined(struct span a, struct span b)
{
	int64_t later = a.change + b.peak;

	return (struct span){ a.change + b.change, a.peak > later ? a.peak : later };
}

static void widen(struct series_kept *s)
{
	for (unsigned i = 0; i < SERIES; i += 2)
		s->spans[i / 2] = joined(s->spans[i], s->spans[i + 1]);
	memset(s->spans + SERIES / 2, 0, sizeof s->spans / 2);
	s->used = (s->used + 1) / 2;
	s->width *= 2;
}

static unsigned span_of(struct series_kept *s, uint64_t time)
{
	uint64_t since = time > s->begin ? time - s->begin : 0;

	while (since / s->width >= SERIES)
		widen(s);
	if (since / s->width >= s->used)
		s->used = (unsigned)(since / s->width) + 1;
	return (unsigned)(since / s->width);
}

static void change(struct replay *r, uint64_t time, int64_t by)
{
	struct series_kept *s = r->series;
	struct span *at;

	s->begin = r->coverage.first;
	at = &s->spans[span_of(s, time)];
	*at = joined(*at, (struct span){ by, by > 0 ? by : 0 });
}

static void ends(struct replay *r, struct image *i, struct generation *g, uint64_t time)
{
	g->in_series = 0;
	if (!i->open) /* its process was reaped: it went with it */
		return;
	i->open--;
	change(r, time, -1);
}

void series_made(const struct step *s, struct generation *g)
{
	if (!s->replay->series || g->in_series)
		return;
	g->in_series = 1;
	s->image->open++;
	change(s->replay, s->time, 1);
	for (struct generation *o = g->older; o; o = o->older)
		if (o->in_series) /* its close was not told */
			ends(s->replay, s->image, o, s->time);
	if (g->state == GENERATION_CLOSED) /* told before its making */
		ends(s->replay, s->image, g, g->closed.time > s->time ? g->closed.time : s->time);
}

void series_closed(const struct step *s, struct generation *g)
{
	if (s->replay->series && g->in_series)
		ends(s->replay, s->image, g, s->time);
}

void series_image_end(struct replay *r, struct image *i, uint64_t time)
{
	if (!r->series || !i->open)
		return;
	change(r, time, -(int64_t)i->open);
	i->open = 0;
}

void series_end(struct replay *r)
{
	struct series_kept *s = r->series;
	int64_t open = 0;

	if (!s || !s->used) /* no process made any */
		return;
	span_of(s, r->coverage.last);
	s->told.span = s->width;
	s->told.used = s->used;
	for (unsigned i = 0; i < s->used; i++) {
		int64_t highest = open + s->spans[i].peak;

		s->told.highest[i] = highest > 0 ? (uint64_t)highest : 0;
		open += s->spans[i].change;
	}
}
