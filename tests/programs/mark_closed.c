/* mark_closed [use-after-close]: sets close-on-exec on a number it has closed. Must find: one use-after-close. */
#include "program.h"

int main(void)
{
	int fd = open_null();

	need(close(fd) == 0);
	need(fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
