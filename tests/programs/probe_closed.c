/* probe_closed [silence]: asks whether numbers are open (F_GETFD, F_GETFL, fstat, isatty, poll), which is no use of them.
 * Must find: nothing.
 */
#include "program.h"
#include <poll.h>

int main(void)
{
	int fd = open_null();
	struct pollfd p = { .events = POLLIN };
	struct stat st;

	p.fd = fd;
	need(close(fd) == 0);
	need(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
	need(fcntl(fd, F_GETFL) == -1 && errno == EBADF);
	need(fstat(fd, &st) == -1 && errno == EBADF);
	need(!isatty(fd) && errno == EBADF);
	need(poll(&p, 1, 0) == 1 && p.revents == POLLNVAL);
	puts("done");
	return 0;
}
