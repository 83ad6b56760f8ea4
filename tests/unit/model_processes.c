/* tests/unit/model_processes.c: who is who: fork, exec, pid reuse, events in any order, what was not seen. */
#include <signal.h>
#include "builder.h"

static const struct process *nth(struct world *w, unsigned n)
{
	const struct process *p = replay_processes(w->replay);

	while (n-- && p)
		p = p->next;
	return p;
}

static void one_process(void **state)
{
	struct world *w = started();

	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->processes, 1);
	assert_int_equal(replay_coverage(w->replay)->inherited, 3);
	assert_int_equal(replay_coverage(w->replay)->descriptors, 3);
	assert_int_equal(replay_coverage(w->replay)->events_lost, 0);
	assert_string_equal(nth(w, 0)->exe, "/usr/bin/prog");
	world_free(w);
}

/* The child speaks before its parent has said that it forked. */
static void child_first(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	fork_child(w, 200, 100);
	w->flags = 0;
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	at(w, 100, 100);
	forks(w, 200);
	closes(w, 3, 1);
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->processes, 2);
	assert_int_equal(nth(w, 1)->parent_who, 100);
	assert_int_equal(findings_first(w->findings)->nstacks, 3); /* opened by the parent, closed twice by the child */
	assert_int_equal(findings_first(w->findings)->stacks[0].at.pid, 100);
	expect(w, "double-close/error=1");
}

/* Both go on counting from the same generation. */
static void same_generation_in_both(void **state)
{
	struct world *w = started();

	forks(w, 200);
	opens(w, 3, 1);
	fork_child(w, 200, 100);
	w->flags = 0;
	opens(w, 3, 1);
	exits(w);
	at(w, 100, 100);
	closes(w, 3, 1);
	exits(w);
	expect(w, "fd-leak/note=1"); /* the child's own */
}

/* What a thread was not judged for yet is judged where it was done, though another process has its pid, and its tid, by then. */
static void pending_when_the_pid_is_given_again(void **state)
{
	struct world *w = world_new();

	starts(w, 50, 1, 5);
	starts(w, 100, 1, 7);
	opens(w, 3, 1);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	fork_child(w, 100, 50);
	w->now += 3 * SECOND;
	opens(w, 4, 1);
	closes(w, 4, 1);
	exits(w);
	expect(w, "double-close/error=1");
}

/* FORK_CHILD was lost with the child's first events: its parent's word is enough. */
static void child_known_by_its_parent(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	forks(w, 200);
	at(w, 200, 200);
	w->seqs[200] = 2;
	closes(w, 3, 1);
	exits(w);
	at(w, 100, 100);
	closes(w, 3, 1);
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->processes, 2);
	assert_int_equal(replay_coverage(w->replay)->events_lost, 2);
	assert_string_equal(nth(w, 1)->exe, "/usr/bin/prog");
	expect(w, "");
}

static void silent_child_is_not_observed(void **state)
{
	struct world *w = started();

	forks(w, 200);
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->processes, 1);
	assert_non_null(replay_coverage(w->replay)->unobserved);
	world_free(w);
}

/* A fork child, one that exec'd, and a parent that says nothing more: they may all go on. */
static void not_yet_is_not_never(void **state)
{
	for (int runs = 0; runs < 2; runs++) {
		struct world *w = world_new();
		const struct coverage *c = replay_coverage(w->replay);

		w->runs = runs;
		replay_keep_tree(w->replay);
		starts(w, 100, 1, 7);
		forks(w, 200);
		forks(w, 300);
		fork_child(w, 300, 100);
		execs(w);
		back_to(w, 100);
		w->seqs[100] += 3; /* another processor's buffer has them */
		opens(w, 3, 1);
		finish(w);
		assert_int_equal(c->events_lost, runs ? 0 : 3);
		assert_int_equal(c->unobserved != NULL, !runs);
		assert_int_equal(c->partial != NULL, !runs);
		for (const struct node *n = replay_tree(w->replay)->first; n; n = n->next)
			if (n->pid == 200)
				assert_int_equal(n->unseen != NULL, !runs);
			else if (n->pid == 300)
				assert_int_equal(n->programs->unseen != NULL, !runs);
		world_free(w);
	}
}

