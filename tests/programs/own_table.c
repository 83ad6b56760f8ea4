/* own_table [silence]: a thread gets a descriptor table of its own, by unshare and by close_range, while a number is kept back for events that others may hold:
 * what was closed is closed there. Must find: nothing.
 */
#define _GNU_SOURCE
#include "program.h"
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

static int poller;
static volatile int closed[8], over;

static void *wait_for_events(void *arg)
{
	struct epoll_event got[4];

	while (!over)
		epoll_wait(poller, got, 4, 10);
	return NULL;
}

static void *leave(void *range)
{
	int lowest;

	need((range ? close_range(200, ~0u, CLOSE_RANGE_UNSHARE) : unshare(CLONE_FILES)) == 0);
	for (int i = 0; i < 8; i++)
		need(fcntl(closed[i], F_GETFD) == -1 && errno == EBADF);
	lowest = dup(0);
	need(lowest >= 0 && lowest <= closed[0] && close(lowest) == 0);
	return NULL;
}

int main(void)
{
	pthread_t waiters[2], leaver;

	need((poller = epoll_create1(EPOLL_CLOEXEC)) >= 0);
	for (int i = 0; i < 2; i++)
		need(pthread_create(&waiters[i], NULL, wait_for_events, NULL) == 0);
	usleep(50000);
	for (long range = 0; range < 2; range++) {
		for (int i = 0; i < 8; i++) {
			struct epoll_event e = { .events = EPOLLIN, .data.fd = closed[i] = eventfd(1, EFD_CLOEXEC) };
			need(closed[i] >= 0 && epoll_ctl(poller, EPOLL_CTL_ADD, closed[i], &e) == 0);
		}
		for (int i = 0; i < 8; i++)
			need(close(closed[i]) == 0);
		need(pthread_create(&leaver, NULL, leave, (void *)range) == 0 && pthread_join(leaver, NULL) == 0);
		usleep(1500000); /* given back by then */
	}
	over = 1;
	for (int i = 0; i < 2; i++)
		need(pthread_join(waiters[i], NULL) == 0);
	puts("done");
	return 0;
}
