/* right_armed [silence]: one thread makes connections, a second arms and serves them, a third closes what the second has taken out of the poller: closing what others
 * opened and armed is its work. Must find: nothing.
 */
#include "poller.h"

enum { CONNECTIONS = 40 };
static struct turns turns[3];
static int pair[2], poller;

static void *makes(void *unused)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		await(&turns[0]);
		need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 && write(pair[1], "x", 1) == 1);
		sem_post(&turns[0].done);
	}
	return NULL;
}

static void *serves(void *unused)
{
	char byte;

	for (int i = 0; i < CONNECTIONS; i++) {
		await(&turns[1]);
		need(registers(poller, EPOLL_CTL_ADD, pair[0], EPOLLIN | EPOLLONESHOT, (uint64_t)i) == 0 && next_event(poller) == (uint64_t)i);
		need(read(pair[0], &byte, 1) == 1 && registers(poller, EPOLL_CTL_DEL, pair[0], 0, 0) == 0);
		sem_post(&turns[1].done);
	}
	return NULL;
}

static void *closes(void *unused)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		await(&turns[2]);
		need(close(pair[0]) == 0 && close(pair[1]) == 0);
		sem_post(&turns[2].done);
	}
	return NULL;
}

int main(void)
{
	static void *(*const runs[])(void *) = { makes, serves, closes, NULL };
	struct actors a;

	need((poller = epoll_create1(EPOLL_CLOEXEC)) >= 0);
	actors_start(&a, turns, runs);
	for (int i = 0; i < CONNECTIONS; i++)
		in_turn(turns, "012");
	actors_join(&a);
	close(poller);
	puts("done");
	return 0;
}
