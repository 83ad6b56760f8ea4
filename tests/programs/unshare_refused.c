/* unshare_refused [double-close]: a thread whose close_range(CLOSE_RANGE_UNSHARE) was refused has the table of the others still: what it closes is seen.
 */
#include "program.h"
#include <linux/close_range.h>

static void *works(void *unused)
{
	int fd;

	need(close_range(10, 5, CLOSE_RANGE_UNSHARE) == -1 && errno == EINVAL);
	fd = open_null();
	need(close(fd) == 0 && close(fd) == -1 && errno == EBADF);
	return NULL;
}

int main(void)
{
	pthread_t t;

	need(pthread_create(&t, NULL, works, NULL) == 0 && pthread_join(t, NULL) == 0);
	puts("done");
	return 0;
}
