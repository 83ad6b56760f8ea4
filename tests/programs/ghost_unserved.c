/* ghost_unserved [ghost-event]: the same, but the program drops what it does not know: the event comes again and again.
 * Must find: ghost-event, and nothing else.
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
	need(registers(poller, EPOLL_CTL_ADD, pair[0], EPOLLIN, UINT64_C(7) << 32 | (uint64_t)pair[0]) == 0);
	need(write(pair[1], "x", 1) == 1);
	close(pair[0]);
	for (events = 0; events < 100 && epoll_wait(poller, &e, 1, 100) == 1; events++)
		need(e.data.u64 == (UINT64_C(7) << 32 | (uint64_t)pair[0]));
	need(argc == 1 || events == 0);
	need(events == 0 || events == 100);
	close(hold[1]);
	close(hold[0]);
	waitpid(child, NULL, 0);
	close(pair[1]);
	close(poller);
	puts("done");
	return 0;
}
