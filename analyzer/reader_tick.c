/*
 * analyzer/reader_tick.c: order within one tick of the clock.
 *
 * Timestamps of different streams are often equal where the clock is coarse, and a thread that was moved to another CPU goes on
 * in another stream. What is certain: records of a stream are in order, and events of a thread are in order of their seq.
 * A stack or a module is sent before the event that refers to it, through another stream: streams that still hold one go first.
 */
#include "analyzer/reader_parts.h"

#include <stdlib.h>
#include <string.h>

struct item {
	int after_stream;  /* index of what comes before it in its stream, -1: nothing */
	int after_seq;     /* index of what comes before it in its thread, -1: nothing */
	int early_left;    /* of the first of a stream: stacks and modules it still holds */
	int first;         /* index of the first of its stream */
	int done;
};

static void prepare(const struct held *h, struct item *it, int n)
{
	for (int i = 0; i < n; i++) {
		it[i] = (struct item) { .after_stream = -1, .after_seq = -1, .first = i };
		for (int j = 0; j < n; j++) {
			if (j < i && h[j].stream == h[i].stream) {
				it[i].after_stream = j;
				it[i].first = it[j].first;
			}
			if (j != i && h[i].key.seq && h[j].key.tid == h[i].key.tid && h[j].key.seq && h[j].key.seq < h[i].key.seq &&
			    (it[i].after_seq < 0 || h[j].key.seq > h[it[i].after_seq].key.seq))
				it[i].after_seq = j;
		}
		it[it[i].first].early_left += h[i].key.early;
	}
}

/* Nothing is known to come before i. */
static int ready(const struct item *it, int i, int by_seq)
{
	return !it[i].done && (it[i].after_stream < 0 || it[it[i].after_stream].done) &&
		(!by_seq || it[i].after_seq < 0 || it[it[i].after_seq].done);
}

/* Where streams and seqs contradict each other (a clock that went back), the streams are believed. */
static int choose(const struct held *h, const struct item *it, int n)
{
	for (int by_seq = 1; by_seq >= 0; by_seq--) {
		int best = -1;

		for (int i = 0; i < n; i++)
			if (ready(it, i, by_seq) && (best < 0 || (it[it[i].first].early_left && !it[it[best].first].early_left)))
				best = i;
		if (best >= 0)
			return best;
	}
	return 0;
}

void tick_order(struct held *h, size_t n)
{
	struct held sorted[TICK_MAX];
	struct item it[TICK_MAX];

	prepare(h, it, n);
	for (size_t i = 0; i < n; i++) {
		int best = choose(h, it, n);

		it[best].done = 1;
		it[it[best].first].early_left -= h[best].key.early;
		sorted[i] = h[best];
	}
	memcpy(h, sorted, n * sizeof *h);
}
