/* last_thread [silence]: the first thread ends by pthread_exit, the last one by returning: then the process ends with 0. Also in a fork child whose only
 * thread is not the first. Must find: nothing.
 */
#include "program.h"

static void *forks_and_returns(void *arg)
{
	pid_t pid = fork();

	need(pid >= 0);
	if (pid == 0)
		return arg; /* the child's only thread ends here */
	need(wait_for(pid) == 0);
	need(write(1, "done\n", 5) == 5);
	return arg;
}

int main(void)
{
	pthread_t t;

	need(pthread_create(&t, NULL, forks_and_returns, NULL) == 0);
	need(pthread_detach(t) == 0);
	pthread_exit(NULL);
}
