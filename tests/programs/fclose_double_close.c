/* fclose_double_close [double-close]: fclose(f), then close() of its number. Must find: one double-close. */
#include "program.h"

int main(void)
{
	FILE *f = fopen("/dev/null", "r");
	int fd;

	need(f);
	fd = fileno(f);
	need(fclose(f) == 0);
	need(close(fd) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
