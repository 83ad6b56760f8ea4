/* use_after_close_read [use-after-close]: read() in another thread after the close. Must find: one use-after-close. */
#include "program.h"

static int fd;

static void *reader(void *unused)
{
	char c;

	need(read(fd, &c, 1) == -1 && errno == EBADF);
	return NULL;
}

int main(void)
{
	pthread_t thread;

	fd = open_null();
	need(close(fd) == 0);
	need(pthread_create(&thread, NULL, reader, NULL) == 0);
	pthread_join(thread, NULL);
	puts("done");
	return 0;
}
