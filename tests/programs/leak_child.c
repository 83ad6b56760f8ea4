/* leak_child [fd-leak]: the parent is clean, a forked child loses descriptors. Must find: one fd-leak (error), in the child. */
#include "program.h"

int main(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 60; i++)
			open_null(), next_request();
		_exit(3);
	}
	printf("child %d\n", wait_for(pid));
	return 0;
}
