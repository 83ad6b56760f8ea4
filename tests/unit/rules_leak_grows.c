/* tests/unit/rules_leak_grows.c: fd-leak: growth over time, told from caches, pools, bursts and loads. */
#include "builder.h"

static struct world *program(void)
{
	struct world *w = started();

	return w;
}

/* Every other one is forgotten. When there were how many: since the trace began, as all times. */
static void growing(void **state)
{
	struct world *w = world_new();

	starts(w, 90, 1, 7);
	exits(w);
	w->now += 2 * SECOND;
	starts(w, 100, 1, 7);
	for (int i = 0; i < 60; i++) {
		opens(w, 3 + i, i ? 2 : 1);
		opens(w, 4 + i, 1);
		closes(w, 4 + i, 1);
		w->now += 20 * MS;
	}

	exits(w);
	finish(w);
	assert_non_null(findings_first(w->findings));
	assert_non_null(strstr(findings_first(w->findings)->message, "60 descriptors opened here are never closed, and they become ever more; "
		"the first is 3 (/some/file); 14 live at +2.262 s, 30 at +2.589 s, 60 at +3.200 s"));
	expect(w, "fd-leak/error=60");
}

/* 120 eventfds, ever more until the end; `late` of them used when the last ones were made, the others only when they were new. told: of how many that is known. */
static struct world *jobs(int late, int told)
{
	struct world *w = program();

	for (int i = 0; i < 120; i++) {
		opens_as(w, 3 + i, 1, FDW_KIND_EVENTFD, 0);
		w->now += 10 * MS;
	}
	for (int i = 0; i < told; i++)
		send_event(w, "_exit", (struct fdw_event){ .op = FDW_OP_LAST_USE, .fd = 3 + i, .gen = 1, .fd2 = -1,
			.arg = (uint64_t)(120 - i) << 32 | (i < late ? 0 : (uint32_t)(120 - i)) });
	exits(w);
	return w;
}

static void used_until_the_end(void **state)
{
	expect(jobs(120, 120), "fd-leak/note=120");
	expect(jobs(70, 120), "fd-leak/note=120");
}

static void used_no_more(void **state)
{
	expect(jobs(0, 120), "fd-leak/error=120");
	expect(jobs(50, 120), "fd-leak/error=120");
	expect(jobs(0, 0), "fd-leak/error=120"); /* not told: by an older library */
	expect(jobs(40, 40), "fd-leak/error=120"); /* of most it is not known */
}

/* The same within a moment: threads may have one each. */
static void burst(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 63; fd++)
		opens(w, fd, 1);
	here(w, 2);
	for (int fd = 63; fd < 163; fd++)
		opens_as(w, fd, 1, FDW_KIND_SOCKET, 0);
	exits(w);
	expect(w, "fd-leak/note=100 fd-leak/note=60");
}

/* What is made in a moment, and kept, has no history. */
static void no_history(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 203; fd++)
		opens(w, fd, 1);
	w->now += SECOND;
	exits(w);
	finish(w);
	assert_string_equal(findings_first(w->findings)->message, "200 descriptors opened here are never closed until the process ends; the first is 3 (/some/file)");
	world_free(w);
}

/* A machine that stands still in the middle of a burst makes two of it, and no growth. */
static void burst_with_a_pause(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 203; fd++) {
		opens_as(w, fd, 1, FDW_KIND_SOCKET, 0);
		if (fd % 50 == 0)
			w->now += 300 * MS;
	}
	exits(w);
	expect(w, "fd-leak/note=200");
}

/* 100 at most, which are made one by one; afterwards nothing is added. */
static void cache_that_is_full(void **state)
{
	struct world *w = program();

	for (int i = 0; i < 400; i++) {
		opens_as(w, 3 + i % 100, 1 + (uint32_t)i / 100, FDW_KIND_SOCKET, 0);
		w->now += 10 * MS;
		if (i >= 99)
			closes(w, 3 + (i - 99) % 100, 1 + (uint32_t)(i - 99) / 100);
	}
	exits(w);
	expect(w, "fd-leak/note=99");
}

/* Clients come and go in waves; the program ends at the height of the last one. */
static void load_that_rises_and_falls(void **state)
{
	struct world *w = program();
	uint32_t gen = 0;

	for (int wave = 0; wave < 4; wave++) {
		gen++;
		for (int fd = 3; fd < 103; fd++) {
			opens_as(w, fd, gen, FDW_KIND_SOCKET, 0);
			w->now += 10 * MS;
		}
		for (int fd = 3; fd < 103 && wave < 3; fd++) {
			closes(w, fd, gen);
			w->now += 10 * MS;
		}
	}
	exits(w);
	expect(w, "fd-leak/note=100");
}

static void clients(int n, int which_stays, const char *wanted)
{
	struct world *w = program();
	int fd = 3;
	uint32_t gen = 0;

	for (int i = 0; i < n; i++) {
		opens_as(w, fd, ++gen, FDW_KIND_CONN, FDW_F_PEER);
		w->now += 10 * MS;
		if (i % which_stays)
			closes(w, fd, gen);
		else
			fd++;
	}
	exits(w);
	expect(w, wanted);
}

/* As many clients as there are, one after the other; a place that closes nearly all of them loses some. */
static void accepted(void **state)
{
	clients(300, 1, "fd-leak/note=300");
	clients(600, 1, "fd-leak/error=600");
	clients(400, 4, "fd-leak/error=100");
}

/* Too few to be an error: a warning, where the others of the place are closed. */
static void grows_a_little(void **state)
{
	struct world *w = program();
	int fd = 3;

	for (uint32_t i = 0; i < 48; i++) {
		opens_as(w, fd, i + 1, FDW_KIND_EVENTFD, 0);
		w->now += 20 * MS;
		if (i % 4)
			closes(w, fd, i + 1);
		else
			fd++;
	}
	exits(w);
	expect(w, "fd-leak/warning=12");
}

