/*
 * tests/unit/rules_close_walks.c: loops over everything that do something else between their closes (analyzer/model_walk.c), and what looks like one: arrays that
 * are closed twice, one connection after another.
 */
#include "builder.h"

enum { LOOP = 2, ASIDE = 3, OTHER = 4 };

/* 3 to 5 are closed already; nothing beyond 20 was ever open. */
static struct world *begins(void)
{
	struct world *w = started();

	here(w, OTHER);
	for (int fd = 3; fd < 6; fd++) {
		opens(w, fd, 1);
		closes(w, fd, 1);
	}
	return w;
}

/* Something is opened as 20, and closed. */
static void aside(struct world *w, uint32_t gen)
{
	here(w, ASIDE);
	opens(w, 20, gen);
	closes(w, 20, gen);
	here(w, LOOP);
}

static void fails_again(struct world *w, int fd) { close_fails(w, fd, 1, FDW_F_KNOWN_CLOSED, 1); }
static void fails_never(struct world *w, int fd) { close_fails(w, fd, 0, FDW_F_NEVER_SEEN, 1); }

static void loop_with_something_between(void **state)
{
	struct world *w = begins();

	opens(w, 6, 1);
	aside(w, 1);
	fails_again(w, 3);
	aside(w, 2);
	fails_again(w, 4);
	aside(w, 3);
	fails_again(w, 5);
	aside(w, 4);
	closes(w, 6, 1);
	aside(w, 5);
	fails_never(w, 7);
	aside(w, 6);
	fails_never(w, 8);
	exits(w);
	expect(w, "");
}

static void loop_downwards(void **state)
{
	struct world *w = begins();

	here(w, LOOP);
	fails_never(w, 7);
	aside(w, 1);
	fails_never(w, 6);
	for (int fd = 5; fd > 2; fd--) {
		aside(w, (uint32_t)(7 - fd));
		fails_again(w, fd);
	}
	exits(w);
	expect(w, "");
}

/* What it shall not close it passes over. */
static void loop_passes_over_what_is_open(void **state)
{
	struct world *w = begins();

	opens(w, 6, 1);
	here(w, LOOP);
	fails_again(w, 5);
	aside(w, 1);
	fails_never(w, 7);
	aside(w, 2);
	fails_never(w, 8);
	closes(w, 6, 1);
	exits(w);
	expect(w, "");
}

static void passes_over_what_is_closed(void **state)
{
	struct world *w = begins();

	here(w, LOOP);
	fails_again(w, 3);
	aside(w, 1);
	fails_again(w, 5);
	aside(w, 2);
	fails_never(w, 6);
	aside(w, 3);
	fails_never(w, 7);
	exits(w);
	expect(w, "double-close/error=1");
}

/* Two passes over the same descriptors. */
static void array_with_something_between(void **state)
{
	struct world *w = begins();

	for (int fd = 3; fd < 6; fd++) {
		here(w, LOOP);
		fails_again(w, fd);
		aside(w, (uint32_t)fd);
	}
	exits(w);
	expect(w, "double-close/error=3");
}

/* As in audit, where each has a number of its own: closed in one place, after another, once too often. Longer than any loop need be. */
static void one_connection_after_another(void **state)
{
	struct world *w = started();

	for (int fd = 3; fd < 23; fd++) {
		here(w, OTHER);
		opens(w, fd, 1);
		closes(w, fd, 1);
		here(w, LOOP);
		fails_again(w, fd);
	}
	exits(w);
	expect(w, "double-close/error=20");
}

static void one_among_many(void **state)
{
	struct world *w = started();

	for (int fd = 3; fd < 23; fd++)
		opens(w, fd, 1);
	here(w, OTHER);
	closes(w, 10, 1);
	for (int fd = 3; fd < 23; fd++) {
		here(w, LOOP);
		if (fd == 10)
			fails_again(w, fd);
		else
			closes(w, fd, 1);
		here(w, ASIDE);
		opens(w, 30, (uint32_t)fd);
		closes(w, 30, (uint32_t)fd);
	}
	exits(w);
	expect(w, "double-close/error=1");
}

