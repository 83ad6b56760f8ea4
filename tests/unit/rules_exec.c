/* tests/unit/rules_exec.c: fd-leak-exec: what crosses exec, who uses it, and who asked for it. */
#include "execs.h"

static void severities(void **state)
{
	expect_of(FDW_KIND_FILE, 0, "fd-leak-exec/warning=1");
	expect_of(FDW_KIND_FILE, FDW_F_WRITABLE, "fd-leak-exec/error=1");
	expect_of(FDW_KIND_DIR, 0, "fd-leak-exec/error=1");
	expect_of(FDW_KIND_FILE, FDW_F_CLOEXEC, "");
}

static void roles(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);
	const struct finding *f;

	the_others_end(w);
	finish(w);
	f = findings_first(w->findings);
	assert_int_equal(f->pid, 100);
	assert_int_equal(f->fd, 3);
	assert_string_equal(f->exe, "/usr/bin/prog");
	assert_int_equal(f->nstacks, 3);
	assert_int_equal(f->stacks[0].role, ROLE_OPENED);
	assert_int_equal(f->stacks[1].role, ROLE_FORKED);
	assert_int_equal(f->stacks[1].at.pid, 100);
	assert_int_equal(f->stacks[2].role, ROLE_EXECED);
	assert_int_equal(f->stacks[2].at.pid, 200);
	assert_non_null(strstr(f->message, NEXT));
	world_free(w);
}

static void used(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	first_use(w, 3, 1);
	the_others_end(w);
	expect(w, "");
}

static void used_by_its_fork_child(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	forks(w, 300);
	fork_child(w, 300, 200);
	first_use(w, 3, 1);
	exits_well(w);
	back_to(w, 200);
	the_others_end(w);
	expect(w, "");
}

/* 200 runs env, which runs another program: one descriptor, one finding, unless the last one uses it. */
static void passed_on(int uses, const char *text)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	execs_next(w, 200, 100, 0);
	forks(w, 300);
	fork_child(w, 300, 200);
	execs_next(w, 300, 200, 0);
	if (uses)
		first_use(w, 3, 1);
	exits_well(w);
	back_to(w, 200);
	the_others_end(w);
	expect(w, text);
}

static void one_for_all_who_pass_it_on(void **state) { passed_on(0, "fd-leak-exec/warning=1"); }
static void used_by_the_last(void **state) { passed_on(1, ""); }

static void each_child_counts(void **state)
{
	struct world *w = program(FDW_KIND_FILE, 0);

	for (uint32_t pid = 200; pid < 205; pid++) {
		w->program = "/usr/bin/prog";
		back_to(w, 100);
		forks(w, pid);
		fork_child(w, pid, 100);
		execs_next(w, pid, 100, 0);
		exits_well(w);
	}
	back_to(w, 100);
	closes(w, 3, 1);
	exits_well(w);
	expect(w, "fd-leak-exec/warning=5");
}

/* ---- ends of it -------------------------------------------------------------------------------------------------------------------*/

static void closed_by_number(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	closes(w, 3, 1);
	the_others_end(w);
	expect(w, "");
}

static void range(struct world *w, int first, int last)
{
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE_RANGE, .fd = first, .fd2 = last });
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = 3, .gen = 1, .fd2 = -1, .flags = FDW_F_RANGE });
}

static void closed_with_everything(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	range(w, 3, -1);
	the_others_end(w);
	expect(w, "");
}

/* The program has it all the same; only its child has not. */
static void closed_by_its_child_only(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	forks(w, 300);
	fork_child(w, 300, 200);
	range(w, 3, -1);
	exits_well(w);
	back_to(w, 200);
	the_others_end(w);
	expect(w, "fd-leak-exec/warning=1");
}

static void closed_before_exec(void **state)
{
	struct world *w = program(FDW_KIND_FILE, 0);

	forks(w, 200);
	fork_child(w, 200, 100);
	closes(w, 3, 1);
	execs(w);
	ends(w);
	w->program = NEXT;
	starts(w, 200, 100, 200);
	the_others_end(w);
	expect(w, "");
}

/* ---- asked for --------------------------------------------------------------------------------------------------------------------*/

static void named(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, FDW_F_NAMED);

	the_others_end(w);
	expect(w, "");
}

