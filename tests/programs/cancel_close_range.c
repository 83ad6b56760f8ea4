/* cancel_close_range [silence]: close_range is no cancellation point, also where one of its few numbers is in a poller that another thread waits on: a thread that
 * is about to be cancelled comes through it, and everything in the range is closed. Must find: nothing.
 */
#include "program.h"
#include <sys/epoll.h>

static int poller, pair[2];
static _Atomic int go, through;

static void *closes(void *unused)
{
	while (!go)
		;
	through = close_range((unsigned)pair[0], (unsigned)pair[1], 0) == 0;
	pthread_testcancel();
	return NULL;
}

static void *waits(void *unused)
{
	struct epoll_event event;

	while (epoll_wait(poller, &event, 1, -1) >= 0)
		;
	return NULL;
}

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };
	pthread_t closer, waiter;
	void *end;

	poller = epoll_create1(EPOLL_CLOEXEC);
	need(pthread_create(&closer, NULL, closes, NULL) == 0 && pthread_create(&waiter, NULL, waits, NULL) == 0);
	usleep(10000);
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 && pair[1] == pair[0] + 1);
	event.data.fd = pair[0];
	need(epoll_ctl(poller, EPOLL_CTL_ADD, pair[0], &event) == 0);
	need(pthread_cancel(closer) == 0);
	go = 1;
	need(pthread_join(closer, &end) == 0 && end == PTHREAD_CANCELED && through);
	need(fcntl(pair[1], F_GETFD) < 0 && errno == EBADF);
	need(pthread_cancel(waiter) == 0 && pthread_join(waiter, NULL) == 0 && close(poller) == 0);
	puts("done");
	return 0;
}
