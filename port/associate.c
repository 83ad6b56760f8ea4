/*
 * port/associate.c: port_associate, port_dissociate; descriptors.
 *
 * Context: not in handlers. Locks: shared->lock, over epoll_ctl too: the kernel must hear of two associations of one descriptor in the order
 * in which their generations were given out, or it would report one that is no longer current, for ever.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include "internal.h"

/* What poll(2) knows; epoll's own flags are above. */
#define POLL_BITS 0x3fff
#define ALWAYS (POLLIN | POLLRDNORM | POLLRDBAND | POLLOUT | POLLWRNORM | POLLWRBAND)

int data_add(int number, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };
	return epoll_ctl(number, EPOLL_CTL_ADD, fd, &event);
}

int data_mod(int number, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };
	return epoll_ctl(number, EPOLL_CTL_MOD, fd, &event);
}

/* Of files that epoll cannot watch only device and inode tell which one a number is; 0: the number is not open. */
static uint64_t identity(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	return ((uint64_t)st.st_dev * UINT64_C(0x9e3779b97f4a7c15) ^ st.st_ino) | UINT64_C(1) << 63;
}

int fd_valid(int number, const struct entry *e)
{
	return likely(!e->plain) ? port_has(number, e->fd) : identity(e->fd) == e->object;
}

/* Whose number is bad? The port comes first. */
static int bad_number(struct port *p, int number, int error)
{
	if (error == EBADF) {
		errno = port_check(p, number) ? EBADFD : errno;
		return -1;
	}
	if (!port_check(p, number))
		return -1;
	errno = error == ENOSPC ? EAGAIN : error; /* fs.epoll.max_user_watches */
	return -1;
}

/* The entry for fd as this process has it, NULL: none. One of another process is it when both have the same file at the number. */
static struct entry *fd_entry(struct port *p, int number, int fd)
{
	pid_t me = port_pid();
	struct entry *e = entry_find(p->s, PORT_SOURCE_FD, (uint64_t)fd, me);

	if (!e || likely(e->owner == me))
		return e;
	if (!process_alive(e->owner)) {
		e->owner = me; /* it ended, and so did its association */
		atomic_store(&e->word, WORD(atomic_load(&e->word) >> 32, GOT));
		return e;
	}
	return fd_valid(number, e) ? e : NULL;
}

/* Regular files and the like are always ready. */
static int arm_plain(struct port *p, int number, struct entry *e, uint32_t generation)
{
	int ready = e->events & ALWAYS;

	e->object = identity(e->fd);
	e->plain = 1;
	if (!e->object) {
		errno = EBADFD;
		return -1;
	}
	if (!ready)
		return 0;
	if (item_push(p->s, &(struct item){ .entry = entry_index(p->s, e), .generation = generation, .events = ready, .source = PORT_SOURCE_FD }) < 0) {
		errno = EAGAIN;
		return -1;
	}
	return bell_set(p, number, 1);
}

static int arm(struct port *p, int number, struct entry *e, uint32_t generation, int known)
{
	uint32_t events = ((uint32_t)e->events & POLL_BITS) | EPOLLONESHOT;
	uint64_t data = DATA(p->s, generation, entry_index(p->s, e));

	if (likely(known)) {
		if (likely(data_mod(number, e->fd, events, data) == 0)) {
			e->plain = 0;
			return 0;
		}
		if (errno != ENOENT && errno != EPERM)
			return bad_number(p, number, errno);
	}
	/* A number that was closed may be some other epoll instance now, and nothing is to be added to that. */
	if (!port_is(p, number))
		return bad_number(p, number, EINVAL);
	e->plain = 0;
	if (data_add(number, e->fd, events, data) == 0)
		return 0;
	if (errno == EEXIST && data_mod(number, e->fd, events, data) == 0) /* a port_probe's */
		return 0;
	return errno == EPERM ? arm_plain(p, number, e, generation) : bad_number(p, number, errno);
}

