/* cancel_close [silence]: a thread is cancelled at the door of close(), which it never makes; whoever joined it closes, once, rightly.
 * Must find: nothing.
 */
#include "program.h"
#include <pthread.h>

static int fd;
static _Atomic int go;

static void *closes(void *unused)
{
	while (!go)
		;
	close(fd);
	return NULL;
}

int main(void)
{
	for (int i = 0; i < 20; i++) {
		pthread_t t;
		void *end;

		go = 0;
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		need(pthread_create(&t, NULL, closes, NULL) == 0);
		pthread_cancel(t);
		go = 1;
		pthread_join(t, &end);
		need(end == PTHREAD_CANCELED);
		need(close(fd) == 0);
	}
	puts("done");
	return 0;
}
