/* child_double_close [double-close]: a fork child that serves (it waits for a client first) closes twice. Must find: one double-close. */
#include "program.h"
#include <poll.h>

int main(void)
{
	int pair[2];
	pid_t pid;
	char c = 1;

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		struct pollfd p = { .fd = pair[1], .events = POLLIN };

		close(pair[0]);
		need(poll(&p, 1, 5000) == 1 && read(pair[1], &c, 1) == 1);
		close(pair[1]);
		need(close(pair[1]) == -1 && errno == EBADF);
		_exit(0);
	}
	close(pair[1]);
	need(write(pair[0], &c, 1) == 1);
	printf("child %d\n", wait_for(pid));
	close(pair[0]);
	return 0;
}
