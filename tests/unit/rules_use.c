/* tests/unit/rules_use.c: use-after-close. */
#include "builder.h"

static struct world *with_closed(void)
{
	struct world *w = started();

	opens(w, 3, 1);
	closes(w, 3, 1);
	return w;
}

static void write_after_close(void **state)
{
	struct world *w = with_closed();

	use_fails(w, "write", 3, 1);
	exits(w);
	expect(w, "use-after-close/error=1");
}

static void roles(void **state)
{
	struct world *w = with_closed();
	const struct finding *f;

	use_fails(w, "write", 3, 1);
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_int_equal(f->nstacks, 3);
	assert_int_equal(f->stacks[2].role, ROLE_USED);
	assert_string_equal(f->stacks[2].call, "write(3) = -1 EBADF");
	assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
	world_free(w);
}

static void asking_is_no_use(void **state)
{
	static const char *const calls[] = { "fstat", "__fxstat", "tcgetattr", "select", "pselect" };
	struct world *w = with_closed();

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		use_fails(w, calls[i], 3, 1);
	expect(w, "");
}

static void never_seen_numbers_are_not_judged(void **state)
{
	struct world *w = with_closed();

	use_fails(w, "read", 99, 0);
	use_fails(w, "read", -1, 0);
	expect(w, "");
}

/* fcntl(n, F_SETFD) over everything, before an exec. */
static void marking_loop(void **state)
{
	struct world *w = with_closed();

	for (int fd = 3; fd < 20; fd++)
		if (fd == 7)
			send_event(w, "fcntl", (struct fdw_event){ .op = FDW_OP_SETFD, .fd = fd, .gen = 1, .fd2 = -1, .arg = 1 });
		else
			use_fails(w, "fcntl", fd, fd == 3);
	expect(w, "");
}

/* A single mark of a closed number is a mistake. */
static void one_mark(void **state)
{
	struct world *w = with_closed();

	use_fails(w, "fcntl", 3, 1);
	exits(w);
	expect(w, "use-after-close/error=1");
}

/* Writing to ten closed numbers in a row is ten mistakes, not a loop over everything. */
static void ten_writes(void **state)
{
	struct world *w = started();

	for (int fd = 3; fd < 13; fd++)
		opens(w, fd, 1);
	for (int fd = 3; fd < 13; fd++)
		closes(w, fd, 1);
	for (int fd = 3; fd < 13; fd++)
		use_fails(w, "write", fd, 1);
	expect(w, "use-after-close/error=10");
}

static void epoll_ctl_fails(struct world *w, uint32_t op)
{
	use_fails(w, "epoll_ctl", 3, 1);
	send_event(w, "epoll_ctl", (struct fdw_event){ .op = FDW_OP_EPOLL_CTL, .fd = 3, .gen = 1, .fd2 = 9, .gen2 = 1, .ret = -1,
		.err = EBADF, .flags = op << FDW_F_USER_SHIFT });
}

/* The poller is closed first, and then what was in it taken out: tidy, if in another order. */
static void removed_from_a_closed_poller(void **state)
{
	struct world *w = with_closed();

	epoll_ctl_fails(w, 2);
	epoll_ctl_fails(w, 2);
	exits(w);
	expect(w, "");
}

static void added_to_a_closed_poller(void **state)
{
	struct world *w = with_closed();

	epoll_ctl_fails(w, 1);
	exits(w);
	expect(w, "use-after-close/error=1");
}

/* The close is read after the use: the finding has it all the same. */
static void close_read_late(void **state)
{
	struct world *w = started();
	const struct finding *f;

	opens(w, 3, 1);
	at(w, 100, 101);
	hello(w, "user");
	use_fails(w, "read", 3, 1);
	at(w, 100, 100);
	closes(w, 3, 1);
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_int_equal(f->nstacks, 3);
	expect(w, "use-after-close/error=1");
}

/* The number belongs to somebody else by then: no evidence of anything. */
static void reuse_is_innocent(void **state)
{
	struct world *w = with_closed();

	opens(w, 3, 2);
	send_event(w, "read", (struct fdw_event){ .op = FDW_OP_FIRST_USE, .fd = 3, .gen = 2, .fd2 = -1 });
	closes(w, 3, 2);
	exits(w);
	expect(w, "");
}

static void child_that_closed_everything(void **state)
{
	struct world *w = started();

	for (int fd = 3; fd < 20; fd++)
		opens(w, fd, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	for (int fd = 3; fd < 20; fd++)
		send_event(w, "close", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = fd, .gen = 1, .fd2 = -1,
			.flags = fd > 3 ? FDW_F_RUN : 0, .arg = (uint64_t)fd - 2 });
	use_fails(w, "write", 15, 1);
	send_event(w, "_exit", (struct fdw_event){ .op = FDW_OP_EXIT, .fd = -1, .fd2 = -1 });
	finish(w);
	for (const struct finding *f = findings_first(w->findings); f; f = f->next)
		assert_string_not_equal(f->rule->id, "use-after-close");
	world_free(w);
}

/* A worker is a process like any other. */
static void worker(void **state)
{
	struct world *w = started();

	forks(w, 200);
	fork_child(w, 200, 100);
	w->flags = 0;
	opens(w, 3, 1);
	closes(w, 3, 1);
	use_fails(w, "read", 3, 1);
	exits(w);
	expect(w, "use-after-close/error=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_after_close), cmocka_unit_test(roles), cmocka_unit_test(asking_is_no_use),
		cmocka_unit_test(never_seen_numbers_are_not_judged), cmocka_unit_test(marking_loop), cmocka_unit_test(one_mark),
		cmocka_unit_test(removed_from_a_closed_poller), cmocka_unit_test(added_to_a_closed_poller),
		cmocka_unit_test(ten_writes), cmocka_unit_test(close_read_late), cmocka_unit_test(reuse_is_innocent),
		cmocka_unit_test(child_that_closed_everything), cmocka_unit_test(worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
