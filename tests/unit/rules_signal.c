/* tests/unit/rules_signal.c: the rules about signal stacks and handlers; which kernels have the signal-vector bug. */
#include <signal.h>
#include "builder.h"

static void kernels(void **state)
{
	static const struct { const char *release; int has; } table[] = {
		{ "5.1.21", 0 }, { "5.2.0", 1 }, { "5.2.21-generic", 1 }, { "5.3.0", 1 }, { "5.3.0-1018-aws", 1 }, { "5.3.14", 1 }, { "5.3.14-300.fc31.x86_64", 1 },
		{ "5.3.15", 0 }, { "5.3.18-lp152", 0 }, { "5.4.0-42-generic", 1 }, { "5.4.1", 1 }, { "5.4.2", 0 }, { "5.4.10", 0 }, { "5.5.0", 0 }, { "5.20.0", 0 },
		{ "5.10.0-8-amd64", 0 }, { "4.19.0", 0 }, { "6.18.44", 0 }, { "15.2.0", 0 }, { "", 0 }, { "5", 0 }, { "5.3", 1 }, { "5.4-rc1", 1 }, { "x", 0 },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (fdw_kernel_vector_bug(table[i].release) != table[i].has)
			fail_msg("%s", table[i].release);
}

static struct world *with_thread(void)
{
	struct world *w = started();

	at(w, 100, 101);
	hello(w, "thread");
	here(w, 2);
	return w;
}

static void installs(struct world *w, int64_t size, uint32_t minimum, int outcome, int err, const char *release)
{
	send_event(w, "sigaltstack", (struct fdw_event){ .op = FDW_OP_SIGSTACK, .fd = outcome, .fd2 = 64, .gen = minimum, .arg = 0x7000, .ret = size, .err = err,
		.flags = 1u << FDW_F_USER_SHIFT,
		.detail = (const uint8_t *)release, .detail_len = (uint32_t)strlen(release) });
}

static void installs_good(struct world *w) { installs(w, 65536, 3632, FDW_SIGSTACK_PINNED, 0, "6.1.0"); }

static void loses(struct world *w, const char *call, uint32_t tid)
{
	send_event(w, call, (struct fdw_event){ .op = FDW_OP_SIGSTACK_LOST, .fd = -1, .fd2 = (int)tid, .arg = 0x7000, .ret = 65536 });
}

static void handles(struct world *w, int sig, int is_handler, int onstack)
{
	send_event(w, "sigaction", (struct fdw_event){ .op = FDW_OP_SIGNAL_HANDLER, .fd = sig, .fd2 = -1, .arg = is_handler ? 0x1234 : 0,
		.flags = (uint32_t)onstack << FDW_F_USER_SHIFT });
}

static void sizes(void **state)
{
	static const struct { int64_t size; uint32_t needs; const char *found; } table[] = {
		{ 2048, 1776, "sigstack-too-small/warning=1" }, { 8192, 1776, "" }, { 8192, 3632, "" }, { 4096, 3632, "sigstack-too-small/warning=1" },
		{ 8192, 11952, "sigstack-too-small/warning=1" }, { 2048, 0, "" }, { 4656, 3632, "" }, { 4655, 3632, "sigstack-too-small/warning=1" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct world *w = with_thread();
		installs(w, table[i].size, table[i].needs, FDW_SIGSTACK_PINNED, 0, "6.1.0");
		expect(w, table[i].found);
	}
}

/* Sure is what is below the kernel's part; what a handler needs is a judgement; and where only the most is known, nothing is sure. */
static void sizes_are_as_sure(void **state)
{
	static const struct { int64_t size; int known; enum confidence c; } table[] = {
		{ 3631, 1, CONFIDENCE_CERTAIN }, { 3632, 1, CONFIDENCE_STRONG }, { 3631, 0, CONFIDENCE_POSSIBLE }, { 2048, 0, CONFIDENCE_POSSIBLE },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct world *w = with_thread();
		send_event(w, "sigaltstack", (struct fdw_event){ .op = FDW_OP_SIGSTACK, .gen = 3632, .arg = 0x7000, .ret = table[i].size,
			.flags = (uint32_t)table[i].known << FDW_F_USER_SHIFT });
		finish(w);
		assert_non_null(findings_first(w->findings));
		assert_int_equal(findings_first(w->findings)->confidence, table[i].c);
		world_free(w);
	}
}

static void lost(void **state)
{
	struct world *w = with_thread();
	const struct finding *f;

	installs_good(w);
	loses(w, "munmap", 101);
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_int_equal(f->nstacks, 2);
	assert_int_equal(f->stacks[0].role, ROLE_INSTALLED);
	assert_string_equal(f->stacks[1].call, "munmap(65536 bytes of thread 101)");
	expect(w, "sigstack-unmapped/error=1");
}

static void lost_to_another_thread(void **state)
{
	struct world *w = with_thread();

	installs_good(w);
	at(w, 100, 100);
	loses(w, "munmap", 101);
	finish(w);
	assert_string_equal(findings_first(w->findings)->kind, "another-thread");
	expect(w, "sigstack-unmapped/error=1");
}

static void found_installed_by_its_thread(void **state)
{
	struct world *w = with_thread();
	const struct finding *f;

	installs_good(w);
	send_event(w, "munmap", (struct fdw_event){ .op = FDW_OP_SIGSTACK_LOST, .fd = -1, .fd2 = 101, .gen = 100, .arg = 0x7000, .ret = 65536 });
	finish(w);
	f = findings_first(w->findings);
	assert_non_null(f);
	assert_string_equal(f->kind, "another-thread");
	assert_int_equal(f->stacks[0].at.tid, 101);
	assert_int_equal(f->stacks[1].at.tid, 100);
	expect(w, "sigstack-unmapped/error=1");
}

static void freed_before_its_thread_ended(void **state)
{
	struct world *w = with_thread();

	installs_good(w);
	loses(w, "none", 101);
	finish(w);
	assert_string_equal(findings_first(w->findings)->kind, "freed");
	expect(w, "sigstack-unmapped/error=1");
}

static void unpinned(void **state)
{
	struct world *w = with_thread();

	installs(w, 65536, 3632, FDW_SIGSTACK_TOUCHED, ENOMEM, "6.1.0");
	expect(w, "");
	w = with_thread();
	installs(w, 65536, 3632, FDW_SIGSTACK_TOUCHED, ENOMEM, "5.3.0-1018-aws");
	here(w, 3); /* elsewhere, too: once is enough */
	installs(w, 65536, 3632, FDW_SIGSTACK_TOUCHED, ENOMEM, "5.3.0-1018-aws");
	expect(w, "kernel-signal-vector-bug/warning=1 sigstack-unpinned/note=1");
	w = with_thread();
	installs(w, 65536, 3632, FDW_SIGSTACK_PINNED, 0, "5.3.0-1018-aws");
	expect(w, "kernel-signal-vector-bug/warning=1");
}

static void handler_off_stack(void **state)
{
	struct world *w = with_thread();

	handles(w, 10, 1, 0);
	installs_good(w);
	expect(w, "handler-off-stack/note=1");
	w = with_thread();
	installs_good(w);
	handles(w, 10, 1, 0);
	handles(w, 10, 1, 1); /* mended later: it was there meanwhile */
	expect(w, "handler-off-stack/note=1");
}

/* How many and which; and who sets another one has still the same finding. */
static void handlers_off_stack_are_one_note(void **state)
{
	char id[64] = "";

	for (int more = 0; more < 2; more++) {
		struct world *w = with_thread();
		const struct finding *f;

		installs_good(w);
		here(w, 3);
		for (int sig = 34; more && sig < 44; sig++)
			here(w, 4 + sig), handles(w, sig, 1, 0);
		handles(w, SIGUSR1, 1, 0);
		handles(w, SIGTERM, 1, 0);
		finish(w);
		f = findings_first(w->findings);
		assert_non_null(f);
		assert_non_null(strstr(f->message, more ? ": 12 (SIGRTMIN+0, " : ": 2 (SIGUSR1, SIGTERM)"));
		assert_int_equal(f->nstacks, more ? FINDING_STACKS : 2);
		assert_true(!more || !strcmp(id, f->id));
		strcpy(id, f->id);
		expect(w, "handler-off-stack/note=1");
	}
}

/* No thread has one any more when the handler is set. */
static void handlers_without_stacks(void **state)
{
	struct world *w = with_thread();

	installs_good(w);
	installs(w, 0, 3632, FDW_SIGSTACK_LEFT, 0, "6.1.0");
	handles(w, 10, 1, 0);
	expect(w, "");
	w = with_thread();
	installs_good(w);
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_THREAD_EXIT, .fd = -1 });
	at(w, 100, 100);
	handles(w, 10, 1, 0);
	expect(w, "");
	w = with_thread();
	installs_good(w);
	handles(w, 10, 1, 0);
	installs(w, 0, 3632, FDW_SIGSTACK_LEFT, 0, "6.1.0"); /* too late */
	expect(w, "handler-off-stack/note=1");
}

static void handlers_in_their_place(void **state)
{
	struct world *w = with_thread();

	handles(w, 10, 1, 0);
	handles(w, 10, 1, 1);
	handles(w, 12, 1, 0);
	handles(w, 12, 0, 0);
	installs_good(w);
	handles(w, 13, 0, 0);
	handles(w, 14, 1, 1);
	expect(w, "");
	w = with_thread();
	handles(w, 10, 1, 0);
	expect(w, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels), cmocka_unit_test(sizes), cmocka_unit_test(sizes_are_as_sure), cmocka_unit_test(lost), cmocka_unit_test(lost_to_another_thread),
		cmocka_unit_test(found_installed_by_its_thread),
		cmocka_unit_test(freed_before_its_thread_ended), cmocka_unit_test(unpinned), cmocka_unit_test(handler_off_stack),
		cmocka_unit_test(handlers_in_their_place),
		cmocka_unit_test(handlers_off_stack_are_one_note), cmocka_unit_test(handlers_without_stacks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
