/* tests/unit/rules_exec.c: fd-leak-exec: what crosses exec, who uses it, who asked for it, and what is not known. */
#include "builder.h"

#define NEXT "/usr/bin/next"

static void open_when_started(struct world *w, int fd, uint8_t kind, const char *link, uint32_t flags)
{
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_STATE, .fd = fd, .fd2 = -1, .gen = 1, .kind = kind, .flags = FDW_F_INHERITED | flags,
		.detail = (const uint8_t *)link, .detail_len = (uint32_t)strlen(link) });
}

/* The process runs another program, which has 3 open. */
static void runs(struct world *w, uint32_t pid, uint32_t parent, const char *program, uint32_t flags)
{
	w->program = program;
	starts(w, pid, parent, pid == 100 ? 7 : pid);
	open_when_started(w, 3, FDW_KIND_FILE, "/some/file", flags);
}

static void execs_next(struct world *w, uint32_t pid, uint32_t parent, uint32_t flags)
{
	execs(w);
	ends(w);
	runs(w, pid, parent, NEXT, flags);
}

static void exits_well(struct world *w)
{
	exits(w);
	ends(w);
}

static void first_use(struct world *w, int fd, uint32_t gen)
{
	send_event(w, "fstat", (struct fdw_event){ .op = FDW_OP_FIRST_USE, .fd = fd, .fd2 = -1, .gen = gen });
}

static struct world *program(uint8_t kind, uint32_t flags)
{
	struct world *w = world_new();

	starts(w, 100, 1, 7);
	opens_as(w, 3, 1, kind, flags);
	here(w, 2);
	return w;
}

/* 100 forks 200, which is left speaking as the new program; 3 is open in it. */
static struct world *forked_and_execd(uint8_t kind, uint32_t flags, uint32_t state)
{
	struct world *w = program(kind, flags);

	forks(w, 200);
	fork_child(w, 200, 100);
	execs_next(w, 200, 100, state);
	return w;
}

static void the_others_end(struct world *w)
{
	exits_well(w);
	back_to(w, 100);
	closes(w, 3, 1);
	exits_well(w);
}

static void expect_of(uint8_t kind, uint32_t flags, const char *text)
{
	struct world *w = forked_and_execd(kind, flags, 0);

	the_others_end(w);
	expect(w, text);
}

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
	struct world *w = world_new();

	starts(w, 100, 1, 7);
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
	struct world *w = world_new();

	starts(w, 100, 1, 7);
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
	struct world *w = world_new();

	starts(w, 100, 1, 7);
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

/* ---- not known --------------------------------------------------------------------------------------------------------------------*/

static void not_ended(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	back_to(w, 100);
	closes(w, 3, 1);
	exits_well(w);
	expect(w, "fd-leak-exec/warning=1?");
}

static void events_lost(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	w->seqs[200]++;
	the_others_end(w);
	expect(w, "fd-leak-exec/warning=1?");
}

static void child_not_heard_of(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	forks(w, 300);
	the_others_end(w);
	expect(w, "fd-leak-exec/warning=1?");
}

static void next_program_not_observed(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	execs(w);
	ends(w);
	back_to(w, 100);
	closes(w, 3, 1);
	exits_well(w);
	expect(w, "fd-leak-exec/warning=1?");
}

/* A program that nobody could observe exec'd the one that is. */
static void program_between_not_observed(void **state)
{
	struct world *w = program(FDW_KIND_FILE, 0);

	forks(w, 200);
	fork_child(w, 200, 100);
	send_event(w, "execve", (struct fdw_event){ .op = FDW_OP_EXEC, .fd = -1, .fd2 = -1, .ret = FDW_WHY_STATIC, .flags = FDW_F_UNOBSERVED });
	ends(w);
	runs(w, 200, 100, NEXT, 0);
	the_others_end(w);
	expect(w, "fd-leak-exec/warning=1?");
}

static void locked(void **state)
{
	struct world *w = program(FDW_KIND_FILE, FDW_F_WRITABLE);

	send_event(w, "flock", (struct fdw_event){ .op = FDW_OP_OBJECT, .fd = 3, .gen = 1, .fd2 = -1, .flags = FDW_F_LOCKED });
	forks(w, 200);
	fork_child(w, 200, 100);
	execs_next(w, 200, 100, 0);
	the_others_end(w);
	expect(w, "fd-leak-exec/error=1?");
}

static void another_object(void **state)
{
	struct world *w = program(FDW_KIND_SOCKET, 0); /* but the child has a file there */

	forks(w, 200);
	fork_child(w, 200, 100);
	execs_next(w, 200, 100, 0);
	the_others_end(w);
	expect(w, "");
}

/* ---- pipes ------------------------------------------------------------------------------------------------------------------------*/

static struct world *with_pipe(void)
{
	struct world *w = world_new();

	starts(w, 100, 1, 7);
	send_event(w, "pipe", (struct fdw_event){ .op = FDW_OP_CREATE, .fd = 3, .gen = 1, .fd2 = -1, .ret = 3, .kind = FDW_KIND_PIPE_R });
	send_event(w, "pipe", (struct fdw_event){ .op = FDW_OP_CREATE, .fd = 4, .gen = 1, .fd2 = -1, .ret = 4, .kind = FDW_KIND_PIPE_W,
		.flags = FDW_F_CLOEXEC });
	return w;
}

static void pipe_child(struct world *w)
{
	forks(w, 200);
	fork_child(w, 200, 100);
	execs(w);
	ends(w);
	w->program = NEXT;
	starts(w, 200, 100, 200);
	open_when_started(w, 3, FDW_KIND_PIPE_R, "pipe:[77]", 0);
	exits_well(w);
	back_to(w, 100);
	closes(w, 3, 1);
	closes(w, 4, 1);
	exits_well(w);
}

