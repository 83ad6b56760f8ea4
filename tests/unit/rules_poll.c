/* tests/unit/rules_poll.c: stale-rearm, ghost-event, close-in-use. */
#include <sys/epoll.h>
#include "builder.h"

enum { POLLER = 3, FD = 4, WORKER = 101, CLOSER = 102, OLD = 0xa0, NEW = 0xb0 };

static void ctl(struct world *w, unsigned op, int fd, uint32_t gen, uint64_t data, int err, uint32_t flags)
{
	uint32_t events = EPOLLIN | EPOLLONESHOT;

	send_event(w, "epoll_ctl", (struct fdw_event){ .op = FDW_OP_EPOLL_CTL, .kind = FDW_KIND_EPOLL, .fd = POLLER, .gen = 1, .fd2 = fd,
		.gen2 = gen, .ret = err ? -1 : 0, .err = err, .arg = data, .flags = op << FDW_F_USER_SHIFT | flags,
		.detail = (const uint8_t *)&events, .detail_len = sizeof events });
}

static void delivered(struct world *w, uint64_t data)
{
	struct fdw_delivery d = { .data = data, .events = EPOLLIN, .fd = -1 };

	send_event(w, "epoll_wait", (struct fdw_event){ .op = FDW_OP_DELIVERED, .kind = FDW_KIND_EPOLL, .fd = POLLER, .gen = 1, .fd2 = -1,
		.ret = 1, .detail = (const uint8_t *)&d, .detail_len = sizeof d });
}

/* A poller, one registration, a worker and a closer. */
static struct world *registered_as(uint64_t data)
{
	struct world *w = started();

	for (uint32_t tid = WORKER; tid <= CLOSER; tid++) {
		at(w, 100, tid);
		hello(w, "thread");
	}
	at(w, 100, 100);
	opens_as(w, POLLER, 1, FDW_KIND_EPOLL, FDW_F_CLOEXEC);
	opens_as(w, FD, 1, FDW_KIND_CONN, FDW_F_CLOEXEC);
	here(w, 2);
	ctl(w, EPOLL_CTL_ADD, FD, 1, data, 0, 0);
	return w;
}

static struct world *with_registration(void) { return registered_as(OLD); }

static void finishes(struct world *w)
{
	at(w, 100, 100);
	closes(w, POLLER, 1);
	exits(w);
}

static const struct finding *first(struct world *w)
{
	finish(w);
	assert_non_null(findings_first(w->findings));
	return findings_first(w->findings);
}

/* Delivered to the main thread, closed by the closer, the number given to another and registered: all but the re-arm. */
static struct world *reused_as(uint64_t old, uint64_t live, uint32_t flags)
{
	struct world *w = registered_as(old);

	w->flags = flags;
	delivered(w, old);
	at(w, 100, CLOSER);
	here(w, 3);
	closes(w, FD, 1);
	at(w, 100, 100);
	here(w, 4);
	opens_as(w, FD, 2, FDW_KIND_CONN, FDW_F_CLOEXEC);
	ctl(w, EPOLL_CTL_ADD, FD, 2, live, 0, 0);
	here(w, 5);
	return w;
}

static struct world *reused(void) { return reused_as(OLD, NEW, FDW_F_MULTI); }

static void went_through(void **state)
{
	static const enum role roles[] = { ROLE_OPENED, ROLE_ARMED, ROLE_DELIVERED, ROLE_CLOSED, ROLE_REUSED, ROLE_REARMED };
	struct world *w = reused();
	const struct finding *f;

	at(w, 100, WORKER);
	ctl(w, EPOLL_CTL_MOD, FD, 2, OLD, 0, 0);
	at(w, 100, 100);
	closes(w, FD, 2);
	finishes(w);
	f = first(w);
	assert_int_equal(f->nstacks, 6);
	for (int i = 0; i < 6; i++)
		assert_int_equal(f->stacks[i].role, roles[i]);
	assert_int_equal(f->confidence, CONFIDENCE_STRONG);
	assert_int_equal(f->generation, 1);
	assert_string_equal(f->stacks[5].call, "epoll_ctl(3, EPOLL_CTL_MOD, 4) = 0");
	expect(w, "stale-rearm/error=1");
}

/* Who does it tells: the closer, and who registered the new one, know what they do, when they have waited since; memory is used again. */
static void records_used_again(void **state)
{
	static const uint32_t by[] = { 100, CLOSER };

	for (size_t i = 0; i < 2; i++) {
		struct world *w = reused();
		delivered(w, NEW);
		at(w, 100, by[i]);
		ctl(w, EPOLL_CTL_MOD, FD, 2, OLD, 0, 0);
		at(w, 100, 100);
		closes(w, FD, 2);
		finishes(w);
		expect(w, "");
	}
}

