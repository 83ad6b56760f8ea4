/* select_small [silence]: a server that uses select and arrays of FD_SETSIZE, with clients that come and go by the thousand.
 * Must find: nothing. No number may reach FD_SETSIZE, however many were closed.
 */
#include "program.h"
#include <sys/select.h>

int main(void)
{
	static int busy[FD_SETSIZE];
	int pair[2], served = 0;
	struct timeval soon = { 5, 0 };
	char byte;

	for (int i = 0; i < 3000; i++) {
		fd_set set;

		need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		need(pair[0] < FD_SETSIZE && pair[1] < FD_SETSIZE);
		busy[pair[0]]++;
		FD_ZERO(&set);
		FD_SET(pair[0], &set);
		need(write(pair[1], "x", 1) == 1);
		need(select(pair[0] + 1, &set, NULL, NULL, &soon) == 1 && FD_ISSET(pair[0], &set));
		need(read(pair[0], &byte, 1) == 1);
		served++;
		close(pair[0]);
		close(pair[1]);
	}
	printf("served %d\n", served);
	return 0;
}
