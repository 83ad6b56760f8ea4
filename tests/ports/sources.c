/* tests/ports/sources.c: USER, ALERT and TIMER events; FILE events are in files.c. */
#define _GNU_SOURCE
#include "suite.h"

/* ---- USER --------------------------------------------------------------------------------------------------------------------------*/

TEST(send_plain, "port_send: what was sent, in order, object 0")
{
	int q = port_new();

	for (int i = 0; i < 5; i++)
		OK(port_send(q, -i, P(i)));
	for (int i = 0; i < 5; i++) {
		port_event_t e = one(q);
		SAME(e.portev_source, PORT_SOURCE_USER);
		SAME(e.portev_object, 0);
		SAME(e.portev_events, -i);
		CHECK(e.portev_user == P(i));
	}
	nothing(q);
}

TEST(send_full, "port_send never blocks: EAGAIN when full, not before 2000, and all that was taken arrives")
{
	int q = port_new(), n = 0, m = 0;
	port_event_t e[1000];

	while (port_send(q, n, NULL) == 0)
		n++;
	SAME(errno, EAGAIN);
	CHECK(n > 2000 && n <= 65536);
	for (unsigned got; (got = getn(q, e, 1000, 1, 0)); m += (int)got)
		for (unsigned i = 0; i < got; i++)
			SAME(e[i].portev_events, m + (int)i);
	SAME(m, n);
	OK(port_send(q, 1, NULL));
}

TEST(sendn, "port_sendn: counts, errors only where something failed")
{
	int a = port_new(), b = port_new(), closed = dup(0), all[3] = { a, closed, b }, good[2] = { a, b }, bad[2] = { closed, 0 };
	int errors[3] = { 9, 9, 9 };

	close(closed);
	FAILS(EINVAL, port_sendn(all, errors, 0, 1, NULL));
	FAILS(EINVAL, port_sendn(all, errors, 8193, 1, NULL));
	FAILS(EFAULT, port_sendn(NULL, errors, 1, 1, NULL));
	SAME(port_sendn(good, errors, 2, 1, NULL), 2);
	SAME(errors[0], 9);
	errno = 77;
	SAME(port_sendn(all, errors, 3, 2, NULL), 2);
	SAME(errno, 77);
	SAME(errors[0], 0);
	SAME(errors[1], EBADF);
	SAME(errors[2], 0);
	SAME(port_sendn(bad, errors, 2, 2, NULL), 0);
	SAME(errors[0], EBADF);
	SAME(errors[1], EBADFD);
	for (int i = 1; i <= 2; i++) {
		SAME(one(a).portev_events, i);
		SAME(one(b).portev_events, i);
	}
}

static int storm_port;
static _Atomic int storm_sent;
static void storm(int sig)
{
	int saved = errno;
	(void)sig;
	if (port_send(storm_port, ++storm_sent, NULL) < 0)
		storm_sent--;
	errno = saved;
}
TEST(send_handler, "port_send from a storm of signals, in the midst of every other call")
{
	struct sigaction sa = { .sa_handler = storm, .sa_flags = SA_RESTART };
	struct pipe_pair p = pipe_new();
	struct sigevent se = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec often = { { 0, 50000 }, { 0, 50000 } };
	port_event_t e[8];
	timer_t timer;
	int next = 0, other = port_new();
	long end = ms_now() + 700;

	storm_port = port_new();
	sigaction(SIGUSR1, &sa, NULL);
	OK(timer_create(CLOCK_MONOTONIC, &se, &timer));
	OK(timer_settime(timer, 0, &often, NULL));
	trigger(p);
	while (ms_now() < end || next <= 100) {
		unsigned n = 1 + (unsigned)next % 2;
		struct timespec t = { 0, 2000000 };
		associate(storm_port, p.r, POLLIN, P(1));
		OK(port_send(other, 1, NULL));
		OK(port_alert(other, PORT_ALERT_SET, 1, NULL));
		OK(port_alert(other, 0, 0, NULL));
		if (port_getn(storm_port, e, 8, &n, &t) == 0)
			for (unsigned i = 0; i < n; i++)
				if (e[i].portev_source == PORT_SOURCE_USER)
					SAME(e[i].portev_events, ++next);
		while (getn(other, e, 8, 1, 0))
			;
	}
	OK(timer_delete(timer));
	for (unsigned n; (n = getn(storm_port, e, 8, 1, 0)); )
		for (unsigned i = 0; i < n; i++)
			if (e[i].portev_source == PORT_SOURCE_USER)
				SAME(e[i].portev_events, ++next);
	SAME(next, storm_sent);
}

