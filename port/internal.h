/*
 * port/internal.h: what the files of libport share.
 *
 * A port is an epoll instance, so poll, select, epoll, nesting and fork work as the kernel does them. What epoll does not know stands in
 * memory that fork children share: who associated what, what was collected but not yet delivered, the alert. Beside the port's own number
 * a process has two private descriptors of each port, both ends of a pipe, and both are in the epoll instance:
 *   tail (read end)   EPOLLIN: holds what port_send sent, in records of 16 bytes
 *   bell (write end)  EPOLLOUT while something is to be had that the kernel does not know of (an alert, `done`): a pipe is writable unless
 *                     it is full, and then the tail is readable
 *
 * Nobody tells the library what the program closes. So it trusts no number: before one of its own is read or written, and before an
 * event for one of the program's is delivered, the kernel is asked whether this number, as the file it is now, is in this epoll instance:
 * EPOLL_CTL_ADD of what is there answers EEXIST and changes nothing (port_has).
 *
 * Under libfdwarden.so, which sees the program's closes, nothing of this is different: a number can be closed by ways that it does not see. It is
 * told which code and which descriptors are the library's (fdwarden_ports, fdwarden_private): the first is then no part of the program,
 * and the second are kept from it.
 *
 * Events carry the entry and its generation. Each port_associate makes a new generation, so what was under way for an earlier one, in the
 * kernel, in another thread's hands or in `done`, matches nothing and is dropped.
 *
 * LOCKS. One per port, shared->lock: entries, `done`, the alert, the bell. Robust and in shared memory: a fork child waits for its parent's
 * threads, and a killed process lets go. Held over system calls that do not wait; no other lock is taken under it. port_send takes none,
 * and delivery of descriptor events none either: it claims an entry by compare-and-swap.
 */
#ifndef PORT_INTERNAL_H
#define PORT_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include "port.h"

#define EXPORT __attribute__((visibility("default")))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Beside the PORT_SOURCE_*: an inotify descriptor, which stands for all FILE associations of one process with one port. */
#define SOURCE_NOTIFY 64

/* What an epoll event carries: generation:32 | tag of the port:8 | entry:24. Entry 0 is none: the generation says what it is. */
/* All of it 0: a port_probe's. */
#define DATA_TAIL UINT64_C(1)
#define DATA_BELL UINT64_C(2)
#define DATA(s, generation, entry) ((uint64_t)(generation) << 32 | (uint64_t)(s)->tag << 24 | (entry))

/* illumos' default of process.max-port-events: how many associations, and how many events that were sent, a port can hold. */
#define EVENTS_MIN (1u << 16)
/* Entries have 24 bits in an event; and Linux' default fs.nr_open is 2^20. */
#define EVENTS_MAX (1u << 20)

enum state { FREE, BUSY, ARMED, GOT }; /* GOT: delivered, or nothing was armed; the kernel may know it still */

struct entry {
	_Atomic uint64_t word;   /* generation:32 | state:32; ARMED to GOT is the delivery, by whoever swaps it */
	_Atomic uintptr_t user;
	uint64_t object;         /* FILE, TIMER: portev_object; FD that epoll cannot watch: its file's identity */
	int32_t fd;
	int32_t events;
	pid_t owner;             /* who associated it first; it alone may dissociate it */
	uint32_t next;           /* in its bucket, or in the free list */
	uint16_t source;
	uint8_t plain;           /* FD that epoll cannot watch: always ready */
};
#define WORD(generation, state) ((uint64_t)(generation) << 32 | (state))

/* Collected, not yet delivered. entry 0: sent by port_send; or nothing, when source is 0. */
struct item {
	uint32_t entry, generation;
	int32_t events;
	uint16_t source;
	uint16_t kept;           /* looked at by a process that may not have it: its owner's only */
	uintptr_t user;
};

#define GATHERERS 32
struct shared {
	pthread_mutex_t lock;
	uint32_t events_max;     /* a power of two; frozen at port_create */
	uint32_t used, free;     /* entries: ever used; list of free ones */
	uint32_t generation;
	uint8_t tag, bell;       /* bell: as the kernel was told */
	uint32_t head, end;      /* of `done`; they only grow */
	_Atomic uint32_t done;   /* end - head: may count some that are no longer worth anything */
	_Atomic int alerted;
	int alert_events;
	void *alert_user;
	_Atomic int waiters;     /* threads that wait and are content with one event */
	uint32_t gatherers[GATHERERS]; /* how many the others want */
	uint32_t *buckets;       /* these three point into the same mapping, which a child has at the same address */
	struct entry *entries;
	struct item *items;
};

struct watch;
/* What this process knows of a port. Never freed: looked up without a lock. */
struct port {
	struct port *next;
	struct shared *s;
	_Atomic int users;       /* threads inside */
	_Atomic int gone;        /* not 0: no number of this process leads here */
	int tail, bell;
	dev_t pipe_dev;          /* which pipe both are */
	ino_t pipe_ino;
	_Atomic int missed;      /* how often in turn a sweep found no number */
	/* under s->lock */
	uint32_t notify;         /* entry of the inotify descriptor, 0: none */
	pid_t notify_owner;
	struct watch *watches;
};

