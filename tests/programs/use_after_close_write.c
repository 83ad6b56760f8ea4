/* use_after_close_write [use-after-close]: write to a closed number. Must find: one use-after-close. */
#include "program.h"

int main(void)
{
	int fd = open_null();

	need(write(fd, "x", 1) == 1);
	need(close(fd) == 0);
	need(write(fd, "x", 1) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
