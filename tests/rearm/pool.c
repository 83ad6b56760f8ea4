/*
 * pool: one-shot workers against a reaper, the race that Go's Solaris poller had: a worker holds an event, the reaper closes its descriptor and
 * is given the number again, and the worker re-arms what is somebody else's by now. Prints one line of NAME=NUMBER.
 *	pool --workers=N --queue=0|1 --data=pointer|number|generation --seconds=N [--until=1] [--connections=64] [--reapers=1]
 * --until=N: so many wrong re-arms are enough, and it ends at once.
 * --queue=0: each worker waits for itself. --queue=1: one thread waits and queues events to the workers, who re-arm.
 *	wrong	re-arms that the kernel took for a descriptor whose close had returned before the call began
 *	stale	reads that got another connection's count
 *	rearms	re-arms in all
 * Built with PORTS it does the same over an event port; then `wrong` are those that the port took.
 * Each connection is an eventfd with a count of its own, always ready, so that a read of somebody else's is seen. The workers look at nothing that would tell them of the close: that
 * is the bug. Exit status: 0; 9 something was not as the manual says.
 */
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#ifdef PORTS
#include <poll.h>
#include <port.h>
#endif
#include "tests/programs/program.h"

enum { CONNECTIONS = 256, QUEUE = 1024 };

/* Never freed while the program runs, so a worker may look at one that is gone. */
struct connection {
	int fd;
	uint32_t generation;
	_Atomic int closed;  /* its close has returned */
};

static int poller, queued, connections = 64;
static char data_kind;
static _Atomic int stopping;
static _Atomic long wrong, stale, rearms, refused, reaped;
static struct connection *_Atomic slots[CONNECTIONS];       /* what the reaper and the feeder know */
static struct connection *_Atomic by_number[4096];          /* where data is a number */

static long option(int argc, char **argv, const char *name, const char *otherwise, const char **text)
{
	size_t n = strlen(name);

	*text = otherwise;
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--", 2) && !strncmp(argv[i] + 2, name, n) && argv[i][2 + n] == '=')
			*text = argv[i] + n + 3;
	return atol(*text);
}

static uint64_t data_of(const struct connection *c)
{
	return data_kind == 'p' ? (uint64_t)(uintptr_t)c : data_kind == 'n' ? (uint64_t)c->fd : (uint64_t)c->generation << 32 | (uint32_t)c->fd;
}

static struct connection *connection_of(uint64_t data)
{
	return data_kind == 'p' ? (struct connection *)(uintptr_t)data : by_number[(uint32_t)data];
}

/* One-shot, for the first time or again; the numbers that are ready and what they were registered with. */
#ifdef PORTS
static int make_poller(void)
{
	int port = port_create();

	need(port >= 0 && fcntl(port, F_SETFD, FD_CLOEXEC) == 0);
	return port;
}

static int arm(int fd, uint64_t data, int first)
{
	(void)first;
	return port_associate(poller, PORT_SOURCE_FD, (uintptr_t)fd, POLLIN, (void *)(uintptr_t)data);
}

static int ready(uint64_t *data, int max)
{
	struct timespec t = { 0, 20000000 };
	port_event_t e[32];
	unsigned n = 1;

	if (port_getn(poller, e, (unsigned)max, &n, &t) < 0) {
		need(errno == ETIME || errno == EINTR);
		n = errno == EINTR ? 0 : n;
	}
	for (unsigned i = 0; i < n; i++)
		data[i] = (uint64_t)(uintptr_t)e[i].portev_user;
	return (int)n;
}
#else
static int make_poller(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	need(fd >= 0);
	return fd;
}

static int arm(int fd, uint64_t data, int first)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = data };
	return epoll_ctl(poller, first ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e);
}

static int ready(uint64_t *data, int max)
{
	struct epoll_event e[32];
	int n = epoll_wait(poller, e, max, 20);

	for (int i = 0; i < n; i++)
		data[i] = e[i].data.u64;
	return n;
}
#endif

/* Connections are taken from one array in turn and come round only after a million others. */
static struct connection *connect_new(void)
{
	static struct connection *pool;
	static _Atomic uint32_t taken;
	uint32_t n = atomic_fetch_add(&taken, 1);
	struct connection *c;
	int fd;