static void both_ends_at_home(void **state)
{
	struct world *w = with_pipe();

	pipe_child(w);
	expect(w, "fd-leak-exec/warning=1");
}

static void other_end_gone(void **state)
{
	struct world *w = with_pipe();

	closes(w, 4, 1);
	pipe_child(w);
	finish(w);
	assert_int_equal(findings_first(w->findings)->confidence, CONFIDENCE_POSSIBLE);
	world_free(w);
}

/* ---- children of vfork, posix_spawn, system ---------------------------------------------------------------------------------------*/

static void starts_child(struct world *w, uint8_t kind, uint32_t pid, uint32_t flags)
{
	send_event(w, "posix_spawn", (struct fdw_event){ .op = FDW_OP_FORK, .fd = -1, .fd2 = -1, .ret = pid, .kind = kind, .flags = flags });
}

static void child_does(struct world *w, uint64_t what, int fd, int fd2)
{
	send_event(w, "posix_spawn", (struct fdw_event){ .op = FDW_OP_CHILD_FD, .fd = fd, .fd2 = fd2, .ret = 200, .arg = what });
}

static void spawned(uint8_t kind, uint32_t flags, int what, int fd2, const char *text)
{
	struct world *w = program(FDW_KIND_FILE, 0);

	starts_child(w, kind, kind == FDW_FORK_SYSTEM ? 0 : 200, flags);
	if (what)
		child_does(w, (uint64_t)what, 3, fd2);
	runs(w, 200, 100, NEXT, 0);
	the_others_end(w);
	expect(w, text);
}

static void by_other_ways(void **state)
{
	spawned(FDW_FORK_SPAWN, 0, 0, 0, "fd-leak-exec/warning=1");
	spawned(FDW_FORK_VFORK, 0, 0, 0, "fd-leak-exec/warning=1");
	spawned(FDW_FORK_SYSTEM, 0, 0, 0, "fd-leak-exec/warning=1");
	spawned(FDW_FORK_SPAWN, FDW_F_PARTIAL, 0, 0, "fd-leak-exec/warning=1?");
	spawned(FDW_FORK_SPAWN, 0, FDW_CHILD_PLACED, 5, "");
	spawned(FDW_FORK_SPAWN, 0, FDW_CHILD_PLACED, -1, "");
	spawned(FDW_FORK_VFORK, 0, FDW_CHILD_KEPT, -1, "");
}

/* What the parent closed after the child was made, and opened again, is nothing of the child's. */
static void system_knows_its_time(void **state)
{
	struct world *w = program(FDW_KIND_FILE, 0);

	starts_child(w, FDW_FORK_SYSTEM, 0, 0);
	closes(w, 3, 1);
	here(w, 3);
	opens_as(w, 3, 2, FDW_KIND_FILE, FDW_F_WRITABLE);
	runs(w, 200, 100, NEXT, 0);
	exits_well(w);
	back_to(w, 100);
	closes(w, 3, 2);
	exits_well(w);
	expect(w, "fd-leak-exec/warning=1");
}

/* Its child uses it, before its own exec, as the source of a duplicate. */
static void used_by_a_spawned_child(void **state)
{
	struct world *w = forked_and_execd(FDW_KIND_FILE, 0, 0);

	send_event(w, "posix_spawn", (struct fdw_event){ .op = FDW_OP_FORK, .fd = -1, .fd2 = -1, .ret = 300, .kind = FDW_FORK_SPAWN });
	send_event(w, "posix_spawn", (struct fdw_event){ .op = FDW_OP_CHILD_FD, .fd = 0, .fd2 = 3, .ret = 300, .arg = FDW_CHILD_PLACED });
	runs(w, 300, 200, NEXT, 0);
	exits_well(w);
	back_to(w, 200);
	the_others_end(w);
	expect(w, "");
}

static void spawned_closes_everything(void **state)
{
	struct world *w = program(FDW_KIND_FILE, 0);

	starts_child(w, FDW_FORK_SPAWN, 200, 0);
	child_does(w, FDW_CHILD_CLOSED, 3, -1);
	w->program = NEXT;
	starts(w, 200, 100, 200);
	the_others_end(w);
	expect(w, "");
}

/* The process itself runs another program. */
static void exec_without_fork(void **state)
{
	struct world *w = program(FDW_KIND_FILE, 0);
	const struct finding *f;

	execs_next(w, 100, 1, 0);
	exits_well(w);
	finish(w);
	f = findings_first(w->findings);
	assert_int_equal(f->nstacks, 2);
	assert_int_equal(f->stacks[1].role, ROLE_EXECED);
	expect(w, "fd-leak-exec/warning=1");
}

/* It came with the first program: nobody's fault here. */
static void from_outside(void **state)
{
	struct world *w = world_new();

	starts(w, 100, 1, 7);
	open_when_started(w, 3, FDW_KIND_FILE, "/some/file", 0);
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
		cmocka_unit_test(left_over_from_stdout), cmocka_unit_test(opened_by_a_shell), cmocka_unit_test(not_ended),
		cmocka_unit_test(events_lost), cmocka_unit_test(child_not_heard_of), cmocka_unit_test(next_program_not_observed),
		cmocka_unit_test(program_between_not_observed), cmocka_unit_test(locked), cmocka_unit_test(another_object),
		cmocka_unit_test(both_ends_at_home), cmocka_unit_test(other_end_gone), cmocka_unit_test(by_other_ways),
		cmocka_unit_test(system_knows_its_time), cmocka_unit_test(used_by_a_spawned_child),
		cmocka_unit_test(spawned_closes_everything), cmocka_unit_test(exec_without_fork), cmocka_unit_test(from_outside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
