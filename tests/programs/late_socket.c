/* late_socket [use-after-close]: a connection is closed, a new one gets its number, and data meant for the old peer goes to the new one.
 * Must find in audit: use-after-close, and the new peer has not got it.
 */
#include "program.h"

int main(void)
{
	int old[2], new[2], sent;
	char byte;

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, old) == 0);
	close(old[0]);
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, new) == 0);
	sent = (int)send(old[0], "secret", 6, MSG_NOSIGNAL);
	need(sent == -1 ? errno == EBADF : new[0] == old[0]);
	need((recv(new[1], &byte, 1, MSG_DONTWAIT) == 1) == (sent > 0));
	close(old[1]);
	close(new[0]);
	close(new[1]);
	puts("done");
	return 0;
}
