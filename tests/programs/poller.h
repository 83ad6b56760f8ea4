/*
 * tests/programs/poller.h: what the programs about pollers share: a pair of sockets, one thread at a time.
 */
#ifndef POLLER_H
#define POLLER_H

#include "program.h"
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

struct turns { sem_t go, done; };

static inline void turns_init(struct turns *t)
{
	need(sem_init(&t->go, 0, 0) == 0 && sem_init(&t->done, 0, 0) == 0);
}

/* The other thread's turn, until it says that it is over. */
static inline void turn(struct turns *t)
{
	sem_post(&t->go);
	while (sem_wait(&t->done) != 0)
		;
}

static inline void await(struct turns *t)
{
	while (sem_wait(&t->go) != 0)
		;
}

#define ACTORS_MAX 4
struct actors { pthread_t thread[ACTORS_MAX]; int n; };

/* Threads that each await their turn. The list ends with NULL. */
static inline void actors_start(struct actors *a, struct turns *turns, void *(*const *runs)(void *))
{
	for (a->n = 0; runs[a->n]; a->n++) {
		need(a->n < ACTORS_MAX);
		turns_init(&turns[a->n]);
		need(pthread_create(&a->thread[a->n], NULL, runs[a->n], NULL) == 0);
	}
}

/* One after the other: "010" is the first, the second, and the first again. */
static inline void in_turn(struct turns *turns, const char *order)
{
	for (; *order; order++)
		turn(&turns[*order - '0']);
}

static inline void actors_join(struct actors *a)
{
	for (int i = 0; i < a->n; i++)
		pthread_join(a->thread[i], NULL);
}

static inline void play(struct turns *turns, void *(*const *runs)(void *), const char *order)
{
	struct actors a;

	actors_start(&a, turns, runs);
	in_turn(turns, order);
	actors_join(&a);
}

static inline int registers(int poller, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	return epoll_ctl(poller, op, fd, &e);
}

/* A pair, its first end in the poller, with something to read there. */
static inline void ready_pair(int pair[2], int poller, uint32_t events, uint64_t data)
{
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	need(registers(poller, EPOLL_CTL_ADD, pair[0], events, data) == 0);
	need(write(pair[1], "x", 1) == 1);
}

static inline uint64_t next_event(int poller)
{
	struct epoll_event e = { 0 };

	need(epoll_wait(poller, &e, 1, 10000) == 1);
	return e.data.u64;
}

#endif
