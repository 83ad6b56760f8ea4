/* tests/ports/limits.c: little room, and programs that close everything. */
#define _GNU_SOURCE
#include "suite.h"
#include <sys/epoll.h>
#include <sys/resource.h>

TEST(limit_low, "RLIMIT_NOFILE 20: works, EMFILE in the end, and again after a close")
{
	struct rlimit low = { 20, 20 };
	struct pipe_pair p;
	int q[20], n = 0;

	for (int fd = 3; fd < 20; fd++)
		close(fd);
	OK(setrlimit(RLIMIT_NOFILE, &low));
	p = pipe_new();
	trigger(p);
	while ((q[n] = port_create()) >= 0) {
		associate(q[n], p.r, POLLIN, P(n));
		is_fd(q[n], p.r, POLLIN, P(n));
		n++;
	}
	SAME(errno, EMFILE);
	CHECK(n >= 4);
	for (int i = 0; i < n; i++)
		close(q[i]);
	for (int i = 0; i < 100; i++) {
		q[0] = port_new();
		associate(q[0], p.r, POLLIN, P(1));
		is_fd(q[0], p.r, POLLIN, P(1));
		OK(port_send(q[0], 1, NULL));
		one(q[0]);
		close(q[0]);
	}
}

static void answers(int q, int error, int fd)
{
	struct timespec t = { 0, 1000000 };
	port_event_t e;
	unsigned n = 2;

	FAILS(error, port_send(q, 1, NULL));
	FAILS(error, port_get(q, &e, &t));
	FAILS(error, port_getn(q, &e, 1, (n = 1, &n), NULL));
	FAILS(error, port_alert(q, PORT_ALERT_SET, 1, NULL));
	FAILS(error, port_dissociate(q, PORT_SOURCE_FD, (uintptr_t)fd));
}

TEST(closed_all, "everything closed: EBADF, and nobody else's descriptor is touched")
{
	struct pipe_pair p = pipe_new();
	int q = port_new(), highest = 1 << 15, ends[2], marks = 0;
	char c;

	associate(q, p.r, POLLIN, NULL);
	OK(port_send(q, 1, NULL));
	closefrom(3);
	answers(q, EBADF, p.r);
	FAILS(EBADF, port_associate(q, PORT_SOURCE_FD, 0, POLLIN, NULL));
	/* strangers at every number that was one of the library's */
	OK(pipe(ends));
	(void)!fcntl(ends[0], F_SETFL, O_NONBLOCK);
	for (int fd = 5; fd < highest; fd++)
		if (dup2(ends[fd % 2], fd) == fd)
			marks++;
	CHECK(marks > 900);
	answers(q, EBADFD, 4);
	FAILS(EBADFD, port_associate(q, PORT_SOURCE_FD, (uintptr_t)ends[0], POLLIN, NULL));
	SAME(read(ends[0], &c, 1), -1);
	SAME(errno, EAGAIN);
}

static int highest(void)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	return l.rlim_cur < 1 << 16 ? (int)l.rlim_cur - 1 : (1 << 16) - 1;
}

static void close_up(int low)
{
	for (int fd = low; fd <= highest(); fd++)
		close(fd);
}

static void close_down(int low)
{
	for (int fd = highest(); fd >= low; fd--)
		close(fd);
}

static void close_the_range(int low) { OK(close_range((unsigned)low, ~0u, 0)); }

/* As programs do it that know /proc, but for the directory's own. */
static void close_listed(int low)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	CHECK(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) >= low && atoi(e->d_name) != dirfd(d))
			close(atoi(e->d_name));
	closedir(d);
}

static void put_over(int low)
{
	for (int fd = low; fd <= highest(); fd++)
		dup2(0, fd);
}

static void (*const ways[])(int low) = { close_up, close_down, closefrom, close_the_range, close_listed, put_over };

/* The port, with everything above it gone that the program can take away. */
static void stripped(void *way)
{
	struct pipe_pair p = pipe_new();
	int q = dup2(port_new(), 50), private;

	SAME(q, 50);
	SAME(close(p.w + 1), 0);
	associate(q, p.r, POLLIN, P(1));
	private = numbers_above(q + 1, 1);
	ways[(intptr_t)way](q + 1);
	if (!interposed()) {
		answers(q, EBADFD, 0);
		return;
	}
	SAME(numbers_above(q + 1, 1), private);
	OK(port_send(q, 1, P(2)));
	SAME(one(q).portev_source, PORT_SOURCE_USER);
	trigger(p);
	is_fd(q, p.r, POLLIN, P(1));
	associate(q, p.r, POLLIN, P(3));
	is_fd(q, p.r, POLLIN, P(3));
}
TEST(closed_private, "all but the port closed, six ways: EBADFD; under an interposer the port goes on")
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		child_ok(child(stripped, P(i)));
}

TEST(closed_strangers, "all but the port closed: strangers at the library's numbers are not touched")
{
	struct pipe_pair p = pipe_new(), s;
	int q = port_new(), f, ends[2];
	char c;

	if (interposed()) /* there are none */
		return;
	f = fcntl(q, F_DUPFD, 100);
	close(f);
	associate(q, p.r, POLLIN, NULL);
	closefrom(p.w > q ? p.w + 1 : q + 1);
	answers(q, EBADFD, 0);
	OK(pipe(ends));
	s = (struct pipe_pair){ ends[0], ends[1] };
	(void)!fcntl(s.r, F_SETFL, O_NONBLOCK);
	for (int fd = s.w + 1; fd < 1 << 15; fd++)
		dup2(s.w, fd);
	answers(q, EBADFD, 0);
	for (int fd = s.w + 1; fd < 1 << 15; fd++)
		dup2(s.r, fd);
	answers(q, EBADFD, 0);
	SAME(read(s.r, &c, 1), -1);
	SAME(errno, EAGAIN);
	trigger(s);
	answers(q, EBADFD, 0);
	SAME(read(s.r, &c, 1), 1);
	close(q);
	closefrom(3);
	q = port_new(); /* and on it goes */
	OK(port_send(q, 3, NULL));
	SAME(one(q).portev_events, 3);
}

static void *wait_forever(void *q)
{
	port_event_t e;
	return P(port_get(*(int *)q, &e, NULL) < 0 ? errno : 0);
}
TEST(closed_all_waiting, "everything closed under waiting threads: they come back")
{
	int q = port_new();
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		t[i] = thread(wait_forever, &q);
	ms_sleep(30);
	closefrom(3);
	for (int i = 0; i < 3; i++)
		SAME((intptr_t)joined(t[i]), EBADF);
}

TEST(many_fds, "thousands of associations, in one port")
{
	struct rlimit l;
	struct pipe_pair p = pipe_new();
	port_event_t e[512];
	int q = port_new(), n = 0, fds[3000], got = 0;
	char seen[4096] = { 0 };

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max < 4000 ? l.rlim_max : 4000;
	setrlimit(RLIMIT_NOFILE, &l);
	while (n < 3000 && (fds[n] = dup(p.r)) >= 0) {
		associate(q, fds[n], POLLIN, P(fds[n]));
		n++;
	}
	trigger(p);
	for (unsigned k; (k = getn(q, e, 512, 1, 0)); got += (int)k)
		for (unsigned i = 0; i < k; i++)
			if (e[i].portev_source == PORT_SOURCE_FD) {
				CHECK(e[i].portev_user == P(e[i].portev_object) && !seen[e[i].portev_object]);
				seen[e[i].portev_object] = 1;
			}
	SAME(got, n);
}
