/*
 * analyzer/reader_source.c: the streams of one trace merged by time, whoever reads them (reader_direct.c, reader_bt2.c).
 *
 * A heap of streams, each with its next record; a queue of what is in order. A stream that is not due yet is not read: what
 * memory it needs is taken when its time comes. Losses that were known beforehand are a stream of their own, the last.
 *
 * A gap is sorted by its begin: its end may lie after events of the same stream that follow it.
 */
#include "analyzer/reader_parts.h"

#include <stdlib.h>
#include <string.h>

static int earlier(const void *a, const void *b)
{
	const struct head *x = a, *y = b;

	return x->held.time != y->held.time ? x->held.time < y->held.time : x < y;
}

static int loss_earlier(const void *a, const void *b)
{
	const struct loss *x = a, *y = b;

	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static int next_loss(struct source *src, struct held *h)
{
	const struct loss *loss;

	if (src->told == src->losses.n)
		return 0;
	loss = &src->losses.loss[src->told++];
	*h = (struct held) { .gap = 1, .time = loss->begin, .gap_end = loss->end, .damage = loss->damage, .stream = src->streams };
	return 1;
}

int source_init(struct source *src, const struct source_ops *ops, uint32_t streams, const char *trace, struct losses *losses, struct notes *notes)
{
	*src = (struct source) { .ops = ops, .streams = streams, .heap.less = earlier, .trace = trace, .notes = notes, .losses = *losses };
	*losses = (struct losses) { 0 };
	src->head = calloc(streams + 1, sizeof *src->head);
	if (!src->head)
		return 0;
	if (src->losses.n)
		qsort(src->losses.loss, src->losses.n, sizeof *src->losses.loss, loss_earlier);
	return !src->losses.n || source_expect(src, streams, src->losses.loss[0].begin);
}

int source_expect(struct source *src, uint32_t stream, uint64_t time)
{
	struct head *head = &src->head[stream];

	head->held.time = time;
	return heap_push(&src->heap, head) == 0;
}

/* The top goes on to its next record, or out of the heap. */
static void advance(struct source *src, struct head *head)
{
	uint32_t stream = head - src->head;
	int more = stream == src->streams ? next_loss(src, &head->held) : src->ops->advance(src, stream, &head->held);

	head->held.stream = stream;
	head->opened = 1;
	if (more)
		heap_sink(&src->heap);
	else
		heap_pop(&src->heap);
}

/* All that has the time of the first, in order, to the end of the queue. */
static void take_tick(struct source *src)
{
	struct held *tick = &src->queue[src->last];
	uint32_t streams = 0;
	size_t n = 0;

	for (struct head *head; n < TICK_MAX && (head = heap_top(&src->heap)) && (n == 0 || head->held.time == tick->time);) {
		if (head->opened && src->ops->keep(src, &head->held)) {
			tick[n] = head->held;
			streams += n > 0 && tick[n].stream != tick[n - 1].stream;
			n++;
		}
		advance(src, head);
	}
	if (streams)
		tick_order(tick, n);
	src->last += n;
}

void source_take(struct source *src)
{
	while (src->last < QUEUE_ENOUGH && heap_top(&src->heap))
		take_tick(src);
}

const struct held *source_peek(struct source *src)
{
	if (!src->started && !(src->queue = calloc(QUEUE_MAX, sizeof *src->queue)))
		src->ended = 1;
	src->started = 1;
	while (src->first == src->last && !src->ended) {
		src->first = src->last = 0;
		src->ended = !src->ops->fill(src);
	}
	if (src->first < src->last)
		return &src->queue[src->first];
	free(src->queue);
	src->queue = NULL;
	return NULL;
}

uint64_t source_time(const struct source *src)
{
	const struct head *head = heap_top(&src->heap);

	return src->first < src->last ? src->queue[src->first].time : head ? head->held.time : 0;
}

void source_next(struct source *src)
{
	src->ops->release(src, &src->queue[src->first++]);
}

const struct held *source_buffered(struct source *src, size_t i)
{
	return src->first + i < src->last ? &src->queue[src->first + i] : NULL;
}

void source_drop(struct source *src)
{
	free(src->queue);
	free(src->head);
	free(src->host);
	heap_free(&src->heap);
	losses_free(&src->losses);
}

void source_close(struct source *src)
{
	while (src->first < src->last)
		source_next(src);
	src->ops->close(src);
}
