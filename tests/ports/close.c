/* tests/ports/close.c: what an association is tied to: number and file; close, dup, dup2, fork. */
#define _GNU_SOURCE
#include "suite.h"
#include <sys/socket.h>

TEST(closed_silent, "closed: no event, though a duplicate keeps the description")
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), copy = dup(p.r);

	associate(q, p.r, POLLIN, P(1));
	close(p.r);
	trigger(p);
	nothing(q);
	close(copy);
}

TEST(closed_queued, "closed while its event is queued: no event")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();
	unsigned n;

	for (int counted = 0; counted < 2; counted++) {
		int copy = dup(p.r);
		associate(q, p.r, POLLIN, P(1));
		trigger(p);
		if (counted)
			OK(port_getn(q, NULL, 0, &n, NULL));
		close(p.r);
		nothing(q);
		p.r = copy;
	}
}

TEST(reused, "number closed and opened again: nothing of the former file, everything of the new")
{
	struct pipe_pair a = pipe_new(), b = pipe_new();
	int q = port_new(), number = a.r, copy = dup(a.r);

	associate(q, number, POLLIN, P(1));
	trigger(a);
	SAME(dup2(b.r, number), number);
	nothing(q);
	associate(q, number, POLLIN, P(2));
	trigger(a);
	nothing(q);
	trigger(b);
	is_fd(q, number, POLLIN, P(2));
	close(copy);
}

TEST(reused_regular, "number becomes a regular file and back")
{
	struct pipe_pair a = pipe_new(), b = pipe_new();
	int q = port_new(), f = open("/", O_RDONLY);

	trigger(a);
	associate(q, a.r, POLLIN, P(1));
	SAME(dup2(f, a.r), a.r);
	nothing(q);
	associate(q, a.r, POLLIN, P(2));
	is_fd(q, a.r, POLLIN, P(2));
	associate(q, a.r, POLLIN, P(3));
	SAME(dup2(b.r, a.r), a.r);
	nothing(q);
	associate(q, a.r, POLLIN, P(4));
	trigger(b);
	is_fd(q, a.r, POLLIN, P(4));
}

TEST(duplicates, "a duplicate is an association of its own")
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), copy = dup(p.r);

	associate(q, p.r, POLLIN, P(1));
	associate(q, copy, POLLIN, P(2));
	trigger(p);
	port_event_t a = one(q), b = one(q);
	CHECK(a.portev_object != b.portev_object);
	CHECK(a.portev_user == (a.portev_object == (uintptr_t)copy ? P(2) : P(1)));
	nothing(q);
	associate(q, p.r, POLLIN, P(3));
	associate(q, copy, POLLIN, P(4));
	OK(port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r));
	is_fd(q, copy, POLLIN, P(4));
}

TEST(dup2_same, "dup2 onto itself leaves the association")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();

	associate(q, p.r, POLLIN, P(1));
	SAME(dup2(p.r, p.r), p.r);
	trigger(p);
	is_fd(q, p.r, POLLIN, P(1));
}

TEST(moved, "dissociate of a number that is another file now: ENOENT; the new one's association is untouched")
{
	struct pipe_pair a = pipe_new(), b = pipe_new();
	int q = port_new();

	associate(q, a.r, POLLIN, P(1));
	SAME(dup2(b.r, a.r), a.r);
	FAILS(ENOENT, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)a.r));
	associate(q, a.r, POLLIN, P(2));
	trigger(b);
	is_fd(q, a.r, POLLIN, P(2));
}

TEST(port_duplicates, "a duplicate of a port is the port; so after the first number is closed, and in poll")
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), copy = dup(q), high = fcntl(q, F_DUPFD_CLOEXEC, 50);

	associate(copy, p.r, POLLIN, P(1));
	OK(port_send(high, 5, NULL));
	SAME(one(q).portev_events, 5);
	close(q);
	trigger(p);
	is_fd(high, p.r, POLLIN, P(1));
	for (int i = 0; i < 40; i++) /* numbers come and go, the port stays */
		close(port_new());
	associate(copy, p.r, POLLIN, P(2));
	is_fd(high, p.r, POLLIN, P(2));
}

TEST(port_over_port, "dup2 of one port over another: the number is the other now")
{
	struct pipe_pair p = pipe_new();
	int a = port_new(), b = port_new();

	associate(b, p.r, POLLIN, P(2));
	OK(port_send(a, 1, NULL));
	SAME(dup2(b, a), a);
	trigger(p);
	is_fd(a, p.r, POLLIN, P(2));
	OK(port_send(a, 7, NULL));
	SAME(one(b).portev_events, 7);
	OK(port_alert(a, PORT_ALERT_SET, 3, NULL));
	SAME(one(b).portev_source, PORT_SOURCE_ALERT);
}

