/*
 * port/gather.c: the other way to deliver: collect what the kernel has into `done`, and take from there.
 *
 * Context: not in handlers; cancellation only while waiting. Locks: shared->lock, not while waiting.
 *
 * Who wants several events at least may not let the kernel hand them out one by one, since others may be content with fewer, and somebody may
 * dissociate or associate anew what has not been delivered. So they are kept in `done` until enough are there. The bell says that `done`
 * has something. It also ends the wait of the gatherer itself, so it is off while only gatherers could take what is there and it does
 * not suffice; and where others can, the gatherer steps aside for a moment, so that they are served first.
 */
#include <time.h>
#include <unistd.h>
#include "internal.h"

/* Long enough for a woken thread to come, short enough to go unnoticed if it does not. */
#define ASIDE_NS 2000000L
/* Who did not come by then was killed while it waited. */
#define ASIDE_MAX 10

static void collect_sent(struct port *p, int number)
{
	struct getting g = { .p = p, .number = number };
	struct record records[BATCH];
	int n;

	do {
		uint32_t room = p->s->events_max - (p->s->end - p->s->head);
		n = room < BATCH ? 0 : port_read_tail(&g, records, BATCH);
		for (int i = 0; i < n; i++)
			item_push(p->s, &(struct item){ .events = records[i].events, .source = PORT_SOURCE_USER, .user = records[i].user });
	} while (n == BATCH);
}

void port_collect(struct port *p, int number, const struct epoll_event *ev, int n)
{
	struct shared *s = p->s;

	for (int i = 0; i < n; i++) {
		uint64_t data = ev[i].data.u64;
		uint32_t index = data & 0xffffff & (s->events_max - 1), generation = (uint32_t)(data >> 32);
		struct entry *e = &s->entries[index];

		if ((uint8_t)(data >> 24) != s->tag)
			continue;
		if (!index) {
			if (generation == DATA_TAIL)
				collect_sent(p, number);
		} else if (atomic_load(&e->word) == WORD(generation, ARMED)) {
			item_push(s, &(struct item){ .entry = index, .generation = generation, .events = (int)ev[i].events, .source = e->source });
		}
	}
}

static void collect_now(struct port *p, int number)
{
	struct epoll_event ev[BATCH];
	int n, rounds = 0;

	do {
		n = epoll_wait(number, ev, BATCH, 0);
		port_collect(p, number, ev, n > 0 ? n : 0);
	} while (n == BATCH && ++rounds < (int)(p->s->events_max / BATCH));
}

/* ---- what is in done -------------------------------------------------------------------------------------------------------------*/

enum fit { DROP, KEEP, MINE };

/* Whether this process may have it, and it is worth anything yet. */
static enum fit fits(struct getting *g, struct item *i)
{
	struct shared *s = g->p->s;
	struct entry *e = &s->entries[i->entry];

	if (!i->source)
		return DROP;
	if (!i->entry)
		return MINE;
	if (atomic_load(&e->word) != WORD(i->generation, ARMED))
		return DROP;
	if (e->owner == port_pid())
		return e->source != PORT_SOURCE_FD || fd_valid(g->number, e) ? MINE : DROP;
	/* Another process's: it may be had where the number is the same file, and when it ended it is nobody's. */
	if (!process_alive(e->owner))
		return DROP;
	return e->source == PORT_SOURCE_FD && fd_valid(g->number, e) ? MINE : KEEP;
}

static struct item *item_at(struct shared *s, uint32_t n) { return &s->items[n & (s->events_max - 1)]; }

/* How many this process may have now, counting no further than `enough`. */
static unsigned usable(struct getting *g, unsigned enough)
{
	struct shared *s = g->p->s;
	unsigned n = 0;

	for (uint32_t at = s->head; (int32_t)(s->end - at) > 0 && n < enough; at++) { /* file_collect may squeeze it */
		struct item *i = item_at(s, at);
		enum fit fit = fits(g, i);

		if (fit == MINE && i->source == SOURCE_NOTIFY) {
			i->source = 0;
			file_collect(g->p, g->number); /* appends */
		} else if (fit == MINE) {
			n++;
		} else if (fit == DROP) {
			i->source = 0;
		}
	}
	item_drop_heads(s);
	return n;
}

static void take_item(struct getting *g, const struct item *i)
{
	struct shared *s = g->p->s;
	struct entry *e = &s->entries[i->entry];
	port_event_t *to = &g->list[g->got];
	uintptr_t user;
	int n;

	if (!i->entry) {
		put_event(to, i->events, PORT_SOURCE_USER, 0, i->user);
	} else if (e->source == PORT_SOURCE_TIMER) {
		n = timer_expired(g->number, s, e, i->generation);
		if (!n)
			return;
		put_event(to, n, PORT_SOURCE_TIMER, (uintptr_t)e->object, atomic_load(&e->user));
	} else {
		if (!entry_claim(e, i->generation, &user))
			return;
		put_event(to, i->events, e->source, e->source == PORT_SOURCE_FD ? (uintptr_t)e->fd : (uintptr_t)e->object, user);
		if (e->source == PORT_SOURCE_FILE && i->events & FILE_EXCEPTION)
			file_ended(g->p, e);
	}
	g->got++;
}

