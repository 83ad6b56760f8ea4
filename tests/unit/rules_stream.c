/* tests/unit/rules_stream.c: streams whose number was closed behind their back: a mistake, or a reopening by hand. */
#include "builder.h"

enum { OTHER = 101 };

static void stale_stream(struct world *w, int fd, uint32_t owned, uint32_t now)
{
	send_event(w, "fclose", (struct fdw_event){ .op = FDW_OP_STALE_STREAM, .fd = fd, .gen = now, .fd2 = fd, .gen2 = owned,
		.arg = 0x1234, .flags = FDW_F_STREAM | (now ? 0 : FDW_F_KNOWN_CLOSED) });
}

static void stream_of_nothing(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	closes(w, 3, 1);
	stale_stream(w, 3, 1, 0);
	exits(w);
	expect(w, "double-close/error=1");
}

static void stream_takes_another(void **state)
{
	struct world *w = started();
	const struct finding *f;

	opens(w, 3, 1);
	closes(w, 3, 1);
	here(w, 5);
	opens(w, 3, 2);
	stale_stream(w, 3, 1, 2);
	exits(w);
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_int_equal(f->nstacks, 4);
	assert_int_equal(f->stacks[2].role, ROLE_REUSED);
	expect(w, "foreign-close/error=1?"); /* it may be meant; and the victim is no leak */
}

/* close(1), open, fclose(stdout): redirection as it was always done. */
static void stdout_redirected(void **state)
{
	struct world *w = started();

	closes(w, 1, 1);
	opens(w, 1, 2);
	stale_stream(w, 1, 1, 2);
	exits(w);
	expect(w, "");
}

/* A stream of 3 whose number is closed. */
static struct world *with_stream(void)
{
	struct world *w = started();

	at(w, 100, OTHER);
	hello(w, "other");
	at(w, 100, 100);
	here(w, 2);
	opens(w, 3, 1);
	send_event(w, "fopen", (struct fdw_event){ .op = FDW_OP_STREAM, .fd = 3, .gen = 1, .fd2 = -1, .arg = 0x1234, .flags = FDW_F_STREAM });
	here(w, 3);
	closes(w, 3, 1);
	return w;
}

static void finds(struct world *w, enum confidence c, uint64_t count, unsigned nstacks)
{
	const struct finding *f;

	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_int_equal(f->confidence, c);
	assert_int_equal(f->count, count);
	assert_int_equal(f->nstacks, nstacks);
}

static struct world *reopened(void)
{
	struct world *w = with_stream();

	here(w, 4);
	opens(w, 3, 2);
	here(w, 5);
	stale_stream(w, 3, 1, 2);
	return w;
}

/* Somebody goes on with what the stream took: in one finding, and he did nothing wrong. */
static void victim_reads(void **state)
{
	struct world *w = reopened();

	here(w, 6);
	use_fails(w, "read", 3, 2);
	here(w, 7);
	close_fails(w, 3, 2, FDW_F_KNOWN_CLOSED, 1);
	exits(w);
	finds(w, CONFIDENCE_STRONG, 1, 5);
	assert_int_equal(findings_first(w->findings)->stacks[4].role, ROLE_USED);
	expect(w, "foreign-close/error=1");
}

/* Asking whether it is open is no use. */
static void victim_asks(void **state)
{
	struct world *w = reopened();

	use_fails(w, "fstat", 3, 2);
	exits(w);
	finds(w, CONFIDENCE_POSSIBLE, 1, 4);
	expect(w, "foreign-close/error=1?");
}

static void sweep_meets_it(void **state)
{
	struct world *w = reopened();

	for (int fd = 3; fd < 13; fd++)
		close_fails(w, fd, fd == 3 ? 2 : 0, fd == 3 ? FDW_F_KNOWN_CLOSED : FDW_F_NEVER_SEEN, (uint64_t)fd - 2);
	exits(w);
	expect(w, "foreign-close/error=1?");
}

static void same_finding(void **state)
{
	struct world *alone = reopened(), *missed = reopened();
	char id[64];

	exits(alone);
	finish(alone);
	snprintf(id, sizeof id, "%s", findings_first(alone->findings)->id);
	use_fails(missed, "read", 3, 2);
	exits(missed);
	finish(missed);
	assert_string_equal(findings_first(missed->findings)->id, id);
	world_free(alone);
	world_free(missed);
}

static void another_thread_opened(void **state)
{
	struct world *w = with_stream();

	at(w, 100, OTHER);
	here(w, 4);
	opens(w, 3, 2);
	at(w, 100, 100);
	stale_stream(w, 3, 1, 2);
	use_fails(w, "read", 3, 2);
	exits(w);
	finds(w, CONFIDENCE_CERTAIN, 1, 4);
	expect(w, "foreign-close/error=1");
}

/* It had been another thread's for a while: nobody counts on getting it back. */
static void another_thread_between(void **state)
{
	struct world *w = with_stream();

	at(w, 100, OTHER);
	opens(w, 3, 2);
	closes(w, 3, 2);
	at(w, 100, 100);
	opens(w, 3, 3);
	stale_stream(w, 3, 1, 3);
	exits(w);
	finds(w, CONFIDENCE_CERTAIN, 1, 4);
	expect(w, "foreign-close/error=1");
}

static void reopened_again(void **state)
{
	struct world *w = with_stream();

	for (uint32_t gen = 2; gen < 9; gen++) {
		opens(w, 3, gen);
		if (gen < 8)
			closes(w, 3, gen);
	}
	stale_stream(w, 3, 1, 8);
	exits(w);
	expect(w, "foreign-close/error=1?");
}

static void another_stream_has_it(void **state)
{
	struct world *w = with_stream();

	opens(w, 3, 2);
	send_event(w, "fopen", (struct fdw_event){ .op = FDW_OP_STREAM, .fd = 3, .gen = 2, .fd2 = -1, .arg = 0x5678, .flags = FDW_F_STREAM });
	stale_stream(w, 3, 1, 2);
	exits(w);
	finds(w, CONFIDENCE_CERTAIN, 1, 4);
	expect(w, "foreign-close/error=1");
}

/* The other stream is the victim when it ends. */
static void another_stream_ends(void **state)
{
	struct world *w = reopened();

	send_event(w, "fdopen", (struct fdw_event){ .op = FDW_OP_STREAM, .fd = 3, .gen = 2, .fd2 = -1, .arg = 0x5678, .flags = FDW_F_STREAM });
	stale_stream(w, 3, 2, 0);
	exits(w);
	finds(w, CONFIDENCE_STRONG, 1, 5);
	expect(w, "foreign-close/error=1");
}

static void no_stream_can_use_it(void **state)
{
	struct world *w = with_stream();

	opens_as(w, 3, 2, FDW_KIND_EPOLL, 0);
	stale_stream(w, 3, 1, 2);
	exits(w);
	finds(w, CONFIDENCE_CERTAIN, 1, 4);
	expect(w, "foreign-close/error=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_of_nothing), cmocka_unit_test(stream_takes_another), cmocka_unit_test(stdout_redirected),
		cmocka_unit_test(victim_reads), cmocka_unit_test(victim_asks), cmocka_unit_test(sweep_meets_it), cmocka_unit_test(same_finding),
		cmocka_unit_test(another_thread_opened), cmocka_unit_test(another_thread_between), cmocka_unit_test(reopened_again),
		cmocka_unit_test(another_stream_has_it), cmocka_unit_test(another_stream_ends), cmocka_unit_test(no_stream_can_use_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