static int fd_associate(struct port *p, int number, int fd, int events, void *user)
{
	struct shared *s = p->s;
	struct entry *e;
	uint32_t generation;
	int r = -1, known;

	shared_lock(s);
	e = fd_entry(p, number, fd);
	known = e != NULL;
	if (!e)
		e = entry_new(s, PORT_SOURCE_FD, (uint64_t)fd, port_pid());
	if (likely(e)) {
		generation = entry_arm(s, e, events, user);
		r = arm(p, number, e, generation, known);
		if (unlikely(r < 0)) {
			int saved = errno;
			if (known)
				atomic_store(&e->word, WORD(generation, GOT));
			else
				entry_free(s, e);
			errno = saved;
		}
	} else {
		errno = EAGAIN;
	}
	shared_unlock(s);
	return r;
}

/* The kernel's half. 0; or -1: ENOENT, the number is another file's; EBADF. */
static int fd_forget(int number, const struct entry *e)
{
	struct epoll_event none = { .events = 0 };
	uint64_t now;

	if (!e->plain)
		return epoll_ctl(number, EPOLL_CTL_DEL, e->fd, &none);
	now = identity(e->fd);
	errno = now ? ENOENT : EBADF;
	return now == e->object ? 0 : -1;
}

static int fd_dissociate(struct port *p, int number, int fd)
{
	struct shared *s = p->s;
	struct entry *e;
	int r = -1, error = 0;
	uint64_t word;

	shared_lock(s);
	e = fd_entry(p, number, fd);
	if (!e) {
		error = fcntl(fd, F_GETFD) < 0 ? EBADF : ENOENT;
	} else if (e->owner != port_pid()) {
		error = (atomic_load(&e->word) & 0xffffffff) == ARMED ? EACCES : ENOENT;
	} else {
		/* From here on nobody can claim it; who has done so already has delivered it. */
		word = atomic_exchange(&e->word, WORD(++s->generation, GOT));
		r = fd_forget(number, e);
		error = r < 0 ? errno : (word & 0xffffffff) == ARMED ? 0 : ENOENT;
		if (error != EBADF || fcntl(number, F_GETFD) >= 0)
			entry_free(s, e);
	}
	shared_unlock(s);
	if (!error)
		return 0;
	return bad_number(p, number, error);
}

static int associate(struct port *p, int number, int source, uintptr_t object, int events, void *user)
{
	if (source == PORT_SOURCE_FILE)
		return file_associate(p, number, (file_obj_t *)object, events, user);
	if (source == PORT_SOURCE_FD && object <= INT_MAX)
		return fd_associate(p, number, (int)object, events, user);
	return bad_number(p, number, source == PORT_SOURCE_FD ? EBADF : EINVAL);
}

static int dissociate(struct port *p, int number, int source, uintptr_t object)
{
	if (source == PORT_SOURCE_FILE)
		return file_dissociate(p, number, (file_obj_t *)object);
	if (source == PORT_SOURCE_FD && object <= INT_MAX)
		return fd_dissociate(p, number, (int)object);
	return bad_number(p, number, source == PORT_SOURCE_FD ? EBADF : EINVAL);
}

/* After a dup2 of one port over another the table led to the former; the call that failed took that out. */
static struct port *other_port(const struct port *before, int number)
{
	struct port *p = errno == EBADFD ? port_enter(number) : NULL;

	if (p && p != before)
		return p;
	if (p) {
		port_leave(p);
		errno = EBADFD;
	}
	return NULL;
}

EXPORT int port_associate(int number, int source, uintptr_t object, int events, void *user)
{
	int saved = errno, r = -1;
	struct port *p = port_enter(number), *before;

	while (p && r < 0) {
		r = associate(p, number, source, object, events, user);
		port_leave(before = p);
		p = likely(r == 0) ? NULL : other_port(before, number);
	}
	if (r == 0)
		errno = saved;
	return r;
}

EXPORT int port_dissociate(int number, int source, uintptr_t object)
{
	int saved = errno, r = -1;
	struct port *p = port_enter(number), *before;

	while (p && r < 0) {
		r = dissociate(p, number, source, object);
		port_leave(before = p);
		p = r == 0 ? NULL : other_port(before, number);
	}
	if (r == 0)
		errno = saved;
	return r;
}