/* What is known to keep the library out is, whenever it is asked. */
static void never_is_never_though_it_runs(void **state)
{
	struct world *w = world_new();

	w->runs = 1;
	starts(w, 100, 1, 7);
	send_event(w, "execve", (struct fdw_event){ .op = FDW_OP_EXEC, .fd = -1, .fd2 = -1, .ret = FDW_WHY_STATIC,
		.flags = FDW_F_UNOBSERVED, .detail = (const uint8_t *)"/bin/static", .detail_len = 11 });
	finish(w);
	assert_string_equal(replay_coverage(w->replay)->unobserved->exe, "/bin/static");
	world_free(w);
}

static void fork_then_exec(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	execs(w);
	w->program = "/bin/x";
	starts(w, 200, 100, 9);
	state_of(w, 3, 1);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	exits(w);
	back_to(w, 100);
	closes(w, 3, 1);
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->processes, 2);
	assert_int_equal(nth(w, 1)->images, 2);
	assert_string_equal(nth(w, 1)->exe, "/bin/x");
	assert_string_equal(findings_first(w->findings)->object, "/some/file"); /* the description came along */
	expect(w, "double-close/error=1");
}

/* Who called daemon() is gone, and was waited for, before its child says a word. */
static void daemon_speaks_late(void **state)
{
	struct world *w = started();

	forks(w, 200);
	fork_child(w, 200, 100);
	opens(w, 5, 1);
	send_event(w, "daemon", (struct fdw_event){ .op = FDW_OP_FORK, .fd = -1, .fd2 = -1, .kind = FDW_FORK_DAEMON });
	exits(w);
	ends(w);
	back_to(w, 100);
	send_event(w, "waitpid", (struct fdw_event){ .op = FDW_OP_REAPED, .fd = -1, .fd2 = -1, .ret = 200 });
	at(w, 300, 300);
	w->flags = FDW_F_CHILD;
	hello(w, "prog");
	send_event(w, "daemon", (struct fdw_event){ .op = FDW_OP_FORK_CHILD, .fd = -1, .fd2 = 200, .arg = 200, .kind = FDW_FORK_DAEMON });
	closes(w, 5, 1);
	close_fails(w, 5, 1, FDW_F_KNOWN_CLOSED, 1);
	exits(w);
	finish(w);
	assert_string_equal(nth(w, 2)->exe, "/usr/bin/prog");
	assert_ptr_equal(nth(w, 2)->parent, nth(w, 1));
	assert_string_equal(findings_first(w->findings)->object, "/some/file");
	expect(w, "double-close/error=1");
}

static void exec_unobserved(void **state)
{
	struct world *w = started();

	send_event(w, "execve", (struct fdw_event){ .op = FDW_OP_EXEC, .fd = -1, .fd2 = -1, .ret = FDW_WHY_STATIC,
		.flags = FDW_F_UNOBSERVED, .detail = (const uint8_t *)"/bin/static", .detail_len = 11 });
	finish(w);
	assert_string_equal(replay_coverage(w->replay)->unobserved->exe, "/bin/static");
	assert_non_null(strstr(replay_coverage(w->replay)->unobserved->why, "statically"));
	world_free(w);
}

/* As the parent was told: a signal came before the program could say hello, and says why it did not; an exit status says nothing of it. */
static void exec_ended_by_signal(void **state)
{
	static const struct { uint64_t status; const char *why; } ends[] = {
		{ SIGTERM, "it was ended by SIGTERM before it said hello" }, { 1 << 8, "it was started, but never said hello" },
	};

	for (size_t i = 0; i < 2; i++) {
		struct world *w = started();
		forks(w, 200);
		fork_child(w, 200, 100);
		execs(w);
		back_to(w, 100);
		send_event(w, "waitpid", (struct fdw_event){ .op = FDW_OP_REAPED, .fd = -1, .fd2 = -1, .ret = 200, .arg = ends[i].status });
		exits(w);
		finish(w);
		assert_string_equal(replay_coverage(w->replay)->unobserved->why, ends[i].why);
		world_free(w);
	}
}

static void exec_failed(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	execs(w);
	send_event(w, "execve", (struct fdw_event){ .op = FDW_OP_EXEC_FAILED, .fd = -1, .fd2 = -1, .ret = -1, .err = ENOENT });
	exits(w);
	finish(w);
	assert_null(replay_coverage(w->replay)->unobserved);
	expect(w, "fd-leak/note=1");
}