/* One thread: it closes and opens while it goes through its events, and then comes to the old one's. */
static void in_one_batch(void **state)
{
	struct world *w = with_registration();

	delivered(w, OLD);
	closes(w, FD, 1);
	opens_as(w, FD, 2, FDW_KIND_CONN, FDW_F_CLOEXEC);
	ctl(w, EPOLL_CTL_ADD, FD, 2, NEW, 0, 0);
	ctl(w, EPOLL_CTL_MOD, FD, 2, OLD, 0, 0);
	closes(w, FD, 2);
	finishes(w);
	expect(w, "stale-rearm/error=1");
}

/* It has waited since, which is said with its next event; what came, if anything, was its only event. */
static void waited_since(void **state)
{
	struct world *w = with_registration();

	delivered(w, OLD);
	closes(w, FD, 1);
	opens_as(w, FD, 2, FDW_KIND_CONN, FDW_F_CLOEXEC);
	ctl(w, EPOLL_CTL_ADD, FD, 2, NEW, 0, FDW_F_WAITED);
	ctl(w, EPOLL_CTL_MOD, FD, 2, OLD, 0, 0);
	closes(w, FD, 2);
	finishes(w);
	expect(w, "");
}

/* It was registered when the process had one thread, which is not told of an event that comes alone: somebody may have that. */
static void before_there_were_threads(void **state)
{
	struct world *w = reused_as(OLD, NEW, 0);

	at(w, 100, WORKER);
	w->flags = FDW_F_MULTI;
	ctl(w, EPOLL_CTL_MOD, FD, 2, OLD, 0, 0);
	at(w, 100, 100);
	closes(w, FD, 2);
	finishes(w);
	expect(w, "");
}

/* An acceptor registers with one record, and the worker that gets the event re-arms with another, whose memory was used before. */
static void handed_to_a_worker(void **state)
{
	struct world *w = reused();

	at(w, 100, WORKER);
	delivered(w, NEW);
	ctl(w, EPOLL_CTL_MOD, FD, 2, OLD, 0, 0);
	at(w, 100, 100);
	closes(w, FD, 2);
	finishes(w);
	expect(w, "");
}

/* Never delivered: nobody holds an event of the old one. */
static void not_delivered(void **state)
{
	struct world *w = with_registration();

	at(w, 100, CLOSER);
	closes(w, FD, 1);
	at(w, 100, 100);
	opens_as(w, FD, 2, FDW_KIND_CONN, FDW_F_CLOEXEC);
	ctl(w, EPOLL_CTL_ADD, FD, 2, NEW, 0, 0);
	at(w, 100, WORKER);
	ctl(w, EPOLL_CTL_MOD, FD, 2, OLD, 0, 0);
	closes(w, FD, 2);
	finishes(w);
	expect(w, "");
}

/* The same data for several: a loop's pointer, a plain number. */
static void same_data(void **state)
{
	struct world *w = with_registration();

	delivered(w, OLD);
	at(w, 100, CLOSER);
	closes(w, FD, 1);
	at(w, 100, 100);
	opens_as(w, FD, 2, FDW_KIND_CONN, FDW_F_CLOEXEC);
	ctl(w, EPOLL_CTL_ADD, FD, 2, OLD, 0, 0);
	at(w, 100, WORKER);
	ctl(w, EPOLL_CTL_MOD, FD, 2, OLD, 0, 0);
	closes(w, FD, 2);
	finishes(w);
	expect(w, "");
}

/* As Erlang does: epoll_data's fd is set, and above it is what lay there. */
static void data_half_set(void **state)
{
	struct world *w = reused_as(UINT64_C(0x100000000) | FD, UINT64_C(0x559900000000) | FD, FDW_F_MULTI);

	at(w, 100, WORKER);
	ctl(w, EPOLL_CTL_MOD, FD, 2, UINT64_C(0x100000000) | FD, 0, 0);
	at(w, 100, 100);
	closes(w, FD, 2);
	finishes(w);
	expect(w, "");
}

static void rearm_closed(struct world *w, uint32_t flags)
{
	use_fails(w, "epoll_ctl", FD, 1);
	ctl(w, EPOLL_CTL_MOD, FD, 1, OLD, EBADF, FDW_F_KNOWN_CLOSED | flags);
}

