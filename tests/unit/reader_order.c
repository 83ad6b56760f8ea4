/*
 * tests/unit/reader_order.c: the heap, order within a tick, order over streams and traces, memory.
 */
#include "tests/unit/reader_trace.h"
#include <sys/resource.h>
#include "analyzer/heap.h"
#include "analyzer/reader_parts.h"

static int less(const void *a, const void *b) { return *(const int *)a < *(const int *)b; }

static void heap_sorts(void **state)
{
	struct heap h = { .less = less };
	static int value[1000];
	int last = -1;

	srandom(1);
	for (int i = 0; i < 1000; i++) {
		value[i] = random() % 500;
		assert_int_equal(heap_push(&h, &value[i]), 0);
	}
	for (int i = 0; i < 500; i++) { /* the top grows, as a stream does */
		int *top = heap_top(&h);

		assert_true(*top >= last);
		last = *top;
		*top += 1 + random() % 300;
		heap_sink(&h);
	}
	for (int *top; (top = heap_top(&h)); heap_pop(&h)) {
		assert_true(*top >= last);
		last = *top;
	}
	heap_free(&h);
}

static struct held item(uint32_t stream, uint32_t tid, uint32_t seq, int early)
{
	return (struct held) { .stream = stream, .key = { tid, seq, early } };
}

