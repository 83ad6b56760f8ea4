/* double_closedir [double-close]: the number of a DIR is closed behind its back, then closedir. Must find: one double-close. */
#include "program.h"
#include <dirent.h>

int main(void)
{
	DIR *d = opendir("/");

	need(d && close(dirfd(d)) == 0);
	need(closedir(d) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