/* EBADF by the kernel: harmless, and no use after close beside it. */
static void refused_by_kernel(void **state)
{
	struct world *w = with_registration();

	closes(w, FD, 1);
	rearm_closed(w, 0);
	finishes(w);
	assert_string_equal(first(w)->kind, "harmless");
	expect(w, "stale-rearm/note=1");
}

/* A tombstone, and somebody was given another number meanwhile. */
static void refused_by_us(void **state)
{
	struct world *w = with_registration();

	closes(w, FD, 1);
	opens_as(w, 9, 1, FDW_KIND_CONN, FDW_F_CLOEXEC);
	rearm_closed(w, FDW_F_INVENTED);
	closes(w, 9, 1);
	finishes(w);
	assert_string_equal(first(w)->kind, "refused");
	expect(w, "stale-rearm/error=1");
}

/* A tombstone, but nobody wanted the number. */
static void refused_unwanted(void **state)
{
	struct world *w = with_registration();

	closes(w, FD, 1);
	rearm_closed(w, FDW_F_INVENTED);
	finishes(w);
	expect(w, "stale-rearm/note=1");
}

/* Another thread was closing it: its close is read later. */
static void refused_while_closing(void **state)
{
	struct world *w = with_registration();

	at(w, 100, WORKER);
	ctl(w, EPOLL_CTL_MOD, FD, 1, OLD, EBADF, FDW_F_KNOWN_CLOSED | FDW_F_INVENTED);
	at(w, 100, CLOSER);
	closes(w, FD, 1);
	finishes(w);
	expect(w, "stale-rearm/error=1");
}

/* Adding a closed number that never was in a poller is a use after close. */
static void never_registered(void **state)
{
	struct world *w = with_registration();

	opens_as(w, 9, 1, FDW_KIND_CONN, FDW_F_CLOEXEC);
	closes(w, 9, 1);
	use_fails(w, "epoll_ctl", 9, 1);
	ctl(w, EPOLL_CTL_ADD, 9, 1, 9, EBADF, FDW_F_KNOWN_CLOSED);
	closes(w, FD, 1);
	finishes(w);
	expect(w, "use-after-close/error=1");
}

static struct world *reused_unregistered(void)
{
	struct world *w = with_registration();

	closes(w, FD, 1);
	opens_as(w, FD, 2, FDW_KIND_CONN, FDW_F_CLOEXEC);
	ctl(w, EPOLL_CTL_MOD, FD, 2, OLD, ENOENT, 0);
	return w;
}

static void mod_made_add(void **state)
{
	struct world *w = reused_unregistered();

	ctl(w, EPOLL_CTL_ADD, FD, 2, OLD, 0, 0);
	closes(w, FD, 2);
	finishes(w);
	expect(w, "");
}

static void mod_left_at_that(void **state)
{
	struct world *w = reused_unregistered();

	closes(w, FD, 2);
	finishes(w);
	expect(w, "stale-rearm/note=1");
}

/* Another thread's ADD is not this one's. */
static void added_by_another(void **state)
{
	struct world *w = reused_unregistered();

	at(w, 100, WORKER);
	ctl(w, EPOLL_CTL_ADD, FD, 2, NEW, 0, 0);
	closes(w, FD, 2);
	finishes(w);
	expect(w, "stale-rearm/note=1");
}

/* Closed by the main thread; a child has the description. */
static struct world *outlived(void)
{
	struct world *w = with_registration();

	forks(w, 200);
	fork_child(w, 200, 100);
	back_to(w, 100);
	closes(w, FD, 1);
	return w;
}

static void used_on_the_closed_number(void **state)
{
	struct world *w = outlived();
	const struct finding *f;

	delivered(w, OLD);
	use_fails(w, "read", FD, 1);
	finishes(w);
	for (f = first(w); f && strcmp(f->rule->id, "ghost-event"); f = f->next)
		;
	assert_non_null(f);
	assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
	assert_int_equal(f->stacks[f->nstacks - 1].role, ROLE_USED);
	expect(w, "use-after-close/error=1 ghost-event/warning=1");
}

/* A wait later, the use is no answer to that event. */
static void used_later(void **state)
{
	struct world *w = outlived();

	delivered(w, OLD);
	delivered(w, 77);
	use_fails(w, "read", FD, 1);
	finishes(w);
	expect(w, "use-after-close/error=1");
}

static void ghosts(struct world *w, int n)
{
	for (int i = 0; i < n; i++)
		delivered(w, OLD);
}

