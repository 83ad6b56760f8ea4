/* spawn_passed [silence]: children of posix_spawn and vfork that are given descriptors, or have them closed, before their exec. Must find: nothing.
 */
#include "exec_self.h"
#include <spawn.h>
#include <sys/ioctl.h>

static char *child[] = { (char *)"self", (char *)"idle", NULL };

enum { PLACE, KEEP, OPEN, STDIN, CLOSE, CLOSEFROM, WAYS };

static void actions_of(posix_spawn_file_actions_t *fa, int way)
{
	posix_spawn_file_actions_init(fa);
	switch (way) {
	case PLACE: /* the first is left open too */
		need(posix_spawn_file_actions_adddup2(fa, PASSED, 60) == 0);
		break;
	case KEEP: /* takes close-on-exec away */
		need(posix_spawn_file_actions_adddup2(fa, PASSED, PASSED) == 0);
		break;
	case OPEN:
		need(posix_spawn_file_actions_addopen(fa, PASSED, "/dev/null", O_RDONLY, 0) == 0);
		break;
	case STDIN:
		need(posix_spawn_file_actions_adddup2(fa, PASSED, 0) == 0);
		break;
	case CLOSE:
		need(posix_spawn_file_actions_addclose(fa, PASSED) == 0);
		break;
	case CLOSEFROM:
		need(posix_spawn_file_actions_addclosefrom_np(fa, 3) == 0);
		break;
	}
}

static void spawn(int way)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;

	actions_of(&fa, way);
	need(posix_spawn(&pid, "/proc/self/exe", &fa, NULL, child, plain_environment) == 0 && wait_for(pid) == 0);
	posix_spawn_file_actions_destroy(&fa);
}

/* The same by hand. */
static void do_it(int way)
{
	switch (way) {
	case PLACE: need(dup2(PASSED, 60) == 60); break;
	case KEEP: need(ioctl(PASSED, FIONCLEX) == 0); break;
	case OPEN:
		need(close(PASSED) == 0);
		need(fcntl(open("/dev/null", O_RDONLY), F_DUPFD, PASSED) == PASSED);
		break;
	case STDIN: need(dup2(PASSED, 0) == 0); break;
	case CLOSE: need(close(PASSED) == 0); break;
	case CLOSEFROM:
		for (int fd = 3; fd < 300; fd++)
			close(fd);
		break;
	}
}

static void by_vfork(int way)
{
	pid_t pid = vfork();

	if (pid == 0) {
		do_it(way);
		execve("/proc/self/exe", child, plain_environment);
		_exit(127);
	}
	need(wait_for(pid) == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 0;
	for (int way = 0; way < WAYS; way++)
		for (int vforks = 0; vforks < 2; vforks++) {
			int fd = pass(open("/etc/passwd", O_RDONLY));

			if (way == KEEP)
				need(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
			if (vforks)
				by_vfork(way);
			else
				spawn(way);
			need(close(fd) == 0);
		}
	puts("done");
	return 0;
}
