/* tests/unit/rules_leak.c: fd-leak: what is lost, and whose it is; for growth see rules_leak_grows.c. */
#include "builder.h"

static struct world *program(void)
{
	struct world *w = started();

	return w;
}

static void everything_closed(void **state)
{
	struct world *w = program();

	for (uint32_t gen = 1; gen < 50; gen++) {
		opens(w, 3, gen);
		closes(w, 3, gen);
	}
	exits(w);
	expect(w, "");
}

static void one_is_a_note(void **state)
{
	struct world *w = program();

	opens(w, 3, 1);
	for (uint32_t gen = 1; gen < 50; gen++) {
		opens(w, 4, gen);
		closes(w, 4, gen);
	}
	exits(w);
	expect(w, "fd-leak/note=1");
}

static void so_are_some(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 6; fd++)
		opens(w, fd, 1);
	exits(w);
	expect(w, "fd-leak/note=3");
}

/* Killed: it had no chance to close. */
static void one_without_exit(void **state)
{
	struct world *w = program();

	opens(w, 3, 1);
	expect(w, "");
}

/* Each of 20 worker processes keeps its log files open: that is two, not forty. */
static void a_pair_in_each_of_many(void **state)
{
	struct world *w = program();

	for (uint32_t pid = 200; pid < 220; pid++) {
		back_to(w, 100);
		forks(w, pid);
		fork_child(w, pid, 100);
		w->flags = 0;
		opens(w, 3, 1);
		opens(w, 4, 1);
		exits(w);
	}
	back_to(w, 100);
	exits(w);
	expect(w, "fd-leak/note=40");
}

static void listeners(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 5; fd++) {
		opens_as(w, fd, 1, FDW_KIND_SOCKET, 0);
		send_event(w, "listen", (struct fdw_event){ .op = FDW_OP_OBJECT, .fd = fd, .gen = 1, .fd2 = -1,
			.kind = FDW_KIND_LISTENER });
	}
	exits(w);
	expect(w, "fd-leak/note=2");
}

static void standard_streams_and_inherited(void **state)
{
	struct world *w = program();

	state_of(w, 7, 1);
	closes(w, 0, 1);
	opens(w, 0, 2);
	exits(w);
	expect(w, "");
}

static void library_singleton(void **state)
{
	struct world *w = program();

	w->base = 0x7f0000000000;
	define_module(w, "/usr/lib/libresolver.so.1");
	here(w, 40);
	opens_as(w, 3, 1, FDW_KIND_SOCKET, FDW_F_CLOEXEC);
	exits(w);
	expect(w, "");
}

static void fork_child_exits_with_what_it_inherited(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 30; fd++)
		opens(w, fd, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	exits(w);
	back_to(w, 100);
	for (int fd = 3; fd < 30; fd++)
		closes(w, fd, 1);
	exits(w);
	expect(w, "");
}

static void fork_child_loses_its_own(void **state)
{
	struct world *w = program();

	forks(w, 200);
	fork_child(w, 200, 100);
	for (int fd = 3; fd < 43; fd++) {
		opens(w, fd, 1);
		w->now += 20 * MS;
	}
	exits(w);
	back_to(w, 100);
	exits(w);
	expect(w, "fd-leak/error=40");
}

/* The parent ends at once, the child goes on with what it inherited. */
static void daemonized(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 20; fd++)
		opens(w, fd, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	back_to(w, 100);
	exits(w);
	back_to(w, 200);
	w->now += 5 * SECOND;
	for (int fd = 3; fd < 20; fd++)
		closes(w, fd, 1);
	exits(w);
	expect(w, "");
}

/* A child that ended before takes no blame away. */
static void parent_of_a_dead_child(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 43; fd++) {
		opens(w, fd, 1);
		w->now += 20 * MS;
	}
	forks(w, 200);
	fork_child(w, 200, 100);
	exits(w);
	back_to(w, 100);
	exits(w);
	expect(w, "fd-leak/error=40");
}

static void exec_with_open_descriptors(void **state)
{
	struct world *w = program();

	opens_as(w, 3, 1, FDW_KIND_FILE, FDW_F_CLOEXEC);
	opens(w, 4, 1);
	execs(w);
	starts(w, 100, 1, 7);
	state_of(w, 4, 1);
	closes(w, 4, 1);
	exits(w);
	expect(w, "");
}

static void growing_until_exec(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 43; fd++) {
		opens_as(w, fd, 1, FDW_KIND_FILE, FDW_F_CLOEXEC);
		w->now += 20 * MS;
	}
	execs(w);
	starts(w, 100, 1, 7);
	exits(w);
	expect(w, "fd-leak/error=40");
}

/* The close was read, the exit too: library destructors run late. */
static void closed_after_exit(void **state)
{
	struct world *w = program();

	opens(w, 3, 1);
	exits(w);
	closes(w, 3, 1);
	expect(w, "");
}

static void lost_events(void **state)
{
	struct world *w = program();

	for (int fd = 3; fd < 43; fd++) {
		opens(w, fd, 1);
		w->now += 20 * MS;
	}
	w->seqs[100] += 40;
	exits(w);
	expect(w, "fd-leak/error=40?");
}

static void gap_of_the_tracer(void **state)
{
	struct world *w = program();
	struct record gap = { .type = RECORD_GAP, .gap = { .begin = w->now, .count = 0 } };

	opens(w, 3, 1);
	feed(w, &gap);
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->events_lost, 1);
	expect(w, "fd-leak/note=1?");
}

