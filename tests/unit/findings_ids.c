/* tests/unit/findings_ids.c: ids stay the same from run to run, findings with the same stacks are one, the worst comes first. */
#include "builder.h"

/* A double close in a process with this pid, at this time, loaded at this address. */
static const char *id_of(uint32_t pid, uint64_t now, uint64_t base, const char *program, uint32_t place)
{
	static char ids[8][64];
	static unsigned next;
	char *id = ids[next++ % 8];
	struct world *w = world_new();

	w->now = now;
	w->base = base;
	w->program = program;
	starts(w, pid, 1, 7);
	opens(w, 3, 1);
	here(w, place);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	finish(w);
	assert_non_null(findings_first(w->findings));
	strcpy(id, findings_first(w->findings)->id);
	world_free(w);
	return id;
}

static void same_in_another_run(void **state)
{
	const char *a = id_of(100, START, 0x400000, "/usr/bin/prog", 5);

	assert_string_equal(a, id_of(4711, START + 5 * SECOND, 0x7f0012300000, "/usr/bin/prog", 5));
	assert_string_equal(a, id_of(100, START, 0x400000, "/home/me/build/prog", 5)); /* built elsewhere */
	assert_string_not_equal(a, id_of(100, START, 0x400000, "/usr/bin/prog", 6));
	assert_string_not_equal(a, id_of(100, START, 0x400000, "/usr/bin/other", 5));
	assert_int_equal(strlen(a), strlen("double-close-xxxxxxxx"));
}

/* Workers of one program make the same mistake: one finding. */
static void processes_share_a_finding(void **state)
{
	struct world *w = world_new();

	for (uint32_t pid = 100; pid < 103; pid++) {
		w->base = 0x400000 + pid * 0x1000000ull;
		starts(w, pid, 1, pid);
		opens(w, 3, 1);
		closes(w, 3, 1);
		close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
		exits(w);
	}
	expect(w, "double-close/error=3");
}

static void worst_first(void **state)
{
	struct world *w = started();

	opens(w, 3, 1);
	here(w, 2);
	for (int fd = 10; fd < 13; fd++)
		opens(w, fd, 1);
	here(w, 3);
	opens(w, 4, 1);
	closes(w, 4, 1);
	use_fails(w, "read", 4, 1);
	exits(w);
	expect(w, "use-after-close/error=1 fd-leak/note=3 fd-leak/note=1");
}

/* A stack defined after the event that names it, its module after the stack. */
static void definitions_come_late(void **state)
{
	struct world *w = world_new();
	const struct place *p;
	const struct finding *f;

	at(w, 100, 100);
	hello(w, "prog");
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_PROC_START, .fd = 1, .fd2 = 1, .arg = 7 });
	w->stack = 9;
	opens(w, 3, 1);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	define_stack(w, 9);
	define_module(w, "/usr/bin/prog");
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_int_equal(stack_places(f->stacks[0].at.stack, &p), 2);
	assert_non_null(p[0].module);
	assert_string_equal(p[0].module->path, "/usr/bin/prog");
	assert_int_equal(p[0].offset, 9 * 16);
	world_free(w);
}

/* After dlclose the addresses belong to another library. */
static void modules_change(void **state)
{
	struct world *w = started();
	const struct place *p;

	opens(w, 3, 1);
	send_event(w, "dlclose", (struct fdw_event){ .op = FDW_OP_MODULES, .fd = -1, .fd2 = -1 });
	define_module(w, "/usr/lib/libnew.so");
	here(w, 33);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	finish(w);
	stack_places(findings_first(w->findings)->stacks[0].at.stack, &p);
	assert_string_equal(p[0].module->path, "/usr/bin/prog");
	stack_places(findings_first(w->findings)->stacks[1].at.stack, &p);
	assert_string_equal(p[0].module->path, "/usr/lib/libnew.so");
	world_free(w);
}

/* The interposer's own frames never show. */
static void our_frames_are_dropped(void **state)
{
	struct world *w = started();
	uint64_t frames[] = { 0x900010, 0x400050 };
	struct record stack = { .type = RECORD_STACK }, module = { .type = RECORD_MODULE };
	const struct finding *f;

	module.module = (struct fdw_module){ .pid = 100, .base = 0x900000, .start = 0x900000, .end = 0x910000,
		.path = "/x/libfdwarden.so" };
	feed(w, &module);
	stack.stack = (struct fdw_stack){ .pid = 100, .id = 77, .depth = 2, .frames = frames };
	feed(w, &stack);
	w->stack = 77;
	opens(w, 3, 1);
	closes(w, 3, 1);
	close_fails(w, 3, 1, FDW_F_KNOWN_CLOSED, 1);
	finish(w);
	f = findings_first(w->findings);
	assert_int_equal(f->stacks[0].frames.n, 1);
	assert_string_equal(f->stacks[0].frames.at[0].module, "/usr/bin/prog");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_in_another_run), cmocka_unit_test(processes_share_a_finding), cmocka_unit_test(worst_first),
		cmocka_unit_test(definitions_come_late), cmocka_unit_test(modules_change), cmocka_unit_test(our_frames_are_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
