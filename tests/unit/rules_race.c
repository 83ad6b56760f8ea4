/* tests/unit/rules_race.c: cloexec-race: marked later than made, while another thread starts programs. */
#include "execs.h"

#define MAKER 101
#define FORKER 102

/* Two threads beside the main one. Thread ids are places of their own: 101 makes at 11, marks at 12; 102 forks at 20. */
static struct world *threads(void)
{
	struct world *w = started();

	w->flags = FDW_F_MULTI;
	at(w, 100, MAKER);
	hello(w, "maker");
	at(w, 100, FORKER);
	hello(w, "forker");
	return w;
}

static void thread_ends(struct world *w, uint32_t tid)
{
	at(w, 100, tid);
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_THREAD_EXIT, .fd = -1, .fd2 = -1 });
}

static void makes(struct world *w, uint32_t tid, int fd, uint32_t gen)
{
	at(w, 100, tid);
	w->flags = FDW_F_MULTI;
	here(w, 11);
	opens_as(w, fd, gen, FDW_KIND_SOCKET, 0);
}

static void marks(struct world *w, uint32_t tid, int fd, uint32_t gen)
{
	at(w, 100, tid);
	w->flags = FDW_F_MULTI;
	here(w, 12);
	send_event(w, "fcntl", (struct fdw_event){ .op = FDW_OP_SETFD, .fd = fd, .gen = gen, .fd2 = -1, .arg = 1 });
}

static void drops(struct world *w, uint32_t tid, int fd, uint32_t gen)
{
	at(w, 100, tid);
	w->flags = FDW_F_MULTI;
	here(w, 13);
	closes(w, fd, gen);
}

static void one(struct world *w, uint32_t tid)
{
	static uint32_t gen;

	makes(w, tid, 9, ++gen);
	marks(w, tid, 9, gen);
	drops(w, tid, 9, gen);
}

/* us: how long the call had taken when it was told of. */
static void forks_at(struct world *w, uint32_t tid, uint32_t child, uint32_t us)
{
	at(w, 100, tid);
	w->flags = FDW_F_MULTI;
	here(w, 20);
	send_event(w, "fork", (struct fdw_event){ .op = FDW_OP_FORK, .fd = -1, .fd2 = -1, .ret = child, .kind = FDW_FORK_FORK, .gen = us });
}

static void becomes_next(struct world *w, uint32_t child)
{
	execs(w);
	ends(w);
	w->program = NEXT;
	starts(w, child, 100, child);
}

/* What the child does: nothing, then exec; has: the number it finds open, -1 none. */
static void child_execs(struct world *w, uint32_t child, int has)
{
	w->flags = 0;
	fork_child(w, child, 100);
	becomes_next(w, child);
	if (has >= 0)
		send_event(w, "none", (struct fdw_event){ .op = FDW_OP_STATE, .fd = has, .fd2 = -1, .gen = 1, .kind = FDW_KIND_SOCKET,
			.flags = FDW_F_INHERITED, .detail = (const uint8_t *)"socket:[5]", .detail_len = 10 });
	exits_well(w);
	w->program = "/usr/bin/prog";
}

static void over(struct world *w)
{
	at(w, 100, 100);
	w->flags = FDW_F_MULTI;
	exits_well(w);
}

static void predicted(void **state)
{
	struct world *w = threads();
	const struct finding *f;

	for (int i = 0; i < 3; i++)
		one(w, MAKER);
	forks_at(w, FORKER, 200, 1);
	child_execs(w, 200, -1);
	over(w);
	finish(w);
	f = findings_first(w->findings);
	assert_int_equal(f->confidence, CONFIDENCE_STRONG);
	assert_int_equal(f->nstacks, 3);
	assert_int_equal(f->stacks[1].role, ROLE_USED);
	assert_int_equal(f->stacks[2].role, ROLE_FORKED);
	assert_int_equal(f->stacks[2].at.tid, FORKER);
	expect(w, "cloexec-race/warning=3");
}

static void same_thread_forks(void **state)
{
	struct world *w = threads();

	one(w, FORKER);
	forks_at(w, FORKER, 200, 1);
	child_execs(w, 200, -1);
	over(w);
	expect(w, "");
}

static void marked_by_another(void **state)
{
	struct world *w = threads();

	makes(w, MAKER, 9, 1);
	marks(w, 100, 9, 1);
	drops(w, MAKER, 9, 1);
	forks_at(w, FORKER, 200, 1);
	child_execs(w, 200, -1);
	over(w);
	expect(w, "");
}