/* Expects seqs (0 for stacks) in this order. */
static void expect(struct held *h, size_t n, const uint32_t *seqs)
{
	tick_order(h, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(h[i].key.seq, seqs[i]);
}

static void moved_thread(void **state)
{
	struct held h[] = { item(0, 1, 5, 0), item(0, 1, 6, 0), item(1, 2, 90, 0), item(1, 1, 4, 0), item(1, 2, 91, 0) };

	expect(h, 5, (uint32_t []) { 90, 4, 5, 6, 91 });
}

static void stacks_first(void **state)
{
	struct held h[] = { item(0, 1, 8, 0), item(1, 2, 30, 0), item(1, 0, 0, 1), item(1, 2, 31, 0) };

	expect(h, 4, (uint32_t []) { 30, 0, 8, 31 });
}

/* The life event before a stack is not overtaken by the op after it, nor the other way round. */
static void life_stack_op(void **state)
{
	struct held h[] = { item(0, 1, 8, 0), item(1, 1, 7, 0), item(1, 0, 0, 1) };

	expect(h, 3, (uint32_t []) { 7, 0, 8 });
}

static void contradiction_keeps_streams(void **state)
{
	struct held h[] = { item(0, 1, 2, 0), item(0, 1, 1, 0), item(1, 1, 3, 0) };

	tick_order(h, 3);
	int two = -1, one = -1;

	for (int i = 0; i < 3; i++) {
		two = h[i].key.seq == 2 ? i : two;
		one = h[i].key.seq == 1 ? i : one;
	}
	assert_true(two < one);
}

/* Random moves between streams in one tick always come out by seq. */
static void ticks_hold(void **state)
{
	srandom(2);
	for (int round = 0; round < 200; round++) {
		struct held h[TICK_MAX];
		struct held by_stream[4][TICK_MAX];
		uint32_t seq[5] = { 0 };
		size_t count[4] = { 0 }, n = 0;

		for (int i = 0; i < 200; i++) {
			uint32_t tid = 1 + random() % 4, stream = random() % 4;

			by_stream[stream][count[stream]] = item(stream, tid, ++seq[tid], 0);
			count[stream]++;
		}
		for (int s = 0; s < 4; s++)
			for (size_t i = 0; i < count[s]; i++)
				h[n++] = by_stream[s][i];
		tick_order(h, n);
		memset(seq, 0, sizeof seq);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(h[i].key.seq, ++seq[h[i].key.tid]);
	}
}

static void streams_are_merged(void **state)
{
	enum { STREAMS = 40, EVENTS = 300 };
	const char *dir = *state;
	struct stream_writer w[STREAMS];
	struct record r;
	uint64_t last = 0;
	int n = 0;

	write_metadata(dir, 0);
	srandom(3);
	for (uint64_t s = 0; s < STREAMS; s++) {
		uint64_t time = 0;
		char name[32];

		w[s] = (struct stream_writer) { .instance = s };
		for (int p = 0; p < 3; p++) {
			packet_begin(&w[s], time);
			for (int i = 0; i < EVENTS / 3; i++)
				put_op(&w[s], time += random() % 7, s, 1 + p * EVENTS / 3 + i);
			packet_end(&w[s], time);
		}
		snprintf(name, sizeof name, "fds_%d", (int)s);
		write_stream(&w[s], dir, name);
	}
	struct reader *reader = must_open(dir);

	for (; reader_next(reader, &r); n++) {
		assert_true(r.time >= last);
		last = r.time;
	}
	assert_int_equal(n, STREAMS * EVENTS);
	reader_close(reader);
}

/* A thread that moves to another CPU at the same tick; its stack comes through the other channel. */
static void tick_over_streams(void **state)
{
	const char *dir = *state;
	struct stream_writer a = { 0 }, b = { .instance = 1 }, meta = { .class = 1, .instance = 2 };
	struct record r;
	uint32_t seq = 0;
	int stack_seen = 0;

	write_metadata(dir, 0);
	packet_begin(&a, 50);
	put_op(&a, 50, 9, 1);
	put_op(&a, 50, 9, 2);
	put_op(&a, 50, 9, 5);
	packet_end(&a, 50);
	packet_begin(&b, 50);
	put_op(&b, 50, 9, 3);
	put_op(&b, 50, 9, 4);
	packet_end(&b, 50);
	packet_begin(&meta, 50);
	put_stack(&meta, 50, 1, 2);
	packet_end(&meta, 50);
	write_stream(&a, dir, "fds_0");
	write_stream(&b, dir, "fds_1");
	write_stream(&meta, dir, "fds_meta_0");
	struct reader *reader = must_open(dir);

	while (reader_next(reader, &r)) {
		if (r.type == RECORD_STACK) {
			assert_int_equal(seq, 0);
			stack_seen = 1;
		} else
			assert_int_equal(r.event.e.seq, ++seq);
	}
	assert_int_equal(seq, 5);
	assert_true(stack_seen);
	reader_close(reader);
}

static void traces_are_merged(void **state)
{
	const char *dir = *state;
	struct record r;
	uint64_t last = 0;
	int n = 0;

	for (int i = 0; i < 30; i++) {
		char name[16];

		snprintf(name, sizeof name, "t%02d", i);
		small_trace(path_of(dir, name), i + 1);
	}
	struct reader *reader = must_open(dir);

	for (; reader_next(reader, &r); n++) {
		assert_true(r.time >= last);
		last = r.time;
	}
	assert_int_equal(n, 300);
	reader_close(reader);
}

/* A clock that stands still must not pile up a tick in memory. */
static void stuck_clock_is_bounded(void **state)
{
	const char *dir = *state;
	struct stream_writer w[2] = { { .instance = 0 }, { .instance = 1 } };

	write_metadata(dir, 0);
	for (int s = 0; s < 2; s++) {
		for (int p = 0; p < 20; p++) {
			packet_begin(&w[s], 7);
			for (int i = 0; i < 500; i++)
				put_op(&w[s], 7, s + 1, 1 + p * 500 + i);
			packet_end(&w[s], 7);
		}
		write_stream(&w[s], dir, s ? "fds_1" : "fds_0");
	}
	struct reader *reader = must_open(dir);

	assert_int_equal(count_records(reader), 20000);
	reader_close(reader);
}

static long resident(void)
{
	long pages = 0, ignored;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%ld %ld", &ignored, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4;
}

/* 20 times the events, the same memory. */
static void memory_is_constant(void **state)
{
	const char *dir = *state;
	struct stream_writer w = { 0 };
	struct record r;
	long early = 0;
	int n = 0;

	write_metadata(dir, 0);
	for (int p = 0; p < 200; p++)
		op_packet(&w, 1000 + p * 100000, 1, 1 + p * 1000, 1000);
	write_stream(&w, dir, "fds_0");
	struct reader *reader = must_open(dir);

	while (reader_next(reader, &r))
		if (++n == 10000)
			early = resident();
	assert_int_equal(n, 200000);
	assert_true(resident() - early < 20000); /* kB, mostly the window on the file */
	reader_close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heap_sorts), cmocka_unit_test(moved_thread), cmocka_unit_test(stacks_first), cmocka_unit_test(life_stack_op),
		cmocka_unit_test(contradiction_keeps_streams), cmocka_unit_test(ticks_hold), IN_DIR(streams_are_merged),
		IN_DIR(tick_over_streams), IN_DIR(traces_are_merged), IN_DIR(stuck_clock_is_bounded), IN_DIR(memory_is_constant),
	};

	return run_both(tests);
}
