/* tests/unit/tree_commands.c: which process is which command of popen and system, where several threads start them. */
#include "trees.h"

#define MAIN 100
#define OTHER 101

/* A shell says hello, as a child of 100. Afterwards it speaks. */
static void shell_line(struct world *w, uint32_t pid, const char *line, size_t n)
{
	w->program = "/bin/sh";
	at(w, pid, pid);
	w->stack = 0;
	hello(w, "sh");
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_PROC_START, .fd = FDW_SCHEMA_VERSION, .fd2 = 100, .arg = pid,
		.detail = (const uint8_t *)w->program, .detail_len = (uint32_t)strlen(w->program) });
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_PROC_ARGS, .fd = -1, .fd2 = -1, .detail = (const uint8_t *)line, .detail_len = (uint32_t)n });
}

#define shell(w, pid, command) shell_line(w, pid, "sh\0-c\0" command, sizeof "sh\0-c\0" command)

static void systems(struct world *w, uint32_t tid, const char *command)
{
	at(w, 100, tid);
	starts_child(w, FDW_FORK_SYSTEM, 0, 0, command, 0);
}

static void told(struct world *w, uint32_t tid, int status)
{
	at(w, 100, tid);
	reaps(w, -1, status << 8);
}

static void popens(struct world *w, uint32_t tid, int fd, const char *command)
{
	at(w, 100, tid);
	send_event(w, "popen", (struct fdw_event){ .op = FDW_OP_FORK, .fd = fd, .fd2 = -1, .gen2 = 1, .kind = FDW_FORK_POPEN, .gen = 100,
		.detail = (const uint8_t *)command, .detail_len = (uint32_t)strlen(command) });
}

static void pcloses(struct world *w, uint32_t tid, int fd, int status)
{
	at(w, 100, tid);
	send_event(w, "pclose", (struct fdw_event){ .op = FDW_OP_REAPED, .fd = fd, .gen = 1, .fd2 = -1, .ret = -1, .arg = (uint64_t)status << 8 });
}

static struct world *threads(void)
{
	struct world *w = world();

	starts(w, 100, 1, 7);
	at(w, 100, OTHER);
	hello(w, "other");
	return w;
}

static const struct node *node_of(struct world *w, uint32_t pid)
{
	const struct node *n;

	finish(w);
	for (n = replay_tree(w->replay)->roots->children; n && n->pid != pid; n = n->sibling)
		;
	assert_non_null(n);
	return n;
}

#define all_observed(w) (finish(w), assert_null(replay_coverage((w)->replay)->unobserved))
#define is_command(w, pid, text) assert_string_equal(node_of(w, pid)->command, text)

/* Told in one order, heard in the other. */
static void by_their_words(void **state)
{
	struct world *w = threads();

	systems(w, MAIN, "exit 3");
	systems(w, OTHER, "exit 4");
	shell(w, 200, "exit 4");
	shell(w, 300, "exit 3");
	exits_with(w, 3);
	back_to(w, 200);
	exits_with(w, 4);
	told(w, OTHER, 4);
	told(w, MAIN, 3);
	all_observed(w);
	is_command(w, 200, "exit 4");
	is_command(w, 300, "exit 3");
	is_drawn(w, "100(200:4!1024 300:3!768)");
}

/* popen tells when its child has spoken; another's has, too. */
static void popen_by_words(void **state)
{
	struct world *w = threads();

	shell(w, 200, "-- exit 4"); /* as newer C libraries have it */
	exits_with(w, 4);
	shell(w, 300, "exit 3");
	popens(w, MAIN, 5, "exit 3");
	popens(w, OTHER, 6, "exit 4");
	pcloses(w, OTHER, 6, 4);
	back_to(w, 300);
	exits_with(w, 3);
	pcloses(w, MAIN, 5, 3);
	all_observed(w);
	is_command(w, 200, "exit 4");
	is_command(w, 300, "exit 3");
	is_drawn(w, "100(200:4!1024 300:3!768)");
}

/* The second that was started speaks first, and has ended before the first one speaks. */
static void same_words(void **state)
{
	struct world *w = threads();

	systems(w, MAIN, "exit $x");
	systems(w, OTHER, "exit $x");
	shell(w, 200, "exit $x");
	exits_with(w, 4);
	told(w, OTHER, 4);
	shell(w, 300, "exit $x");
	exits_with(w, 3);
	told(w, MAIN, 3);
	all_observed(w);
	is_drawn(w, "100(200:4!1024 300:3!768)");
}

