/* stale_batch [stale-rearm]: one thread gets two events at once. While it acts on the first it closes the other's descriptor, and opens another one, which
 * natively gets the number; then it comes to the second event, and re-arms by what it has in its hands.
 * Must find: stale-rearm, an error.
 */
#include "poller.h"

static char beside_record, old_record, new_record;

int main(void)
{
	int poller = epoll_create1(EPOLL_CLOEXEC), beside[2], first[2], second[2], refused;
	struct epoll_event got[2];

	ready_pair(beside, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&beside_record);
	ready_pair(first, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&old_record);
	need(epoll_wait(poller, got, 2, 10000) == 2);
	close(first[0]);
	ready_pair(second, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&new_record);
	refused = registers(poller, EPOLL_CTL_MOD, first[0], EPOLLIN | EPOLLONESHOT, (uintptr_t)&old_record) != 0;
	need(!refused || errno == EBADF || errno == ENOENT);
	/* Natively the stranger's events now come with the old record. */
	need(refused || second[0] != first[0] || next_event(poller) == (uintptr_t)&old_record);
	close(second[0]);
	close(second[1]);
	close(first[1]);
	close(beside[0]);
	close(beside[1]);
	close(poller);
	puts("done");
	return 0;
}
