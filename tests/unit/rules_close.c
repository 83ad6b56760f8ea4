/* tests/unit/rules_close.c: double-close, foreign-close, bad-close: what is found and what is not. Runs of closes: rules_close_runs.c. */
#include "builder.h"

static void plain_double_close(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	here(w, 2);
	closes(w, 3, 1);
	here(w, 3);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	exits(w);
	expect(w, "double-close/error=1");
}

static void three_stacks_in_order(void **state)
{
	struct world *w = started();
	const struct finding *f;

	opens(w, 3, 1);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_int_equal(f->nstacks, 3);
	assert_int_equal(f->stacks[0].role, ROLE_OPENED);
	assert_int_equal(f->stacks[1].role, ROLE_CLOSED);
	assert_int_equal(f->stacks[2].role, ROLE_CLOSED);
	assert_string_equal(f->stacks[0].call, "open(\"/some/file\") = 3");
	assert_string_equal(f->stacks[1].call, "close(3) = 0");
	assert_string_equal(f->stacks[2].call, "close(3) = -1 EBADF");
	assert_string_equal(f->object, "/some/file");
	assert_string_equal(f->stacks[2].at.thread, "prog");
	world_free(w);
}

static void same_stacks_are_one(void **state)
{
	struct world *w = started();

	for (uint32_t gen = 1; gen <= 5; gen++) {
		opens(w, 3, gen);
		closes(w, 3, gen);
		close_fails(w, 3, gen, FDW_F_KNOWN_CLOSED, 1);
	}
	expect(w, "double-close/error=5");
}

static struct world *three_threads(void)
{
	struct world *w = started();

	for (uint32_t tid = 101; tid <= 103; tid++) {
		at(w, 100, tid);
		hello(w, "thread");
	}
	return w;
}

/* Two threads close the number, which a third is given in between. r: the second close's answer; flags: more of it. */
static struct world *closed_against_open(int64_t r, uint32_t flags, uint32_t opener)
{
	struct world *w = three_threads();

	back_to(w, 100);
	opens(w, 3, 1);
	at(w, 100, 101);
	here(w, 2);
	closes(w, 3, 1);
	at(w, 100, opener);
	here(w, 3);
	opens(w, 3, 2);
	at(w, 100, 102);
	here(w, 4);
	send_event(w, "close", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = 3, .gen = 1, .fd2 = -1, .ret = r, .err = r ? EBADF : 0,
		.flags = FDW_F_LOSER | flags, .arg = 1 });
	back_to(w, 100);
	return w;
}

/* Both had something to close: one of them took the third's. Which is closed by that, and no leak. */
static void second_close_took_what_was_opened(void **state)
{
	struct world *w = closed_against_open(0, 0, 103);

	exits(w);
	finish(w);
	assert_non_null(findings_first(w->findings));
	assert_string_equal(findings_first(w->findings)->kind, "close-against-open");
	assert_int_equal(findings_first(w->findings)->nstacks, 4);
	assert_int_equal(findings_first(w->findings)->stacks[2].role, ROLE_REUSED);
	expect(w, "foreign-close/error=1");
}

/* We answered EBADF for that reason: the third's is still open. */
static void second_close_was_refused(void **state)
{
	struct world *w = closed_against_open(-1, FDW_F_INVENTED, 103);

	closes(w, 3, 2);
	exits(w);
	finish(w);
	assert_non_null(findings_first(w->findings));
	assert_string_equal(findings_first(w->findings)->kind, "close-against-open");
	assert_int_equal(findings_first(w->findings)->confidence, CONFIDENCE_CERTAIN);
	expect(w, "double-close/error=1");
}

/* The kernel had nothing to close: it came before the open, or after the other's close of it. */
static void second_close_was_too_early(void **state)
{
	struct world *w = closed_against_open(-1, 0, 103);

	closes(w, 3, 2);
	exits(w);
	finish(w);
	assert_non_null(findings_first(w->findings));
	assert_string_equal(findings_first(w->findings)->kind, "concurrent");
	expect(w, "double-close/error=1");
}

/*
 * The winner's close was never seen to succeed, for its thread was cancelled on the way to the kernel, say: then the second may have closed what both meant, or
 * be the only one there was.
 */
