/* tests/ports/threads.c: many threads on one port: each event is delivered once, and none for what was closed before the call. */
#define _GNU_SOURCE
#include "suite.h"
#include <sys/socket.h>

#define SENT 4000
static int port;
static _Atomic int seen[SENT + 1], total, finished;

static void *taker(void *arg)
{
	unsigned nget = (unsigned)(intptr_t)arg;
	port_event_t e[32];

	while (!finished) {
		unsigned n = nget;
		struct timespec t = { 0, 20000000 };
		int r = port_getn(port, e, 32, &n, &t);
		CHECK(r == 0 || errno == ETIME);
		CHECK(r < 0 || n >= nget);
		for (unsigned i = 0; i < n; i++) {
			SAME(seen[e[i].portev_events]++, 0);
			total++;
		}
	}
	return NULL;
}
static void *sender(void *arg)
{
	for (int i = (int)(intptr_t)arg; i < SENT; i += 2)
		while (port_send(port, i, NULL) < 0)
			ms_sleep(1);
	return NULL;
}
TEST(takers, "8 threads in port_getn, each for another number: every event once")
{
	pthread_t t[8], s[2];

	port = port_new();
	for (int i = 0; i < 8; i++)
		t[i] = thread(taker, P(1 + i));
	for (int i = 0; i < 2; i++)
		s[i] = thread(sender, P(i));
	for (int i = 0; i < 2; i++)
		joined(s[i]);
	while (total < SENT)
		ms_sleep(5);
	SAME(total, SENT);
	finished = 1;
	for (int i = 0; i < 8; i++)
		joined(t[i]);
}

/* Pipes that are always ready, and threads that take, drop and re-arm: the number of events is the number of associations. */
#define ARMED 64
static _Atomic long armed, had;
static _Atomic int fds[ARMED];
static void *rearmer(void *arg)
{
	unsigned nget = (unsigned)(intptr_t)arg;
	port_event_t e[16];

	while (!finished) {
		unsigned n = nget;
		struct timespec t = { 0, 5000000 };
		int r = port_getn(port, e, 16, &n, &t);
		CHECK(r == 0 || errno == ETIME);
		for (unsigned i = 0; i < n; i++) {
			had++;
			SAME(fds[(intptr_t)e[i].portev_user], e[i].portev_object);
			armed++;
			associate(port, (int)e[i].portev_object, POLLIN, e[i].portev_user);
		}
	}
	return NULL;
}
TEST(rearmers, "8 threads take and re-arm ready descriptors: one event an association")
{
	struct pipe_pair p = pipe_new();
	port_event_t e[ARMED];
	pthread_t t[8];
	unsigned left;

	trigger(p);
	port = port_new();
	for (int i = 0; i < ARMED; i++) {
		fds[i] = dup(p.r);
		armed++;
		associate(port, fds[i], POLLIN, P(i));
	}
	for (int i = 0; i < 8; i++)
		t[i] = thread(rearmer, P(1 + i % 4));
	ms_sleep(300);
	while (had < 200)
		ms_sleep(20);
	finished = 1;
	for (int i = 0; i < 8; i++)
		joined(t[i]);
	left = getn(port, e, ARMED, 1, 0);
	SAME(left, ARMED);
	SAME(had + ARMED, armed);
}

/* Taken back while others take: each association's event is had, or taken back, never both and never neither. */
#define TAKEN_BACK 2000
static void *get_some(void *unused)
{
	(void)unused;
	while (!finished) {
		struct timespec t = { 0, 1000000 };
		port_event_t e;

		if (port_get(port, &e, &t) == 0)
			had++;
	}
	return NULL;
}
TEST(had_or_taken_back, "2 threads take what a third dissociates: an event is had or taken back")
{
	struct pipe_pair p = pipe_new();
	long back = 0, end = ms_now() + 5000;
	pthread_t t[2];

	trigger(p);
	port = port_new();
	for (int i = 0; i < 2; i++)
		t[i] = thread(get_some, NULL);
	for (armed = 0; armed < TAKEN_BACK && ms_now() < end; armed++) {
		associate(port, p.r, POLLIN, P(armed));
		if (armed % 4 == 0) /* so that they come this far */
			usleep((unsigned)(armed / 4) % 100);
		if (port_dissociate(port, PORT_SOURCE_FD, (uintptr_t)p.r) == 0)
			back++;
		else
			SAME(errno, ENOENT);
	}
	finished = 1;
	for (int i = 0; i < 2; i++)
		joined(t[i]);
	SAME(had + back, armed);
}

/*
 * Workers retrieve and re-arm; a reaper closes, while the description lives on elsewhere and is ready, and opens the number anew. Each slot has
 * a lock, as any program needs that re-arms and closes in two threads. What must not be: an event whose association was made for a descriptor
 * that was closed before the call that delivers it began.
 */
