/* waits: five children, each ended by SIGKILL, each waited for by another call that does not ask how it ended. Prints nothing. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* By then it runs. */
static pid_t killed(void)
{
	int ends[2], r = pipe(ends);
	pid_t pid = fork();
	char c = 'x';

	while (pid == 0)
		if (write(ends[1], &c, r == 0) == 1)
			pause();
	r = (int)read(ends[0], &c, 1);
	close(ends[0]);
	close(ends[1]);
	kill(pid, SIGKILL);
	return r == 1 ? pid : -1;
}

int main(void)
{
	pid_t pid[5];
	int i, wrong = 0;

	for (i = 0; i < 5; i++) {
		pid[i] = killed();
		switch (i) {
		case 0: wrong |= wait(NULL) != pid[i]; break;
		case 1: wrong |= waitpid(pid[i], NULL, 0) != pid[i]; break;
		case 2: wrong |= wait3(NULL, 0, NULL) != pid[i]; break;
		case 3: wrong |= wait4(pid[i], NULL, 0, NULL) != pid[i]; break;
		case 4: wrong |= waitid(P_PID, (id_t)pid[i], NULL, WEXITED) != 0; break;
		}
	}
	return wrong;
}
