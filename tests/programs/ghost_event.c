/* ghost_event [ghost-event, use-after-close]: a child keeps what its parent closes without taking it out of the poller: the parent gets events for a number that is closed, and
 * tries to serve them there.
 * Must find: ghost-event, and the uses of the closed number. In mode enforce no such event comes: the registration ends before the close.
 */
#include "poller.h"
#include <sys/wait.h>

/* With an argument: no such event may come. */
int main(int argc, char **argv)
{
	int pair[2], hold[2], poller, events;
	struct epoll_event e;
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
	poller = epoll_create1(EPOLL_CLOEXEC);
	need(registers(poller, EPOLL_CTL_ADD, pair[0], EPOLLIN, (uint64_t)pair[0]) == 0);
	need(write(pair[1], "x", 1) == 1);
	close(pair[0]);
	for (events = 0; events < 3 && epoll_wait(poller, &e, 1, 100) == 1; events++)
		need(read(e.data.fd, &byte, 1) == -1 && errno == EBADF);
	need(argc == 1 || events == 0);
	need(events == 0 || events == 3);
	close(hold[1]);
	close(hold[0]);
	waitpid(child, NULL, 0);
	close(pair[1]);
	close(poller);
	puts("done");
	return 0;
}
