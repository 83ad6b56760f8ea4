/* tests/unit/tree.c: the process tree: who is whose child, however the events come and whichever are missing; what each inherited; both writers. */
#include "builder.h"
#include <jansson.h>
#include "analyzer/report_tree.h"

static struct world *world(void)
{
	struct world *w = world_new();

	replay_keep_tree(w->replay);
	return w;
}

static void reaps(struct world *w, int64_t child, int status)
{
	send_event(w, "waitpid", (struct fdw_event){ .op = FDW_OP_REAPED, .fd = -1, .fd2 = -1, .ret = child, .arg = (uint64_t)status });
}

static void exits_with(struct world *w, int status)
{
	send_event(w, "_exit", (struct fdw_event){ .op = FDW_OP_EXIT, .fd = -1, .fd2 = -1, .ret = status });
	ends(w);
}

static void starts_child(struct world *w, uint8_t kind, int64_t ret, uint32_t why, const char *what, uint32_t us)
{
	send_event(w, kind == FDW_FORK_SPAWN ? "posix_spawn" : kind == FDW_FORK_POPEN ? "popen" : "system", (struct fdw_event){
		.op = FDW_OP_FORK, .fd = kind == FDW_FORK_POPEN ? 5 : -1, .fd2 = -1, .gen2 = kind == FDW_FORK_POPEN ? 1 : 0, .ret = ret, .kind = kind,
		.arg = why, .gen = us, .flags = why ? FDW_F_UNOBSERVED : 0, .detail = (const uint8_t *)what, .detail_len = (uint32_t)strlen(what) });
}

static void execs_unseen(struct world *w, const char *path, uint32_t why)
{
	send_event(w, "execve", (struct fdw_event){ .op = FDW_OP_EXEC, .fd = -1, .fd2 = -1, .ret = why, .flags = FDW_F_UNOBSERVED,
		.detail = (const uint8_t *)path, .detail_len = (uint32_t)strlen(path) });
}

/* "100(200*!0 300:3!768)": pid, * not observed, : what it said it exits with, ! what its parent was told; children in brackets. */
static char *draw(const struct node *n, char *p)
{
	p += sprintf(p, "%u%s", n->pid, n->unseen ? "*" : "");
	if (n->exits)
		p += sprintf(p, ":%d", n->said);
	if (n->reaped >= 0)
		p += sprintf(p, "!%d", n->reaped);
	if (!n->children)
		return p;
	*p++ = '(';
	for (const struct node *c = n->children; c; c = c->sibling) {
		p = draw(c, p);
		*p++ = c->sibling ? ' ' : ')';
	}
	*p = 0;
	return p;
}

static const char *drawn(struct world *w)
{
	static char text[4096];
	char *p = text;

	finish(w);
	*p = 0;
	for (const struct node *n = replay_tree(w->replay)->roots; n; n = n->sibling) {
		p = draw(n, p);
		if (n->sibling)
			p += sprintf(p, " | ");
	}
	return text;
}

#define is_drawn(w, text)                                                                                              \
	do {                                                                                                           \
		assert_string_equal(drawn(w), text);                                                                   \
		world_free(w);                                                                                         \
	} while (0)

/* ---- who is whose -----------------------------------------------------------------------------------------------------------------*/

static void five_events(void **state)
{
	struct world *w = world();
	const struct node *child;

	starts(w, 100, 1, 7);
	forks(w, 200);
	fork_child(w, 200, 100);
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
	assert_int_equal(replay_tree(w->replay)->roots->sibling->parent_pid, 77);
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
	struct world *w = world();

	starts(w, 100, 1, 7);
	forks(w, 200);
	fork_child(w, 200, 100);
	exits_with(w, 1);
	back_to(w, 100);
	reaps(w, 200, 1 << 8);
	forks(w, 200);
	reaps(w, 200, 9);
	finish(w);
	assert_int_equal(replay_tree(w->replay)->roots->children->sibling->kind, FDW_FORK_FORK);
	is_drawn(w, "100(200:1!256 200*!9)");
}

