/* clone_tls [silence]: children with a thread pointer of their own, all zeros, as chromium's zygote has them to change its root: in the parent's memory, who
 * sleeps meanwhile, and in a copy. Nothing of libc's thread is there, nor what lies below it. Must find: nothing.
 */
#include "program.h"
#include <sched.h>

#define SIZE 32768

static int child(void *how)
{
	if (chdir("/") != 0)
		_exit(1);
	if (how) {
		int fd = dup(0);

		/* No close: that is a cancellation point, for which libc looks at its thread where there have been others, the tracer's too. */
		if (fd < 0 || dup2(0, fd) != fd || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			_exit(2);
	}
	_exit(7);
}

static __attribute__((noinline)) int start(int flags, void *how)
{
	char tls[SIZE] __attribute__((aligned(16))), stack[SIZE] __attribute__((aligned(16)));
	int status;
	pid_t pid;

	memset(tls, 0, sizeof tls);
	pid = clone(child, stack + sizeof stack, flags | CLONE_SETTLS | SIGCHLD, how, NULL, tls, NULL);
	need(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int main(void)
{
	int fd;

	for (int i = 0; i < 3; i++) {
		need(start(CLONE_VM | CLONE_VFORK | CLONE_FS, NULL) == 7);
		need(start(CLONE_VM | CLONE_VFORK, "descriptors") == 7);
		need(start(0, NULL) == 7);
		need(start(0, "descriptors") == 7);
	}
	need((fd = open("/dev/null", O_RDONLY)) >= 0 && close(fd) == 0);
	puts("done");
	return 0;
}
