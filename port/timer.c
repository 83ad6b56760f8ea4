/*
 * port/timer.c: timers with SIGEV_PORT: timer_create and its family, over timerfd. All other timers are passed to the next library.
 *
 * Context: not in handlers, but timer_settime, timer_gettime, timer_getoverrun of timers that are not ours: as libc's. Locks: shared->lock.
 *
 * The handle is no address and no number of the kernel, so libc's are told from ours by their looks.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "internal.h"

struct timer {
	_Atomic pid_t owner;     /* 0: free; -1: being made */
	_Atomic int overrun;
	int fd, number;
	struct shared *s;
	uint32_t entry, generation;
	uint16_t use;            /* a deleted timer's handle does not fit the next in its place */
};
#define TIMERS 1024u
static struct timer timers[TIMERS];

#define MARK UINT64_C(0x5054)
static timer_t handle(const struct timer *t) { return (timer_t)(uintptr_t)(MARK << 48 | (uint64_t)t->use << 16 | (uint64_t)(t - timers)); }
static int ours(timer_t id) { return (uintptr_t)id >> 48 == MARK; }

static struct timer *timer_of(timer_t id)
{
	struct timer *t = &timers[(uintptr_t)id & (TIMERS - 1)];

	/* A fork child inherits no timers. */
	if (handle(t) == id && atomic_load(&t->owner) == port_pid())
		return t;
	errno = EINVAL;
	return NULL;
}

/* ---- libc's ----------------------------------------------------------------------------------------------------------------------*/

static int (*next_create)(clockid_t, struct sigevent *, timer_t *);
static int (*next_settime)(timer_t, int, const struct itimerspec *, struct itimerspec *);
static int (*next_gettime)(timer_t, struct itimerspec *);
static int (*next_delete)(timer_t);
static int (*next_getoverrun)(timer_t);

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void find_next(void)
{
	next_settime = (int (*)(timer_t, int, const struct itimerspec *, struct itimerspec *))next("timer_settime");
	next_gettime = (int (*)(timer_t, struct itimerspec *))next("timer_gettime");
	next_delete = (int (*)(timer_t))next("timer_delete");
	next_getoverrun = (int (*)(timer_t))next("timer_getoverrun");
	next_create = (int (*)(clockid_t, struct sigevent *, timer_t *))next("timer_create");
}

/* Constructors of others may come before ours; and before glibc 2.34 a program may have come without librt. */
static int there(void *function)
{
	if (unlikely(!function))
		errno = ENOSYS;
	return function != NULL;
}
#define NEXT(f) ((next_create ? (void)0 : find_next()), there((void *)(next_##f)))

/* ---- ours ------------------------------------------------------------------------------------------------------------------------*/

static struct timer *timer_new(void)
{
	for (unsigned i = 0; i < TIMERS; i++) {
		pid_t was = atomic_load(&timers[i].owner);
		/* those of the parent are free for the child */
		if (was != -1 && was != port_pid() && atomic_compare_exchange_strong(&timers[i].owner, &was, -1))
			return &timers[i];
	}
	errno = EAGAIN;
	return NULL;
}

static int watch(struct port *p, struct timer *t, void *user)
{
	struct shared *s = p->s;
	struct entry *e;
	int r = -1;

	shared_lock(s);
	e = entry_new(s, PORT_SOURCE_TIMER, (uintptr_t)handle(t), port_pid());
	if (e) {
		e->fd = t->fd;
		t->s = s;
		t->entry = entry_index(s, e);
		t->generation = entry_arm(s, e, 0, user);
		r = data_add(t->number, t->fd, EPOLLIN | EPOLLONESHOT, DATA(s, t->generation, t->entry));
		if (r < 0)
			entry_free(s, e);
	}
	if (r < 0)
		errno = EAGAIN;
	shared_unlock(s);
	return r;
}

