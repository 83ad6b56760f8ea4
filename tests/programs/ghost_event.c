/* ghost_event [ghost-event, use-after-close]: a child keeps what its parent closes without taking it out of the poller: the parent gets events for a number that is closed, and
 * tries to serve them there.
 * Must find: ghost-event, and the uses of the closed number. In mode enforce no such event comes: the registration ends before the close.
 */
#include "ghost.h"

static void serve(const struct epoll_event *e, uint64_t data)
{
	char byte;

	need(read(e->data.fd, &byte, 1) == -1 && errno == EBADF);
}

/* With an argument: no such event may come. */
int main(int argc, char **argv)
{
	ghost(0, 3, serve, argc > 1);
	return 0;
}