static void winner_not_seen(void **state)
{
	struct world *w = three_threads();

	back_to(w, 100);
	opens(w, 3, 1);
	at(w, 100, 103);
	opens(w, 3, 2);
	at(w, 100, 102);
	send_event(w, "close", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = 3, .gen = 1, .fd2 = -1, .flags = FDW_F_LOSER, .arg = 1 });
	back_to(w, 100);
	closes(w, 3, 2);
	exits(w);
	finish(w);
	assert_non_null(findings_first(w->findings));
	assert_int_equal(findings_first(w->findings)->confidence, CONFIDENCE_POSSIBLE);
	expect(w, "double-close/error=1?");
}

/* The winner's event is read after the loser's: it tells who closed. */
static void concurrent(void **state)
{
	struct world *w = started();
	const struct finding *f;

	opens(w, 3, 1);
	at(w, 100, 102);
	hello(w, "loser");
	close_fails(w, 3, 1, FDW_F_LOSER, 1);
	at(w, 100, 101);
	hello(w, "winner");
	closes(w, 3, 1);
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_string_equal(f->kind, "concurrent");
	assert_int_equal(f->nstacks, 3);
	assert_string_equal(f->stacks[1].at.thread, "winner");
	assert_string_equal(f->stacks[2].at.thread, "loser");
	expect(w, "double-close/error=1");
}

static void bad_closes(void **state)
{
	struct world *w = started();

	close_fails(w, -1, 0, FDW_F_NEVER_SEEN, 1);
	here(w, 2);
	close_fails(w, 777, 0, FDW_F_NEVER_SEEN, 1);
	exits(w);
	expect(w, "bad-close/note=1 bad-close/note=1");
}

static void child_tidies_up(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	opens(w, 4, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	close_fails(w, 9, 0, FDW_F_NEVER_SEEN, 1);
	execs(w);
	back_to(w, 100);
	closes(w, 3, 1);
	closes(w, 4, 1);
	exits(w);
	expect(w, "");
}

static void child_closes_its_own_twice(void **state)
{
	struct world *w = started();

	forks(w, 200);
	fork_child(w, 200, 100);
	opens(w, 3, 1);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	execs(w);
	expect(w, "double-close/error=1");
}

/* It did not exec: what it did to what it inherited was no preparation. */
static void child_exits_after_double_close(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	exits(w);
	back_to(w, 100);
	closes(w, 3, 1);
	exits(w);
	expect(w, "double-close/error=1");
}

/* What the parent had closed before, the child may close again while it tidies up. */
static void child_closes_what_the_parent_closed(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	closes(w, 3, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	exits(w);
	expect(w, "");
}

/* dup2 over standard streams, close of what was duplicated: nothing is closed twice. */
static void dup2_over_stdio(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	send_event(w, "dup2", (struct fdw_event){ .op = FDW_OP_REPLACE, .fd = 1, .gen = 2, .fd2 = 3, .gen2 = 1, .ret = 1, .arg = 1 });
	closes(w, 3, 1);
	send_event(w, "freopen", (struct fdw_event){ .op = FDW_OP_REPLACE, .fd = 1, .gen = 3, .fd2 = -1, .ret = 1, .arg = 2,
		.kind = FDW_KIND_FILE, .detail = (const uint8_t *)"/log", .detail_len = 4 });
	exits(w);
	expect(w, "");
}

/* An open number whose close the kernel refuses was closed by a route nobody sees. */
static void closed_unseen(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	close_fails(w, 3, 1, 0, 1);
	exits(w);
	expect(w, "");
}

/* The interposer's own proof stands, whatever was lost. */
static void lost_events_keep_what_is_certain(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	w->seqs[100] += 10;
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->events_lost, 10);
	expect(w, "double-close/error=1 fd-leak/note=1?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_double_close), cmocka_unit_test(three_stacks_in_order), cmocka_unit_test(same_stacks_are_one),
		cmocka_unit_test(second_close_took_what_was_opened), cmocka_unit_test(second_close_was_refused),
		cmocka_unit_test(second_close_was_too_early), cmocka_unit_test(winner_not_seen), cmocka_unit_test(concurrent),
		
		cmocka_unit_test(bad_closes), cmocka_unit_test(child_tidies_up), cmocka_unit_test(child_closes_its_own_twice),
		cmocka_unit_test(child_exits_after_double_close), cmocka_unit_test(child_closes_what_the_parent_closed),
		cmocka_unit_test(dup2_over_stdio), cmocka_unit_test(closed_unseen), cmocka_unit_test(lost_events_keep_what_is_certain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
