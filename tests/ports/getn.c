/* tests/ports/getn.c: port_get and port_getn: how many, when, what time and signals do. */
#define _GNU_SOURCE
#include "suite.h"
#include <sys/time.h>

static void many(int q, struct pipe_pair *p, int n)
{
	for (int i = 0; i < n; i++) {
		p[i] = pipe_new();
		associate(q, p[i].r, POLLIN, P(i));
	}
}

TEST(getn_arguments, "port_getn: arguments, in their order")
{
	int q = port_new();
	port_event_t e[4];
	struct timespec bad = { -1, 0 }, bad2 = { 0, 1000000000 };
	unsigned n = 5;

	FAILS(EINVAL, port_getn(q, e, 4, NULL, NULL));
	FAILS(EINVAL, port_getn(q, e, 4, &n, NULL));
	SAME(n, 5);
	OK(port_getn(q, NULL, 0, &n, NULL)); /* however large nget is */
	SAME(n, 0);
	n = 1;
	FAILS(EFAULT, port_getn(q, NULL, 4, &n, NULL));
	n = 0;
	OK(port_getn(q, e, 4, &n, NULL)); /* at once, though nothing is there */
	n = 1;
	FAILS(EINVAL, port_getn(q, e, 4, &n, &bad));
	FAILS(EINVAL, port_getn(q, e, 4, &n, &bad2));
	FAILS(EINVAL, port_get(q, e, &bad));
	OK(port_send(q, 1, NULL));
	OK(port_getn(q, e, 4, &n, &bad)); /* it need not wait */
	SAME(n, 1);
	n = 2;
	OK(port_send(q, 1, NULL));
	FAILS(EINVAL, port_getn(q, e, 4, &n, &bad));
	FAILS(EFAULT, port_get(q, NULL, NULL));
}

TEST(getn_zero, "port_getn with nget 0 takes nothing")
{
	int q = port_new();
	port_event_t e;
	unsigned n = 0;

	OK(port_send(q, 1, NULL));
	OK(port_getn(q, &e, 1, &n, NULL));
	SAME(n, 0);
	SAME(one(q).portev_source, PORT_SOURCE_USER);
}

TEST(getn_count, "port_getn with max 0 counts and takes nothing")
{
	int q = port_new();
	struct pipe_pair p[5];
	unsigned n = 0;

	many(q, p, 5);
	for (int i = 0; i < 3; i++)
		trigger(p[i]);
	OK(port_send(q, 9, NULL));
	OK(port_getn(q, NULL, 0, &n, NULL));
	SAME(n, 4);
	trigger(p[3]);
	OK(port_getn(q, NULL, 0, &n, NULL));
	SAME(n, 5);
	OK(port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p[0].r));
	close(p[1].r);
	OK(port_getn(q, NULL, 0, &n, NULL));
	SAME(n, 3);
	for (int i = 0; i < 3; i++)
		one(q);
	nothing(q);
}

TEST(getn_minimum, "port_getn: nget is the least, max the most")
{
	int q = port_new();
	struct pipe_pair p[300];
	port_event_t e[300];

	many(q, p, 300);
	for (int i = 0; i < 300; i++)
		trigger(p[i]);
	SAME(getn(q, e, 10, 1, -1), 10);
	SAME(getn(q, e, 200, 3, -1), 200);
	SAME(getn(q, e, 300, 1, -1), 90);
	nothing(q);
}

TEST(getn_sent_many, "port_getn: sent events too, in order")
{
	int q = port_new();
	port_event_t e[1000];
	struct pipe_pair p[3];

	many(q, p, 3);
	for (int i = 0; i < 1000; i++)
		OK(port_send(q, i + 1, P(i)));
	trigger(p[0]);
	SAME(getn(q, e, 7, 1, -1), 7);
	unsigned n = 7 + getn(q, e + 7, 500, 400, -1), sent = 0, fds = 0;
	while (n < 1000)
		n += getn(q, e + n, 1000 - n, 1, -1);
	for (unsigned i = 0; i < 1000; i++)
		if (e[i].portev_source == PORT_SOURCE_FD)
			fds++;
		else
			SAME(e[i].portev_events, ++sent);
	port_event_t last = one(q);
	CHECK(fds ? last.portev_events == 1000 : last.portev_source == PORT_SOURCE_FD);
	nothing(q);
}

TEST(zero_timeout, "a timeout of zero: 0, whether there is anything or not, and what there is")
{
	int q = port_new();
	port_event_t e[8] = { { .portev_source = 99 } };
	struct timespec none = { 0, 0 };
	unsigned n = 4;

	OK(port_get(q, e, &none));
	SAME(e->portev_source, 99);
	OK(port_getn(q, e, 8, &n, &none));
	SAME(n, 0);
	OK(port_send(q, 1, NULL));
	OK(port_send(q, 1, NULL));
	n = 4;
	OK(port_getn(q, e, 8, &n, &none));
	SAME(n, 2);
}