/* ---- ALERT -------------------------------------------------------------------------------------------------------------------------*/

TEST(alert, "alert mode: one event at once and for ever, before what is queued; cleared by events 0")
{
	int q = port_new();
	port_event_t e[4];

	OK(port_send(q, 1, NULL));
	OK(port_alert(q, PORT_ALERT_SET, 5, P(6)));
	OK(port_send(q, 2, NULL));
	for (int i = 0; i < 3; i++) {
		SAME(getn(q, e, 4, 3, -1), 1);
		SAME(e->portev_source, PORT_SOURCE_ALERT);
		SAME(e->portev_events, 5);
		SAME(e->portev_object, 0);
		CHECK(e->portev_user == P(6));
		SAME(one(q).portev_source, PORT_SOURCE_ALERT);
	}
	OK(port_alert(q, PORT_ALERT_INVALID, 0, NULL));
	SAME(getn(q, e, 4, 2, -1), 2);
	SAME(e[0].portev_events, 1);
	SAME(e[1].portev_events, 2);
	nothing(q);
}

TEST(alert_flags, "alert flags: UPDATE while alerted EBUSY, SET and others overwrite, both EINVAL")
{
	int q = port_new();

	FAILS(EINVAL, port_alert(q, PORT_ALERT_INVALID, 1, NULL));
	OK(port_alert(q, PORT_ALERT_UPDATE, 1, NULL));
	FAILS(EBUSY, port_alert(q, PORT_ALERT_UPDATE, 2, NULL));
	SAME(one(q).portev_events, 1);
	OK(port_alert(q, PORT_ALERT_SET, 2, NULL));
	SAME(one(q).portev_events, 2);
	OK(port_alert(q, 0, 3, NULL));
	OK(port_alert(q, 64, 4, NULL));
	SAME(one(q).portev_events, 4);
	OK(port_alert(q, PORT_ALERT_UPDATE, 0, NULL));
	nothing(q);
}

struct alerted { int q; unsigned nget; };
static void *sleeper(void *arg)
{
	struct alerted *a = arg;
	port_event_t e[8];

	SAME(getn(a->q, e, 8, a->nget, -1), 1);
	return P(e->portev_source);
}
TEST(alert_all, "an alert wakes all who wait, however many events they want")
{
	int q = port_new();
	struct alerted a[6];
	pthread_t t[6];

	OK(port_send(q, 1, NULL));
	for (int i = 0; i < 6; i++) {
		a[i] = (struct alerted){ q, i < 3 ? 8 : 7 };
		t[i] = thread(sleeper, &a[i]);
	}
	ms_sleep(50);
	OK(port_alert(q, PORT_ALERT_SET, 1, NULL));
	for (int i = 0; i < 6; i++)
		SAME((intptr_t)joined(t[i]), PORT_SOURCE_ALERT);
	OK(port_alert(q, 0, 0, NULL));
	one(q);
	nothing(q);
	for (int i = 0; i < 6; i++) {
		a[i] = (struct alerted){ q, 1 };
		t[i] = thread(sleeper, &a[i]);
	}
	ms_sleep(50);
	OK(port_alert(q, PORT_ALERT_SET, 1, NULL));
	for (int i = 0; i < 6; i++)
		SAME((intptr_t)joined(t[i]), PORT_SOURCE_ALERT);
}

/* ---- TIMER -------------------------------------------------------------------------------------------------------------------------*/

