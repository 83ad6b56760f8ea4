/* fork_cleanup_exec [silence]: the fork child closes everything in a loop, what it has closed already too, then execs.
 * Must find: nothing.
 */
#include "program.h"

int main(void)
{
	int a = open_null(), b = open_null();

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			close(a);
			close(b);
			for (int fd = 3; fd < 1024; fd++)
				close(fd);
			execl("/bin/true", "true", (char *)NULL);
			_exit(127);
		}
		need(wait_for(pid) == 0);
	}
	need(close(a) == 0 && close(b) == 0);
	puts("done");
	return 0;
}
