/* exit_busy [silence]: ends by _exit in a child, by exec in another, while threads make descriptors as fast as they can. Whoever comes after must
 * still be recorded. Must find: nothing.
 */
#include "program.h"

static void *work(void *arg)
{
	for (;;)
		close(dup(0));
	return arg;
}

static void start_threads(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		need(pthread_create(&t, NULL, work, NULL) == 0);
	usleep(3000);
}

int main(void)
{
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		need(pid >= 0);
		if (pid == 0) {
			start_threads();
			if (i % 2)
				_exit(3);
			execl("/bin/true", "true", (char *)NULL);
			_exit(9);
		}
		need(wait_for(pid) == (i % 2 ? 3 : 0));
	}
	puts("done");
	return 0;
}
