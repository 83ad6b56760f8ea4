/* threads_many [silence]: 300 short-lived threads, eight at a time, each opens, duplicates and closes its own descriptors.
 * Must find: nothing.
 */
#include "program.h"

static void *work(void *arg)
{
	for (int i = 0; i < 20; i++) {
		int fd = open_null(), copy = dup(fd), p[2];

		need(copy >= 0 && close(fd) == 0 && close(copy) == 0);
		need(pipe(p) == 0 && write(p[1], "x", 1) == 1 && close(p[0]) == 0 && close(p[1]) == 0);
	}
	return arg;
}

int main(void)
{
	pthread_t t[8];

	for (int round = 0; round < 300 / 8; round++) {
		for (int i = 0; i < 8; i++)
			need(pthread_create(&t[i], NULL, work, NULL) == 0);
		for (int i = 0; i < 8; i++)
			need(pthread_join(t[i], NULL) == 0);
	}
	puts("done");
	return 0;
}