/* The wait for the first is read when the second has spoken. */
static void late_wait(void **state)
{
	struct world *w = world();

	starts(w, 100, 1, 7);
	forks(w, 200);
	fork_child(w, 200, 100);
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
	struct world *w = world();

	starts(w, 100, 1, 7);
	forks(w, 200);
	fork_child(w, 200, 100);
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

/* ---- inheritance -----------------------------------------------------------------------------------------------------------------------------*/

static void found_open(struct world *w, int fd, uint32_t flags)
{
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_STATE, .fd = fd, .fd2 = -1, .gen = 1, .kind = FDW_KIND_FILE,
		.flags = FDW_F_INHERITED | flags, .detail = (const uint8_t *)"/some/file", .detail_len = 10 });
}

static void runs_next(struct world *w, uint32_t pid, uint64_t start)
{
	execs(w);
	ends(w);
	w->program = "/bin/x";
	starts(w, pid, 100, start);
}

static void uses(struct world *w, int fd)
{
	send_event(w, "read", (struct fdw_event){ .op = FDW_OP_FIRST_USE, .fd = fd, .fd2 = -1, .gen = 1 });
}

static const struct gift *gift(const struct program *p, int fd)
{
	const struct gift *g = p->gifts;

	while (g && g->fd != fd)
		g = g->next;
	assert_non_null(g);
	return g;
}

#define is_gift(program, number, how, what)                                                                            \
	do {                                                                                                           \
		assert_int_equal(gift(program, number)->asked, how);                                                   \
		assert_string_equal(use_word(gift_use(gift(program, number))), what);                                  \
	} while (0)

/* 100 opens 3 and 4, each another file, and puts 5 in its place; 200 runs x, which uses 4, and x again, which uses 5. */
static struct world *passes_on(void)
{
	struct world *w = world();

	starts(w, 100, 1, 7);
	opens(w, 3, 1);
	opens(w, 4, 1);
	opens(w, 6, 1);
	send_event(w, "dup2", (struct fdw_event){ .op = FDW_OP_REPLACE, .fd = 5, .gen = 1, .fd2 = 6, .gen2 = 1, .ret = 5 });
	closes(w, 6, 1);
	forks(w, 200);
	fork_child(w, 200, 100);
	runs_next(w, 200, 9);
	for (int fd = 3; fd <= 5; fd++)
		found_open(w, fd, 0);
	uses(w, 4);
	runs_next(w, 200, 9);
	for (int fd = 3; fd <= 5; fd++)
		found_open(w, fd, fd == 3 ? FDW_F_NAMED : 0);
	uses(w, 5);
	return w;
}

static void gifts(void **state)
{
	struct world *w = passes_on();
	const struct program *first, *second;

	exits_with(w, 0);
	back_to(w, 100);
	exits_with(w, 0);
	finish(w);
	first = replay_tree(w->replay)->roots->children->programs->next;
	second = first->next;
	is_gift(first, 1, ASKED_STANDARD, "not-seen");
	is_gift(first, 3, ASKED_NOT, "never");
	is_gift(first, 4, ASKED_NOT, "used");
	is_gift(first, 5, ASKED_PLACED, "passed-on");
	is_gift(second, 3, ASKED_NAMED, "never");
	is_gift(second, 4, ASKED_NOT, "never");
	is_gift(second, 5, ASKED_PLACED, "used");
	assert_string_equal(gift(first, 3)->object, "/some/file");
	world_free(w);
}

/* Killed, it may have used it in an event that never came: so not even the program before it can be said never to. */
static void silence_is_no_proof(void **state)
{
	struct world *w = passes_on();
	const struct program *first;

	back_to(w, 100);
	exits_with(w, 0);
	finish(w);
	first = replay_tree(w->replay)->roots->children->programs->next;
	is_gift(first, 3, ASKED_NOT, "not-seen");
	is_gift(first->next, 3, ASKED_NAMED, "not-seen");
	is_gift(first->next, 5, ASKED_PLACED, "used");
	assert_non_null(strstr(gift(first, 3)->doubt, "not recorded to its end"));
	world_free(w);
}

static void closed_unused(void **state)
{
	struct world *w = passes_on();

	closes(w, 3, 1);
	exits_with(w, 0);
	finish(w);
	is_gift(replay_tree(w->replay)->roots->children->programs->next->next, 3, ASKED_NAMED, "closed");
	world_free(w);
}

/* ---- writers ---------------------------------------------------------------------------------------------------------------------------------*/