static int create(struct port *p, clockid_t clock, const port_notify_t *to, timer_t *id)
{
	struct timer *t = timer_new();

	if (!t)
		return -1;
	t->use++;
	t->number = to->portnfy_port;
	atomic_store(&t->overrun, 0);
	t->fd = port_high(timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC));
	if (t->fd >= 0 && watch(p, t, to->portnfy_user) == 0) {
		*id = handle(t);
		atomic_store(&t->owner, port_pid());
		return 0;
	}
	if (t->fd >= 0) {
		int saved = errno;
		close(t->fd);
		errno = saved;
	} else if (errno == EMFILE || errno == ENFILE) {
		errno = EAGAIN;
	}
	atomic_store(&t->owner, 0);
	return -1;
}

EXPORT int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict id)
{
	port_notify_t *to;
	struct port *p;
	int r = -1;

	if (likely(!event || event->sigev_notify != SIGEV_PORT))
		return NEXT(create) ? next_create(clock, event, id) : -1;
	to = event->sigev_value.sival_ptr;
	if (!to || !id) {
		errno = EFAULT;
		return -1;
	}
	p = port_enter(to->portnfy_port);
	if (!p)
		return -1;
	if (port_check(p, to->portnfy_port))
		r = create(p, clock, to, id);
	port_leave(p);
	return r;
}

/* The timer's descriptor is in the port as what it is now; or nothing can be asked of it any more. */
static int intact(const struct timer *t)
{
	if (port_has(t->number, t->fd) || port_anonymous(t->fd, "[timerfd]"))
		return 1;
	errno = EINVAL;
	return 0;
}

EXPORT int timer_settime(timer_t id, int flags, const struct itimerspec *restrict to, struct itimerspec *restrict was)
{
	struct timer *t;

	if (likely(!ours(id)))
		return NEXT(settime) ? next_settime(id, flags, to, was) : -1;
	t = timer_of(id);
	if (!t || !intact(t))
		return -1;
	return timerfd_settime(t->fd, flags & TIMER_ABSTIME ? TFD_TIMER_ABSTIME : 0, to, was);
}

EXPORT int timer_gettime(timer_t id, struct itimerspec *now)
{
	struct timer *t;

	if (likely(!ours(id)))
		return NEXT(gettime) ? next_gettime(id, now) : -1;
	t = timer_of(id);
	return t && intact(t) ? timerfd_gettime(t->fd, now) : -1;
}

EXPORT int timer_getoverrun(timer_t id)
{
	struct timer *t;

	if (likely(!ours(id)))
		return NEXT(getoverrun) ? next_getoverrun(id) : -1;
	t = timer_of(id);
	return t ? atomic_load(&t->overrun) : -1;
}

/* The port may have been given up, or its number be another's. */
static void forget(const struct timer *t)
{
	struct port *p = port_enter(t->number);
	struct epoll_event none = { .events = 0 };
	struct entry *e;

	if (!p)
		return;
	if (p->s == t->s) {
		shared_lock(p->s);
		e = &p->s->entries[t->entry];
		if (atomic_load(&e->word) == WORD(t->generation, ARMED)) {
			epoll_ctl(t->number, EPOLL_CTL_DEL, t->fd, &none);
			entry_free(p->s, e);
		}
		shared_unlock(p->s);
	}
	port_leave(p);
}

EXPORT int timer_delete(timer_t id)
{
	struct timer *t;
	int mine, saved = errno;

	if (likely(!ours(id)))
		return NEXT(delete) ? next_delete(id) : -1;
	t = timer_of(id);
	if (!t)
		return -1;
	mine = intact(t);
	forget(t);
	if (mine)
		close(t->fd);
	atomic_store(&t->owner, 0);
	errno = saved;
	return 0;
}

int timer_expired(int number, struct shared *s, struct entry *e, uint32_t generation)
{
	struct timer *t = timer_of((timer_t)(uintptr_t)e->object);
	uint64_t n = 0;

	/* Armed again before it is read: what expires in between must make an event; and a number that is not ours is not read. */
	if (data_mod(number, e->fd, EPOLLIN | EPOLLONESHOT, DATA(s, generation, entry_index(s, e))) < 0 || read(e->fd, &n, sizeof n) != sizeof n)
		return 0;
	n = n > INT_MAX ? INT_MAX : n;
	if (t)
		atomic_store(&t->overrun, (int)n - 1);
	return (int)n;
}
