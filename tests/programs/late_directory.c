/* late_directory [use-after-close]: a directory's number is used after its close, by calls that an open number of any kind would serve.
 * Must find: use-after-close, once for each of the four calls.
 */
#include "program.h"

int main(void)
{
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	need(dir >= 0 && close(dir) == 0);
	need(fchdir(dir) == -1 && errno == EBADF);
	need(openat(dir, "tmp", O_RDONLY) == -1 && errno == EBADF);
	need(fstatat(dir, "tmp", &st, 0) == -1 && errno == EBADF);
	need(faccessat(dir, "tmp", R_OK, 0) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
