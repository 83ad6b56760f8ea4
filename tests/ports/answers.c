/* tests/ports/answers.c: what each call answers: arguments, errors, what an association is. */
#define _GNU_SOURCE
#include "suite.h"
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>

TEST(create, "port_create: lowest number, no close-on-exec")
{
	int lowest = dup(0), port;

	close(lowest);
	port = port_new();
	SAME(port, lowest);
	SAME(fcntl(port, F_GETFD), 0);
}

TEST(create_private, "private descriptors are high and close-on-exec")
{
	int before, port;

	closefrom(3);
	before = numbers_above(100, 1); /* a tracer's */
	port = port_new();
	CHECK(numbers_above(100, 1) >= before + 2);
	SAME(numbers_above(port + 1, 0), numbers_above(100, 0));
}

TEST(bad_port, "not open: EBADF; open but no port: EBADFD; every call")
{
	struct pipe_pair p = pipe_new();
	int closed = dup(0), ep = epoll_create1(0), numbers[3] = { closed, p.r, ep }, error[3] = { EBADF, EBADFD, EBADFD };
	port_event_t e;
	unsigned n = 1;

	port_new();
	close(closed);
	for (int i = 0; i < 3; i++) {
		int q = numbers[i];
		n = 1;
		FAILS(error[i], port_associate(q, PORT_SOURCE_FD, (uintptr_t)p.r, POLLIN, NULL));
		FAILS(error[i], port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r));
		FAILS(error[i], port_get(q, &e, NULL));
		FAILS(error[i], port_getn(q, &e, 1, &n, NULL));
		FAILS(error[i], port_getn(q, &e, 0, &n, NULL));
		FAILS(error[i], port_send(q, 1, NULL));
		FAILS(error[i], port_alert(q, PORT_ALERT_SET, 1, NULL));
	}
	FAILS(EBADF, port_get(-1, &e, NULL));
	FAILS(EBADF, port_associate(-1, 99, 0, 0, NULL));
}

TEST(bad_port_later, "a port's number after its close: EBADF, and EBADFD when it is something else")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();
	port_event_t e;
	unsigned n = 1;

	associate(q, p.r, POLLIN, NULL);
	close(q);
	FAILS(EBADF, port_associate(q, PORT_SOURCE_FD, (uintptr_t)p.r, POLLIN, NULL));
	FAILS(EBADF, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r));
	FAILS(EBADF, port_get(q, &e, NULL));
	FAILS(EBADF, port_getn(q, &e, 1, &n, NULL));
	FAILS(EBADF, port_send(q, 1, NULL));
	FAILS(EBADF, port_alert(q, PORT_ALERT_SET, 1, NULL));
	SAME(dup(p.w), q);
	FAILS(EBADFD, port_associate(q, PORT_SOURCE_FD, (uintptr_t)p.r, POLLIN, NULL));
	FAILS(EBADFD, port_get(q, &e, NULL));
	FAILS(EBADFD, port_send(q, 1, NULL));
	FAILS(EBADFD, port_alert(q, PORT_ALERT_SET, 1, NULL));
	close(q);
	SAME(epoll_create1(0), q);
	FAILS(EBADFD, port_associate(q, PORT_SOURCE_FD, (uintptr_t)p.r, POLLIN, NULL));
	FAILS(EBADFD, port_send(q, 1, NULL));
	FAILS(EBADFD, port_alert(q, PORT_ALERT_SET, 1, NULL));
}

TEST(associate_errors, "port_associate: EINVAL for the source, EBADFD for the descriptor")
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), closed = dup(0);

	close(closed);
	FAILS(EINVAL, port_associate(q, PORT_SOURCE_USER, (uintptr_t)p.r, POLLIN, NULL));
	FAILS(EINVAL, port_associate(q, PORT_SOURCE_TIMER, (uintptr_t)p.r, POLLIN, NULL));
	FAILS(EINVAL, port_associate(q, 99, (uintptr_t)p.r, POLLIN, NULL));
	FAILS(EBADFD, port_associate(q, PORT_SOURCE_FD, (uintptr_t)closed, POLLIN, NULL));
	FAILS(EBADFD, port_associate(q, PORT_SOURCE_FD, (uintptr_t)1 << 31, POLLIN, NULL));
	FAILS(EBADFD, port_associate(q, PORT_SOURCE_FD, (uintptr_t)-1, POLLIN, NULL));
	associate(q, p.r, POLLIN, NULL);
	close(p.r);
	FAILS(EBADFD, port_associate(q, PORT_SOURCE_FD, (uintptr_t)p.r, POLLIN, NULL));
}

