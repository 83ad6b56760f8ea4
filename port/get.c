/*
 * port/get.c: port_get, port_getn: the common way, events straight from the kernel to the caller.
 *
 * Context: not in handlers. Cancellation acts only while the thread waits, and what the kernel handed out by then is kept for others.
 * Locks: none on the common way. What was collected before, an alert, and callers who want more than one event at least: gather.c.
 */
#include <unistd.h>
#include "internal.h"

void put_event(port_event_t *to, int events, int source, uintptr_t object, uintptr_t user)
{
	*to = (port_event_t){ .portev_events = events, .portev_source = (unsigned short)source, .portev_object = object, .portev_user = (void *)user };
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------------------*/

#define NS 1000000000L

static void look_at_timeout(struct getting *g)
{
	const struct timespec *t = g->timeout;

	if (!t)
		return;
	if (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= NS)
		g->bad_timeout = 1; /* matters only when there is nothing to be had */
	else if (!t->tv_sec && !t->tv_nsec)
		g->expired = 1;
	else
		g->has_deadline = 1;
}

/* The clock is asked when there is something to wait for, not before. */
static void start(struct getting *g, const struct timespec *now)
{
	const struct timespec *t = g->timeout;

	/* 2^40 seconds are for ever, and no sum overflows. */
	g->deadline.tv_sec = now->tv_sec + (t->tv_sec < INT64_C(1) << 40 ? t->tv_sec : INT64_C(1) << 40);
	g->deadline.tv_nsec = now->tv_nsec + t->tv_nsec;
	if (g->deadline.tv_nsec >= NS) {
		g->deadline.tv_sec++;
		g->deadline.tv_nsec -= NS;
	}
}

int time_left(struct getting *g, struct timespec *t)
{
	struct timespec now, left;

	if (!g->has_deadline)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!g->started) {
		g->started = 1;
		start(g, &now);
	}
	left.tv_sec = g->deadline.tv_sec - now.tv_sec;
	left.tv_nsec = g->deadline.tv_nsec - now.tv_nsec;
	if (left.tv_nsec < 0) {
		left.tv_sec--;
		left.tv_nsec += NS;
	}
	if (left.tv_sec < 0 || (!left.tv_sec && !left.tv_nsec)) {
		g->expired = 1;
		*t = (struct timespec){ 0, 0 };
		return 1;
	}
	if (left.tv_sec < t->tv_sec || (left.tv_sec == t->tv_sec && left.tv_nsec < t->tv_nsec))
		*t = left;
	return 0;
}

/* A whole second is what nearly all ask for, and the older call has it. */
static int kernel_wait(int number, struct epoll_event *ev, int room, const struct timespec *t)
{
	int r;

	if (!t->tv_nsec)
		return epoll_wait(number, ev, room, (int)t->tv_sec * 1000);
	r = epoll_pwait2(number, ev, room, t, NULL);
	if (r < 0 && errno == ENOSYS)
		r = epoll_wait(number, ev, room, (int)(t->tv_sec * 1000 + (t->tv_nsec + 999999) / 1000000));
	return r;
}

struct waiting {
	struct getting *g;
	struct epoll_event *ev;
	int room;
	uint32_t *slot;
};

static void waited(struct waiting *w)
{
	if (w->slot)
		__atomic_store_n(w->slot, 0, __ATOMIC_RELAXED);
	else
		atomic_fetch_sub(&w->g->p->s->waiters, 1);
}

/* Cancelled: the kernel may have handed out events already, which it will not do again. No event is without bits. */
static void cancelled(void *arg)
{
	struct waiting *w = arg;
	struct port *p = w->g->p;
	int n = 0;

	waited(w);
	while (n < w->room && w->ev[n].events)
		n++;
	if (n) {
		shared_lock(p->s);
		port_collect(p, w->g->number, w->ev, n);
		bell_set(p, w->g->number, atomic_load(&p->s->done) != 0);
		shared_unlock(p->s);
	}
	port_leave(p);
}

