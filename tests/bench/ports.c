/*
 * tests/bench/ports.c: ports WHAT ROUNDS: what libport costs beside the same work on a raw epoll instance, in turns in one process.
 * Prints nanoseconds with epoll, with ports, and their ratio: the median of the turns'.
 *	round	a ready descriptor: associate, get, associate
 *	batch	64 ready descriptors: port_getn beside epoll_wait and 64 EPOLL_CTL_MOD; the association is not measured
 *	rearm	the same with the associations, beside epoll_wait and the re-arming MODs
 *	send	port_send and port_get beside write and read of an eventfd in epoll
 */
#define _GNU_SOURCE
#include <poll.h>
#include <port.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define MANY 64
#define TURNS 21
static int port, ep, fds[MANY], ev;

static void must(int r, const char *what)
{
	if (r < 0) {
		perror(what);
		exit(1);
	}
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void mod(int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = fd };
	must(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), "epoll_ctl");
}
static void associate(int fd) { must(port_associate(port, PORT_SOURCE_FD, (uintptr_t)fd, POLLIN, NULL), "port_associate"); }

static double epoll_round(int n)
{
	struct epoll_event e;
	double t = now();

	for (int i = 0; i < n; i++) {
		mod(fds[0]);
		must(epoll_wait(ep, &e, 1, -1) - 1, "epoll_wait");
		mod(fds[0]);
	}
	return (now() - t) / n;
}

static double port_round(int n)
{
	port_event_t e;
	double t = now();

	for (int i = 0; i < n; i++) {
		associate(fds[0]);
		must(port_get(port, &e, NULL), "port_get");
		associate(fds[0]);
	}
	return (now() - t) / n;
}

static double epoll_batch(int n)
{
	struct epoll_event e[MANY];
	double t, sum = 0;

	for (int i = 0; i < n; i += MANY) {
		for (int k = 0; k < MANY; k++)
			mod(fds[k]);
		t = now();
		must(epoll_wait(ep, e, MANY, -1) - MANY, "epoll_wait");
		for (int k = 0; k < MANY; k++)
			mod(fds[k]);
		sum += now() - t;
	}
	return sum / n;
}

static double ports_batch(int n, int rearm)
{
	port_event_t e[MANY];
	double t, sum = 0;

	for (int i = 0; i < n; i += MANY) {
		unsigned nget = 1;
		for (int k = 0; k < MANY && !rearm; k++)
			associate(fds[k]);
		t = now();
		must(port_getn(port, e, MANY, &nget, NULL), "port_getn");
		must((int)nget - MANY, "port_getn got fewer");
		for (int k = 0; k < MANY && rearm; k++)
			associate(fds[k]);
		sum += now() - t;
	}
	return sum / n;
}
static double port_batch(int n) { return ports_batch(n, 0); }
static double port_rearm(int n)
{
	for (int k = 0; k < MANY; k++)
		associate(fds[k]);
	return ports_batch(n, 1);
}

static double epoll_send(int n)
{
	struct epoll_event e;
	uint64_t one = 1;
	double t = now();

	for (int i = 0; i < n; i++) {
		must((int)write(ev, &one, sizeof one), "write");
		must(epoll_wait(ep, &e, 1, -1) - 1, "epoll_wait");
		must((int)read(ev, &one, sizeof one), "read");
	}
	return (now() - t) / n;
}

static double port_sending(int n)
{
	port_event_t e;
	double t = now();

	for (int i = 0; i < n; i++) {
		must(port_send(port, 1, NULL), "port_send");
		must(port_get(port, &e, NULL), "port_get");
	}
	return (now() - t) / n;
}

static int less(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;
	return d < 0 ? -1 : d > 0;
}
static double median(double *v)
{
	qsort(v, TURNS, sizeof *v, less);
	return v[TURNS / 2];
}

static void set_up(int many)
{
	port = port_create();
	must(port, "port_create");
	ep = epoll_create1(0);
	ev = eventfd(0, 0);
	for (int k = 0; k < MANY; k++) {
		struct epoll_event e = { .events = EPOLLONESHOT };
		int ends[2];
		must(pipe(ends), "pipe");
		must((int)write(ends[1], "x", 1), "write");
		fds[k] = ends[0];
		must(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &e), "epoll_ctl");
		if (k < many)
			associate(fds[k]);
	}
}

int main(int argc, char **argv)
{
	static const struct { const char *name; int many; double (*with_epoll)(int), (*with_ports)(int); } kinds[] = {
		{ "round", 1, epoll_round, port_round }, { "batch", MANY, epoll_batch, port_batch },
		{ "rearm", MANY, epoll_batch, port_rearm }, { "send", 0, epoll_send, port_sending },
	};
	double a[TURNS], b[TURNS], ratios[TURNS];
	int n = argc > 2 ? atoi(argv[2]) / TURNS + MANY : 0;

	for (size_t k = 0; n && k < sizeof kinds / sizeof *kinds; k++) {
		if (strcmp(argv[1], kinds[k].name))
			continue;
		set_up(kinds[k].many);
		if (!kinds[k].many) {
			struct epoll_event e = { .events = EPOLLIN };
			must(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e), "epoll_ctl");
		}
		for (int t = 0; t < TURNS; t++) {
			a[t] = kinds[k].with_epoll(n);
			b[t] = kinds[k].with_ports(n);
			ratios[t] = b[t] / a[t];
		}
		printf("%.0f %.0f %.3f\n", median(a), median(b), median(ratios));
		return 0;
	}
	fprintf(stderr, "usage: ports round|batch|rearm|send ROUNDS\n");
	return 2;
}
