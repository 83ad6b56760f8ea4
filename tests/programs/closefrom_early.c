/* closefrom_early [silence]: as the first thing in main, and again a little later, programs close everything that is not theirs, while the tracer is still being
 * given descriptors of its own; by closefrom, close_range, and one by one. Each must end as it would alone. Must find: nothing.
 */
#include "exec_self.h"

static void closes_everything(int how)
{
	if (how == 0)
		closefrom(3);
	else if (how == 1)
		need(close_range(3, ~0U, 0) == 0);
	else
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
}

int main(int argc, char **argv)
{
	enum { ROUNDS = 24 };

	if (argc > 1) {
		int turn = atoi(argv[1]);

		closes_everything(turn % 3);
		usleep((useconds_t)(turn * turn * 37 % 4000));
		closes_everything(turn % 3);
		_exit(7);
	}
	for (int i = 0; i < ROUNDS; i++) {
		char turn[16];
		pid_t pid = fork();

		snprintf(turn, sizeof turn, "%d", i);
		if (pid == 0)
			exec_self(turn);
		need(wait_for(pid) == 7);
	}
	puts("done");
	return 0;
}
