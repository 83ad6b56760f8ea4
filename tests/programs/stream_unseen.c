/* stream_unseen [silence]: a stream ends where nobody sees it, in a thread with a descriptor table of its own; its number is closed in the other table, and the next
 * stream has its number and its memory. Must find: nothing.
 */
#include "program.h"
#include <sched.h>

static void *closes(void *stream)
{
	need(unshare(CLONE_FILES) == 0);
	need(fclose(stream) == 0);
	return NULL;
}

int main(void)
{
	FILE *f = fopen("/dev/null", "re"), *next;
	int fd = fileno(f);
	pthread_t t;

	need(pthread_create(&t, NULL, closes, f) == 0 && pthread_join(t, NULL) == 0);
	need(close(fd) == 0);
	need((next = fopen("/dev/null", "re")) && next == f);
	need(fclose(next) == 0);
	puts("done");
	return 0;
}
