/* tests/unit/rules_exec_seen.c: fd-leak-exec: what is not known, pipes, and children by other ways than fork. */
#include "execs.h"

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
	struct world *w = started();

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
	struct world *w = started();

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
		cmocka_unit_test(not_ended), cmocka_unit_test(events_lost), cmocka_unit_test(child_not_heard_of),
		cmocka_unit_test(next_program_not_observed), cmocka_unit_test(program_between_not_observed), cmocka_unit_test(locked),
		cmocka_unit_test(another_object), cmocka_unit_test(both_ends_at_home), cmocka_unit_test(other_end_gone),
		cmocka_unit_test(by_other_ways), cmocka_unit_test(system_knows_its_time), cmocka_unit_test(used_by_a_spawned_child),
		cmocka_unit_test(spawned_closes_everything), cmocka_unit_test(exec_without_fork), cmocka_unit_test(from_outside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
