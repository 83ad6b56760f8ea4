/* use_after_fclose [use-after-close]: the number of a FILE is used after fclose. Must find: one use-after-close. */
#include "program.h"

int main(void)
{
	FILE *f = tmpfile();
	int fd;

	need(f);
	fd = fileno(f);
	need(fclose(f) == 0);
	need(ftruncate(fd, 0) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
