/* stale_rearm_refused [stale-rearm]: re-arms that the kernel refuses by itself: of a number that is closed, and of one that is open again but not in the poller.
 * Must find: stale-rearm, as notes, for no harm was done; and no use after close.
 */
#include "poller.h"

int main(void)
{
	int poller = epoll_create1(EPOLL_CLOEXEC), pair[2], file;

	ready_pair(pair, poller, EPOLLIN | EPOLLONESHOT, 1);
	need(next_event(poller) == 1);
	close(pair[0]);
	need(registers(poller, EPOLL_CTL_MOD, pair[0], EPOLLIN | EPOLLONESHOT, 1) == -1 && errno == EBADF);
	file = eventfd(0, EFD_CLOEXEC);
	/* whatever holds the number back, natively it would be this one's */
	need(file == pair[0] || dup2(file, pair[0]) == pair[0]);
	need(registers(poller, EPOLL_CTL_MOD, pair[0], EPOLLIN | EPOLLONESHOT, 1) == -1 && errno == ENOENT);
	close(file);
	if (file != pair[0])
		close(pair[0]);
	close(pair[1]);
	close(poller);
	puts("done");
	return 0;
}
