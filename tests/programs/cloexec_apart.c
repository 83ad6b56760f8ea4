/* cloexec_apart [silence]: descriptors marked after they were made where no race can come of it: before the thread that starts programs lives, by
 * that thread itself, and where whoever starts a program closes everything first, or only forks. Must find: nothing.
 */
#include "exec_self.h"
#include <spawn.h>
#include <sys/ioctl.h>

static char *child[] = { (char *)"self", (char *)"idle", NULL };

static void make_and_mark(int by_ioctl)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	need(fd >= 0 && (by_ioctl ? ioctl(fd, FIOCLEX) : fcntl(fd, F_SETFD, FD_CLOEXEC)) == 0 && close(fd) == 0);
}

static void *starts_programs(void *unused)
{
	pid_t pid;

	make_and_mark(0);
	need(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, child, plain_environment) == 0 && wait_for(pid) == 0);
	return NULL;
}

static void *starts_clean_ones(void *unused)
{
	posix_spawn_file_actions_t fa;
	pid_t pid = fork();

	if (pid == 0) {
		for (int fd = 3; fd < 300; fd++)
			close(fd);
		exec_self("idle");
	}
	need(wait_for(pid) == 0);
	pid = vfork();
	if (pid == 0) {
		close_range(3, ~0U, 0);
		execve("/proc/self/exe", child, plain_environment);
		_exit(127);
	}
	need(wait_for(pid) == 0);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addclosefrom_np(&fa, 3);
	need(posix_spawn(&pid, "/proc/self/exe", &fa, NULL, child, plain_environment) == 0 && wait_for(pid) == 0);
	posix_spawn_file_actions_destroy(&fa);
	pid = fork();
	if (pid == 0)
		_exit(0);
	need(wait_for(pid) == 0);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc > 1)
		return 0;
	make_and_mark(1);
	need(pthread_create(&t, NULL, starts_programs, NULL) == 0 && pthread_join(t, NULL) == 0);
	make_and_mark(1);
	need(pthread_create(&t, NULL, starts_clean_ones, NULL) == 0);
	for (int i = 0; i < 20; i++)
		make_and_mark(i % 2);
	need(pthread_join(t, NULL) == 0);
	puts("done");
	return 0;
}