static timer_t timer_on(int port, void *user)
{
	port_notify_t to = { port, user };
	struct sigevent se = { .sigev_notify = SIGEV_PORT, .sigev_value.sival_ptr = &to };
	timer_t id;

	OK(timer_create(CLOCK_MONOTONIC, &se, &id));
	return id;
}

TEST(timer_errors, "SIGEV_PORT timers: errors of the port")
{
	port_notify_t to = { dup(0), NULL };
	struct sigevent se = { .sigev_notify = SIGEV_PORT, .sigev_value.sival_ptr = &to };
	struct itimerspec now;
	timer_t id;

	FAILS(EBADFD, timer_create(CLOCK_MONOTONIC, &se, &id));
	close(to.portnfy_port);
	FAILS(EBADF, timer_create(CLOCK_MONOTONIC, &se, &id));
	to.portnfy_port = port_new();
	FAILS(EINVAL, timer_create(12345, &se, &id));
	OK(timer_create(CLOCK_REALTIME, &se, &id));
	OK(timer_delete(id));
	FAILS(EINVAL, timer_delete(id));
	FAILS(EINVAL, timer_gettime(id, &now));
}

TEST(timer_events, "TIMER events: expirations, user, handle; not one-shot; at most one queued")
{
	int q = port_new();
	timer_t id = timer_on(q, P(3));
	struct itimerspec once = { .it_value = { 0, 5000000 } }, often = { { 0, 5000000 }, { 0, 5000000 } }, now;
	port_event_t e;
	unsigned n;

	OK(timer_settime(id, 0, &once, NULL));
	e = one(q);
	SAME(e.portev_source, PORT_SOURCE_TIMER);
	SAME(e.portev_events, 1);
	CHECK(e.portev_object == (uintptr_t)id && e.portev_user == P(3));
	SAME(timer_getoverrun(id), 0);
	nothing(q);
	OK(timer_settime(id, 0, &often, NULL));
	OK(timer_gettime(id, &now));
	SAME(now.it_interval.tv_nsec, 5000000);
	one(q);
	ms_sleep(60);
	OK(port_getn(q, NULL, 0, &n, NULL));
	SAME(n, 1);
	e = one(q);
	CHECK(e.portev_events >= 8);
	SAME(timer_getoverrun(id), e.portev_events - 1);
	one(q);
	ms_sleep(20);
	OK(timer_delete(id));
	nothing(q);
}

static void not_mine(void *arg)
{
	struct timespec t = { 0, 30000000 };
	port_event_t e;

	FAILS(ETIME, port_get(*(int *)arg, &e, &t));
}
TEST(timer_fork, "TIMER events are their process's alone")
{
	int q = port_new();
	timer_t id = timer_on(q, P(3));
	struct itimerspec once = { .it_value = { 0, 1000000 } };

	OK(timer_settime(id, 0, &once, NULL));
	ms_sleep(10);
	child_ok(child(not_mine, &q));
	SAME(one(q).portev_source, PORT_SOURCE_TIMER);
	OK(timer_delete(id));
}

static _Atomic int notified;
static void notify(union sigval v) { notified = v.sival_int; }
TEST(timer_others, "other timers go to libc: signals, threads, none")
{
	struct sigevent se = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify, .sigev_value.sival_int = 5 };
	struct itimerspec once = { .it_value = { 0, 1000000 } }, now;
	timer_t a, b;

	OK(timer_create(CLOCK_MONOTONIC, &se, &a));
	se.sigev_notify = SIGEV_NONE;
	OK(timer_create(CLOCK_REALTIME, &se, &b));
	OK(timer_settime(a, 0, &once, NULL));
	once.it_value.tv_sec = 100;
	OK(timer_settime(b, 0, &once, NULL));
	OK(timer_gettime(b, &now));
	CHECK(now.it_value.tv_sec >= 90);
	SAME(timer_getoverrun(b), 0);
	for (int i = 0; i < 2000 && notified != 5; i++)
		ms_sleep(2);
	SAME(notified, 5);
	OK(timer_delete(a));
	OK(timer_delete(b));
}
