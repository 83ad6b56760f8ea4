/* cloexec_race [cloexec-race]: one thread makes sockets and marks them at once, another runs programs now and then. Nothing happens, most probably: the
 * turns are taken so that no program is started in between. Must find: one cloexec-race, warning.
 */
#include "exec_self.h"
#include <spawn.h>

#define TURNS 20
static pthread_barrier_t turn;
static char *child[] = { (char *)"self", (char *)"idle", NULL };

static void *starter(void *unused)
{
	for (int i = 0; i < TURNS; i++) {
		pthread_barrier_wait(&turn);
		if (i % 10 == 0) {
			pid_t pid;
			need(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, child, plain_environment) == 0 && wait_for(pid) == 0);
		}
		pthread_barrier_wait(&turn);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc > 1)
		return 0;
	pthread_barrier_init(&turn, NULL, 2);
	need(pthread_create(&t, NULL, starter, NULL) == 0);
	for (int i = 0; i < TURNS; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		need(fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && close(fd) == 0);
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn);
	}
	need(pthread_join(t, NULL) == 0);
	puts("done");
	return 0;
}