/* What port_send writes into the pipe: divides every page and every buffer, and 65536 of them are the most an unprivileged pipe takes. */
struct record {
	uint64_t user;
	int32_t events;
	int32_t spare;
};

/* ---- libfdwarden.so's; NULL where it is not ---------------------------------------------------------------------------------------*/
__attribute__((weak)) void fdwarden_ports(const void *code); /* somewhere in the library */
__attribute__((weak)) void fdwarden_private(int fd); /* until the library closes it */

/* ---- number.c: numbers and ports --------------------------------------------------------------------------------------------------*/
struct port *port_enter(int number);            /* NULL: EBADF, EBADFD. Never allocates for a number that is known */
static inline void port_leave(struct port *p) { atomic_fetch_sub_explicit(&p->users, 1, memory_order_release); }
int port_is(struct port *, int number);         /* asks the kernel */
/* A call on number failed that should not: 1 it is this port; 0 it is not, EBADF or EBADFD. */
int port_check(struct port *, int number);
struct port *port_search(int number);           /* asks the kernel for every port; entered */
/*
 * Whether fd is in the instance as the file it is now: 1, 0; or -1: it was closed, its number is somebody else's, and that is in it from now
 * on. port_has takes it out again: not for the program's descriptors without the lock, or the association that another thread makes for
 * that somebody is taken out instead.
 */
int port_probe(int number, int fd);
int port_has(int number, int fd);
int port_high(int fd);                          /* moves a private descriptor out of the way */
int port_anonymous(int fd, const char *kind);   /* whether fd is an anon_inode of that kind, when nothing better can be asked */
pid_t port_pid(void);

/* ---- entry.c: the shared memory; all but the first and claim under the lock -----------------------------------------------------------*/
struct shared *shared_new(void);
void shared_free(struct shared *);
void shared_lock(struct shared *);
static inline void shared_unlock(struct shared *s) { pthread_mutex_unlock(&s->lock); }
struct entry *entry_find(struct shared *, int source, uint64_t key, pid_t me); /* preferring one of me's */
struct entry *entry_new(struct shared *, int source, uint64_t key, pid_t owner); /* NULL: no room; key 0 of a TIMER or NOTIFY: not found by key */
void entry_free(struct shared *, struct entry *);
uint32_t entry_arm(struct shared *, struct entry *, int events, void *user); /* the new generation */
int entry_claim(struct entry *, uint32_t generation, uintptr_t *user);
int process_alive(pid_t);
int item_push(struct shared *, const struct item *); /* -1: full */
void item_drop_heads(struct shared *);
int bell_set(struct port *, int number, int on);
static inline uint32_t entry_index(const struct shared *s, const struct entry *e) { return (uint32_t)(e - s->entries); }

/* ---- associate.c, file.c, timer.c: the sources ------------------------------------------------------------------------------------*/
int fd_valid(int number, const struct entry *);
int file_associate(struct port *, int number, file_obj_t *, int events, void *user);
int file_dissociate(struct port *, int number, file_obj_t *);
void file_collect(struct port *, int number);   /* under the lock: reads the inotify descriptor into `done` */
void file_ended(struct port *, struct entry *);  /* under the lock: the association is over */
void file_forget(struct port *);                 /* the port is given up */
int timer_expired(int number, struct shared *, struct entry *, uint32_t generation); /* how often since it was asked last; 0: nothing */
int data_add(int number, int fd, uint32_t events, uint64_t data);
int data_mod(int number, int fd, uint32_t events, uint64_t data);

/* ---- get.c and gather.c: delivery ------------------------------------------------------------------------------------------------*/
struct getting {
	struct port *p;
	int number;
	port_event_t *list;
	unsigned max, nget, got;
	struct timespec *timeout;
	struct timespec deadline;
	uint8_t has_deadline, started, expired, bad_timeout, one, restart;
	int cancel;              /* the caller's cancel state */
};
#define BATCH 64
/* Waits, at most a second, for events of the kernel: their number, or -1. `wanted`: gathering so many; 0: not gathering. */
int port_wait(struct getting *, struct epoll_event *, int room, unsigned wanted);
int port_read_tail(struct getting *, struct record *, unsigned n);
int port_gather(struct getting *);              /* 0 or -1 like port_getn, with ->got; 1: nothing was left, go on */
int port_count(struct getting *);               /* how many could be had */
void port_collect(struct port *, int number, const struct epoll_event *, int n); /* under the lock */
void put_event(port_event_t *, int events, int source, uintptr_t object, uintptr_t user);
/* Cuts *t down to what is left; 1: the time is up. */
int time_left(struct getting *, struct timespec *t);

#endif
