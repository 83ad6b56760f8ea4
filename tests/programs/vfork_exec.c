/* vfork_exec [silence]: the vfork child closes and moves descriptors, then execs; the parent's are untouched and go on being used.
 * Must find: nothing.
 */
#include "program.h"

int main(void)
{
	int p[2], keep = open_null();
	char c;

	for (int i = 0; i < 20; i++) {
		pid_t pid;

		need(pipe2(p, O_CLOEXEC) == 0);
		pid = vfork();
		if (pid == 0) {
			close(keep);
			close(p[0]);
			dup2(p[1], 1);
			for (int fd = 3; fd < 50; fd++)
				close(fd);
			execl("/bin/echo", "echo", "-n", "v", (char *)NULL);
			_exit(127);
		}
		need(pid > 0 && close(p[1]) == 0 && read(p[0], &c, 1) == 1 && c == 'v' && close(p[0]) == 0);
		need(wait_for(pid) == 0 && write(keep, &c, 1) == 1);
	}
	need(close(keep) == 0);
	puts("done");
	return 0;
}