static void pid_again(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	closes(w, 3, 1);
	exits(w);
	starts(w, 100, 1, 8);
	opens(w, 3, 1);
	close_fails(w, 4, 1, FDW_F_KNOWN_CLOSED, 1);
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->processes, 2);
	assert_int_equal(nth(w, 0)->start, 7);
	assert_int_equal(nth(w, 1)->start, 8);
	expect(w, "double-close/error=1 fd-leak/note=1");
}

/* Killed, so it never said that it ends; its pid is a fork child's now. */
static void pid_again_by_fork(void **state)
{
	struct world *w = world_new();

	starts(w, 300, 1, 7);
	opens(w, 3, 1);
	starts(w, 100, 1, 8);
	fork_child(w, 300, 100);
	w->flags = 0;
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->processes, 3);
	expect(w, "");
}

static void unknown_start(void **state)
{
	struct world *w = world_new();

	at(w, 100, 100);
	w->seqs[100] = 500;
	closes(w, 9, 4);
	use_fails(w, "read", 8, 0);
	opens(w, 9, 5);
	closes(w, 9, 5);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->events_lost, 0); /* before we came is not lost */
	expect(w, "");
}

static void late_close(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	at(w, 100, 101);
	hello(w, "other");
	opens(w, 3, 2);
	at(w, 100, 100);
	closes(w, 3, 1);
	closes(w, 3, 2);
	exits(w);
	expect(w, "");
}

/* Closed by one thread before the thread that made it has said so. */
static void close_before_creation(void **state)
{
	struct world *w = started();

	closes(w, 3, 1);
	at(w, 100, 101);
	hello(w, "maker");
	opens(w, 3, 1);
	at(w, 100, 100);
	exits(w);
	expect(w, "");
}

static void closed_but_never_seen_open(void **state)
{
	struct world *w = started();

	closes(w, 9, 0);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->unseen_creations, 1);
	world_free(w);
}

static void totals_show_a_lost_end(void **state)
{
	struct world *w = started();

	exits(w);
	send_event(w, "_exit", (struct fdw_event){ .op = FDW_OP_TOTALS, .fd = -1, .fd2 = -1, .arg = 26 });
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->events_lost, 26 - 7); /* seven, and the first words of its thread */
	world_free(w);
}

/* A handler spoke between its thread's taking a number and its saying something. */
static void numbers_out_of_order(void **state)
{
	struct world *w = started();

	w->seqs[100]++;
	opens(w, 4, 1);
	closes(w, 4, 1);
	w->seqs[100] -= 3;
	opens(w, 3, 1);
	w->seqs[100] += 2;
	closes(w, 3, 1);
	exits(w);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->events_lost, 0);
	expect(w, "");
}

/* Names are what a program chose: nothing of them reaches a terminal raw. */
static void names_are_cleaned(void **state)
{
	struct world *w = world_new();

	w->program = "/bin/e\033[31m\n\xff";
	starts(w, 100, 1, 7);
	finish(w);
	assert_string_equal(nth(w, 0)->exe, "/bin/e\\x1b[31m\\x0a\\xff");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_process), cmocka_unit_test(child_first), cmocka_unit_test(same_generation_in_both),
		cmocka_unit_test(pending_when_the_pid_is_given_again), cmocka_unit_test(child_known_by_its_parent), cmocka_unit_test(silent_child_is_not_observed),
		cmocka_unit_test(not_yet_is_not_never), cmocka_unit_test(never_is_never_though_it_runs),
		cmocka_unit_test(fork_then_exec), cmocka_unit_test(daemon_speaks_late), cmocka_unit_test(exec_unobserved), cmocka_unit_test(exec_ended_by_signal), cmocka_unit_test(exec_failed),
		cmocka_unit_test(pid_again), cmocka_unit_test(pid_again_by_fork), cmocka_unit_test(unknown_start),
		cmocka_unit_test(late_close), cmocka_unit_test(close_before_creation), cmocka_unit_test(closed_but_never_seen_open),
		cmocka_unit_test(totals_show_a_lost_end), cmocka_unit_test(numbers_out_of_order),
		cmocka_unit_test(names_are_cleaned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
