/*
 * handoff: one thread makes a descriptor without close-on-exec and hands it to another, which starts a child at once: the child must have it.
 * Natively it always has, so it must always have.
 *	handoff [--site=fresh|mixed|marked] [--by=mutex|futex|pipe|join|sem|eventfd|all] [--then=sleep|spin|calls] [--call=NAME]
 *		[--way=NAME|all] [--count=100] [--makers=0] [--seconds=600]
 * --site: fresh: a call address that never made a descriptor before, for each one (dup, open, socket, eventfd in turn); marked: the same, but
 * its 20 descriptors before this one were all marked; mixed: --call at its one address, where nine of ten are marked.
 * --by: how the number is handed over. --then: what the giver does until the child has ended. --makers: so many others make and mark.
 * Prints one line of NAME=NUMBER. Exit status: 0 each child had it and every flag was as asked; 1 not so; 77 not allowed here.
 */
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "forklock.h"

#define SITES 10000
#if defined(__aarch64__)
#define SITE_SIZE 32
#else
#define SITE_SIZE 16
#endif
extern char sites[];
void *site_target;

enum by { MUTEX, FUTEX, PIPE, JOIN, SEM, EVENTFD, BYS };
static const char *const by_names[] = { "mutex", "futex", "pipe", "join", "sem", "eventfd", NULL };
enum then { SLEEP, SPIN, CALLS };
static const char *const then_names[] = { "sleep", "spin", "calls", NULL };
enum site { FRESH, MIXED, MARKED };
static const char *const site_names[] = { "fresh", "mixed", "marked", NULL };

static enum by by;
static enum then then;
static enum site site;
static const struct call *call;
static struct maker giver, others[16];
static long count, had, lost, wrong;
static _Atomic int stopping;

/* ---- handing over -------------------------------------------------------------------------------------------------------------------------*/
static sem_t turn, given;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int box = -1;
static _Atomic int word = -1;
static _Atomic long over; /* how many children have ended */
static int pipes[2], event;

static void give(int fd)
{
	uint64_t number = (uint64_t)fd;

	switch (by) {
	case MUTEX:
		pthread_mutex_lock(&lock);
		box = fd;
		pthread_cond_signal(&filled);
		pthread_mutex_unlock(&lock);
		return;
	case FUTEX:
		atomic_store(&word, fd);
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		return;
	case PIPE: need(write(pipes[1], &fd, sizeof fd) == sizeof fd); return;
	case EVENTFD: need(write(event, &number, sizeof number) == sizeof number); return;
	case SEM: box = fd; sem_post(&given); return;
	case JOIN: case BYS: return; /* the thread's return value */
	}
}

/* A receiver that spins sees it sooner than one that sleeps. */
static int take_word(void)
{
	int fd;

	for (unsigned i = 0; (fd = atomic_load(&word)) < 0; i++)
		if (i > 1000)
			syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, -1, NULL, NULL, 0);
	atomic_store(&word, -1);
	return fd;
}

static int take(pthread_t thread)
{
	uint64_t number;
	void *value;
	int fd = -1;

	switch (by) {
	case MUTEX:
		pthread_mutex_lock(&lock);
		while (box < 0)
			pthread_cond_wait(&filled, &lock);
		fd = box;
		box = -1;
		pthread_mutex_unlock(&lock);
		return fd;
	case FUTEX: return take_word();
	case PIPE: need(read(pipes[0], &fd, sizeof fd) == sizeof fd); return fd;
	case EVENTFD: need(read(event, &number, sizeof number) == sizeof number); return (int)number;
	case SEM: sem_wait(&given); return box;
	case JOIN: pthread_join(thread, &value); return (int)(intptr_t)value;
	case BYS: break;
	}
	return -1;
}

/* ---- making -------------------------------------------------------------------------------------------------------------------------------*/
static int at_site(long n, int what)
{
	static void *const targets[] = { dup, open, socket, eventfd };
	int (*at)(long, long, long) = (int (*)(long, long, long))(uintptr_t)(sites + n % SITES * SITE_SIZE);

	site_target = targets[what];
	switch (what) {
	case 0: return at(giver.null, 0, 0);
	case 1: return at((long)giver.path, O_RDONLY, 0);
	case 2: return at(AF_UNIX, SOCK_STREAM, 0);
	}
	return at(0, 0, 0);
}

static void as_asked(int fd, int want)
{
	if (fcntl(fd, F_GETFD) != want)
		wrong++;
}

/* The descriptors of the same site that came before this one and were marked. */
static void marked_before(long n)
{
	int fd[MADE_MAX], got;

	for (int i = 0; site == MARKED && i < 20; i++) {
		need((fd[0] = at_site(n, (int)(n % 4))) >= 0);
		mark(fd[0], (unsigned)i);
		close(fd[0]);
	}
	for (int i = 0; site == MIXED && i < 9; i++) {
		need((got = call->make(&giver, fd)) > 0);
		for (int j = 0; j < got; j++)
			mark(fd[j], (unsigned)i);
		call_end(call, &giver, fd, got);
	}
}

static int made[MADE_MAX], made_count;

