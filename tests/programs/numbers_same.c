/* numbers_same [silence]: the numbers a program gets are the lowest free ones, from the first on, also after it closed everything behind the tracer's
 * back, and EMFILE comes where the limit is. Must find: nothing.
 */
#include "program.h"
#include <sys/resource.h>

int main(void)
{
	struct rlimit limit;
	int fd, n = 3, used[64];

	/* 7 and 8 may be the runner's */
	for (fd = 3; fd < 64; fd++)
		used[fd] = fcntl(fd, F_GETFD) >= 0;
	for (int i = 0; i < 20; i++) {
		while (used[n])
			n++;
		fd = open_null();
		need(fd == n++);
	}
	need(close_range(3, ~0u, 0) == 0);
	need(open_null() == 3);
	need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 30;
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (n = 4; n < 30; n++)
		need(open_null() == n);
	need(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
	closefrom(3);
	need(open_null() == 3 && close(3) == 0);
	puts("done");
	return 0;
}