/* Each said how it ends: no status is told of another. */
static void same_words_by_status(void **state)
{
	struct world *w = threads();

	systems(w, MAIN, "exit $x");
	popens(w, OTHER, 5, "exit $x");
	shell(w, 200, "exit $x");
	shell(w, 300, "exit $x");
	exits_with(w, 3);
	back_to(w, 200);
	exits_with(w, 4);
	told(w, MAIN, 3);
	pcloses(w, OTHER, 5, 4);
	all_observed(w);
	assert_int_equal(node_of(w, 200)->kind, FDW_FORK_POPEN);
	assert_int_equal(node_of(w, 300)->kind, FDW_FORK_SYSTEM);
	is_drawn(w, "100(200:4!1024 300:3!768)");
}

/* One spoke before the other's call began: it cannot be that one's. */
static void too_early(void **state)
{
	struct world *w = threads();

	systems(w, MAIN, "x");
	shell(w, 200, "x");
	exits_with(w, 0);
	systems(w, OTHER, "x");
	told(w, OTHER, 0); /* it never said hello */
	told(w, MAIN, 0);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->unobserved->count, 1);
	is_drawn(w, "100(200:0!0 0*!0)");
}

/* Two were started, one spoke. */
static void one_is_silent(void **state)
{
	struct world *w = threads();

	systems(w, MAIN, "x");
	systems(w, OTHER, "x");
	shell(w, 200, "x");
	exits_with(w, 0);
	told(w, MAIN, 0);
	told(w, OTHER, 0);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->unobserved->count, 1);
	world_free(w);
}

/* What the program runs without popen and system is none of them. */
static void not_a_command(void **state)
{
	struct world *w = threads();

	systems(w, MAIN, "x");
	shell_line(w, 200, "make", 5);
	exits_with(w, 0);
	shell(w, 300, "y");
	exits_with(w, 0);
	told(w, MAIN, 0);
	finish(w);
	assert_int_equal(replay_coverage(w->replay)->unobserved->count, 1);
	assert_null(node_of(w, 200)->command);
	assert_null(node_of(w, 300)->command);
	world_free(w);
}

/* SIGCHLD is ignored: nobody is told of their ends. */
static void ends_untold(void **state)
{
	struct world *w = threads();

	systems(w, MAIN, "x");
	systems(w, OTHER, "x");
	shell(w, 200, "x");
	exits_with(w, 0);
	systems(w, MAIN, "");
	at(w, 100, OTHER);
	starts_child(w, FDW_FORK_SYSTEM, -1, 0, "", 0);
	shell(w, 300, "x");
	exits_with(w, 0);
	shell(w, 400, "");
	exits_with(w, 0);
	at(w, 100, MAIN);
	starts_child(w, FDW_FORK_SYSTEM, -1, 0, "", 0);
	starts_child(w, FDW_FORK_SYSTEM, -1, 0, "", 0);
	all_observed(w);
	is_command(w, 200, "x");
	is_command(w, 300, "x");
	is_command(w, 400, "");
	is_drawn(w, "100(200:0 300:0 400:0)");
}

/* The command line is longer than an event holds. */
static void cut(void **state)
{
	static char line[FDW_DETAIL_MAX], command[FDW_DETAIL_MAX + 1];
	struct world *w = threads();

	memset(command, 'x', sizeof command - 1);
	memcpy(line, "sh\0-c", 6);
	memset(line + 6, 'x', sizeof line - 6);
	systems(w, MAIN, command);
	shell_line(w, 200, line, sizeof line);
	exits_with(w, 0);
	told(w, MAIN, 0);
	all_observed(w);
	is_drawn(w, "100(200:0!0)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_their_words), cmocka_unit_test(popen_by_words), cmocka_unit_test(same_words), cmocka_unit_test(same_words_by_status),
		cmocka_unit_test(too_early), cmocka_unit_test(one_is_silent), cmocka_unit_test(not_a_command), cmocka_unit_test(ends_untold), cmocka_unit_test(cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