static void born_marked(void **state)
{
	struct world *w = threads();

	at(w, 100, MAKER);
	opens_as(w, 9, 1, FDW_KIND_SOCKET, FDW_F_CLOEXEC);
	marks(w, MAKER, 9, 1);
	drops(w, MAKER, 9, 1);
	forks_at(w, FORKER, 200, 1);
	child_execs(w, 200, -1);
	over(w);
	expect(w, "");
}

/* The thread that forks did not live while there was anything to get. */
static void never_met(void **state)
{
	struct world *w = started();

	w->flags = FDW_F_MULTI;
	at(w, 100, MAKER);
	hello(w, "maker");
	one(w, MAKER);
	thread_ends(w, MAKER);
	at(w, 100, FORKER);
	hello(w, "forker");
	forks_at(w, FORKER, 200, 1);
	child_execs(w, 200, -1);
	over(w);
	expect(w, "");
}

static void forker_gone_before(void **state)
{
	struct world *w = threads();

	forks_at(w, FORKER, 200, 1);
	child_execs(w, 200, -1);
	w->flags = FDW_F_MULTI;
	thread_ends(w, FORKER);
	one(w, MAKER);
	over(w);
	expect(w, "");
}

static void only_forks(void **state)
{
	struct world *w = threads();

	one(w, MAKER);
	forks_at(w, FORKER, 200, 1);
	w->flags = 0;
	fork_child(w, 200, 100);
	exits_well(w);
	over(w);
	expect(w, "");
}

/* Whoever closes everything before exec inherits nothing. */
static void child_closes_everything(void **state)
{
	struct world *w = threads();

	one(w, MAKER);
	forks_at(w, FORKER, 200, 1);
	w->flags = 0;
	fork_child(w, 200, 100);
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE_RANGE, .fd = 3, .fd2 = -1 });
	becomes_next(w, 200);
	exits_well(w);
	over(w);
	expect(w, "");
}

static void spawn_closes_everything(void **state)
{
	struct world *w = threads();

	one(w, MAKER);
	at(w, 100, FORKER);
	send_event(w, "posix_spawn", (struct fdw_event){ .op = FDW_OP_FORK, .fd = -1, .fd2 = -1, .ret = 200, .kind = FDW_FORK_SPAWN });
	send_event(w, "posix_spawn", (struct fdw_event){ .op = FDW_OP_CHILD_FD, .fd = 3, .fd2 = -1, .ret = 200, .arg = FDW_CHILD_CLOSED });
	w->program = NEXT;
	starts(w, 200, 100, 200);
	exits_well(w);
	over(w);
	expect(w, "");
}

static void other_ways_to_start(void **state)
{
	static const uint8_t kinds[] = { FDW_FORK_VFORK, FDW_FORK_SPAWN, FDW_FORK_SYSTEM, FDW_FORK_POPEN };

	for (size_t i = 0; i < sizeof kinds; i++) {
		struct world *w = threads();
		int unnamed = kinds[i] == FDW_FORK_SYSTEM || kinds[i] == FDW_FORK_POPEN;

		one(w, MAKER);
		at(w, 100, FORKER);
		send_event(w, "system", (struct fdw_event){ .op = FDW_OP_FORK, .fd = -1, .fd2 = -1, .ret = unnamed ? 0 : 200, .kind = kinds[i] });
		w->program = NEXT;
		starts(w, 200, 100, 200);
		exits_well(w);
		over(w);
		expect(w, "cloexec-race/warning=1");
	}
}

static void exec_by_another_thread(void **state)
{
	struct world *w = threads();

	one(w, MAKER);
	at(w, 100, FORKER);
	w->flags = FDW_F_MULTI;
	execs(w);
	ends(w);
	w->program = NEXT;
	starts(w, 100, 1, 7);
	exits_well(w);
	expect(w, "cloexec-race/warning=1");
}

/* ---- really ----------------------------------------------------------------------------------------------------------------------*/

/* Made; the fork; marked: the child has it. */
static void inherited(void **state)
{
	struct world *w = threads();
	const struct finding *f;

	makes(w, MAKER, 9, 1);
	forks_at(w, FORKER, 200, 1);
	marks(w, MAKER, 9, 1);
	child_execs(w, 200, 9);
	drops(w, MAKER, 9, 1);
	over(w);
	finish(w);
	f = findings_first(w->findings);
	assert_int_equal(f->nstacks, 4);
	assert_int_equal(f->stacks[3].role, ROLE_EXECED);
	assert_int_equal(f->stacks[3].at.pid, 200);
	expect(w, "cloexec-race/error=1");
}

