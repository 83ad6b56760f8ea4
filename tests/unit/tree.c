/* tests/unit/tree.c: the process tree: who is whose child, however the events come and whichever are missing. */
#include "trees.h"

/* 100 runs and has forked 200, which speaks. */
static struct world *with_child(void)
{
	struct world *w = world();

	starts(w, 100, 1, 7);
	forks(w, 200);
	fork_child(w, 200, 100);
	return w;
}

/* ---- who is whose -----------------------------------------------------------------------------------------------------------------*/

static void five_events(void **state)
{
	struct world *w = with_child();
	const struct node *child;

	execs(w);
	w->program = "/bin/x";
	starts(w, 200, 100, 9);
	exits_with(w, 3);
	back_to(w, 100);
	reaps(w, 200, 3 << 8);
	finish(w);
	child = replay_tree(w->replay)->roots->children;
	assert_int_equal(child->kind, FDW_FORK_FORK);
	assert_true(child->programs->forked);
	assert_int_equal(child->programs->shared, 3);
	assert_string_equal(child->programs->exec, "/bin/x");
	assert_string_equal(child->programs->next->exe, "/bin/x");
	assert_null(child->programs->next->next);
	is_drawn(w, "100(200:3!768)");
}

/* The status it meant to end with is not what became of it: both are kept. */
static void killed_while_it_exits(void **state)
{
	struct world *w = world();
	int number;

	starts(w, 100, 1, 7);
	forks(w, 200);
	fork_child(w, 200, 100);
	exits_with(w, 3);
	back_to(w, 100);
	reaps(w, 200, 9);
	finish(w);
	assert_string_equal(end_word(replay_tree(w->replay)->roots->children, &number), "signal");
	assert_int_equal(number, 9);
	is_drawn(w, "100(200:3!9)");
}

static void child_before_its_parents_word(void **state)
{
	struct world *w = world();

	starts(w, 100, 1, 7);
	fork_child(w, 200, 100);
	exits_with(w, 3);
	back_to(w, 100);
	forks(w, 200);
	reaps(w, 200, 3 << 8);
	is_drawn(w, "100(200:3!768)");
}

/* waitpid in a SIGCHLD handler that interrupts fork before its event. */
static void waited_for_before_the_fork_is_said(void **state)
{
	struct world *w = world();

	starts(w, 100, 1, 7);
	reaps(w, 200, 7 << 8);
	starts_child(w, FDW_FORK_SPAWN, 200, FDW_WHY_STATIC, "/bin/static", 10);
	finish(w);
	assert_string_equal(replay_tree(w->replay)->roots->children->exe, "/bin/static");
	is_drawn(w, "100(200*!1792)");
}

static void lost_fork(void **state)
{
	struct world *w = world();

	starts(w, 100, 1, 7);
	fork_child(w, 200, 100);
	exits_with(w, 0);
	is_drawn(w, "100(200:0)");
	w = world();
	starts(w, 100, 1, 7);
	reaps(w, 200, 0);
	is_drawn(w, "100(200*!0)");
}

static void orphans(void **state)
{
	struct world *w = world();

	starts(w, 100, 1, 7);
	starts(w, 300, 77, 9);
	exits_with(w, 0);
	at(w, 400, 400);
	w->seqs[400] = 50;
	opens(w, 3, 1);
	finish(w);
	assert_int_equal(replay_tree(w->replay)->roots->sibling->parent_who, 77);
	is_drawn(w, "100 | 300:0 | 400");
}

/* ---- pids --------------------------------------------------------------------------------------------------------------------------*/

static void pid_again_of_the_same_parent(void **state)
{
	struct world *w = world();

	starts(w, 100, 1, 7);
	for (int i = 1; i <= 3; i++) {
		forks(w, 200);
		fork_child(w, 200, 100);
		if (i != 2) /* the second is killed */
			exits_with(w, i);
		back_to(w, 100);
		reaps(w, 200, i == 2 ? 9 : i << 8);
		w->now += MS;
	}
	is_drawn(w, "100(200:1!256 200!9 200:3!768)");
}

/* The second says not a word. */
static void pid_again_silent(void **state)
{
	struct world *w = with_child();

	exits_with(w, 1);
	back_to(w, 100);
	reaps(w, 200, 1 << 8);
	forks(w, 200);
	reaps(w, 200, 9);
	finish(w);
	assert_int_equal(replay_tree(w->replay)->roots->children->sibling->kind, FDW_FORK_FORK);
	is_drawn(w, "100(200:1!256 200*!9)");
}

/* Nobody waited for either, as far as was seen. */
static void pid_again_not_waited_for(void **state)
{
	struct world *w = with_child();

	back_to(w, 100);
	forks(w, 200);
	finish(w);
	is_drawn(w, "100(200 200*)");
}

/* The wait for the first is read when the second has spoken. */
static void late_wait(void **state)
{
	struct world *w = with_child();

	exits_with(w, 1);
	fork_child(w, 200, 100);
	back_to(w, 100);
	reaps(w, 200, 1 << 8);
	forks(w, 200);
	at(w, 200, 200);
	exits_with(w, 2);
	back_to(w, 100);
	reaps(w, 200, 2 << 8);
	is_drawn(w, "100(200:1!256 200:2!512)");
}