static void named_to_the_next(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	execs_next(w, 200, 100, FDW_F_NAMED);
	the_others_end(w);
	expect(w, "");
}

static void set_flag(struct world *w, int fd, uint32_t gen, int on)
{
	send_event(w, "fcntl", (struct fdw_event){ .op = FDW_OP_SETFD, .fd = fd, .gen = gen, .fd2 = -1, .arg = (uint64_t)on });
}

static void flag_taken_away(void **state)
{
	struct world *w = program(FDW_KIND_FILE, FDW_F_CLOEXEC);

	set_flag(w, 3, 1, 0);
	forks(w, 200);
	fork_child(w, 200, 100);
	execs_next(w, 200, 100, 0);
	the_others_end(w);
	expect(w, "");
}

static void flag_taken_away_by_the_child(void **state)
{
	struct world *w = program(FDW_KIND_FILE, FDW_F_CLOEXEC);

	forks(w, 200);
	fork_child(w, 200, 100);
	set_flag(w, 3, 1, 0);
	execs_next(w, 200, 100, 0);
	the_others_end(w);
	expect(w, "");
}

static void replaces(struct world *w, int fd, uint32_t gen, int from, uint32_t from_gen)
{
	send_event(w, "dup2", (struct fdw_event){ .op = FDW_OP_REPLACE, .fd = fd, .gen = gen, .fd2 = from, .gen2 = from_gen, .ret = fd });
}

static void placed_with_dup2(void **state)
{
	struct world *w = started();

	opens_as(w, 4, 1, FDW_KIND_FILE, FDW_F_CLOEXEC);
	replaces(w, 3, 1, 4, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	execs_next(w, 200, 100, 0);
	exits_well(w);
	back_to(w, 100);
	closes(w, 3, 1);
	closes(w, 4, 1);
	exits_well(w);
	expect(w, "");
}

static void opened_by_the_child(void **state)
{
	struct world *w = started();

	forks(w, 200);
	fork_child(w, 200, 100);
	opens(w, 3, 1);
	execs_next(w, 200, 100, 0);
	exits_well(w);
	back_to(w, 100);
	exits_well(w);
	expect(w, "");
}

/* A daemon is a fork child, too: what it makes and its own children inherit was not asked for. */
static void opened_by_a_fork_child_for_itself(void **state)
{
	struct world *w = started();

	forks(w, 150);
	exits_well(w);
	fork_child(w, 150, 100);
	opens(w, 3, 1);
	forks(w, 200);
	fork_child(w, 200, 150);
	execs_next(w, 200, 150, 0);
	exits_well(w);
	back_to(w, 150);
	closes(w, 3, 1);
	exits_well(w);
	expect(w, "fd-leak-exec/warning=1");
}

/* It is standard output, and was left open under its first number, too. */
static void left_over_from_stdout(void **state)
{
	struct world *w = program(FDW_KIND_FILE, 0);

	forks(w, 200);
	fork_child(w, 200, 100);
	replaces(w, 1, 2, 3, 1);
	execs_next(w, 200, 100, 0);
	the_others_end(w);
	expect(w, "");
}

static void opened_by_a_shell(void **state)
{
	struct world *w = world_new();

	w->program = "/usr/bin/dash";
	starts(w, 100, 1, 7);
	opens(w, 3, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	execs_next(w, 200, 100, 0);
	the_others_end(w);
	expect(w, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(severities), cmocka_unit_test(roles), cmocka_unit_test(used), cmocka_unit_test(used_by_its_fork_child),
		cmocka_unit_test(one_for_all_who_pass_it_on), cmocka_unit_test(used_by_the_last), cmocka_unit_test(each_child_counts),
		cmocka_unit_test(closed_by_number), cmocka_unit_test(closed_with_everything), cmocka_unit_test(closed_by_its_child_only),
		cmocka_unit_test(closed_before_exec), cmocka_unit_test(named), cmocka_unit_test(named_to_the_next),
		cmocka_unit_test(flag_taken_away), cmocka_unit_test(flag_taken_away_by_the_child), cmocka_unit_test(placed_with_dup2),
		cmocka_unit_test(opened_by_the_child), cmocka_unit_test(opened_by_a_fork_child_for_itself),
		cmocka_unit_test(left_over_from_stdout), cmocka_unit_test(opened_by_a_shell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