/* Where the others see how many events this thread wants at least; all taken: they do not. */
static uint32_t *gatherer(struct shared *s, unsigned wanted)
{
	static uint32_t nowhere;

	for (int i = 0; i < GATHERERS; i++) {
		uint32_t none = 0;
		if (__atomic_compare_exchange_n(&s->gatherers[i], &none, wanted, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return &s->gatherers[i];
	}
	return &nowhere;
}

int port_wait(struct getting *g, struct epoll_event *ev, int room, unsigned wanted)
{
	struct timespec t = { 1, 0 }; /* nobody tells that the port was closed: looked for once a second */
	struct waiting w = { g, ev, room, NULL };
	int n, unused;

	/* What is there already is had for less: no clock, no traces for those who might cancel. (A fifth of the round of tests/bench/ports.c.) */
	n = epoll_wait(g->number, ev, room, 0);
	if (n || g->expired || g->bad_timeout || time_left(g, &t))
		t.tv_sec = t.tv_nsec = 0;
	if (t.tv_sec || t.tv_nsec) {
		for (int i = 0; i < room; i++)
			ev[i].events = 0;
		if (wanted)
			w.slot = gatherer(g->p->s, wanted);
		else
			atomic_fetch_add(&g->p->s->waiters, 1);
		pthread_cleanup_push(cancelled, &w);
		pthread_setcancelstate(g->cancel, &unused);
		n = kernel_wait(g->number, ev, room, &t);
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &unused);
		pthread_cleanup_pop(0);
		waited(&w);
	}
	if (unlikely(n < 0 && errno != EINTR)) {
		g->restart = 1;
		if (port_check(g->p, g->number))
			errno = EBADFD; /* an instance that answers no wait: nothing of ours */
	} else if (n == 0 && t.tv_sec == 1 && !port_check(g->p, g->number)) {
		g->restart = 1;
		return -1;
	}
	return n;
}

/* ---- from the kernel to the caller ---------------------------------------------------------------------------------------------------*/

int port_read_tail(struct getting *g, struct record *records, unsigned n)
{
	ssize_t got;

	if (!port_is(g->p, g->number)) /* this process has closed its end, or never had it */
		return -1;
	got = read(g->p->tail, records, n * sizeof *records);
	return got < 0 ? 0 : (int)((size_t)got / sizeof *records);
}

static void take_sent(struct getting *g, unsigned room)
{
	struct record records[BATCH];
	int n = port_read_tail(g, records, room < BATCH ? room : BATCH);

	if (n < 0)
		g->restart = 1;
	for (int i = 0; i < n; i++)
		put_event(&g->list[g->got++], records[i].events, PORT_SOURCE_USER, 0, records[i].user);
}

static int elsewhere(const struct getting *g)
{
	struct shared *s = g->p->s;
	return g->nget > 1 || atomic_load_explicit(&s->done, memory_order_acquire) || atomic_load_explicit(&s->alerted, memory_order_acquire);
}

/* Not for the common way: it goes where gather.c looks. */
static void keep(struct getting *g, const struct epoll_event *ev)
{
	shared_lock(g->p->s);
	port_collect(g->p, g->number, ev, 1);
	bell_set(g->p, g->number, atomic_load(&g->p->s->done) != 0);
	shared_unlock(g->p->s);
}

/* The bell rings for what others took meanwhile; or, a process having been killed between two steps, for nothing. */
static void silence(struct getting *g)
{
	struct shared *s = g->p->s;

	shared_lock(s);
	s->bell = !(atomic_load(&s->alerted) || atomic_load(&s->done)); /* so that the kernel is told in any case */
	bell_set(g->p, g->number, !s->bell);
	shared_unlock(s);
}

/* The number is another port's since a dup2: that one gets it, and the call begins anew. */
static void other_ports(struct getting *g, const struct epoll_event *ev)
{
	struct port *p = port_search(g->number);

	if (p) {
		shared_lock(p->s);
		port_collect(p, g->number, ev, 1);
		shared_unlock(p->s);
		port_leave(p);
	}
	g->restart = 1;
}

/*
 * Whether fd is in the port as the file it is now. If not, the probe has put it there, and it is taken out again: but not when fd was associated
 * since that generation, for then what is there is that association's.
 */
static int still(struct getting *g, uint32_t generation, int fd)
{
	struct epoll_event none = { .events = 0 };
	struct entry *e;
	int r = port_probe(g->number, fd);

	if (likely(r >= 0))
		return r;
	shared_lock(g->p->s);
	e = entry_find(g->p->s, PORT_SOURCE_FD, (uint64_t)fd, port_pid());
	if (!e || atomic_load(&e->word) >> 32 == generation)
		epoll_ctl(g->number, EPOLL_CTL_DEL, fd, &none);
	shared_unlock(g->p->s);
	return 0;
}

static int is_armed(const struct entry *e, uint32_t generation)
{
	return atomic_load_explicit(&e->word, memory_order_acquire) == WORD(generation, ARMED);
}

/* Room: how many events the caller can take yet, without those that follow in the batch. */
static void take(struct getting *g, const struct epoll_event *ev, unsigned room)
{
	struct shared *s = g->p->s;
	uint32_t index = ev->data.u64 & 0xffffff, generation = (uint32_t)(ev->data.u64 >> 32);
	struct entry *e = &s->entries[index & (s->events_max - 1)];
	uintptr_t user;
	int fd = e->fd;

	if (unlikely(!ev->data.u64))
		return;
	if (unlikely((uint8_t)(ev->data.u64 >> 24) != s->tag)) {
		other_ports(g, ev);
	} else if (!index) {
		if (generation == DATA_TAIL)
			take_sent(g, room);
		else if (ev->events & EPOLLERR) /* the bell's pipe has no tail */
			g->restart = 1;
		else if (!elsewhere(g))
			silence(g);
	} else if (unlikely(e->source != PORT_SOURCE_FD || e->owner != port_pid())) {
		keep(g, ev);
	} else if (is_armed(e, generation) && still(g, generation, fd) && entry_claim(e, generation, &user)) {
		/*
		 * Claimed last: who dissociates meanwhile, or associates anew, has the event taken back, and it is had here by nobody. When it
		 * was associated anew since fd was looked at, for another file perhaps, the generation is another.
		 */
		put_event(&g->list[g->got++], (int)ev->events, PORT_SOURCE_FD, (uintptr_t)fd, user);
	}
}

static int take_all(struct getting *g, const struct epoll_event *ev, int n)
{
	for (int i = 0; i < n; i++)
		take(g, &ev[i], g->max - g->got - (unsigned)(n - i - 1));
	return n;
}

static int get(struct getting *g)
{
	struct epoll_event ev[BATCH];
	int room, n, r;

	for (;;) {
		if (unlikely(elsewhere(g)) && (r = port_gather(g)) <= 0)
			return r;
		room = g->max < BATCH ? (int)g->max : BATCH;
		n = port_wait(g, ev, room, 0);
		if (unlikely(n < 0))
			return -1;
		take_all(g, ev, n);
		/* There may be more, and the caller has room: those that are there now. */
		while (g->got && n == room && g->got < g->max) {
			room = g->max - g->got < BATCH ? (int)(g->max - g->got) : BATCH;
			n = epoll_wait(g->number, ev, room, 0);
			if (n <= 0 || (n == 1 && !(ev[0].data.u64 & 0xffffff))) {
				take_all(g, ev, n);
				break;
			}
			take_all(g, ev, n);
		}
		if (g->got)
			return 0;
		if (unlikely(g->restart)) {
			if (port_check(g->p, g->number))
				errno = EBADFD;
			return -1;
		}
		if (g->bad_timeout && !elsewhere(g)) {
			errno = EINVAL;
			return -1;
		}
		if (n == 0 && g->expired && !elsewhere(g)) {
			errno = ETIME;
			return -1;
		}
	}
}

/* ---- the calls ------------------------------------------------------------------------------------------------------------------------*/

/* port_getn's answers that need no event, in the order in which the arguments are looked at. 1: go on. */
static int arguments(struct getting *g, unsigned *nget)
{
	if (likely(*nget && *nget <= g->max && g->list))
		return 1;
	if (!port_check(g->p, g->number))
		g->restart = 1;
	else if (*nget > g->max && g->max > 0)
		errno = EINVAL;
	else if (g->max == 0)
		return (*nget = (unsigned)port_count(g), 0);
	else if (!g->list)
		errno = EFAULT;
	else
		return 0;
	return -1;
}

static int enter_and_get(struct getting *g, unsigned *nget)
{
	struct port *before = NULL;
	int r = -1;

	while ((g->p = port_enter(g->number)) && g->p != before) {
		g->restart = 0;
		r = arguments(g, nget);
		if (r > 0)
			r = get(g);
		port_leave(before = g->p);
		/* After a dup2 of one port over another the table led to the former. */
		if (likely(r == 0 || !g->restart))
			return r;
	}
	if (g->p) {
		port_leave(g->p);
		errno = EBADFD;
	}
	return -1;
}

EXPORT int port_getn(int number, port_event_t list[], unsigned int max, unsigned int *nget, struct timespec *timeout)
{
	struct getting g = { .number = number, .list = list, .max = max, .timeout = timeout };
	int r, saved = errno, unused;

	if (!nget) {
		errno = EINVAL;
		return -1;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &g.cancel);
	g.nget = *nget;
	look_at_timeout(&g);
	r = enter_and_get(&g, nget);
	pthread_setcancelstate(g.cancel, &unused);
	if (r == 0 || errno == ETIME) {
		if (max && g.nget)
			*nget = g.got;
		/* Time that was none to begin with is not up. */
		if (r < 0 && !g.has_deadline)
			r = 0;
	}
	if (r == 0)
		errno = saved;
	return r;
}

EXPORT int port_get(int number, port_event_t *event, struct timespec *timeout)
{
	struct getting g = { .number = number, .list = event, .max = 1, .nget = 1, .timeout = timeout, .one = 1 };
	int r, saved = errno, unused;
	unsigned one = 1;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &g.cancel);
	look_at_timeout(&g);
	r = enter_and_get(&g, &one);
	pthread_setcancelstate(g.cancel, &unused);
	if (r < 0 && errno == ETIME && !g.has_deadline)
		r = 0;
	if (r == 0)
		errno = saved;
	return r;
}
