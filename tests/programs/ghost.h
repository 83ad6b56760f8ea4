/*
 * tests/programs/ghost.h: what ghost_event and ghost_unserved share: a child keeps what its parent closes without taking it out of the poller, so that the
 * parent goes on being given its events.
 */
#ifndef GHOST_H
#define GHOST_H

#include "poller.h"
#include <sys/wait.h>

/* Up to `most` events of the registration with this data above its number, each to `serve`. none: no such event may come. */
static inline void ghost(uint64_t above, int most, void (*serve)(const struct epoll_event *, uint64_t data), int none)
{
	int pair[2], hold[2], poller, events;
	struct epoll_event e;
	uint64_t data;
	char byte;
	pid_t child;

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(hold) == 0);
	child = fork();
	need(child >= 0);
	if (child == 0) {
		close(hold[1]);
		need(read(hold[0], &byte, 1) == 0);
		_exit(0);
	}
	data = above << 32 | (uint64_t)pair[0];
	poller = epoll_create1(EPOLL_CLOEXEC);
	need(registers(poller, EPOLL_CTL_ADD, pair[0], EPOLLIN, data) == 0);
	need(write(pair[1], "x", 1) == 1);
	close(pair[0]);
	for (events = 0; events < most && epoll_wait(poller, &e, 1, 100) == 1; events++)
		serve(&e, data);
	need(events == 0 || (events == most && !none));
	close(hold[1]);
	close(hold[0]);
	waitpid(child, NULL, 0);
	close(pair[1]);
	close(poller);
	puts("done");
}

#endif
