/* tests/unit/rules_owner.c: foreign-close from history: culprit and victim told apart, or not told. */
#include "builder.h"

enum { FD = 4, CULPRIT = 101, VICTIM = 102 };

static struct world *with_threads(void)
{
	struct world *w = started();

	for (uint32_t tid = CULPRIT; tid <= VICTIM; tid++) {
		at(w, 100, tid);
		hello(w, "thread");
	}
	return w;
}

static void opens_there(struct world *w, uint32_t tid, uint32_t place, uint32_t gen)
{
	at(w, 100, tid);
	here(w, place);
	opens(w, FD, gen);
}

static void closes_there(struct world *w, uint32_t tid, uint32_t place, uint32_t gen)
{
	at(w, 100, tid);
	here(w, place);
	closes(w, FD, gen);
}

static void fails_there(struct world *w, uint32_t tid, uint32_t place, uint32_t gen)
{
	at(w, 100, tid);
	here(w, place);
	use_fails(w, "write", FD, gen);
}

static const struct finding *foreign(struct world *w)
{
	const struct finding *f;

	finish(w);
	for (f = findings_first(w->findings); f && strcmp(f->rule->id, "foreign-close"); f = f->next)
		;
	assert_non_null(f);
	return f;
}

static void cleanup_ran_twice(void **state)
{
	static const enum role roles[] = { ROLE_OPENED, ROLE_CLOSED, ROLE_REUSED, ROLE_CLOSED, ROLE_USED };
	struct world *w = with_threads();
	const struct finding *f;

	opens_there(w, CULPRIT, 2, 1);
	closes_there(w, CULPRIT, 3, 1);
	opens_there(w, VICTIM, 4, 2);
	closes_there(w, CULPRIT, 3, 2);
	fails_there(w, VICTIM, 5, 2);
	exits(w);
	f = foreign(w);
	assert_int_equal(f->nstacks, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(f->stacks[i].role, roles[i]);
	assert_int_equal(f->stacks[3].at.tid, CULPRIT);
	assert_int_equal(f->confidence, CONFIDENCE_STRONG);
	expect(w, "foreign-close/error=1");
}

/* The victim closes what is gone: that is no double close of his. */
static void victim_closes(void **state)
{
	struct world *w = with_threads();

	opens_there(w, CULPRIT, 2, 1);
	closes_there(w, CULPRIT, 3, 1);
	opens_there(w, VICTIM, 4, 2);
	closes_there(w, CULPRIT, 3, 2);
	at(w, 100, VICTIM);
	close_fails(w, FD, 2, FDW_F_KNOWN_CLOSED, 1);
	exits(w);
	expect(w, "foreign-close/error=1");
}

/* Closed by another place than the first time: it cannot be told. */
static void another_place(void **state)
{
	struct world *w = with_threads();

	opens_there(w, CULPRIT, 2, 1);
	closes_there(w, CULPRIT, 3, 1);
	opens_there(w, VICTIM, 4, 2);
	closes_there(w, CULPRIT, 6, 2);
	fails_there(w, VICTIM, 5, 2);
	exits(w);
	expect(w, "use-after-close/error=1 foreign-close/error=1?");
}

/* A worker closes what the main thread accepts, which is careless afterwards. */
static void workers_close(void **state)
{
	struct world *w = with_threads();

	for (uint32_t gen = 1; gen <= 3; gen++) {
		opens_there(w, VICTIM, 4, gen);
		closes_there(w, CULPRIT, 3, gen);
	}
	fails_there(w, VICTIM, 5, 3);
	exits(w);
	expect(w, "use-after-close/error=1");
}

static void first_hand_over(void **state)
{
	struct world *w = with_threads();

	opens_there(w, VICTIM, 4, 1);
	closes_there(w, CULPRIT, 3, 1);
	fails_there(w, VICTIM, 5, 1);
	exits(w);
	expect(w, "use-after-close/error=1");
}

/* Somebody else than the one who opened it fails. */
static void third_party(void **state)
{
	struct world *w = with_threads();

	opens_there(w, CULPRIT, 2, 1);
	closes_there(w, CULPRIT, 3, 1);
	opens_there(w, VICTIM, 4, 2);
	closes_there(w, CULPRIT, 3, 2);
	fails_there(w, 100, 5, 2);
	exits(w);
	expect(w, "use-after-close/error=1");
}

static void range_went_over_it(void **state)
{
	struct world *w = with_threads();

	opens_there(w, VICTIM, 4, 1);
	at(w, 100, CULPRIT);
	here(w, 3);
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE_RANGE, .fd = 3, .fd2 = 40 });
	send_event(w, "close_range", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = FD, .gen = 1, .fd2 = -1, .flags = FDW_F_RANGE });
	fails_there(w, VICTIM, 5, 1);
	exits(w);
	assert_string_equal(foreign(w)->kind, "range");
	expect(w, "foreign-close/error=1");
}

