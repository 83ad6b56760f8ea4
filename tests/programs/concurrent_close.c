/* concurrent_close [double-close]: two threads close the same descriptor at the same moment, many times; one of them loses each time.
 * Must find: double-close, all rounds in one finding or in one for each order the two threads can have.
 */
#include "program.h"

enum { ROUNDS = 300 };
static pthread_barrier_t barrier;
static int shared_fd;
static int failures;

static void *closer(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		if (close(shared_fd) != 0) {
			need(errno == EBADF);
			__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
		}
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread[2];

	pthread_barrier_init(&barrier, NULL, 3);
	for (int i = 0; i < 2; i++)
		need(pthread_create(&thread[i], NULL, closer, NULL) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		shared_fd = open_null();
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	printf("lost %d of %d\n", failures, ROUNDS);
	return 0;
}
