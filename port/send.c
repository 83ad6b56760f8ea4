/*
 * port/send.c: port_send, port_sendn, port_alert.
 *
 * Context: port_send and port_sendn anywhere, handlers included, between any two instructions of every other function here: no locks, no
 * memory but what is there, and a pipe as queue, whose writes of one record the kernel makes whole or not at all, also when the sender
 * is killed or its handler jumps out. Locks: port_alert takes shared->lock.
 */
#include <fcntl.h>
#include <unistd.h>
#include "internal.h"

/* What illumos lets be sent at once, and what the kernel lets an unprivileged pipe grow to. */
#define PIPE_MAX ((int)(EVENTS_MIN * sizeof(struct record)))
#define PORTS_MAX 8192u /* of port_sendn: illumos' PORT_MAX_LIST */

/* Pipes of 64 KiB grow when they are full: 1 MiB from the start would be a 64th of what a user without privilege may have in all. */
static int grow(int fd)
{
	int size = fcntl(fd, F_GETPIPE_SZ);
	return size > 0 && size < PIPE_MAX && fcntl(fd, F_SETPIPE_SZ, size * 2) > size;
}

static int send_to(int number, int events, void *user)
{
	struct record r = { .user = (uintptr_t)user, .events = events };
	struct port *p;
	ssize_t n;

	while ((p = port_enter(number))) {
		if (likely(port_has(number, p->bell))) {
			do
				n = write(p->bell, &r, sizeof r);
			while (unlikely(n < 0 && ((errno == EAGAIN && grow(p->bell)) || errno == EINTR)));
			port_leave(p);
			if (n < 0)
				errno = EAGAIN;
			return n < 0 ? -1 : 0;
		}
		if (port_check(p, number)) { /* only the bell was closed */
			port_leave(p);
			errno = EBADFD;
			return -1;
		}
		port_leave(p);
		if (errno == EBADF)
			return -1;
	}
	return -1;
}

EXPORT int port_send(int number, int events, void *user)
{
	int saved = errno, cancel, r;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	r = send_to(number, events, user);
	pthread_setcancelstate(cancel, &cancel);
	if (r == 0)
		errno = saved;
	return r;
}

EXPORT int port_sendn(int numbers[], int errors[], unsigned int n, int events, void *user)
{
	int saved = errno;
	unsigned sent = 0;

	if (n == 0 || n > PORTS_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (!numbers || !errors) {
		errno = EFAULT;
		return -1;
	}
	for (unsigned i = 0; i < n; i++) {
		int error = port_send(numbers[i], events, user) < 0 ? errno : 0;

		/* Nothing is written where nothing fails. */
		if (error && sent == i)
			for (unsigned before = 0; before < i; before++)
				errors[before] = 0;
		if (error || sent < i)
			errors[i] = error;
		sent += !error;
	}
	errno = saved;
	return (int)sent;
}

static int alert(struct port *p, int number, int flags, int events, void *user)
{
	struct shared *s = p->s;
	int on = atomic_load(&s->alerted);

	if (events && (flags & PORT_ALERT_INVALID) == PORT_ALERT_INVALID) {
		errno = EINVAL;
		return -1;
	}
	if (events && on && flags == PORT_ALERT_UPDATE) {
		errno = EBUSY;
		return -1;
	}
	s->alert_events = events;
	s->alert_user = user;
	atomic_store(&s->alerted, events != 0);
	/* Also when it rings already: threads that gather wait while it is silent, but it must be told anew to those who went on. */
	return bell_set(p, number, events || atomic_load(&s->done));
}

EXPORT int port_alert(int number, int flags, int events, void *user)
{
	int saved = errno, r = -1;
	struct port *p = port_enter(number);

	if (p && !port_check(p, number)) {
		port_leave(p);
		p = port_enter(number);
	}
	if (!p)
		return -1;
	shared_lock(p->s);
	r = alert(p, number, flags, events, user);
	shared_unlock(p->s);
	port_leave(p);
	if (r == 0)
		errno = saved;
	return r;
}
