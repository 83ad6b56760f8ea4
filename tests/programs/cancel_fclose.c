/* cancel_fclose [silence]: a thread is cancelled inside fclose(), which waits for a reader and has closed nothing yet. The descriptor is open still: whoever joined
 * the thread arms it in a poller, and closes it, once, rightly: also when the kernel has not quite done with the thread yet, which the many rounds are
 * for. Must find: nothing.
 */
#include "program.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>

static FILE *stream;
static void *closes(void *unused) { return fclose(stream), NULL; }

static void once(void)
{
	struct epoll_event event = { .events = EPOLLOUT };
	int poller = epoll_create1(EPOLL_CLOEXEC), pair[2], full = 0;
	size_t room;
	pthread_t t;
	void *end;

	need(pipe2(pair, O_CLOEXEC) == 0 && (stream = fdopen(pair[1], "w")));
	fcntl(pair[1], F_SETPIPE_SZ, 4096);
	room = (size_t)fcntl(pair[1], F_GETPIPE_SZ);
	need(setvbuf(stream, NULL, _IOFBF, 2 * room) == 0);
	for (size_t i = 0; i < room + 1000; i++)
		putc_unlocked('x', stream);
	need(pthread_create(&t, NULL, closes, NULL) == 0);
	while (ioctl(pair[0], FIONREAD, &full) == 0 && (size_t)full < room)
		usleep(100);
	need(pthread_cancel(t) == 0 && pthread_join(t, &end) == 0 && end == PTHREAD_CANCELED);
	need(epoll_ctl(poller, EPOLL_CTL_ADD, pair[1], &event) == 0);
	need(close(pair[1]) == 0 && close(pair[0]) == 0 && close(poller) == 0);
}

int main(void)
{
	for (int i = 0; i < 300; i++)
		once();
	puts("done");
	return 0;
}
