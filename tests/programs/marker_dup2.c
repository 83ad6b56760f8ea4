/* marker_dup2 [silence]: one thread puts a marker over a number with dup2, another sees the marker there and closes it: every close is right, whichever
 * comes first. Must find: nothing.
 */
#include "program.h"
#include <stdatomic.h>

static _Atomic int shared = -1, stop;
static struct stat marker_is;
static long refused;

static void *closer(void *arg)
{
	struct stat s;

	while (!stop) {
		int fd = shared;

		if (fd < 0)
			continue;
		do
			fstat(fd, &s);
		while (s.st_ino != marker_is.st_ino || s.st_dev != marker_is.st_dev);
		refused += close(fd) != 0;
		shared = -1;
	}
	return arg;
}

int main(void)
{
	int marker = open("/", O_PATH | O_CLOEXEC);
	pthread_t t;

	need(marker >= 0 && fstat(marker, &marker_is) == 0 && pthread_create(&t, NULL, closer, NULL) == 0);
	for (int i = 0; i < 20000; i++) {
		int fd = open_null();

		shared = fd;
		need(dup2(marker, fd) == fd);
		while (shared >= 0)
			;
	}
	stop = 1;
	need(pthread_join(t, NULL) == 0 && close(marker) == 0);
	printf("refused %ld\n", refused);
	return 0;
}
