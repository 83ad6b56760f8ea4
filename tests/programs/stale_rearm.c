/* stale_rearm [stale-rearm]: one thread waits and queues one-shot events to a worker, which re-arms; a third closes the descriptor in between, and opens another
 * one, which natively gets the number. The worker's EPOLL_CTL_MOD then changes the registration of a stranger.
 * Must find: stale-rearm, an error, with both descriptors where the re-arm went through. It must not be told as a use after close.
 */
#include "poller.h"

static struct turns worker_turns, closer_turns;
static int poller, old_fd;
static int refused;
static int first[2], second[2];
static char old_record, new_record;

static void *worker(void *unused)
{
	await(&worker_turns);
	refused = registers(poller, EPOLL_CTL_MOD, old_fd, EPOLLIN | EPOLLONESHOT, (uintptr_t)&old_record) != 0;
	need(!refused || errno == EBADF);
	sem_post(&worker_turns.done);
	return NULL;
}

static void *closer(void *unused)
{
	await(&closer_turns);
	close(old_fd);
	sem_post(&closer_turns.done);
	return NULL;
}

int main(void)
{
	pthread_t thread[2];

	turns_init(&worker_turns);
	turns_init(&closer_turns);
	poller = epoll_create1(EPOLL_CLOEXEC);
	need(pthread_create(&thread[0], NULL, worker, NULL) == 0 && pthread_create(&thread[1], NULL, closer, NULL) == 0);
	ready_pair(first, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&old_record);
	old_fd = first[0];
	need(next_event(poller) == (uintptr_t)&old_record);
	turn(&closer_turns);
	ready_pair(second, poller, EPOLLIN | EPOLLONESHOT, (uintptr_t)&new_record);
	turn(&worker_turns);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	/* Natively the stranger's events now come with the old record. */
	need(refused || second[0] != old_fd || next_event(poller) == (uintptr_t)&old_record);
	close(second[0]);
	close(second[1]);
	close(first[1]);
	close(poller);
	puts("done");
	return 0;
}
