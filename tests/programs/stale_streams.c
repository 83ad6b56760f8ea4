/* stale_streams [double-close, foreign-close]: the end of a stream whose number was closed before takes what cannot have been meant for it: what another thread opened,
 * another stream, an epoll instance. Nobody fails afterwards. Must find: recorded, foreign-close for each; in audit double-close, and what had the number is whole.
 */
#include "program.h"
#include <sys/epoll.h>

static FILE *f;
static int hit;

static __attribute__((noinline)) void open_stream(void)
{
	need((f = fopen("/dev/null", "w")) != NULL);
	need(close(fileno(f)) == 0);
}

static void *opens(void *unused)
{
	hit = open("/dev/zero", O_RDONLY | O_CLOEXEC) == fileno(f);
	return NULL;
}

static void ends(void) { need(fclose(f) == (hit ? 0 : EOF)); }

static __attribute__((noinline)) void of_another_thread(void)
{
	pthread_t thread;

	open_stream();
	need(pthread_create(&thread, NULL, opens, NULL) == 0 && pthread_join(thread, NULL) == 0);
	ends();
}

static __attribute__((noinline)) void of_another_stream(void)
{
	FILE *other;

	open_stream();
	need((other = fopen("/dev/zero", "r")) != NULL);
	hit = fileno(other) == fileno(f);
	ends();
}

static __attribute__((noinline)) void no_file(void)
{
	open_stream();
	hit = epoll_create1(EPOLL_CLOEXEC) == fileno(f);
	ends();
}

int main(void)
{
	of_another_thread();
	of_another_stream();
	no_file();
	puts("done");
	return 0;
}