TEST(no_events, "events 0: only a hang-up or an error")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();

	associate(q, p.r, 0, P(1));
	trigger(p);
	nothing(q);
	close(p.w);
	is_fd(q, p.r, POLLHUP, P(1));
}

TEST(odd_events, "event bits are not looked at: unknown ones are ignored")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();

	associate(q, p.r, POLLIN | (int)0xf0000000, P(1));
	nothing(q);
	trigger(p);
	is_fd(q, p.r, POLLIN, P(1));
	associate(q, p.r, POLLIN, P(2)); /* neither edge-triggered nor exclusive now */
	is_fd(q, p.r, POLLIN, P(2));
}

TEST(one_shot, "one event, then nothing until it is associated again")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();

	associate(q, p.r, POLLIN, P(1));
	nothing(q);
	trigger(p);
	is_fd(q, p.r, POLLIN, P(1));
	trigger(p);
	close(p.w);
	nothing(q);
	associate(q, p.r, POLLIN, P(2));
	is_fd(q, p.r, POLLIN | POLLHUP, P(2));
}

TEST(level, "ready at the association: the event is there at once")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();

	trigger(p);
	associate(q, p.r, POLLIN, P(1));
	associate(q, p.w, POLLOUT, P(2));
	port_event_t a = one(q), b = one(q);
	CHECK((a.portev_object == (uintptr_t)p.r && b.portev_object == (uintptr_t)p.w) || (b.portev_object == (uintptr_t)p.r && a.portev_object == (uintptr_t)p.w));
	nothing(q);
}

TEST(replaces, "associated again: events and user are replaced, and it is polled from scratch")
{
	int q = port_new(), ends[2];

	OK(socketpair(1, 1, 0, ends));
	associate(q, ends[0], POLLOUT, P(1));
	associate(q, ends[0], POLLIN, P(2));
	nothing(q);
	SAME(write(ends[1], "x", 1), 1);
	is_fd(q, ends[0], POLLIN, P(2));
	close(q);
}

TEST(dissociate_errors, "port_dissociate: EBADFD, ENOENT, EINVAL")
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), closed = dup(0);

	close(closed);
	FAILS(EBADFD, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)closed));
	FAILS(EBADFD, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)-1));
	FAILS(EINVAL, port_dissociate(q, 99, (uintptr_t)p.r));
	FAILS(ENOENT, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r));
	associate(q, p.r, POLLIN, NULL);
	OK(port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r));
	FAILS(ENOENT, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r));
	associate(q, p.r, POLLIN, NULL);
	close(p.r);
	FAILS(EBADFD, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r));
}

TEST(dissociate_retrieved, "port_dissociate after the event was retrieved: ENOENT; fired but unread: 0 and it is gone")
{
	struct pipe_pair p = pipe_new();
	int q = port_new();

	trigger(p);
	associate(q, p.r, POLLIN, P(1));
	is_fd(q, p.r, POLLIN, P(1));
	FAILS(ENOENT, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r));
	associate(q, p.r, POLLIN, P(2));
	OK(port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r));
	nothing(q);
}

