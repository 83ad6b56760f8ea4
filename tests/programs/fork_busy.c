/* fork_busy [silence]: children are forked and end while other threads make descriptors; each child works, some fork again. Nobody may hang.
 * Must find: nothing.
 */
#include "program.h"

static volatile int stop;

static void *work(void *arg)
{
	while (!stop)
		close(dup(0));
	return arg;
}

static int child(int depth)
{
	for (int i = 0; i < 20; i++)
		need(close(open_null()) == 0);
	if (depth) {
		pid_t pid = fork();

		need(pid >= 0);
		if (pid == 0)
			_exit(child(depth - 1));
		return wait_for(pid);
	}
	return 5;
}

int main(void)
{
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		need(pthread_create(&t[i], NULL, work, NULL) == 0);
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		need(pid >= 0);
		if (pid == 0)
			_exit(child(i % 3));
		need(wait_for(pid) == 5);
	}
	stop = 1;
	for (int i = 0; i < 2; i++)
		need(pthread_join(t[i], NULL) == 0);
	puts("done");
	return 0;
}