static void unserved(void **state)
{
	struct world *w = outlived();

	ghosts(w, 40);
	finishes(w);
	expect(w, "ghost-event/warning=40");
}

static void a_few_are_nothing(void **state)
{
	struct world *w = outlived();

	ghosts(w, 3);
	finishes(w);
	expect(w, "");
}

static void served_by_a_duplicate(void **state)
{
	struct world *w = with_registration();

	send_event(w, "dup", (struct fdw_event){ .op = FDW_OP_DUP, .fd = 9, .gen = 1, .fd2 = FD, .gen2 = 1, .ret = 9, .flags = FDW_F_CLOEXEC });
	closes(w, FD, 1);
	ghosts(w, 40);
	closes(w, 9, 1);
	finishes(w);
	expect(w, "");
}

/* Nobody has it: a stranger was armed with this data, which we did not understand. */
static void nobody_has_it(void **state)
{
	struct world *w = with_registration();

	closes(w, FD, 1);
	ghosts(w, 40);
	finishes(w);
	expect(w, "");
}

/* The data belongs to a living one as well. */
static void data_of_the_living(void **state)
{
	struct world *w = with_registration();

	opens_as(w, 9, 1, FDW_KIND_CONN, FDW_F_CLOEXEC);
	ctl(w, EPOLL_CTL_ADD, 9, 1, OLD, 0, 0);
	forks(w, 200);
	fork_child(w, 200, 100);
	back_to(w, 100);
	closes(w, FD, 1);
	ghosts(w, 40);
	closes(w, 9, 1);
	finishes(w);
	expect(w, "");
}

/* Taken out in time. */
static void deleted_before(void **state)
{
	struct world *w = with_registration();

	forks(w, 200);
	fork_child(w, 200, 100);
	back_to(w, 100);
	ctl(w, EPOLL_CTL_DEL, FD, 1, 0, 0, 0);
	closes(w, FD, 1);
	ghosts(w, 40);
	finishes(w);
	expect(w, "");
}

/* One wait of another thread's may have begun before the close. */
static void one_delivery_to_another_thread(void **state)
{
	struct world *w = outlived();

	at(w, 100, WORKER);
	delivered(w, OLD);
	use_fails(w, "read", FD, 1);
	finishes(w);
	expect(w, "use-after-close/error=1");
}

static void in_use(struct world *w, uint32_t gen)
{
	send_event(w, "read", (struct fdw_event){ .op = FDW_OP_IN_USE, .fd = FD, .gen = gen, .fd2 = WORKER });
}

static void closed_in_use(void **state)
{
	struct world *w = with_registration();
	const struct finding *f;

	in_use(w, 1);
	closes(w, FD, 1);
	finishes(w);
	f = first(w);
	assert_int_equal(f->nstacks, 3);
	assert_int_equal(f->stacks[1].role, ROLE_USED);
	assert_int_equal(f->stacks[1].at.tid, WORKER);
	assert_string_equal(f->stacks[1].call, "read(4)");
	assert_int_equal(f->stacks[2].role, ROLE_CLOSED);
	expect(w, "close-in-use/warning=1");
}

/* The close that was announced did not come. */
static void another_close(void **state)
{
	struct world *w = with_registration();

	in_use(w, 1);
	closes(w, POLLER, 1);
	closes(w, FD, 1);
	exits(w);
	expect(w, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(went_through), cmocka_unit_test(records_used_again), cmocka_unit_test(in_one_batch), cmocka_unit_test(waited_since), cmocka_unit_test(before_there_were_threads), cmocka_unit_test(handed_to_a_worker), cmocka_unit_test(not_delivered), cmocka_unit_test(same_data), cmocka_unit_test(data_half_set),
		cmocka_unit_test(refused_by_kernel), cmocka_unit_test(refused_by_us), cmocka_unit_test(refused_unwanted),
		cmocka_unit_test(refused_while_closing), cmocka_unit_test(never_registered), cmocka_unit_test(mod_made_add),
		cmocka_unit_test(mod_left_at_that), cmocka_unit_test(added_by_another), cmocka_unit_test(used_on_the_closed_number),
		cmocka_unit_test(used_later), cmocka_unit_test(unserved), cmocka_unit_test(a_few_are_nothing),
		cmocka_unit_test(served_by_a_duplicate), cmocka_unit_test(nobody_has_it), cmocka_unit_test(data_of_the_living),
		cmocka_unit_test(deleted_before), cmocka_unit_test(one_delivery_to_another_thread), cmocka_unit_test(closed_in_use),
		cmocka_unit_test(another_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