/* Marked after the new program said what it has open. */
static void marked_very_late(void **state)
{
	struct world *w = threads();

	makes(w, MAKER, 9, 1);
	w->now += 2000000; /* beyond the doubt about when a fork began */
	forks_at(w, FORKER, 200, 1);
	child_execs(w, 200, 9);
	marks(w, MAKER, 9, 1);
	drops(w, MAKER, 9, 1);
	over(w);
	expect(w, "cloexec-race/error=1");
}

/* A hundred of them while it forks: whichever it got, it is one of these. */
static void one_of_many(void **state)
{
	struct world *w = threads();

	for (int i = 0; i < 50; i++)
		one(w, MAKER);
	w->now += 2000000;
	forks_at(w, FORKER, 200, 100);
	for (int i = 0; i < 50; i++)
		one(w, MAKER);
	child_execs(w, 200, 9);
	one(w, MAKER);
	over(w);
	expect(w, "cloexec-race/error=101");
}

/* Another place had the number while it forked: whose was it? */
static void number_shared_with_another(void **state)
{
	struct world *w = threads();

	makes(w, MAKER, 9, 1);
	marks(w, MAKER, 9, 1);
	drops(w, MAKER, 9, 1);
	here(w, 30);
	opens_as(w, 9, 2, FDW_KIND_SOCKET, 0);
	closes(w, 9, 2);
	makes(w, MAKER, 9, 3);
	marks(w, MAKER, 9, 3);
	forks_at(w, FORKER, 200, 400);
	child_execs(w, 200, 9);
	drops(w, MAKER, 9, 3);
	over(w);
	expect(w, "cloexec-race/warning=2");
}

/* When its fork began is not known: nothing is. */
static void time_not_known(void **state)
{
	struct world *w = threads();

	makes(w, MAKER, 9, 1);
	marks(w, MAKER, 9, 1);
	forks_at(w, FORKER, 200, 0);
	child_execs(w, 200, 9);
	drops(w, MAKER, 9, 1);
	over(w);
	expect(w, "cloexec-race/warning=1");
}

/* The child took the flag away: that is no race. */
static void handed_over(void **state)
{
	struct world *w = threads();

	makes(w, MAKER, 9, 1);
	marks(w, MAKER, 9, 1);
	forks_at(w, FORKER, 200, 1);
	w->flags = 0;
	fork_child(w, 200, 100);
	send_event(w, "fcntl", (struct fdw_event){ .op = FDW_OP_SETFD, .fd = 9, .gen = 1, .fd2 = -1, .arg = 0 });
	becomes_next(w, 200);
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_STATE, .fd = 9, .fd2 = -1, .gen = 1, .kind = FDW_KIND_SOCKET, .flags = FDW_F_INHERITED });
	exits_well(w);
	drops(w, MAKER, 9, 1);
	over(w);
	expect(w, "cloexec-race/warning=1");
}

static void bound_is_told(void **state)
{
	struct world *w = threads();

	makes(w, MAKER, 9, 1);
	at(w, 100, FORKER);
	send_event(w, "fork", (struct fdw_event){ .op = FDW_OP_FORK_BOUND, .fd = 9, .gen = 1, .fd2 = MAKER, .ret = 200, .kind = FDW_FORK_FORK });
	forks_at(w, FORKER, 200, 1);
	marks(w, MAKER, 9, 1);
	child_execs(w, 200, -1);
	drops(w, MAKER, 9, 1);
	over(w);
	finish(w);
	assert_non_null(strstr(findings_first(w->findings)->reason, "bound"));
	expect(w, "cloexec-race/warning=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(predicted), cmocka_unit_test(same_thread_forks), cmocka_unit_test(marked_by_another), cmocka_unit_test(born_marked),
		cmocka_unit_test(never_met), cmocka_unit_test(forker_gone_before), cmocka_unit_test(only_forks),
		cmocka_unit_test(child_closes_everything), cmocka_unit_test(spawn_closes_everything), cmocka_unit_test(other_ways_to_start),
		cmocka_unit_test(exec_by_another_thread), cmocka_unit_test(inherited), cmocka_unit_test(marked_very_late),
		cmocka_unit_test(one_of_many), cmocka_unit_test(number_shared_with_another), cmocka_unit_test(time_not_known),
		cmocka_unit_test(handed_over), cmocka_unit_test(bound_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