/* It does not wait for ever. */
static void too_much_between(void **state)
{
	struct world *w = begins();

	here(w, LOOP);
	fails_again(w, 5);
	for (uint32_t gen = 1; gen < 12; gen++)
		aside(w, gen);
	fails_never(w, 6);
	aside(w, 12);
	fails_never(w, 7);
	exits(w);
	expect(w, "double-close/error=1 bad-close/note=2");
}

static void from_several_places(void **state)
{
	struct world *w = begins();

	here(w, OTHER);
	fails_again(w, 5);
	aside(w, 1);
	fails_never(w, 6);
	aside(w, 2);
	here(w, OTHER + 1);
	fails_never(w, 7);
	exits(w);
	expect(w, "double-close/error=1 bad-close/note=1 bad-close/note=1");
}

/* The loop's own body closes something twice, each time. */
static void twice_within_a_loop(void **state)
{
	struct world *w = begins();

	for (int fd = 3; fd < 9; fd++) {
		here(w, LOOP);
		if (fd < 6)
			fails_again(w, fd);
		else
			fails_never(w, fd);
		aside(w, (uint32_t)fd);
		here(w, OTHER);
		close_fails(w, 20, (uint32_t)fd, FDW_F_KNOWN_CLOSED, 1);
	}
	exits(w);
	expect(w, "double-close/error=6");
}

/* Two threads that close the same are no loop's. */
static void lost_within_a_loop(void **state)
{
	struct world *w = begins();

	here(w, LOOP);
	close_fails(w, 5, 1, FDW_F_KNOWN_CLOSED | FDW_F_LOSER, 1);
	aside(w, 1);
	fails_never(w, 6);
	aside(w, 2);
	fails_never(w, 7);
	aside(w, 3);
	fails_never(w, 8);
	exits(w);
	expect(w, "double-close/error=1");
}

/* Where every number was open once, as in audit after a while: a part of the loop is uninterrupted, and longer than anybody's array. */
static void part_of_it_is_a_run(void **state)
{
	struct world *w = started();

	here(w, OTHER);
	for (int fd = 3; fd < 16; fd++) {
		opens(w, fd, 1);
		if (fd != 5)
			closes(w, fd, 1);
	}
	here(w, LOOP);
	fails_again(w, 3);
	aside(w, 1);
	fails_again(w, 4);
	aside(w, 2);
	closes(w, 5, 1);
	aside(w, 3);
	for (int fd = 6; fd < 16; fd++)
		close_fails(w, fd, 1, FDW_F_KNOWN_CLOSED, (uint64_t)fd - 5);
	exits(w);
	expect(w, "");
}

/* A fork child never had what its parent had closed: 4 and 5. Its own 3 it closed itself before. */
static struct world *in_child(int parents)
{
	struct world *w = started();

	for (int fd = 4; fd < 6; fd++) {
		opens(w, fd, 1);
		if (parents)
			closes(w, fd, 1);
	}
	forks(w, 101);
	fork_child(w, 101, 100);
	here(w, OTHER);
	opens(w, 3, 1);
	closes(w, 3, 1);
	if (!parents)
		for (int fd = 4; fd < 6; fd++) {
			opens(w, fd, 2);
			closes(w, fd, 2);
		}
	here(w, LOOP);
	fails_again(w, 3);
	for (int fd = 4; fd < 6; fd++) {
		aside(w, (uint32_t)fd);
		close_fails(w, fd, parents ? 1 : 2, FDW_F_KNOWN_CLOSED, 1);
	}
	exits(w);
	return w;
}

static void child_comes_by_its_parents(void **state) { expect(in_child(1), ""); }

static void child_comes_by_its_own(void **state)
{
	struct world *w = in_child(0);

	assert_non_null(strstr(found(w), "double-close/error=3"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loop_with_something_between), cmocka_unit_test(loop_downwards), cmocka_unit_test(loop_passes_over_what_is_open),
		cmocka_unit_test(passes_over_what_is_closed), cmocka_unit_test(array_with_something_between), cmocka_unit_test(one_connection_after_another),
		cmocka_unit_test(one_among_many), cmocka_unit_test(too_much_between), cmocka_unit_test(from_several_places),
		cmocka_unit_test(twice_within_a_loop), cmocka_unit_test(lost_within_a_loop), cmocka_unit_test(part_of_it_is_a_run),
		cmocka_unit_test(child_comes_by_its_parents), cmocka_unit_test(child_comes_by_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