static int make_one(long n)
{
	marked_before(n);
	if (site == MIXED) {
		made_count = call->make(&giver, made);
	} else {
		made[0] = at_site(n, (int)(n % 4));
		made_count = made[0] < 0 ? -1 : 1;
	}
	need(made_count > 0);
	if (n % 8 == 3)
		as_asked(made[0], 0);
	return made[0];
}

static void *give_one(void *n)
{
	return (void *)(intptr_t)make_one((long)(intptr_t)n);
}

static void until_over(long n)
{
	while (then == SPIN && over <= n)
		;
	while (then == CALLS && over <= n)
		need(write(giver.null, "x", 1) == 1);
}

static void *give_all(void *arg)
{
	for (long n = 0; n < count; n++) {
		while (sem_wait(&turn))
			;
		give(make_one(n));
		until_over(n);
	}
	return arg;
}

static void *make_and_mark(void *arg)
{
	struct maker *m = arg;

	for (unsigned i = 0; !stopping; i++) {
		int fd = dup(m->null);
		need(fd >= 0);
		spin_us(5);
		mark(fd, i);
		spin_us(5);
		close(fd);
		if (i % 64 == 0)
			nap_us(100);
	}
	return arg;
}

/* ---- the receiver -------------------------------------------------------------------------------------------------------------------------*/
static const struct way *way_of(const char *name, long n)
{
	const struct way *w = way_named(name);

	for (size_t i = (size_t)n; !w; i++)
		if (!ways[i % ways_count].whole && strcmp(ways[i % ways_count].name, "unseen"))
			w = &ways[i % ways_count];
	return w;
}

static void receive_one(struct starter *s, const char *ways_wanted, long n, pthread_t thread)
{
	struct held_report r = { 0 };
	struct stat object;
	int fd = take(thread);

	if (n % 8 == 5)
		as_asked(fd, 0);
	need(fstat(fd, &object) == 0); /* the number is all that the receiver has */
	starter_asks(s, fd, &object);
	if (starter_child(s, way_of(ways_wanted, n), &r) || !r.has)
		lost++;
	else
		had++;
	as_asked(fd, 0);
	if (kernel_flag(fd) != 0)
		wrong++;
	if (site == MIXED)
		call_end(call, &giver, made, made_count);
	else
		need(close(fd) == 0);
}

static void receive_all(struct starter *s, const char *ways_wanted)
{
	pthread_t thread = 0;

	over = 0;
	if (by != JOIN)
		need(pthread_create(&thread, NULL, give_all, NULL) == 0);
	for (long n = 0; n < count; n++) {
		if (by == JOIN)
			need(pthread_create(&thread, NULL, give_one, (void *)(intptr_t)n) == 0);
		else
			sem_post(&turn);
		receive_one(s, ways_wanted, n, thread);
		over = n + 1;
	}
	if (by != JOIN)
		pthread_join(thread, NULL);
}

static int choice(const char *text, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(text, names[i]))
			return i;
	fprintf(stderr, "handoff: no '%s'\n", text);
	exit(2);
}

static void prepare(int argc, char **argv)
{
	int p[2];

	options_known(argc, argv, "site by then call way count makers seconds");
	site = (enum site)choice(option(argc, argv, "site", "fresh"), site_names);
	then = (enum then)choice(option(argc, argv, "then", "sleep"), then_names);
	count = option_number(argc, argv, "count", 100);
	need((call = call_named(option(argc, argv, "call", "dup"))));
	need(strcmp(option(argc, argv, "way", "all"), "all") == 0 || way_named(option(argc, argv, "way", "all")));
	maker_begin(&giver, 0);
	need(pipe2(p, O_CLOEXEC) == 0);
	pipes[0] = quiet(p[0]);
	pipes[1] = quiet(p[1]);
	event = quiet(eventfd(0, EFD_CLOEXEC));
	sem_init(&turn, 0, 0);
	sem_init(&given, 0, 0);
}

int main(int argc, char **argv)
{
	const char *want = option(argc, argv, "by", "all");
	long makers = option_number(argc, argv, "makers", 0), all = 0;
	uint64_t bounds = bounds_reached();
	pthread_t t[16];
	struct starter s;

	clean_start();
	prepare(argc, argv);
	alarm((unsigned)option_number(argc, argv, "seconds", 600)); /* bounded, whatever happens */
	need(makers >= 0 && makers <= 16);
	starters_begin(&s, 1);
	if (!call_allowed(call, &giver))
		return SKIP;
	for (long i = 0; i < makers; i++) {
		maker_begin(&others[i], (int)i + 1);
		need(pthread_create(&t[i], NULL, make_and_mark, &others[i]) == 0);
	}
	for (int i = 0; i < BYS; i++) {
		if (strcmp(want, "all") && choice(want, by_names) != i)
			continue;
		by = (enum by)i;
		receive_all(&s, option(argc, argv, "way", "all"));
		all += count;
	}
	stopping = 1;
	for (long i = 0; i < makers; i++) {
		pthread_join(t[i], NULL);
		unlink(others[i].path);
	}
	unlink(giver.path);
	printf("site=%s by=%s then=%s count=%ld had=%ld lost=%ld wrong=%ld bounds=%llu\n", site_names[site], want, then_names[then], all, had,
	       lost, wrong + giver.wrong, (unsigned long long)(bounds_reached() - bounds));
	return had != all || wrong || giver.wrong;
}
