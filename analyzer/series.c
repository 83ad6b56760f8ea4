/*
 * analyzer/series.c: how many descriptors were open over time, in all observed processes. At most SERIES samples, the highest of each span of time; when
 * they are used up, spans become twice as long. Kept only when asked for.
 */
#include "analyzer/model_parts.h"

void replay_keep_series(struct replay *r)
{
	if (!r->series)
		r->series = xcalloc(1, sizeof *r->series);
	r->series->span = 1000; /* ns, to begin with */
}

const struct series *replay_series(const struct replay *r) { return r->series; }

static void widen(struct series *s)
{
	for (unsigned i = 0; i < SERIES; i += 2)
		s->highest[i / 2] = s->highest[i] > s->highest[i + 1] ? s->highest[i] : s->highest[i + 1];
	memset(s->highest + SERIES / 2, 0, sizeof s->highest / 2);
	s->used = (s->used + 1) / 2;
	s->span *= 2;
}

/* Between two samples nothing changed. */
static void sample(struct series *s, uint64_t time)
{
	uint64_t at;

	if (!s->begin)
		s->begin = time;
	if (time < s->begin)
		return;
	while ((at = (time - s->begin) / s->span) >= SERIES)
		widen(s);
	for (; s->used <= at; s->used++)
		s->highest[s->used] = s->before;
	if (s->open > s->highest[at])
		s->highest[at] = s->open;
	s->before = s->open;
}

void series_change(struct replay *r, struct image *i, uint64_t time, int by)
{
	if (!r->series || (by < 0 && !i->open))
		return;
	i->open += (uint64_t)(int64_t)by;
	r->series->open += (uint64_t)(int64_t)by;
	sample(r->series, time);
}

void series_image_end(struct replay *r, struct image *i)
{
	if (!r->series || !i->open)
		return;
	r->series->open -= i->open;
	i->open = 0;
	sample(r->series, i->last);
}
