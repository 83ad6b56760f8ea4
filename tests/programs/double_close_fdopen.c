/* double_close_fdopen [double-close]: the number was given to a FILE by fdopen and closed by both. Must find: one double-close. */
#include "program.h"

int main(void)
{
	int fd = open_null();
	FILE *f = fdopen(fd, "w");

	need(f && fclose(f) == 0);
	need(close(fd) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