/* One thread: the places tell, when they have habits. */
static void places_have_habits(void **state)
{
	struct world *w = with_threads();
	uint32_t gen = 0;

	for (int i = 0; i < 3; i++) {
		opens_there(w, 100, 2, ++gen);
		closes_there(w, 100, 3, gen);
		opens_there(w, 100, 4, ++gen);
		closes_there(w, 100, 5, gen);
	}
	opens_there(w, 100, 2, ++gen);
	closes_there(w, 100, 3, gen);
	opens_there(w, 100, 4, ++gen);
	closes_there(w, 100, 3, gen);
	fails_there(w, 100, 6, gen);
	exits(w);
	expect(w, "foreign-close/error=1");
}

static void one_thread_once(void **state)
{
	struct world *w = with_threads();

	opens_there(w, 100, 2, 1);
	closes_there(w, 100, 3, 1);
	opens_there(w, 100, 4, 2);
	closes_there(w, 100, 5, 2);
	fails_there(w, 100, 6, 2);
	exits(w);
	expect(w, "use-after-close/error=1 foreign-close/error=1?");
}

enum { PROGRAM = 0x400000, LIBRARY = 0x7f0000000000 };

static void in_module(struct world *w, uint64_t base, uint32_t place)
{
	w->base = base;
	at(w, 100, 100);
	here(w, place);
}

/* One thread; a library closes what it opens, the program once what it had opened itself; then again, when the library has the number. */
static struct world *program_and_library(int hands_out)
{
	struct world *w = with_threads();
	uint32_t gen = 0;

	w->base = LIBRARY;
	define_module(w, "/usr/lib/libown.so");
	for (int i = 0; i < 3; i++) {
		in_module(w, LIBRARY, 12);
		opens(w, FD, ++gen);
		in_module(w, LIBRARY, 13);
		closes(w, FD, gen);
	}
	if (hands_out) {
		in_module(w, LIBRARY, 12);
		opens(w, FD, ++gen);
		in_module(w, PROGRAM, 7);
		closes(w, FD, gen);
	}
	in_module(w, PROGRAM, 4);
	opens(w, FD, ++gen);
	in_module(w, PROGRAM, 5);
	closes(w, FD, gen);
	in_module(w, LIBRARY, 12);
	opens(w, FD, ++gen);
	in_module(w, PROGRAM, 6);
	closes(w, FD, gen);
	in_module(w, LIBRARY, 14);
	use_fails(w, "write", FD, gen);
	exits(w);
	return w;
}

static void modules_close_their_own(void **state)
{
	struct world *w = program_and_library(0);

	assert_int_equal(foreign(w)->confidence, CONFIDENCE_STRONG);
	expect(w, "foreign-close/error=1");
}

/* It is known to hand descriptors out: then the program may be right. */
static void library_that_hands_out(void **state)
{
	expect(program_and_library(1), "use-after-close/error=1 foreign-close/error=1?");
}

/* Neither thread that closed nor the one that opened: the one that has it in a poller. */
static void who_armed_it_fails(void **state)
{
	struct world *w = with_threads();

	at(w, 100, 100);
	opens_as(w, 9, 1, FDW_KIND_EPOLL, 0);
	opens_there(w, CULPRIT, 2, 1);
	closes_there(w, CULPRIT, 3, 1);
	opens_there(w, 100, 4, 2);
	at(w, 100, VICTIM);
	send_event(w, "epoll_ctl", (struct fdw_event){ .op = FDW_OP_EPOLL_CTL, .fd = 9, .gen = 1, .fd2 = FD, .gen2 = 2, .kind = FDW_KIND_EPOLL,
		.arg = 7, .flags = 1u << FDW_F_USER_SHIFT, .detail = (const uint8_t[]){ 1, 0, 0, 0 }, .detail_len = 4 });
	closes_there(w, CULPRIT, 3, 2);
	fails_there(w, VICTIM, 5, 2);
	at(w, 100, 100);
	closes(w, 9, 1);
	exits(w);
	expect(w, "foreign-close/error=1");
}

/* A stream had it: whoever closes the stream is the victim. */
static void stream_had_it(void **state)
{
	struct world *w = with_threads();

	opens_there(w, CULPRIT, 2, 1);
	closes_there(w, CULPRIT, 3, 1);
	opens_there(w, VICTIM, 4, 2);
	send_event(w, "fopen", (struct fdw_event){ .op = FDW_OP_STREAM, .fd = FD, .gen = 2, .fd2 = -1, .arg = 0x1000 });
	closes_there(w, CULPRIT, 3, 2);
	at(w, 100, VICTIM);
	here(w, 5);
	send_event(w, "fclose", (struct fdw_event){ .op = FDW_OP_STALE_STREAM, .fd = FD, .fd2 = FD, .gen2 = 2, .arg = 0x1000, .flags = FDW_F_KNOWN_CLOSED });
	exits(w);
	expect(w, "foreign-close/error=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cleanup_ran_twice), cmocka_unit_test(victim_closes), cmocka_unit_test(another_place),
		cmocka_unit_test(workers_close), cmocka_unit_test(first_hand_over), cmocka_unit_test(third_party),
		cmocka_unit_test(range_went_over_it), cmocka_unit_test(places_have_habits), cmocka_unit_test(one_thread_once), cmocka_unit_test(modules_close_their_own),
		cmocka_unit_test(library_that_hands_out), cmocka_unit_test(who_armed_it_fails), cmocka_unit_test(stream_had_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