static void pid_again_of_another_parent(void **state)
{
	struct world *w = with_child();

	exits_with(w, 1);
	back_to(w, 100);
	reaps(w, 200, 1 << 8);
	forks(w, 300);
	fork_child(w, 300, 100);
	forks(w, 200);
	fork_child(w, 200, 300);
	exits_with(w, 2);
	back_to(w, 300);
	reaps(w, 200, 2 << 8);
	is_drawn(w, "100(200:1!256 300(200:2!512))");
}

/* Each started the other, by events that are wrong. */
static void no_cycles(void **state)
{
	struct world *w = world();

	at(w, 100, 100);
	opens(w, 3, 1);
	at(w, 200, 200);
	opens(w, 3, 1);
	forks(w, 100);
	at(w, 100, 100);
	forks(w, 200);
	finish(w);
	assert_non_null(replay_tree(w->replay)->roots);
	assert_non_null(replay_tree(w->replay)->roots->children);
	assert_null(replay_tree(w->replay)->roots->sibling);
	world_free(w);
}

/* unshare(CLONE_NEWPID): the parent knows its child as 200, the child itself as 1. */
static void other_pid_inside(int child_first)
{
	struct world *w = world();
	struct fdw_event fork = { .op = FDW_OP_FORK, .fd = -1, .fd2 = -1, .ret = 200, .kind = FDW_FORK_FORK, .gen = 900 };

	starts(w, 100, 50, 7);
	if (!child_first)
		send_event(w, "fork", fork);
	fork_child(w, 1, 100);
	exits_with(w, 3);
	back_to(w, 100);
	if (child_first)
		send_event(w, "fork", fork);
	if (child_first)
		reaps(w, 200, 3 << 8);
	finish(w);
	assert_null(replay_coverage(w->replay)->unobserved);
	assert_int_equal(replay_coverage(w->replay)->processes, 2);
	is_drawn(w, child_first ? "100(1:3!768)" : "100(1:3)");
}

static void pid_namespaces(void **state)
{
	other_pid_inside(1);
	other_pid_inside(0);
}

/* ---- what was not observed ---------------------------------------------------------------------------------------------------------------*/

static void leaves(void **state)
{
	struct world *w = world();
	const struct node *n;

	starts(w, 100, 1, 7);
	starts_child(w, FDW_FORK_SPAWN, 200, FDW_WHY_STATIC, "/bin/static", 10);
	w->program = "/bin/x";
	starts(w, 300, 200, 9); /* the static program passed our environment on */
	exits_with(w, 0);
	back_to(w, 100);
	reaps(w, 200, 7 << 8);
	forks(w, 400);
	reaps(w, 400, 9);
	execs_unseen(w, "/bin/go", FDW_WHY_SETID);
	finish(w);
	n = replay_tree(w->replay)->roots;
	assert_non_null(strstr(n->programs->unseen, "privileges"));
	assert_string_equal(n->programs->exec, "/bin/go");
	assert_non_null(strstr(n->children->unseen, "statically"));
	is_drawn(w, "100(200*!1792(300:0) 400*!9)");
}

static void commands(void **state)
{
	struct world *w = world();
	const struct node *n;

	starts(w, 100, 1, 7);
	starts_child(w, FDW_FORK_SYSTEM, 0, 0, "exit 4", 0);
	w->program = "/bin/sh";
	starts(w, 200, 100, 9);
	exits_with(w, 4);
	back_to(w, 100);
	reaps(w, -1, 4 << 8);
	starts_child(w, FDW_FORK_SYSTEM, 0, 0, "no fork", 0);
	starts_child(w, FDW_FORK_SYSTEM, -1, 0, "", 0); /* nothing came of it */
	starts(w, 300, 100, 9); /* popen's says hello before its parent tells of it */
	back_to(w, 100);
	starts_child(w, FDW_FORK_POPEN, 0, 0, "cat", 100);
	send_event(w, "pclose", (struct fdw_event){ .op = FDW_OP_REAPED, .fd = 5, .gen = 1, .fd2 = -1, .ret = -1, .arg = 9 });
	starts_child(w, FDW_FORK_SYSTEM, 0, FDW_WHY_STATIC, "unseen", 0);
	reaps(w, -1, 5 << 8);
	starts_child(w, FDW_FORK_SYSTEM, 0, 0, "silent", 0);
	reaps(w, -1, 6 << 8);
	finish(w);
	n = replay_tree(w->replay)->roots->children;
	assert_string_equal(n->command, "exit 4");
	assert_int_equal(n->sibling->kind, FDW_FORK_POPEN);
	assert_string_equal(replay_coverage(w->replay)->unobserved->exe, "/bin/sh");
	is_drawn(w, "100(200:4!1024 300!9 0*!1280 0*!1536)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_events), cmocka_unit_test(killed_while_it_exits), cmocka_unit_test(child_before_its_parents_word),
		cmocka_unit_test(waited_for_before_the_fork_is_said), cmocka_unit_test(lost_fork), cmocka_unit_test(orphans),
		cmocka_unit_test(pid_again_of_the_same_parent), cmocka_unit_test(pid_again_silent), cmocka_unit_test(pid_again_not_waited_for), cmocka_unit_test(late_wait),
		cmocka_unit_test(pid_again_of_another_parent), cmocka_unit_test(no_cycles), cmocka_unit_test(pid_namespaces),
		cmocka_unit_test(leaves), cmocka_unit_test(commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