static char *document(struct world *w, enum format format)
{
	struct report_options o = { .format = format, .color = COLOR_NEVER, .tree = 1 };
	struct report r = { .options = &o, .coverage = replay_coverage(w->replay), .processes = replay_processes(w->replay), .findings = w->findings,
		.symbols = w->symbols, .tree = replay_tree(w->replay) };
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	(format == FORMAT_JSON ? report_json : report_text)(&r, out);
	fclose(out);
	return text;
}

static void written(void **state)
{
	struct world *w = passes_on();
	char *text;
	json_t *o, *tree, *n;

	exits_with(w, 3);
	back_to(w, 100);
	reaps(w, 200, 3 << 8);
	finish(w);
	text = document(w, FORMAT_TEXT);
	assert_non_null(strstr(text, "100 prog"));
	assert_non_null(strstr(text, "by 1, not recorded"));
	assert_non_null(strstr(text, "[0-2] "));
	assert_non_null(strstr(text, "not asked for"));
	assert_non_null(strstr(text, "exit 3"));
	assert_non_null(strstr(text, "not known: killed,"));
	free(text);
	text = document(w, FORMAT_JSON);
	o = json_loads(text, 0, NULL);
	tree = json_object_get(o, "tree");
	assert_int_equal(json_array_size(tree), 2);
	n = json_array_get(tree, 1);
	assert_int_equal(json_integer_value(json_object_get(n, "parent")), json_integer_value(json_object_get(json_array_get(tree, 0), "id")));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(n, "ending"), "status")), 3);
	assert_string_equal(json_string_value(json_object_get(json_object_get(n, "start"), "how")), "fork");
	assert_int_equal(json_array_size(json_object_get(n, "programs")), 3);
	json_decref(o);
	free(text);
	world_free(w);
}

static void names_are_cleaned_once(void **state)
{
	struct world *w = world();
	char *text;

	w->program = "/bin/e\033[31m\n";
	starts(w, 100, 1, 7);
	finish(w);
	text = document(w, FORMAT_TEXT);
	assert_non_null(strstr(text, "100 e\\x1b[31m\\x0a"));
	assert_null(strchr(text, '\033'));
	free(text);
	world_free(w);
}

/* A chain that is deeper than any screen is wide, and than a recursion could go. */
static void deep(void **state)
{
	enum { DEPTH = 2000 };
	struct world *w = world();
	char *text, *line;
	json_t *o;

	starts(w, 100, 1, 7);
	for (uint32_t pid = 1000; pid < 1000 + DEPTH; pid++) {
		forks(w, pid);
		fork_child(w, pid, w->pid);
	}
	finish(w);
	text = document(w, FORMAT_TEXT);
	line = strstr(text, "2999 ");
	assert_non_null(line);
	assert_non_null(strstr(line, "fork by 2998"));
	assert_true(strlen(text) < DEPTH * 400u);
	free(text);
	text = document(w, FORMAT_JSON);
	o = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "tree")), DEPTH + 1);
	json_decref(o);
	free(text);
	world_free(w);
}

static void not_asked_for(void **state)
{
	struct world *w = world_new();
	char *text;

	starts(w, 100, 1, 7);
	forks(w, 200);
	reaps(w, 200, 0);
	exits(w);
	finish(w);
	assert_null(replay_tree(w->replay));
	text = document(w, FORMAT_TEXT);
	assert_null(strstr(text, "PROCESS"));
	free(text);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_events), cmocka_unit_test(killed_while_it_exits), cmocka_unit_test(child_before_its_parents_word),
		cmocka_unit_test(waited_for_before_the_fork_is_said), cmocka_unit_test(lost_fork), cmocka_unit_test(orphans),
		cmocka_unit_test(pid_again_of_the_same_parent), cmocka_unit_test(pid_again_silent), cmocka_unit_test(late_wait), cmocka_unit_test(pid_again_of_another_parent),
		cmocka_unit_test(no_cycles), cmocka_unit_test(pid_namespaces), cmocka_unit_test(leaves), cmocka_unit_test(commands),
		cmocka_unit_test(gifts), cmocka_unit_test(silence_is_no_proof), cmocka_unit_test(closed_unused), cmocka_unit_test(written),
		cmocka_unit_test(names_are_cleaned_once), cmocka_unit_test(deep), cmocka_unit_test(not_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
