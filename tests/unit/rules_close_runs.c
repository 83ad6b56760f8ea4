/*
 * tests/unit/rules_close_runs.c: closes in a row: loops over everything, up, down and by range, what is closed right before one, and arrays that are
 * closed twice, which are none.
 */
#include "builder.h"

static void loops_up_and_down(void **state)
{
	for (int step = -1; step <= 1; step += 2) {
		struct world *w = world_new();

		starts(w, 100, 1, 7);
		for (int fd = 3; fd < 8; fd++) {
			opens(w, fd, 1);
			closes(w, fd, 1);
		}
		for (int i = 0; i < 62; i++) {
			int fd = step > 0 ? 3 + i : 64 - i;
			close_fails(w, fd, fd < 8, fd < 8 ? FDW_F_KNOWN_CLOSED : FDW_F_NEVER_SEEN, (uint64_t)i + 1);
		}
		closes(w, 2, 1);
		exits(w);
		expect(w, "");
	}
}

static void short_loop_over_never_seen(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	close_fails(w, 4, 0, FDW_F_NEVER_SEEN, 2);
	close_fails(w, 5, 0, FDW_F_NEVER_SEEN, 3);
	expect(w, "");
}

/* Both ends of a pipe, closed twice one after the other: a run, but no loop. */
static void pair_closed_twice(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	here(w, 2);
	opens(w, 4, 1);
	closes(w, 3, 1);
	closes(w, 4, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 3);
	close_fails(w, 4, 1, FDW_F_KNOWN_CLOSED, 4);
	exits(w);
	expect(w, "double-close/error=1 double-close/error=1");
}

static struct world *pair_again(uint32_t flags, uint32_t flags_of_second)
{
	struct world *w = started();

	opens(w, 4, 1);
	opens(w, 5, 1);
	closes(w, 4, 1);
	closes(w, 5, 1);
	close_fails(w, 4, 1, flags, 1);
	close_fails(w, 5, 1, flags_of_second, 2);
	return w;
}

static void lists(struct world *w, const char *path)
{
	send_event(w, "opendir", (struct fdw_event){ .op = FDW_OP_CREATE, .fd = 4, .gen = 2, .fd2 = -1, .ret = 4, .kind = FDW_KIND_DIR,
		.detail = (const uint8_t *)path, .detail_len = (uint32_t)strlen(path) });
	closes(w, 4, 2);
}

static void ranges(struct world *w, int first, int last)
{
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE_RANGE, .fd = first, .fd2 = last });
}

static struct world *second_is_open(int work_between)
{
	struct world *w = started();

	opens(w, 4, 1);
	opens(w, 5, 1);
	closes(w, 4, 1);
	here(w, 2);
	close_fails(w, 4, 1, FDW_F_KNOWN_CLOSED, 1);
	if (work_between) {
		opens(w, 6, 1);
		opens(w, 7, 1);
	}
	send_event(w, "close", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = 5, .gen = 1, .fd2 = -1, .flags = FDW_F_RUN, .arg = 2 });
	return w;
}

/* Numbers closed once more right before all there are: jspawnhelper does, whether it had them itself or never. */
static void closes_before_everything(void **state)
{
	static const char *const paths[] = { "/proc/self/fd", "/dev/fd", "/dev/fd/", "/proc/100/fd", "/proc/thread-self/fd" };
	struct world *w;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		w = pair_again(FDW_F_KNOWN_CLOSED, FDW_F_KNOWN_CLOSED);
		lists(w, paths[i]);
		expect(w, "");
	}
	w = world_new();
	starts(w, 100, 1, 7);
	close_fails(w, 4, 0, FDW_F_NEVER_SEEN, 1);
	close_fails(w, 5, 0, FDW_F_NEVER_SEEN, 2);
	lists(w, "/proc/self/fd");
	expect(w, "");
	w = pair_again(FDW_F_KNOWN_CLOSED, FDW_F_KNOWN_CLOSED);
	ranges(w, 3, -1);
	expect(w, "");
	w = second_is_open(0);
	lists(w, "/proc/self/fd");
	expect(w, "");
}

