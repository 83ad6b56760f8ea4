/*
 * libother.so: event ports by somebody else than libport: over epoll as well, but without its care: a number is what it is at the moment, nothing is
 * validated, and its own calls are calls like any other. It knows nothing of fdwarden.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <time.h>
#include <port.h>

enum { NUMBERS = 65536 };
static _Atomic uintptr_t users[NUMBERS]; /* by descriptor: of whichever port */

int port_create(void) { return epoll_create1(0); }

static int bad(int port, int error)
{
	errno = error == EBADF && fcntl(port, F_GETFD) >= 0 ? EBADFD : error == EINVAL ? EBADFD : error;
	return -1;
}

int port_associate(int port, int source, uintptr_t object, int events, void *user)
{
	struct epoll_event e = { .events = (uint32_t)events | EPOLLONESHOT, .data.fd = (int)object };

	if (source != PORT_SOURCE_FD || object >= NUMBERS) {
		errno = source != PORT_SOURCE_FD ? EINVAL : EBADFD;
		return -1;
	}
	users[object] = (uintptr_t)user;
	do /* another thread may do the same for the number */
		if (epoll_ctl(port, EPOLL_CTL_MOD, (int)object, &e) == 0 || (errno == ENOENT && epoll_ctl(port, EPOLL_CTL_ADD, (int)object, &e) == 0))
			return 0;
	while (errno == EEXIST);
	return bad(port, errno);
}

int port_dissociate(int port, int source, uintptr_t object)
{
	struct epoll_event none = { .events = 0 };

	return epoll_ctl(port, EPOLL_CTL_DEL, (int)object, &none) == 0 ? 0 : bad(port, errno);
}

int port_getn(int port, port_event_t *list, unsigned int max, unsigned int *nget, struct timespec *timeout)
{
	struct epoll_event e[32];
	int n = epoll_wait(port, e, max < 32 ? (int)max : 32, timeout ? (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000) : -1);

	if (n < 0)
		return bad(port, errno);
	for (int i = 0; i < n; i++)
		list[i] = (port_event_t){ .portev_events = (int)e[i].events, .portev_source = PORT_SOURCE_FD, .portev_object = (uintptr_t)e[i].data.fd,
			.portev_user = (void *)users[e[i].data.fd] };
	*nget = (unsigned)n;
	if (n == 0)
		errno = ETIME;
	return n ? 0 : -1;
}

int port_get(int port, port_event_t *event, struct timespec *timeout)
{
	unsigned n = 1;
	return port_getn(port, event, 1, &n, timeout);
}