/* Found long after the process was judged: its close may read as something else. */
static void damage_elsewhere(void **state)
{
	struct world *w = program();
	struct record gap = { .type = RECORD_GAP, .gap = { .damage = 1 } };
	const struct finding *f;

	opens(w, 3, 1);
	exits(w);
	w->now += 3600 * 1000 * MS;
	starts(w, 200, 1, 7);
	gap.gap.begin = w->now;
	feed(w, &gap);
	exits(w);
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_string_equal(f->reason, "it was open when the process ended; but the recording is damaged");
	expect(w, "fd-leak/note=1?");
}

/* One bit: no thread says so much in that time. What its other numbers tell is still followed. */
static void number_that_cannot_be(void **state)
{
	struct world *w = program();

	opens(w, 3, 1);
	w->seqs[100] += 1u << 30;
	opens(w, 4, 1);
	w->seqs[100] -= 1u << 30;
	for (uint32_t gen = 1; gen < 20; gen++) {
		opens(w, 5, gen);
		closes(w, 5, gen);
	}
	exits(w);
	send_event(w, "_exit", (struct fdw_event){ .op = FDW_OP_TOTALS, .fd = -1, .fd2 = -1, .arg = INT64_MAX });
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->events_lost, 1);
	assert_int_equal(replay_coverage(w->replay)->impossible, 2);
	expect(w, "fd-leak/note=2?");
}

/* The counter of a stream seems to go back between two packets, and has bit 63 set now and then: the sum is what counts. */
static void gaps_that_go_back(void **state)
{
	struct world *w = program();
	uint64_t counts[] = { 100, UINT64_C(0) - 40, (UINT64_C(1) << 63) + 5 };

	for (int i = 0; i < 3; i++) {
		struct record gap = { .type = RECORD_GAP, .gap = { .begin = w->now, .count = counts[i] } };
		feed(w, &gap);
	}
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->events_lost, 65);
	expect(w, "");
}

static void who_says_goodbye_is_complete(void **state)
{
	struct world *w = program();

	exits(w);
	finish(w);
	assert_null(replay_coverage(w->replay)->partial);
	expect(w, "");
}

/* Its first words are lost. */
static void who_said_no_hello_is_not(void **state)
{
	struct world *w = world_new();

	at(w, 100, 100);
	opens(w, 3, 1);
	closes(w, 3, 1);
	exits(w);
	finish(w);
	assert_non_null(replay_coverage(w->replay)->partial);
	expect(w, "");
}

/* The number was given out again: whatever closed it was not seen, but it is closed. */
static void superseded(void **state)
{
	struct world *w = program();

	opens(w, 3, 1);
	opens(w, 3, 2);
	closes(w, 3, 2);
	exits(w);
	expect(w, "");
}

static void blind(void **state)
{
	struct world *w = program();

	send_event(w, "syscall", (struct fdw_event){ .op = FDW_OP_BLIND, .fd = -1, .fd2 = -1, .detail = (const uint8_t *)"io_uring",
		.detail_len = 8 });
	opens(w, 3, 1);
	exits(w);
	expect(w, "fd-leak/note=1?");
}

/* The kernel was asked at the end: it is not open any more. */
static void gone(struct world *w, int fd, uint32_t gen)
{
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_RESYNC, .fd = fd, .fd2 = -1, .gen2 = gen });
}

static void closed_unseen(void **state)
{
	struct world *w = program();

	opens(w, 3, 1);
	here(w, 2);
	opens(w, 4, 1);
	opens(w, 4, 2);
	gone(w, 3, 1);
	gone(w, 4, 1); /* somebody else has the number by now */
	exits(w);
	finish(w);
	assert_int_equal(findings_first(w->findings)->fd, 4);
	assert_int_equal(findings_first(w->findings)->confidence, CONFIDENCE_CERTAIN);
	expect(w, "fd-leak/note=1");
}

static void too_high_to_be_asked(void **state)
{
	struct world *w = program();

	opens(w, FDW_ASKED_AT_END - 1, 1);
	opens(w, FDW_ASKED_AT_END, 1);
	exits(w);
	finish(w);
	assert_int_equal(findings_first(w->findings)->confidence, CONFIDENCE_STRONG);
	expect(w, "fd-leak/note=2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_closed), cmocka_unit_test(one_is_a_note), cmocka_unit_test(so_are_some), cmocka_unit_test(one_without_exit),
		cmocka_unit_test(a_pair_in_each_of_many), cmocka_unit_test(listeners), cmocka_unit_test(standard_streams_and_inherited),
		cmocka_unit_test(library_singleton), cmocka_unit_test(fork_child_exits_with_what_it_inherited),
		cmocka_unit_test(fork_child_loses_its_own), cmocka_unit_test(daemonized), cmocka_unit_test(parent_of_a_dead_child),
		cmocka_unit_test(exec_with_open_descriptors), cmocka_unit_test(growing_until_exec), cmocka_unit_test(closed_after_exit),
		cmocka_unit_test(lost_events), cmocka_unit_test(gap_of_the_tracer), cmocka_unit_test(damage_elsewhere),
		cmocka_unit_test(number_that_cannot_be), cmocka_unit_test(gaps_that_go_back),
		cmocka_unit_test(who_says_goodbye_is_complete), cmocka_unit_test(who_said_no_hello_is_not), cmocka_unit_test(superseded),
		cmocka_unit_test(blind), cmocka_unit_test(closed_unseen), cmocka_unit_test(too_high_to_be_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