TEST(port_reused, "ports made and closed in turn: no descriptors, and no events, pile up")
{
	struct pipe_pair p = pipe_new();
	int highest = 0;

	trigger(p);
	for (int i = 0; i < 300; i++) {
		int q = port_new(), open_now;
		nothing(q);
		associate(q, p.r, POLLIN, P(i));
		if (i % 2)
			is_fd(q, p.r, POLLIN, P(i));
		OK(port_send(q, 1, NULL));
		close(q);
		open_now = i % 50 == 49 ? numbers_above(0, 0) : 0;
		highest = open_now > highest ? open_now : highest;
	}
	CHECK(highest < 40);
}

/* ---- fork --------------------------------------------------------------------------------------------------------------------------*/

struct shared { int q; struct pipe_pair p; };

static void child_closes(void *arg)
{
	struct shared *s = arg;
	close(s->p.r);
	close(s->q);
}
TEST(fork_close, "a child that closes the descriptor, and the port, dissociates nothing")
{
	struct shared s = { port_new(), pipe_new() };

	associate(s.q, s.p.r, POLLIN, P(1));
	child_ok(child(child_closes, &s));
	trigger(s.p);
	is_fd(s.q, s.p.r, POLLIN, P(1));
}

static void child_uses(void *arg)
{
	struct shared *s = arg;
	struct pipe_pair own = pipe_new();

	is_fd(s->q, s->p.r, POLLIN, P(1)); /* the parent's, with the same file here */
	FAILS(EACCES, (associate(s->q, s->p.r, POLLOUT, P(2)), port_dissociate(s->q, PORT_SOURCE_FD, (uintptr_t)s->p.r)));
	associate(s->q, own.r, POLLIN, P(3));
	trigger(own);
	is_fd(s->q, own.r, POLLIN, P(3));
	associate(s->q, s->p.r, POLLIN, P(4));
	OK(port_send(s->q, 77, P(5)));
}
TEST(fork_share, "a child retrieves, associates and sends on the parent's port; dissociation is the owner's alone")
{
	struct shared s = { port_new(), pipe_new() };
	port_event_t a, b;

	associate(s.q, s.p.r, POLLIN, P(1));
	trigger(s.p);
	child_ok(child(child_uses, &s));
	a = one(s.q);
	b = one(s.q);
	if (a.portev_source == PORT_SOURCE_USER) {
		port_event_t t = a;
		a = b;
		b = t;
	}
	SAME(a.portev_object, s.p.r);
	CHECK(a.portev_user == P(4));
	SAME(b.portev_events, 77);
	nothing(s.q);
	associate(s.q, s.p.r, POLLIN, P(6));
	OK(port_dissociate(s.q, PORT_SOURCE_FD, (uintptr_t)s.p.r));
}

static void child_same_number(void *arg)
{
	struct shared *s = arg;
	struct pipe_pair other = pipe_new();

	SAME(dup2(other.r, s->p.r), s->p.r);
	FAILS(ENOENT, port_dissociate(s->q, PORT_SOURCE_FD, (uintptr_t)s->p.r));
	associate(s->q, s->p.r, POLLIN, P(2)); /* (number, file): not the parent's */
	trigger(other);
	is_fd(s->q, s->p.r, POLLIN, P(2));
	OK((associate(s->q, s->p.r, POLLIN, P(3)), port_dissociate(s->q, PORT_SOURCE_FD, (uintptr_t)s->p.r)));
}
TEST(fork_numbers, "the same number, another file in the child: two associations")
{
	struct shared s = { port_new(), pipe_new() };

	associate(s.q, s.p.r, POLLIN, P(1));
	child_ok(child(child_same_number, &s));
	trigger(s.p);
	is_fd(s.q, s.p.r, POLLIN, P(1));
}

static void child_skips(void *arg)
{
	struct shared *s = arg;
	struct timespec t = { 0, 50000000 };
	port_event_t e;

	close(s->p.r);
	FAILS(ETIME, port_get(s->q, &e, &t));
	nothing(s->q);
}
TEST(fork_skips, "an event of a file that the child does not have stays for the parent")
{
	struct shared s = { port_new(), pipe_new() };

	associate(s.q, s.p.r, POLLIN, P(1));
	trigger(s.p);
	child_ok(child(child_skips, &s));
	is_fd(s.q, s.p.r, POLLIN, P(1));
}

