/* cloexec_race_lost [cloexec-race]: between making a socket and marking it a thread is held up until another has started a program, by fork, vfork,
 * posix_spawn and system in turn: the program has it. Must find: one cloexec-race for each, error: it sleeps meanwhile, as one does that has handed it on, so no mode may prevent it;
 * and no fd-leak-exec.
 */
#include "exec_self.h"
#include <spawn.h>

enum { BY_FORK, BY_VFORK, BY_SPAWN, BY_SYSTEM, WAYS };
static pthread_barrier_t turn;
static char command[640];
static char *child[] = { (char *)"self", (char *)"idle", NULL };

static pid_t start(int way)
{
	pid_t pid = -1;

	switch (way) {
	case BY_FORK:
		pid = fork();
		if (pid == 0)
			exec_self("idle");
		break;
	case BY_VFORK:
		pid = vfork();
		if (pid == 0) {
			execve("/proc/self/exe", child, plain_environment);
			_exit(127);
		}
		break;
	case BY_SPAWN:
		need(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, child, plain_environment) == 0);
		break;
	}
	return pid;
}

static void *starter(void *unused)
{
	for (int way = 0; way < WAYS; way++) {
		pthread_barrier_wait(&turn);
		if (way == BY_SYSTEM)
			need(system(command) == 0);
		else
			need(wait_for(start(way)) == 0);
		pthread_barrier_wait(&turn);
	}
	return NULL;
}

/* Each of its own place. */
#define LOSE() do { \
		int fd = socket(AF_UNIX, SOCK_STREAM, 0); \
		need(fd > 2); \
		pthread_barrier_wait(&turn); \
		pthread_barrier_wait(&turn); \
		need(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && close(fd) == 0); \
	} while (0)

int main(int argc, char **argv)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	pthread_t t;

	if (argc > 1)
		return 0;
	need(n > 0);
	self[n] = 0;
	snprintf(command, sizeof command, "%s idle", self);
	plain_session();
	pthread_barrier_init(&turn, NULL, 2);
	need(pthread_create(&t, NULL, starter, NULL) == 0);
	LOSE();
	LOSE();
	LOSE();
	LOSE();
	need(pthread_join(t, NULL) == 0);
	puts("done");
	return 0;
}
