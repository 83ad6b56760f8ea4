/* clone_children [double-close]: children made by clone() with a function, and by the plain system call: libc does not tell them who they are. Each
 * closes a descriptor of its own twice. Must find: one double-close for each way.
 */
#include "program.h"
#include <sched.h>
#include <sys/syscall.h>

static int child(void *arg)
{
	int fd = open_null();

	need(close(fd) == 0 && close(fd) == -1 && errno == EBADF);
	return 4;
}

static int other(void)
{
	int fd = open_null();

	need(close(fd) == 0 && close(fd) == -1 && errno == EBADF);
	return 5;
}

int main(void)
{
	static char stack[65536] __attribute__((aligned(64)));
	long pid;

	for (int i = 0; i < 5; i++) {
		pid = clone(child, stack + sizeof stack, SIGCHLD, NULL);
		need(pid > 0 && wait_for((pid_t)pid) == 4);
	}
	for (int i = 0; i < 5; i++) {
		pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		need(pid >= 0);
		if (pid == 0)
			_exit(other());
		need(wait_for((pid_t)pid) == 5);
	}
	puts("done");
	return 0;
}