static void child_leaves(void *arg)
{
	struct shared *s = arg;
	struct pipe_pair own = pipe_new();

	associate(s->q, own.r, POLLIN, P(2));
	associate(s->q, s->p.r, POLLIN, P(3));
	trigger(own);
}
TEST(fork_exit, "what an ended child had associated makes no events")
{
	struct shared s = { port_new(), pipe_new() };

	child_ok(child(child_leaves, &s));
	nothing(s.q);
	trigger(s.p);
	nothing(s.q);
	associate(s.q, s.p.r, POLLIN, P(1));
	is_fd(s.q, s.p.r, POLLIN, P(1));
	associate(s.q, s.p.r, POLLIN, P(4));
	OK(port_dissociate(s.q, PORT_SOURCE_FD, (uintptr_t)s.p.r));
}

static void child_waits(void *arg)
{
	struct shared *s = arg;

	is_fd(s->q, s->p.r, POLLIN, P(1));
}
TEST(fork_waits, "parent and child wait on one port: each event is had once")
{
	struct shared s = { port_new(), pipe_new() };
	pid_t pid;

	associate(s.q, s.p.r, POLLIN, P(1));
	pid = child(child_waits, &s);
	ms_sleep(30);
	trigger(s.p);
	child_ok(pid);
	nothing(s.q);
}

static void own_port(void *arg)
{
	struct shared *s = arg;
	int q;

	close(s->q);
	q = port_new();
	associate(q, s->p.r, POLLIN, P(2));
	trigger(s->p);
	is_fd(q, s->p.r, POLLIN, P(2));
}
TEST(fork_own, "a child that makes its own port")
{
	struct shared s = { port_new(), pipe_new() };

	associate(s.q, s.p.r, POLLIN, P(1));
	child_ok(child(own_port, &s));
	is_fd(s.q, s.p.r, POLLIN, P(1));
}

static _Atomic int stop;
static void *churn(void *arg)
{
	struct shared *s = arg;
	struct pipe_pair p = pipe_new();
	port_event_t e[4];

	trigger(p);
	while (!stop) {
		associate(s->q, p.r, POLLIN, NULL);
		getn(s->q, e, 4, 2, 0);
		close(port_new());
	}
	return NULL;
}
static void child_goes_on(void *arg)
{
	struct shared *s = arg;
	struct timespec none = { 0, 0 };
	port_event_t e;
	int q = port_new();

	for (int i = 0; i < 3; i++) {
		associate(s->q, s->p.r, POLLIN, NULL);
		port_get(s->q, &e, &none);
		OK(port_send(q, i + 1, NULL));
		SAME(one(q).portev_events, i + 1);
	}
}
TEST(fork_storm, "forks while other threads are inside: no child hangs")
{
	struct shared s = { port_new(), pipe_new() };
	pthread_t t[2] = { thread(churn, &s), thread(churn, &s) };

	for (int i = 0; i < 150; i++)
		child_ok(child(child_goes_on, &s));
	stop = 1;
	joined(t[0]);
	joined(t[1]);
}

static void killed(void *arg)
{
	struct shared *s = arg;
	for (;;) {
		associate(s->q, s->p.r, POLLIN, NULL);
		port_send(s->q, 1, NULL);
	}
}
TEST(fork_killed, "children killed in the middle of calls leave the port usable")
{
	struct shared s = { port_new(), pipe_new() };
	struct pipe_pair own = pipe_new();
	port_event_t e[64];

	trigger(s.p);
	for (int i = 0; i < 40; i++) {
		int status;
		pid_t pid = child(killed, &s);
		ms_sleep(2);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		associate(s.q, own.r, POLLIN, P(i));
		while (getn(s.q, e, 64, 1, 0))
			;
		trigger(own);
		is_fd(s.q, own.r, POLLIN, P(i));
		drain(own);
	}
}

static void own_sends(void *q)
{
	for (int i = 0; i < 500; i++)
		while (port_send(*(int *)q, getpid(), P(i)) < 0)
			;
}
TEST(fork_send, "children send: all arrives, each child's in order")
{
	int q = port_new(), next[4] = { 0 };
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = child(own_sends, &q);
	for (int i = 0; i < 4 * 500; i++) {
		port_event_t e = one(q);
		for (int k = 0; k < 4; k++)
			if (e.portev_events == pids[k])
				CHECK(e.portev_user == P(next[k]++));
	}
	nothing(q);
	for (int i = 0; i < 4; i++) {
		SAME(next[i], 500);
		child_ok(pids[i]);
	}
}
