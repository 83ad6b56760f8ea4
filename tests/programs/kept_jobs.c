/* kept_jobs [fd-leak]: a descriptor for each job, of every kind, made one after the other until the end: some are used round by round, some are waited for by poll,
 * some stand in a poller. All of them, to the last day.
 * Must find: notes, and nothing at warning or above, though they become ever more. (leak_jobs is the same but forgets them.)
 */
#include "program.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

enum { JOBS = 110 };
static struct job { int wake, memory, timer, ends[2], queue; } jobs[JOBS];
static int n, poller;

static void start(struct job *j)
{
	struct epoll_event event = { EPOLLIN, { .ptr = j } };

	j->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	j->memory = memfd_create("job", MFD_CLOEXEC);
	j->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	j->queue = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	need(j->wake >= 0 && j->memory >= 0 && j->timer >= 0 && j->queue >= 0 && pipe2(j->ends, O_CLOEXEC) == 0);
	need(epoll_ctl(poller, EPOLL_CTL_ADD, j->timer, &event) == 0);
}

#ifndef FORGETS
static void work(struct job *j)
{
	uint64_t one = 1;

	need(write(j->wake, &one, sizeof one) == sizeof one && read(j->wake, &one, sizeof one) == sizeof one);
	need(pwrite(j->memory, &one, sizeof one, 0) == sizeof one);
	need(write(j->ends[1], &one, 1) == 1 && read(j->ends[0], &one, 1) == 1);
}

static void wait_for_all(void)
{
	struct pollfd all[JOBS];

	for (int i = 0; i < n; i++)
		all[i] = (struct pollfd){ .fd = jobs[i].queue, .events = POLLIN };
	need(poll(all, (nfds_t)n, 0) == 0);
}
#endif

int main(void)
{
	struct epoll_event event;

	poller = epoll_create1(EPOLL_CLOEXEC);
	while (n < JOBS) {
		start(&jobs[n++]);
#ifdef FORGETS
		need(epoll_ctl(poller, EPOLL_CTL_DEL, jobs[n - 1].timer, NULL) == 0);
#else
		for (int i = 0; i < n; i++)
			work(&jobs[i]);
		wait_for_all();
#endif
		need(epoll_wait(poller, &event, 1, 0) == 0);
		usleep(8000);
	}
	puts("done");
	return 0;
}
