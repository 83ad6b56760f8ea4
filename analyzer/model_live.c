/*
 * analyzer/model_live.c: how many descriptors of one place were open over time.
 *
 * For each span of time since the first: the fewest that were open in it. When the spans are used up they become twice as long, and two of them
 * one. So it costs the same for a second and for a week, and there are always between half and all of LIVE_SPANS to compare.
 */
#include "analyzer/model_parts.h"

static void widen(struct live *l)
{
	for (unsigned i = 0; i < LIVE_SPANS; i += 2)
		l->fewest[i / 2] = l->fewest[i] < l->fewest[i + 1] ? l->fewest[i] : l->fewest[i + 1];
	l->used = LIVE_SPANS / 2;
	l->span *= 2;
}

/* Nothing changed from the last change to `time`. Events of threads come a little out of order: time does not go back. */
static void go_on(struct live *l, uint64_t time)
{
	uint64_t at;

	if (time < l->last)
		time = l->last;
	l->last = time;
	while ((at = (time - l->begin) / l->span) >= LIVE_SPANS) {
		for (; l->used < LIVE_SPANS; l->used++)
			l->fewest[l->used] = l->now;
		widen(l);
	}
	for (; l->used <= at; l->used++)
		l->fewest[l->used] = l->now;
}

void live_change(struct live *l, uint64_t time, uint32_t now)
{
	if (!l->span) {
		l->begin = l->last = time;
		l->span = 1000;
	}
	go_on(l, time);
	l->now = now;
	if (now < l->fewest[l->used - 1])
		l->fewest[l->used - 1] = now;
}

void live_end(const struct live *l, uint64_t time, struct live *at_end)
{
	uint32_t fewest = l->now;

	*at_end = *l;
	if (!l->span)
		return;
	go_on(at_end, time);
	for (unsigned i = at_end->used; i-- > 0; at_end->fewest[i] = fewest)
		if (at_end->fewest[i] < fewest)
			fewest = at_end->fewest[i];
}
