/* tests/unit/series.c: how many descriptors were open over time, at the right time whatever is told late. */
#include "execs.h"
#include "trees.h"

static struct world *counted(void)
{
	struct world *w = world_new();

	replay_keep_series(w->replay);
	starts(w, 100, 1, 7);
	return w;
}

/* The highest between two times, in ns since the trace's first event; what shares a span with one of them does not count. */
static uint64_t highest(struct world *w, uint64_t from, uint64_t to)
{
	const struct series *s = replay_series(w->replay);
	uint64_t most = 0;

	finish(w);
	assert_true(s->used > 1 && s->used <= SERIES && to / s->span < s->used);
	for (uint64_t i = from / s->span + 1; i < to / s->span; i++)
		most = s->highest[i] > most ? s->highest[i] : most;
	return most;
}

static void opens_many(struct world *w, int first, int n)
{
	for (int fd = first; fd < first + n; fd++)
		opens(w, fd, 1);
}

/* One second of nothing, 50 for a second: as long as the trace is, to a span. */
static void begins_and_ends_with_the_trace(void **state)
{
	struct world *w = counted();
	const struct series *s = replay_series(w->replay);

	w->now += SECOND;
	opens_many(w, 3, 50);
	w->now += SECOND;
	exits(w);
	assert_int_equal(highest(w, 0, 1000 * MS), 0);
	assert_int_equal(highest(w, 1001 * MS, 1999 * MS), 50);
	assert_true(s->span * s->used > 2 * SECOND && s->span * (s->used - 1) < 2 * SECOND + MS);
	world_free(w);
}

/* What a program had that exec'd is known to be over when the next one is: its end is told late. */
static void told_late(void **state)
{
	struct world *w = counted();

	opens_many(w, 4, 2);
	w->now += 100 * MS;
	execs_next(w, 100, 1, 0);
	w->now += 400 * MS;
	opens_many(w, 10, 200);
	w->now += 500 * MS;
	exits_well(w);
	assert_int_equal(highest(w, 10 * MS, 99 * MS), 2);
	assert_int_equal(highest(w, 101 * MS, 490 * MS), 0);
	assert_int_equal(highest(w, 502 * MS, 990 * MS), 200);
	world_free(w);
}

/* Neither are inherited ones counted, nor taken off when they are closed. */
static void only_own_ones(void **state)
{
	struct world *w = counted();

	opens_many(w, 3, 4);
	forks(w, 200);
	fork_child(w, 200, 100);
	opens(w, 9, 1);
	w->now += 100 * MS;
	closes(w, 0, 1);
	closes(w, 3, 1);
	closes(w, 4, 1);
	w->now += 100 * MS;
	exits(w);
	back_to(w, 100);
	w->now += 100 * MS;
	exits(w);
	assert_int_equal(highest(w, 1 * MS, 99 * MS), 5);
	assert_int_equal(highest(w, 101 * MS, 199 * MS), 5);
	assert_int_equal(highest(w, 201 * MS, 299 * MS), 4);
	world_free(w);
}

/* Threads are read a little out of order; and where a close was lost, the number's next descriptor shows it. */
static void closes_that_are_not_in_order(void **state)
{
	struct world *w = counted();

	opens(w, 3, 1);
	closes(w, 4, 1);
	opens(w, 4, 1);
	w->now += 100 * MS;
	opens(w, 3, 2);
	w->now += 100 * MS;
	closes(w, 3, 2);
	w->now += 100 * MS;
	exits(w);
	assert_int_equal(highest(w, 1 * MS, 99 * MS), 1);
	assert_int_equal(highest(w, 101 * MS, 199 * MS), 1);
	assert_int_equal(highest(w, 201 * MS, 299 * MS), 0);
	world_free(w);
}

/* Killed: until its parent waits for it. Not known to have ended: until the trace does. */
static void ends_without_a_word(void **state)
{
	struct world *w = counted();

	forks(w, 200);
	forks(w, 300);
	for (uint32_t pid = 200; pid <= 300; pid += 100) {
		fork_child(w, pid, 100);
		opens_many(w, 9, pid == 200 ? 10 : 1);
	}
	back_to(w, 100);
	w->now += 100 * MS;
	reaps(w, 200, 9);
	w->now += 2 * SECOND;
	exits(w);
	assert_int_equal(highest(w, 1 * MS, 99 * MS), 11);
	assert_int_equal(highest(w, 110 * MS, 2099 * MS), 1);
	world_free(w);
}

/* No process made any: there is nothing to draw. */
static void nothing(void **state)
{
	struct world *w = counted();

	w->now += 10 * MS;
	exits(w);
	finish(w);
	assert_int_equal(replay_series(w->replay)->used, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_and_ends_with_the_trace), cmocka_unit_test(told_late), cmocka_unit_test(only_own_ones),
		cmocka_unit_test(closes_that_are_not_in_order), cmocka_unit_test(ends_without_a_word), cmocka_unit_test(nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
