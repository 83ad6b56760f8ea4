/* fork_in_handler [silence]: a signal handler forks, opens and closes while the program does the same. Must find: nothing. */
#include "program.h"
#include <sys/time.h>

static volatile sig_atomic_t handled;

static void handler(int signal)
{
	int saved = errno, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (handled % 4 == 0) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	close(fd);
	handled++;
	errno = saved;
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	while (handled < 60) {
		int fd = open_null();

		errno = 4711;
		need(close(fd) == 0);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	puts("done");
	return 0;
}