TEST(timeout, "ETIME after the time and not before; port_getn has what there was")
{
	int q = port_new();
	port_event_t e[8] = { { .portev_source = 99 } };
	struct timespec t = { 0, 30500000 };
	unsigned n = 4;
	long begun = ms_now();

	FAILS(ETIME, port_get(q, e, &t));
	SAME(e->portev_source, 99);
	CHECK(ms_now() - begun >= 30);
	FAILS(ETIME, port_getn(q, e, 8, &n, &t));
	SAME(n, 0);
	OK(port_send(q, 1, P(1)));
	OK(port_send(q, 2, P(2)));
	n = 4;
	begun = ms_now();
	FAILS(ETIME, port_getn(q, e, 8, &n, &t));
	CHECK(ms_now() - begun >= 30);
	SAME(n, 2);
	SAME(e[1].portev_events, 2);
	nothing(q);
	t.tv_sec = INT64_MAX;
	OK(port_send(q, 1, NULL));
	OK(port_get(q, e, &t));
}

TEST(timeout_fds, "port_getn: too few in time: those that came")
{
	int q = port_new();
	struct pipe_pair p[6];
	port_event_t e[8];

	many(q, p, 6);
	for (int i = 0; i < 3; i++)
		trigger(p[i]);
	SAME(getn(q, e, 8, 5, 20), 3);
	nothing(q);
	associate(q, p[0].r, POLLIN, P(7));
	SAME(getn(q, e, 8, 5, 20), 1);
	CHECK(e->portev_user == P(7));
}

static void interrupt(int sig) { (void)sig; }
static void interrupted(int flags)
{
	struct sigaction sa = { .sa_handler = interrupt, .sa_flags = flags };
	struct itimerval often = { { 0, 50000 }, { 0, 50000 } }; /* again: the first may come before the wait */

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

TEST(eintr, "EINTR: nothing consumed, list and *nget as they were; SA_RESTART restarts nothing")
{
	int q = port_new();
	port_event_t e[8] = { { .portev_source = 99 } };
	unsigned n = 5;

	interrupted(0);
	FAILS(EINTR, port_get(q, e, NULL));
	interrupted(SA_RESTART);
	FAILS(EINTR, port_get(q, e, NULL));
	for (int i = 0; i < 3; i++)
		OK(port_send(q, i, NULL));
	interrupted(SA_RESTART);
	FAILS(EINTR, port_getn(q, e, 8, &n, NULL));
	SAME(n, 5);
	SAME(e->portev_source, 99);
	SAME(getn(q, e, 8, 1, -1), 3);
}

static void *send_later(void *q)
{
	for (int i = 0; i < 4; i++) {
		ms_sleep(20);
		OK(port_send(*(int *)q, i, NULL));
	}
	return NULL;
}

TEST(gather_wakes, "port_getn waits until nget are there, and no longer")
{
	int q = port_new();
	port_event_t e[8];
	struct pipe_pair p[1];
	pthread_t t = thread(send_later, &q);
	long begun = ms_now();

	SAME(getn(q, e, 8, 4, -1), 4);
	CHECK(ms_now() - begun >= 70);
	joined(t);
	many(q, p, 1);
	t = thread(send_later, &q);
	trigger(*p);
	SAME(getn(q, e, 8, 5, -1), 5);
	joined(t);
	nothing(q);
}

struct wants { int q; unsigned nget, got; _Atomic int done; };
static void *gather(void *arg)
{
	struct wants *w = arg;
	port_event_t e[16];

	w->got = getn(w->q, e, 16, w->nget, -1);
	w->done = 1;
	return NULL;
}
static void until(_Atomic int *done)
{
	for (int i = 0; i < 5000 && !*done; i++)
		ms_sleep(2);
	CHECK(*done);
}

TEST(smallest_first, "who wants fewest is served first")
{
	struct wants w[3] = { { .nget = 8 }, { .nget = 3 }, { .nget = 1 } };
	int q = port_new();
	pthread_t t[3];

	for (int i = 0; i < 3; i++) {
		w[i].q = q;
		t[i] = thread(gather, &w[i]);
	}
	ms_sleep(50);
	OK(port_send(q, 1, NULL));
	until(&w[2].done);
	SAME(w[2].got, 1);
	OK(port_send(q, 1, NULL));
	ms_sleep(50);
	CHECK(!w[0].done && !w[1].done);
	OK(port_send(q, 1, NULL));
	OK(port_send(q, 1, NULL));
	until(&w[1].done);
	CHECK(!w[0].done && w[1].got >= 3);
	for (unsigned i = w[1].got; i < 3 + 8; i++)
		OK(port_send(q, 1, NULL));
	until(&w[0].done);
	for (int i = 0; i < 3; i++)
		joined(t[i]);
}

static void *wait_long(void *q)
{
	port_event_t e;
	int r = port_get(*(int *)q, &e, NULL);
	return P(r < 0 ? errno : 0);
}

TEST(closed_under, "the port is closed under a waiting thread: EBADF")
{
	int q = port_new();
	pthread_t t = thread(wait_long, &q);

	ms_sleep(50);
	close(q);
	SAME((intptr_t)joined(t), EBADF);
}

TEST(cancelled, "a waiting thread can be cancelled, and takes no event along")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();

	for (int i = 0; i < 200; i++) {
		pthread_t t = thread(wait_long, &q);
		void *r;
		associate(q, p.r, POLLIN, P(i));
		if (i % 4)
			ms_sleep(i % 3);
		trigger(p);
		pthread_cancel(t);
		if ((r = joined(t)) == PTHREAD_CANCELED)
			is_fd(q, p.r, POLLIN, P(i));
		drain(p);
		nothing(q);
	}
}
