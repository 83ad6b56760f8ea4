/* foreign_armed [double-close, foreign-close]: one thread accepts, another arms and reads; a third, whose cleanup runs twice, closes the connection that has its old number by then.
 * Must find: recorded, foreign-close, and nothing against the thread that re-arms; in audit double-close, and the connection is there.
 */
#include "poller.h"

static struct turns turns[3];
static int own = -1, pair[2], poller;

static __attribute__((noinline)) void cleanup(void) { close(own); }

static void *culprit(void *unused)
{
	await(&turns[0]);
	own = open_null();
	cleanup();
	sem_post(&turns[0].done);
	await(&turns[0]);
	cleanup();
	sem_post(&turns[0].done);
	return NULL;
}

static void *accepts(void *unused)
{
	await(&turns[1]);
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	sem_post(&turns[1].done);
	return NULL;
}

static void *serves(void *unused)
{
	char byte;

	await(&turns[2]);
	need(registers(poller, EPOLL_CTL_ADD, pair[0], EPOLLIN | EPOLLONESHOT, 1) == 0);
	sem_post(&turns[2].done);
	await(&turns[2]);
	need(read(pair[0], &byte, 1) == (pair[0] == own ? -1 : 1));
	if (pair[0] != own)
		close(pair[0]);
	sem_post(&turns[2].done);
	return NULL;
}

int main(void)
{
	static void *(*const runs[])(void *) = { culprit, accepts, serves, NULL };
	struct actors a;

	need((poller = epoll_create1(EPOLL_CLOEXEC)) >= 0);
	actors_start(&a, turns, runs);
	in_turn(turns, "012");
	need(write(pair[1], "x", 1) == 1);
	in_turn(turns, "02");
	actors_join(&a);
	close(pair[1]);
	close(poller);
	puts("done");
	return 0;
}