	if (!pool)
		pool = calloc(1 << 20, sizeof *pool);
	need(pool);
	c = &pool[n & ((1 << 20) - 1)];
	need((fd = eventfd(n + 1, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0 && fd < 1024); /* however many are held back */
	*c = (struct connection){ .fd = fd, .generation = n };
	by_number[c->fd] = c;
	need(arm(c->fd, data_of(c), 1) == 0);
	return c;
}

/* The count is read and put back, and the descriptor re-armed, if it is still what it was: it is not asked. */
static void handle(uint64_t data, unsigned spin)
{
	struct connection *c = connection_of(data);
	int fd = c->fd, was_closed, r;
	uint64_t count;

	for (volatile unsigned i = 0; i < spin; i++)
		;
	if (read(fd, &count, sizeof count) == sizeof count) {
		stale += count != (uint64_t)c->generation + 1;
		count = (uint64_t)c->generation + 1;
		(void)!write(fd, &count, sizeof count);
	}
	if (spin % 64 == 0)
		sched_yield();
	was_closed = atomic_load(&c->closed);
	r = arm(fd, data, 0);
	rearms++;
	if (r == 0 && was_closed)
		wrong++;
	if (r != 0)
		refused++;
}

static void *work(void *arg)
{
	uint64_t data[8];
	unsigned spin = (unsigned)(uintptr_t)arg * 37;

	while (!stopping) {
		int n = ready(data, 8);
		for (int i = 0; i < n; i++)
			handle(data[i], (spin = spin * 1103515245u + 12345) >> 16 & 1023);
	}
	return NULL;
}

static uint64_t queue[QUEUE];
static unsigned queue_head, queue_tail;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;

static void *wait_and_queue(void *arg)
{
	uint64_t data[32];

	while (!stopping) {
		int n = ready(data, 32);
		pthread_mutex_lock(&lock);
		for (int i = 0; i < n; i++)
			queue[queue_head++ % QUEUE] = data[i];
		pthread_mutex_unlock(&lock);
		pthread_cond_broadcast(&filled);
	}
	return arg;
}

static void *work_from_queue(void *arg)
{
	unsigned spin = (unsigned)(uintptr_t)arg * 41;

	for (;;) {
		uint64_t data;
		pthread_mutex_lock(&lock);
		while (queue_head == queue_tail && !stopping)
			pthread_cond_wait(&filled, &lock);
		if (stopping) {
			pthread_mutex_unlock(&lock);
			return NULL;
		}
		data = queue[queue_tail++ % QUEUE];
		pthread_mutex_unlock(&lock);
		handle(data, (spin = spin * 1103515245u + 12345) >> 16 & 1023);
	}
}

/* Closes what it likes, and is given the number again. */
static void *reap(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg + 7;

	while (!stopping) {
		struct timespec nap = { 0, 50000 };
		unsigned i = (random = random * 1664525u + 1013904223u) >> 8;
		struct connection *c = atomic_exchange(&slots[i % (unsigned)connections], NULL);
		if (!c)
			continue;
		need(close(c->fd) == 0);
		atomic_store(&c->closed, 1);
		atomic_store(&slots[i % (unsigned)connections], connect_new());
		reaped++;
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	const char *text;
	long workers = option(argc, argv, "workers", "2", &text), seconds = option(argc, argv, "seconds", "2", &text), threads = 0;
	long reapers = option(argc, argv, "reapers", "1", &text), until = option(argc, argv, "until", "0", &text), ms = 0;
	struct rlimit rl;
	pthread_t t[80];

	queued = (int)option(argc, argv, "queue", "0", &text);
	connections = (int)option(argc, argv, "connections", "64", &text);
	option(argc, argv, "data", "pointer", &text);
	data_kind = *text;
	alarm((unsigned)seconds + 60);
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max < 4096 ? rl.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &rl);
	need(workers > 0 && workers <= 64 && connections <= CONNECTIONS && reapers <= 8);
	poller = make_poller();
	if (queued)
		need(pthread_create(&t[threads++], NULL, wait_and_queue, NULL) == 0);
	for (long i = 0; i < workers; i++)
		need(pthread_create(&t[threads++], NULL, queued ? work_from_queue : work, (void *)(i + 1)) == 0);
	for (int i = 0; i < connections; i++)
		slots[i] = connect_new();
	for (long i = 0; i < reapers; i++)
		need(pthread_create(&t[threads++], NULL, reap, (void *)i) == 0);
	for (long begun = now_ms(); (ms = now_ms() - begun) < seconds * 1000 && (!until || wrong < until);)
		usleep(2000);
	stopping = 1;
	pthread_cond_broadcast(&filled);
	for (long i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	printf("wrong=%ld stale=%ld rearms=%ld refused=%ld reaped=%ld\n", wrong, stale, rearms * 1000 / (ms ? ms : 1), refused, reaped);
	return 0;
}