static void growing_without_exit(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 43; fd++) {
		opens(w, fd, 1);
		w->now += 100 * MS;
	}
	finish(w);
	assert_non_null(replay_coverage(w->replay)->partial);
	expect(w, "fd-leak/error=40?");
}

/* 100 connections made at start and held while the program works. */
static void pool(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 103; fd++)
		opens_as(w, fd, 1, FDW_KIND_SOCKET, 0);
	w->now += 10 * SECOND;
	exits(w);
	expect(w, "fd-leak/note=100");
}

/* A busy server is told to end: what it serves at that moment is young. */
static void in_flight(void **state)
{
	struct world *w = program();
	uint32_t gen = 1;

	for (int i = 0; i < 2000; i++, gen++) {
		opens_as(w, 3 + i % 20, gen, FDW_KIND_CONN, FDW_F_PEER);
		w->now += MS;
		if (i >= 15)
			closes(w, 3 + (i - 15) % 20, gen - 15);
	}
	exits(w);
	expect(w, "fd-leak/note=15");
}

/* 40 threads that open and close the same file all the time; the process ends in the middle of it. (CPython's test_4_daemon_threads.) */
static void in_the_hands_of_threads(void **state)
{
	struct world *w = program();

	for (uint32_t i = 0; i < 4000; i++) {
		opens(w, 3 + (int)i % 40, i / 40 + 1);
		w->now += MS / 4;
		if (i >= 39)
			closes(w, 3 + (int)(i - 39) % 40, (i - 39) / 40 + 1);
	}
	exits(w);
	expect(w, "fd-leak/note=39");
}

static void opens_path(struct world *w, int fd, const char *path)
{
	send_event(w, "open", (struct fdw_event){ .op = FDW_OP_CREATE, .fd = fd, .gen = 1, .fd2 = -1, .ret = fd, .kind = FDW_KIND_FILE,
		.detail = (const uint8_t *)path, .detail_len = (uint32_t)strlen(path) });
}

/* 250 tables, each open once, made whenever one is asked for: not full yet. */
static void cache_of_files(void **state)
{
	struct world *w = program();
	char path[64];
	uint32_t gen = 1;

	for (int fd = 4; fd < 254; fd++) {
		snprintf(path, sizeof path, "/base/%d", fd);
		opens_path(w, fd, path);
		here(w, 2);
		opens(w, 3, gen);
		closes(w, 3, gen++);
		here(w, 1);
		w->now += 20 * MS;
	}
	exits(w);
	expect(w, "fd-leak/note=250");
}

/* One after the other and at once: a dozen sockets, an event descriptor for each of 64 threads. */
static void made_at_start(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 15; fd++)
		opens_as(w, fd, 1, FDW_KIND_SOCKET, 0);
	here(w, 2);
	for (int fd = 15; fd < 79; fd++)
		opens_as(w, fd, 1, FDW_KIND_EVENTFD, 0);
	exits(w);
	expect(w, "fd-leak/note=64 fd-leak/note=12");
}

static void opens_other(struct world *w, int fd)
{
	here(w, 3);
	for (int i = 0; i < 3; i++)
		opens_as(w, 100 + 3 * fd + i, 1, FDW_KIND_EVENTFD, 0);
	here(w, 1);
}

/* A socket lost for each request while others of the place are closed, and three event descriptors, which never are. */
static void sockets_that_grow(void **state)
{
	struct world *w = program();
	uint32_t gen = 1;

	for (int fd = 4; fd < 44; fd++) {
		opens_as(w, fd, 1, FDW_KIND_SOCKET, 0);
		opens_as(w, 3, gen, FDW_KIND_SOCKET, 0);
		closes(w, 3, gen++);
		opens_other(w, fd);
		w->now += 30 * MS;
	}
	exits(w);
	expect(w, "fd-leak/error=120 fd-leak/error=40");
}

/* A client that opens ever more connections until it ends, and keeps them: that is a load that rises. */
static void load_that_rises(void **state)
{
	struct world *w = program();
	uint32_t gen = 1;

	for (int fd = 4; fd < 204; fd++) {
		opens_as(w, fd, 1, FDW_KIND_SOCKET, 0);
		here(w, 2);
		opens(w, 3, gen);
		closes(w, 3, gen++);
		here(w, 1);
		w->now += 30 * MS;
	}
	exits(w);
	expect(w, "fd-leak/note=200");
}

/* 50 at the peak, 10 of them left. */
static void after_the_peak(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 53; fd++)
		opens(w, fd, 1);
	for (int fd = 3; fd < 43; fd++)
		closes(w, fd, 1);
	exits(w);
	expect(w, "fd-leak/note=10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growing), cmocka_unit_test(used_until_the_end), cmocka_unit_test(used_no_more), cmocka_unit_test(burst), cmocka_unit_test(no_history), cmocka_unit_test(burst_with_a_pause), cmocka_unit_test(cache_that_is_full),
		cmocka_unit_test(load_that_rises_and_falls), cmocka_unit_test(accepted), cmocka_unit_test(grows_a_little),
		cmocka_unit_test(growing_without_exit), cmocka_unit_test(pool), cmocka_unit_test(in_flight), cmocka_unit_test(in_the_hands_of_threads),
		cmocka_unit_test(after_the_peak), cmocka_unit_test(cache_of_files), cmocka_unit_test(made_at_start), cmocka_unit_test(sockets_that_grow),
		cmocka_unit_test(load_that_rises),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
