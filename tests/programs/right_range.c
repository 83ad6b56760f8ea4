/* right_range [silence]: threads open several numbers each, one after the other, and close exactly these by close_range; what others have open above and below
 * goes on being used. Must find: nothing.
 */
#include "program.h"

enum { THREADS = 4, ROUNDS = 60, BATCH = 3 };
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static void *works(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		int fd[BATCH], in_a_row = 1;

		pthread_mutex_lock(&making);
		for (int k = 0; k < BATCH; k++)
			fd[k] = open_null();
		pthread_mutex_unlock(&making);
		for (int k = 0; k < BATCH; k++) {
			need(write(fd[k], "x", 1) == 1);
			in_a_row &= fd[k] == fd[0] + k;
		}
		if (in_a_row)
			need(close_range((unsigned)fd[0], (unsigned)fd[BATCH - 1], 0) == 0);
		else
			for (int k = 0; k < BATCH; k++)
				need(close_range((unsigned)fd[k], (unsigned)fd[k], 0) == 0);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		need(pthread_create(&thread[i], NULL, works, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	puts("done");
	return 0;
}
