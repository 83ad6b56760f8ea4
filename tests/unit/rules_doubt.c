/* tests/unit/rules_doubt.c: what lost events, and ways that cannot be seen, do to what is believed: less is sure, it is said why, and nothing is invented. */
#include "builder.h"

static void blind(struct world *w)
{
	send_event(w, "syscall", (struct fdw_event){ .op = FDW_OP_BLIND, .fd = -1, .fd2 = -1, .detail = (const uint8_t *)"io_uring", .detail_len = 8 });
}

static void loses(struct world *w) { w->seqs[w->tid % 512] += 3; }

static struct world *with(void (*what)(struct world *))
{
	struct world *w = started();

	if (what)
		what(w);
	return w;
}

static void expect_confidence(struct world *w, const char *rule, enum confidence c, const char *because)
{
	const struct finding *f;

	exits(w);
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_string_equal(f->rule->id, rule);
	assert_int_equal(f->confidence, c);
	assert_non_null(f->reason);
	if (because)
		assert_non_null(strstr(f->reason, because));
	assert_null(because ? NULL : strstr(f->reason, "; but "));
	world_free(w);
}

static struct world *double_close(void (*what)(struct world *))
{
	struct world *w = with(what);

	opens(w, 3, 1);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	return w;
}

static void second_close(void **state)
{
	expect_confidence(double_close(NULL), "double-close", CONFIDENCE_CERTAIN, NULL);
	expect_confidence(double_close(blind), "double-close", CONFIDENCE_STRONG, "EBADF; but the program also uses ways that cannot be seen");
	expect_confidence(double_close(loses), "double-close", CONFIDENCE_STRONG, "EBADF; but events of this process were lost");
}

static struct world *late_use(void (*what)(struct world *))
{
	struct world *w = with(what);

	opens(w, 3, 1);
	closes(w, 3, 1);
	use_fails(w, "write", 3, 1);
	return w;
}

static void use_of_what_was_closed(void **state)
{
	expect_confidence(late_use(NULL), "use-after-close", CONFIDENCE_CERTAIN, NULL);
	expect_confidence(late_use(blind), "use-after-close", CONFIDENCE_STRONG, "cannot be seen");
	expect_confidence(late_use(loses), "use-after-close", CONFIDENCE_STRONG, "were lost");
}

/* What history alone proves is only possible then: and hidden. */
static struct world *range(void (*what)(struct world *))
{
	struct world *w = with(what);

	for (uint32_t tid = 101; tid < 103; tid++) {
		at(w, 100, tid);
		hello(w, "thread");
	}
	opens(w, 4, 1);
	at(w, 100, 101);
	here(w, 3);
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE_RANGE, .fd = 3, .fd2 = 40 });
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = 4, .gen = 1, .fd2 = -1, .flags = FDW_F_RANGE });
	at(w, 100, 102);
	here(w, 5);
	use_fails(w, "write", 4, 1);
	back_to(w, 100);
	return w;
}

static void whose_it_was(void **state)
{
	expect_confidence(range(NULL), "foreign-close", CONFIDENCE_STRONG, NULL);
	expect_confidence(range(blind), "foreign-close", CONFIDENCE_POSSIBLE, "cannot be seen");
	expect_confidence(range(loses), "foreign-close", CONFIDENCE_POSSIBLE, "were lost");
}

/* Open as far as anybody knew, and the kernel says EBADF: closed by a way that is not seen. Nobody's mistake. */
static void closed_unseen(void **state)
{
	struct world *w = with(NULL);

	opens(w, 3, 1);
	send_event(w, "close", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = 3, .gen = 1, .fd2 = -1, .ret = -1, .err = EBADF, .arg = 1 });
	opens(w, 4, 1);
	send_event(w, "write", (struct fdw_event){ .op = FDW_OP_RESYNC, .fd = 4, .fd2 = -1 });
	exits(w);
	expect(w, "");
}

/* A close whose opening was not seen, twice: the second answers EBADF, and both are the program's. But an opening in between was not seen either. */
static void opened_unseen(void **state)
{
	struct world *w = with(NULL);

	opens(w, 3, 1);
	closes(w, 3, 1);
	send_event(w, "close", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = 3, .gen = 0, .fd2 = -1, .ret = 0, .arg = 1 });
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->unseen_creations, 1);
	expect(w, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_close), cmocka_unit_test(use_of_what_was_closed), cmocka_unit_test(whose_it_was), cmocka_unit_test(closed_unseen),
		cmocka_unit_test(opened_unseen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
