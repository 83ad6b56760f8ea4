/*
 * port/entry.c: what a port's processes share: associations, and the events that were collected but not yet delivered.
 *
 * Context: anywhere but handlers. Locks: shared->lock is held by the caller, but for shared_new, shared_free, entry_claim.
 *
 * One mapping of fixed size: a mapping cannot grow in a child and its parent alike. Its pages are touched as entries are used, lowest first.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "internal.h"

static size_t shared_size(uint32_t n)
{
	return sizeof(struct shared) + n * (sizeof(struct entry) + sizeof(struct item) + sizeof(uint32_t));
}

/* As many associations as there can be descriptors, and never fewer than illumos has. */
static uint32_t events_max(void)
{
	struct rlimit limit;
	uint32_t n = EVENTS_MIN;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		while (n < limit.rlim_cur && n < EVENTS_MAX)
			n *= 2;
	return n;
}

struct shared *shared_new(void)
{
	static _Atomic uint32_t tags;
	uint32_t n = events_max();
	pthread_mutexattr_t attr;
	struct shared *s = mmap(NULL, shared_size(n), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (s == MAP_FAILED)
		return NULL;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&s->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	s->events_max = n;
	s->used = 1; /* entry 0 is none */
	s->tag = (uint8_t)(atomic_fetch_add(&tags, 1) + 1);
	s->entries = (struct entry *)(s + 1);
	s->items = (struct item *)(s->entries + n);
	s->buckets = (uint32_t *)(s->items + n);
	return s;
}

void shared_free(struct shared *s) { munmap(s, shared_size(s->events_max)); }

/*
 * What a killed process leaves half done: an entry that is BUSY is armed by nobody, and the next association makes it whole; one that is in no
 * list is lost; and of `done` only the numbers must agree.
 */
static void mend(struct shared *s)
{
	if (s->end - s->head > s->events_max)
		s->head = s->end = 0;
	atomic_store(&s->done, s->end - s->head);
}

void shared_lock(struct shared *s)
{
	if (likely(pthread_mutex_lock(&s->lock) != EOWNERDEAD))
		return;
	mend(s);
	pthread_mutex_consistent(&s->lock);
}

static uint32_t *bucket(struct shared *s, int source, uint64_t key)
{
	/* Descriptors are small and dense, and objects are addresses of at least 16 bytes each. */
	return &s->buckets[(source == PORT_SOURCE_FD ? key : key >> 4) & (s->events_max - 1)];
}

static uint64_t key_of(const struct entry *e) { return e->source == PORT_SOURCE_FD ? (uint64_t)e->fd : e->object; }

struct entry *entry_find(struct shared *s, int source, uint64_t key, pid_t me)
{
	struct entry *other = NULL;

	for (uint32_t i = *bucket(s, source, key); i; i = s->entries[i].next) {
		struct entry *e = &s->entries[i];
		if (e->source != source || key_of(e) != key)
			continue;
		if (likely(e->owner == me))
			return e;
		other = e;
	}
	return other;
}

struct entry *entry_new(struct shared *s, int source, uint64_t key, pid_t owner)
{
	uint32_t i = s->free;
	struct entry *e;

	if (i)
		s->free = s->entries[i].next;
	else if (s->used < s->events_max)
		i = s->used++;
	else
		return NULL;
	e = &s->entries[i];
	e->object = source == PORT_SOURCE_FD ? 0 : key;
	e->fd = source == PORT_SOURCE_FD ? (int32_t)key : -1;
	e->owner = owner;
	e->source = (uint16_t)source;
	e->plain = 0;
	if (source == PORT_SOURCE_FD || source == PORT_SOURCE_FILE) {
		e->next = *bucket(s, source, key);
		*bucket(s, source, key) = i;
	}
	return e;
}

void entry_free(struct shared *s, struct entry *e)
{
	uint32_t index = entry_index(s, e);

	if (e->source == PORT_SOURCE_FD || e->source == PORT_SOURCE_FILE) {
		uint32_t *at = bucket(s, e->source, key_of(e));
		while (*at && *at != index)
			at = &s->entries[*at].next;
		if (*at)
			*at = e->next;
	}
	atomic_store(&e->word, WORD(atomic_load(&e->word) >> 32, FREE));
	e->source = 0;
	e->next = s->free;
	s->free = index;
}

uint32_t entry_arm(struct shared *s, struct entry *e, int events, void *user)
{
	uint32_t generation = ++s->generation;

	/* BUSY first: a thread that claims the earlier generation has read its user value before, or its swap fails. */
	atomic_exchange_explicit(&e->word, WORD(generation, BUSY), memory_order_acq_rel);
	atomic_store_explicit(&e->user, (uintptr_t)user, memory_order_relaxed);
	e->events = events;
	/* Before the kernel is told: its event may come while we are still in the call. */
	atomic_store_explicit(&e->word, WORD(generation, ARMED), memory_order_release);
	return generation;
}

int entry_claim(struct entry *e, uint32_t generation, uintptr_t *user)
{
	uint64_t armed = WORD(generation, ARMED);

	if (atomic_load_explicit(&e->word, memory_order_acquire) != armed)
		return 0;
	*user = atomic_load_explicit(&e->user, memory_order_relaxed);
	return atomic_compare_exchange_strong_explicit(&e->word, &armed, WORD(generation, GOT), memory_order_acq_rel, memory_order_relaxed);
}

int process_alive(pid_t pid)
{
	int saved = errno, alive = kill(pid, 0) == 0 || errno != ESRCH;

	errno = saved;
	return alive;
}

/* ---- done ------------------------------------------------------------------------------------------------------------------------*/

static int worth(struct shared *s, const struct item *i)
{
	return i->source && (!i->entry || atomic_load(&s->entries[i->entry].word) == WORD(i->generation, ARMED));
}

static struct item *item_at(struct shared *s, uint32_t n) { return &s->items[n & (s->events_max - 1)]; }

void item_drop_heads(struct shared *s)
{
	while (s->head != s->end && !worth(s, item_at(s, s->head)))
		s->head++;
	if (s->head == s->end)
		s->head = s->end = 0; /* keeps to the pages that were touched */
	atomic_store(&s->done, s->end - s->head);
}

static void squeeze(struct shared *s)
{
	uint32_t to = s->head;

	for (uint32_t n = s->head; n != s->end; n++)
		if (worth(s, item_at(s, n)))
			*item_at(s, to++) = *item_at(s, n);
	s->end = to;
}

int item_push(struct shared *s, const struct item *i)
{
	if (s->end - s->head >= s->events_max)
		squeeze(s);
	if (s->end - s->head >= s->events_max)
		return -1;
	*item_at(s, s->end++) = *i;
	atomic_store(&s->done, s->end - s->head);
	return 0;
}

int bell_set(struct port *p, int number, int on)
{
	if (p->s->bell == on)
		return 0;
	if (data_mod(number, p->bell, on ? EPOLLOUT : 0, DATA(p->s, DATA_BELL, 0)) < 0)
		return -1;
	p->s->bell = (uint8_t)on;
	return 0;
}
