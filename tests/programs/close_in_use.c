/* close_in_use [close-in-use]: descriptors are closed while another thread sleeps in a call on them: a read, an accept, a wait on a poller.
 * Must find: close-in-use three times; no more than that.
 */
#include "poller.h"
#include <sys/un.h>

struct sleeper { int fd; int (*call)(int fd); pthread_t thread; pid_t tid; };

static int reads(int fd)
{
	char byte;
	return (int)read(fd, &byte, 1);
}

static int accepts(int fd) { return close(accept(fd, NULL, NULL)); }

static int waits(int fd)
{
	struct epoll_event e;
	return epoll_wait(fd, &e, 1, 1000);
}

static void *sleeps(void *p)
{
	struct sleeper *s = p;

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->call(s->fd);
	return NULL;
}

static int is_asleep(pid_t tid)
{
	char path[64], text[256] = "", *state;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	need(f != NULL);
	need(fgets(text, sizeof text, f) != NULL);
	fclose(f);
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

static void starts(struct sleeper *s, int (*call)(int), int fd)
{
	*s = (struct sleeper){ .fd = fd, .call = call };
	need(pthread_create(&s->thread, NULL, sleeps, s) == 0);
	while (!__atomic_load_n(&s->tid, __ATOMIC_ACQUIRE) || !is_asleep(s->tid))
		usleep(1000);
	usleep(10000);
	need(is_asleep(s->tid));
}

static int listens(struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd >= 0 && bind(fd, (struct sockaddr *)address, sizeof(sa_family_t)) == 0 && listen(fd, 1) == 0);
	return fd;
}

int main(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t n = sizeof address;
	int ends[2], listener, client, poller;
	struct sleeper s;

	need(pipe(ends) == 0);
	starts(&s, reads, ends[0]);
	close(ends[0]);
	need(write(ends[1], "x", 1) == 1); /* the sleeper still has the pipe */
	pthread_join(s.thread, NULL);
	close(ends[1]);

	listener = listens(&address);
	need(getsockname(listener, (struct sockaddr *)&address, &n) == 0);
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	starts(&s, accepts, listener);
	close(listener);
	need(connect(client, (struct sockaddr *)&address, n) == 0);
	pthread_join(s.thread, NULL);
	close(client);

	poller = epoll_create1(EPOLL_CLOEXEC);
	starts(&s, waits, poller);
	close(poller);
	pthread_join(s.thread, NULL);
	puts("done");
	return 0;
}