static void take_items(struct getting *g)
{
	struct shared *s = g->p->s;

	for (uint32_t at = s->head; at != s->end && g->got < g->max; at++) {
		struct item *i = item_at(s, at), copy = *i;

		if (i->source == SOURCE_NOTIFY || fits(g, i) != MINE)
			continue;
		i->source = 0;
		take_item(g, &copy);
	}
	item_drop_heads(s);
}

int port_count(struct getting *g)
{
	struct shared *s = g->p->s;
	int n;

	shared_lock(s);
	collect_now(g->p, g->number);
	n = (int)usable(g, ~0u);
	bell_set(g->p, g->number, atomic_load(&s->alerted) || atomic_load(&s->done));
	shared_unlock(s);
	return n;
}

/* ---- gathering -------------------------------------------------------------------------------------------------------------------*/

/* Whether somebody who wants fewer than this thread waits, and n are enough for them. */
static int others_first(struct shared *s, unsigned n, unsigned nget)
{
	if (!n || nget <= 1)
		return 0;
	if (atomic_load(&s->waiters) > 0)
		return 1;
	for (int i = 0; i < GATHERERS; i++) {
		uint32_t wants = __atomic_load_n(&s->gatherers[i], __ATOMIC_RELAXED);
		if (wants && wants < nget && wants <= n)
			return 1;
	}
	return 0;
}

static void leave(void *port) { port_leave(port); }

static int step_aside(struct getting *g)
{
	struct timespec t = { 0, ASIDE_NS };
	int unused, r;

	time_left(g, &t);
	/* Nothing of this thread's needs undoing but its presence. */
	pthread_cleanup_push(leave, g->p);
	pthread_setcancelstate(g->cancel, &unused);
	r = clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &unused);
	pthread_cleanup_pop(0);
	if (r == 0)
		return 0;
	errno = r;
	return -1;
}

/* Under the lock, given up while it waits. -1: EINTR, or the port is gone. */
static int wait_more(struct getting *g, unsigned have, int aside)
{
	struct shared *s = g->p->s;
	struct epoll_event ev[BATCH];
	int n;

	/* What is kept for others needs the bell, and they need their turn. */
	aside = aside || (!have && atomic_load(&s->done));
	if (bell_set(g->p, g->number, aside) < 0) {
		g->restart = 1;
		return -1;
	}
	shared_unlock(s);
	n = aside ? step_aside(g) : port_wait(g, ev, BATCH, g->nget);
	shared_lock(s);
	if (!aside && n > 0)
		port_collect(g->p, g->number, ev, n);
	return n < 0 ? -1 : 0;
}

static int take_alert(struct getting *g)
{
	struct shared *s = g->p->s;

	put_event(g->list, s->alert_events, PORT_SOURCE_ALERT, 0, (uintptr_t)s->alert_user);
	g->got = 1;
	return 0;
}

static int gather_locked(struct getting *g)
{
	struct shared *s = g->p->s;
	unsigned have, stepped = 0;
	int aside;

	for (;;) {
		if (atomic_load(&s->alerted))
			return take_alert(g);
		collect_now(g->p, g->number);
		have = g->got + usable(g, g->max - g->got);
		aside = stepped < ASIDE_MAX && others_first(s, have, g->nget);
		if (have >= g->nget && !aside)
			take_items(g);
		if (g->got >= g->nget)
			return 0;
		if (g->nget == 1 && !atomic_load(&s->done) && !g->expired)
			return 1;
		if (g->bad_timeout) {
			errno = EINVAL;
			return -1;
		}
		if (g->expired) { /* port_getn takes what there is */
			if (!g->one)
				take_items(g);
			errno = ETIME;
			return -1;
		}
		if (wait_more(g, have, aside) < 0)
			return g->got ? 0 : -1;
		stepped = aside ? stepped + 1 : 0;
		if (g->has_deadline) {
			struct timespec t = { 1, 0 };
			time_left(g, &t);
		}
	}
}

int port_gather(struct getting *g)
{
	struct shared *s = g->p->s;
	int r, saved;

	shared_lock(s);
	r = gather_locked(g);
	saved = errno;
	bell_set(g->p, g->number, atomic_load(&s->alerted) || atomic_load(&s->done));
	shared_unlock(s);
	errno = saved;
	return r;
}