#define SLOTS 24
enum user { POINTER, NUMBER, TAGGED };
struct slot {
	pthread_mutex_t lock;
	int fd, other;
	uint32_t generation;
	_Atomic long retired;        /* POINTER: of this very structure */
};
static struct slot slots[SLOTS];
static _Atomic long clock_, events;
static enum user kind;
#define MADE (1 << 20)
static _Atomic long *closed_at;      /* by generation */
static _Atomic uint32_t generation;
static struct slot *_Atomic by_fd[1024];

static void *user_of(struct slot *s)
{
	if (kind == POINTER)
		return s;
	return kind == NUMBER ? P(s->fd) : (void *)((uintptr_t)s->generation << 32 | (uintptr_t)s->fd);
}
static void open_slot(struct slot *s)
{
	int ends[2];

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	SAME(write(ends[1], "x", 1), 1);
	s->fd = ends[0];
	s->other = ends[1];
	s->generation = ++generation % MADE;
	by_fd[s->fd] = s;
	associate(port, s->fd, POLLIN, user_of(s));
}
static void *worker(void *unused)
{
	(void)unused;
	while (!finished) {
		long begun = clock_;
		struct timespec t = { 0, 1000000 };
		port_event_t e;
		struct slot *s;

		if (port_get(port, &e, &t) < 0) {
			SAME(errno, ETIME);
			continue;
		}
		events++;
		s = by_fd[e.portev_object];
		if (kind == POINTER) {
			s = e.portev_user;
			CHECK(s >= slots && s < slots + SLOTS);
		} else if (kind == NUMBER) {
			SAME((intptr_t)e.portev_user, e.portev_object);
		} else {
			uint32_t g = (uint32_t)((uintptr_t)e.portev_user >> 32);
			long closed = closed_at[g];
			SAME((uint32_t)(uintptr_t)e.portev_user, e.portev_object);
			CHECK(!closed || closed > begun);
		}
		pthread_mutex_lock(&s->lock);
		if (s->fd == (int)e.portev_object && (kind != TAGGED || e.portev_user == user_of(s)))
			associate(port, s->fd, POLLIN, user_of(s));
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}
static void *reaper(void *arg)
{
	unsigned seed = (unsigned)(intptr_t)arg;
	int held[16] = { 0 }, at = 0;

	while (!finished) {
		struct slot *s = &slots[rand_r(&seed) % SLOTS];
		uint32_t g;

		pthread_mutex_lock(&s->lock);
		g = s->generation;
		if (held[at])
			close(held[at]);
		held[at] = dup(s->fd); /* its registration in the kernel outlives the number */
		at = (at + 1) % 16;
		close(s->other);
		close(s->fd);
		closed_at[g] = ++clock_;
		open_slot(s);
		pthread_mutex_unlock(&s->lock);
		if (rand_r(&seed) % 4 == 0)
			sched_yield();
	}
	return NULL;
}
static void stress(enum user k, int workers)
{
	pthread_t t[8], r;

	kind = k;
	port = port_new();
	closed_at = calloc(MADE, sizeof *closed_at);
	for (int i = 0; i < SLOTS; i++) {
		pthread_mutex_init(&slots[i].lock, NULL);
		open_slot(&slots[i]);
	}
	for (int i = 0; i < workers; i++)
		t[i] = thread(worker, NULL);
	r = thread(reaper, P(1 + workers));
	ms_sleep(300);
	while (events < 100 || generation < 100 + SLOTS) /* on a machine with other things to do; the bound is main.c's */
		ms_sleep(20);
	finished = 1;
	joined(r);
	for (int i = 0; i < workers; i++)
		joined(t[i]);
}
TEST(stress_p1, "stress: user is a pointer, 1 worker") { stress(POINTER, 1); }
TEST(stress_p2, "stress: user is a pointer, 2 workers") { stress(POINTER, 2); }
TEST(stress_p8, "stress: user is a pointer, 8 workers") { stress(POINTER, 8); }
TEST(stress_n1, "stress: user is the number, 1 worker") { stress(NUMBER, 1); }
TEST(stress_n2, "stress: user is the number, 2 workers") { stress(NUMBER, 2); }
TEST(stress_n8, "stress: user is the number, 8 workers") { stress(NUMBER, 8); }
TEST(stress_t1, "stress: user is number and generation, 1 worker") { stress(TAGGED, 1); }
TEST(stress_t2, "stress: user is number and generation, 2 workers") { stress(TAGGED, 2); }
TEST(stress_t8, "stress: user is number and generation, 8 workers") { stress(TAGGED, 8); }