TEST(regular, "regular files, directories and /dev/null are always ready")
{
	FILE *f = tmpfile();
	int q = port_new(), fds[3] = { fileno(f), open("/", O_RDONLY), open("/dev/null", O_RDWR) };

	for (int i = 0; i < 3; i++) {
		associate(q, fds[i], POLLIN, P(i + 1));
		associate(q, fds[i], POLLIN | POLLOUT, P(i + 10));
		is_fd(q, fds[i], POLLIN | POLLOUT, P(i + 10));
		FAILS(ENOENT, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)fds[i]));
		associate(q, fds[i], POLLIN, P(1));
		OK(port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)fds[i]));
		nothing(q);
		associate(q, fds[i], 0, P(1));
		nothing(q);
		associate(q, fds[i], POLLIN, P(1));
		close(fds[i]);
		nothing(q);
		FAILS(EBADFD, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)fds[i]));
	}
}

TEST(polled, "a port in poll, select, epoll: readable while an event is queued")
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), ep = epoll_create1(0);
	struct pollfd pfd = { .fd = q, .events = POLLIN };
	struct epoll_event e = { .events = EPOLLIN };
	fd_set set;
	struct timeval no = { 0, 0 };

	OK(epoll_ctl(ep, EPOLL_CTL_ADD, q, &e));
	associate(q, p.r, POLLIN, NULL);
	for (int kind = 0; kind < 4; kind++) {
		SAME(poll(&pfd, 1, 0), 0);
		SAME(epoll_wait(ep, &e, 1, 0), 0);
		if (kind == 0)
			trigger(p);
		else if (kind == 1)
			OK(port_send(q, 1, NULL));
		else if (kind == 2)
			associate(q, open("/", O_RDONLY), POLLIN, NULL);
		else
			OK(port_alert(q, PORT_ALERT_SET, 1, NULL));
		SAME(poll(&pfd, 1, 0), 1);
		SAME(pfd.revents, POLLIN);
		FD_ZERO(&set);
		FD_SET(q, &set);
		SAME(select(q + 1, &set, NULL, NULL, &no), 1);
		SAME(epoll_wait(ep, &e, 1, 0), 1);
		one(q);
		if (kind == 3)
			OK(port_alert(q, 0, 0, NULL));
	}
	SAME(poll(&pfd, 1, 0), 0);
}

TEST(nested, "ports in ports")
{
	struct pipe_pair p = pipe_new();
	int outer = port_new(), inner = port_new(), third = port_new();

	associate(outer, inner, POLLIN, P(1));
	associate(third, outer, POLLIN, P(3));
	associate(inner, p.r, POLLIN, P(2));
	nothing(outer);
	nothing(third);
	trigger(p);
	is_fd(third, outer, POLLIN, P(3));
	is_fd(outer, inner, POLLIN, P(1));
	is_fd(inner, p.r, POLLIN, P(2));
	associate(outer, inner, POLLIN, P(1));
	nothing(outer);
	OK(port_send(inner, 7, P(4)));
	is_fd(outer, inner, POLLIN, P(1));
	SAME(one(inner).portev_events, 7);
	CHECK(port_associate(inner, PORT_SOURCE_FD, (uintptr_t)inner, POLLIN, NULL) < 0);
	CHECK(port_associate(inner, PORT_SOURCE_FD, (uintptr_t)outer, POLLIN, NULL) < 0);
}

TEST(errno_kept, "errno is left alone by what succeeds")
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), r = open("/", O_RDONLY);
	struct timespec none = { 0, 0 };
	port_event_t e;

	errno = 1234;
	port_associate(q, PORT_SOURCE_FD, (uintptr_t)p.r, POLLIN, NULL);
	port_associate(q, PORT_SOURCE_FD, (uintptr_t)r, POLLIN, NULL);
	port_get(q, &e, &none);
	port_get(q, &e, &none);
	port_send(q, 1, NULL);
	port_get(q, &e, &none);
	port_alert(q, PORT_ALERT_SET, 1, NULL);
	port_alert(q, 0, 0, NULL);
	port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)p.r);
	SAME(errno, 1234);
}

TEST(ports_many, "several ports do not hear each other")
{
	struct pipe_pair p = pipe_new();
	int q[20];

	for (int i = 0; i < 20; i++)
		associate(q[i] = port_new(), p.r, POLLIN, P(i));
	trigger(p);
	for (int i = 19; i >= 0; i--)
		is_fd(q[i], p.r, POLLIN, P(i));
}
