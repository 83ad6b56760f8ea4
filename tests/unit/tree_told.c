/* tests/unit/tree_told.c: the process tree: what each process inherited, and both writers. */
#include <jansson.h>
#include "trees.h"

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
	struct world *w = started();
	char *text;

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
		cmocka_unit_test(gifts), cmocka_unit_test(silence_is_no_proof), cmocka_unit_test(closed_unused), cmocka_unit_test(written),
		cmocka_unit_test(names_are_cleaned_once), cmocka_unit_test(deep), cmocka_unit_test(not_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