static void closes_before_something(void **state)
{
	static const char *const paths[] = { "/proc/self/task", "/proc/self/fdinfo", "/proc/101/fd", "/dev", "/proc/self/fd/0" };
	struct world *w;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		w = pair_again(FDW_F_KNOWN_CLOSED, FDW_F_KNOWN_CLOSED);
		lists(w, paths[i]);
		expect(w, "double-close/error=2");
	}
	w = pair_again(FDW_F_KNOWN_CLOSED, FDW_F_KNOWN_CLOSED);
	ranges(w, 6, 7);
	expect(w, "double-close/error=2");
	w = second_is_open(0);
	opens(w, 6, 1);
	lists(w, "/proc/self/fd");
	expect(w, "double-close/error=1");
	w = second_is_open(1);
	lists(w, "/proc/self/fd");
	expect(w, "double-close/error=1");
	w = pair_again(FDW_F_KNOWN_CLOSED, FDW_F_KNOWN_CLOSED);
	opens(w, 6, 1); /* goes on, and lists later */
	lists(w, "/proc/self/fd");
	closes(w, 6, 1);
	expect(w, "double-close/error=2");
	w = pair_again(FDW_F_KNOWN_CLOSED, FDW_F_KNOWN_CLOSED | FDW_F_LOSER); /* two threads are no preparation */
	lists(w, "/proc/self/fd");
	expect(w, "double-close/error=2");
}

static struct world *closed_again_after(const char *path)
{
	struct world *w = world_new();

	starts(w, 100, 1, 7);
	lists(w, path);
	close_fails(w, 4, 2, FDW_F_KNOWN_CLOSED, 1);
	return w;
}

/* The list's own number, which the list names, is closed once more. */
static void closes_list_again(void **state)
{
	static const char *const paths[] = { "/proc/self/fd", "/dev/fd/", "/proc/100/fd", "/proc/self/fdinfo", "/proc/thread-self/task/5/fd",
		"/proc//self/./fd/", "/proc/self/task/100/fdinfo", "fd", "self/fd", "100/fd", "task/7/fd", "./fd/", "../fdinfo" };
	static const char *const others[] = { "/proc/self/task", "/proc/101/fd", "/home/fd", "/dev/fd/x", "src/fd", "fd/x", "/proc/fd", "/fd", "task/fd", "" };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		expect(closed_again_after(paths[i]), "");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		expect(closed_again_after(others[i]), "double-close/error=1");
}

static void range_of_one(struct world *w, int fd)
{
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE_RANGE, .fd = fd, .fd2 = fd });
}

static void range_twice(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	range_of_one(w, 3);
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = 3, .gen = 1, .fd2 = -1, .flags = FDW_F_RANGE });
	range_of_one(w, 3);
	exits(w);
	expect(w, "double-close/error=1");
}

/* Everything but 3 and 5: one of the ranges is one number long. */
static void ranges_around_what_is_kept(void **state)
{
	struct world *w = started();

	opens(w, 4, 1);
	closes(w, 4, 1);
	range_of_one(w, 4);
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE_RANGE, .fd = 6, .fd2 = -1 });
	exits(w);
	expect(w, "");
}

static void opens_and_closes_16(struct world *w)
{
	for (int fd = 3; fd < 19; fd++)
		opens(w, fd, 1);
	for (int fd = 3; fd < 19; fd++)
		send_event(w, "close", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = fd, .gen = 1, .fd2 = -1, .arg = (uint64_t)fd - 2,
			.flags = fd > 3 ? FDW_F_RUN : 0 });
}

/* An array of 16, closed twice: not a loop over everything, that would go on. */
static void sixteen_closed_twice(void **state)
{
	struct world *w = started();

	opens_and_closes_16(w);
	for (int fd = 3; fd < 19; fd++)
		close_fails(w, fd, 1, FDW_F_KNOWN_CLOSED, (uint64_t)fd - 2);
	exits(w);
	expect(w, "double-close/error=16");
}

/* It goes on. */
static void sixteen_and_then_everything(void **state)
{
	struct world *w = started();

	opens_and_closes_16(w);
	for (int fd = 3; fd < 30; fd++)
		close_fails(w, fd, fd < 19, fd < 19 ? FDW_F_KNOWN_CLOSED : FDW_F_NEVER_SEEN, (uint64_t)fd - 2);
	exits(w);
	expect(w, "");
}

/* Closed here and there, and then a loop up to the highest that ever was: as if everything was meant. */
static void sixteen_closed_one_by_one(void **state)
{
	struct world *w = started();

	for (int fd = 3; fd < 19; fd++) {
		opens(w, fd, 1);
		closes(w, fd, 1);
	}
	for (int fd = 3; fd < 19; fd++)
		close_fails(w, fd, 1, FDW_F_KNOWN_CLOSED, (uint64_t)fd - 2);
	exits(w);
	expect(w, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loops_up_and_down), cmocka_unit_test(short_loop_over_never_seen), cmocka_unit_test(pair_closed_twice),
		cmocka_unit_test(closes_before_everything), cmocka_unit_test(closes_before_something), cmocka_unit_test(closes_list_again), cmocka_unit_test(range_twice),
		cmocka_unit_test(ranges_around_what_is_kept), cmocka_unit_test(sixteen_closed_twice), cmocka_unit_test(sixteen_and_then_everything),
		cmocka_unit_test(sixteen_closed_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
