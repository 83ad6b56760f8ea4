/*
 * ports_kept: what port_associate answers about a descriptor whose event another thread holds, when it was closed, and while it is being closed;
 * and about a port. Prints NAME=VALUE pairs, one line.
 *	associated, dissociated	after the close: the error
 *	same		the number was given out again at once: 1
 *	again		the number, when it is somebody else's, can be associated: 0
 *	closing		while another thread is in close (with FDW_STEPS, a while): the error; 0: it was associated
 *	port		the same for a port that is being closed
 *	waited	for how many of these two the close was still under way when that answer was there: both, if the close takes long
 *	lost		descriptors that are open in the end and should not
 * Exit status: 0; 9 something was not as the manual says.
 */
#include <dirent.h>
#include <poll.h>
#include <port.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include "tests/programs/program.h"

static int port;
static _Atomic int got, stopping, closing;
static int waited;

static void *wait_for_events(void *arg)
{
	while (!stopping) {
		struct timespec t = { 0, 10000000 };
		port_event_t e = { .portev_source = 0 };
		if (port_get(port, &e, &t) < 0 && errno == EBADF)
			break;
		if (e.portev_source == PORT_SOURCE_FD)
			got = (int)e.portev_object + 1;
	}
	return arg;
}

/* One that is ready, and whose event the other thread has. */
static int held(void)
{
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

	need(fd >= 0);
	got = 0;
	need(port_associate(port, PORT_SOURCE_FD, (uintptr_t)fd, POLLIN, NULL) == 0);
	while (got != fd + 1)
		usleep(100);
	return fd;
}

static int associated(int p, int fd)
{
	errno = 0;
	return port_associate(p, PORT_SOURCE_FD, (uintptr_t)fd, POLLIN, NULL) == 0 ? 0 : errno;
}

static void *close_it(void *fd)
{
	need(close((int)(intptr_t)fd) == 0);
	closing = 0;
	return NULL;
}

/* What associating fd with p answers first, but success, once another thread is in close of that which; success, if that is all. */
static int while_closing(int which, int p, int fd)
{
	pthread_t t;
	int error, under_way;

	closing = 1;
	need(pthread_create(&t, NULL, close_it, (void *)(intptr_t)which) == 0);
	do {
		under_way = closing;
		error = associated(p, fd);
	} while (!error && under_way);
	waited += closing;
	pthread_join(t, NULL);
	return error;
}

static int open_now(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	need(d);
	while ((e = readdir(d)))
		n += atoi(e->d_name) > 2 && atoi(e->d_name) < 200 && atoi(e->d_name) != dirfd(d);
	closedir(d);
	return n;
}

int main(void)
{
	int before = open_now(), fd, next, dissociated, was;
	pthread_t t;

	alarm(60);
	need((port = port_create()) >= 0);
	need(pthread_create(&t, NULL, wait_for_events, NULL) == 0);
	fd = held();
	need(close(fd) == 0);
	was = associated(port, fd);
	errno = 0;
	dissociated = port_dissociate(port, PORT_SOURCE_FD, (uintptr_t)fd) == 0 ? 0 : errno;
	need((next = eventfd(1, EFD_CLOEXEC)) >= 0);
	printf("associated=%s dissociated=%s same=%d again=%d", strerrorname_np(was), strerrorname_np(dissociated), next == fd, associated(port, next));
	close(next);

	fd = held();
	was = while_closing(fd, port, fd);
	printf(" closing=%s", was ? strerrorname_np(was) : "0");
	need((fd = eventfd(0, EFD_CLOEXEC)) >= 0);
	was = while_closing(port, port, fd);
	printf(" port=%s", was ? strerrorname_np(was) : "0");
	stopping = 1;
	pthread_join(t, NULL);
	close(fd);
	usleep(1200000); /* nothing is kept longer than that */
	close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	printf(" waited=%d lost=%d\n", waited, open_now() - before);
	return 0;
}
