/* leak_ways [fd-leak-exec]: a directory is leaked to a child of posix_spawn, of system, of popen, of vfork, of clone, and to what this process itself becomes.
 * Must find: one fd-leak-exec, error, for each; nothing else.
 */
#include "exec_self.h"
#include <sched.h>
#include <spawn.h>

static char *child[] = { (char *)"self", (char *)"idle", NULL };

/* Each of its own place. */
#define LEAKED open("/tmp", O_RDONLY | O_DIRECTORY)

static void by_spawn(void)
{
	int fd = LEAKED;
	pid_t pid;

	need(fd > 2 && posix_spawn(&pid, "/proc/self/exe", NULL, NULL, child, environ) == 0 && wait_for(pid) == 0);
	need(close(fd) == 0);
}

static void by_system(const char *command)
{
	int fd = LEAKED;

	need(fd > 2 && system(command) == 0);
	need(close(fd) == 0);
}

static void by_popen(const char *command)
{
	int fd = LEAKED;
	FILE *f = popen(command, "r");

	need(fd > 2 && f && fgetc(f) == EOF && pclose(f) == 0);
	need(close(fd) == 0);
}

static void by_vfork(void)
{
	int fd = LEAKED;
	pid_t pid = vfork();

	if (pid == 0) {
		execve("/proc/self/exe", child, environ);
		_exit(127);
	}
	need(fd > 2 && wait_for(pid) == 0);
	need(close(fd) == 0);
}

static int cloned(void *unused)
{
	execve("/proc/self/exe", child, environ);
	_exit(127);
}

static void by_clone(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd = LEAKED;
	pid_t pid = clone(cloned, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

	need(fd > 2 && wait_for(pid) == 0);
	need(close(fd) == 0);
}

int main(int argc, char **argv)
{
	char self[512], command[640];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (argc > 1) {
		if (!strcmp(argv[1], "last"))
			puts("done");
		return 0;
	}
	need(n > 0);
	self[n] = 0;
	snprintf(command, sizeof command, "%s idle", self);
	plain_session();
	by_spawn();
	by_system(command);
	by_popen(command);
	by_vfork();
	by_clone();
	need(LEAKED > 2);
	exec_self("last");
}
