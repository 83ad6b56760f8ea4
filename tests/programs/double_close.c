/* double_close [double-close]: the plain case. Must find: one double-close (certain). */
#include "program.h"

static void release(int fd)
{
	close(fd);
}

int main(void)
{
	int fd = open_null();

	release(fd);
	errno = 0;
	need(close(fd) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
