/*
 * stress: makers make a descriptor without close-on-exec, mark it a moment later and close it, again and again, while others start children. A
 * child that holds one is a leak. Prints one line of NAME=NUMBER; who called judges them.
 *	stress --call=NAME --way=NAME [--makers=2] [--forkers=1] [--children=20] [--until=N] [--gap=USEC] [--busy=N] [--seconds=N]
 * --until: go on, N children at most, until there is a leak. --gap: between creation and mark, widened so that the window shows on any
 * machine; the thread is busy all the while. --busy: so many more threads that only burn time. --call=? and --way=? print the names.
 * Exit status: 0; 9 something was not as the manual says; 77 the call is not allowed here.
 */
#include "forklock.h"

static const struct call *call;
static const struct way *way;
static unsigned gap;
static long makers_count, forkers_count, busy_count;
static _Atomic long children_left;
static _Atomic int until_leak;
static _Atomic long children, leaks, held, lost, made, wrong;
static _Atomic int stopping, running;
static struct maker makers[256];
static struct starter starters[16];

static int stop(void) { return atomic_load_explicit(&stopping, memory_order_relaxed); }

/* What the program reads must be what it asked for. Calls on the descriptor itself say nothing about others. */
static void flag_is(int fd, int want)
{
	if (fcntl(fd, F_GETFD) != want)
		atomic_fetch_add(&wrong, 1);
}

static void *make(void *arg)
{
	struct maker *m = arg;
	unsigned random = (unsigned)m->index * 7919u + 1;

	for (unsigned turn = 0; !stop(); turn++) {
		int fd[MADE_MAX] = { -1, -1 }, n = call->make(m, fd);
		need(n > 0);
		if (turn % 8 == 1)
			flag_is(fd[0], 0);
		spin_us(gap * call->slow);
		for (int i = 0; i < n; i++)
			mark(fd[i], turn + (unsigned)m->index);
		if (turn % 8 == 2)
			flag_is(fd[0], FD_CLOEXEC);
		spin_us(next_random(&random) % (gap / 4 + 1));
		call_end(call, m, fd, n);
		atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
		atomic_store_explicit(&running, 1, memory_order_relaxed);
	}
	return NULL;
}

static void *burn(void *arg)
{
	while (!stop())
		spin_us(1000);
	return arg;
}

static void account(int r, const struct held_report *h)
{
	if (r < 0) {
		atomic_fetch_add(&lost, 1);
		return;
	}
	atomic_fetch_add(&children, 1);
	atomic_fetch_add(&held, h->held);
	if (h->held && atomic_fetch_add(&leaks, 1) >= 0)
		until_leak = 0;
}

/* One more child to start? Those beyond the number are started only while there is no leak. */
static int another(long at_least)
{
	long left = atomic_fetch_sub(&children_left, 1);

	return left > 0 || (until_leak && left > -at_least);
}

static long more; /* --until beyond --children */

static void *start_children(void *arg)
{
	struct starter *s = arg;
	struct held_report r;
	unsigned random = (unsigned)s->write_end;

	while (another(more)) {
		spin_us(next_random(&random) % (gap + 1));
		account(starter_child(s, way, &r), &r);
	}
	return NULL;
}

static void threads_begin(pthread_t *t)
{
	for (long i = 0; i < makers_count; i++)
		need(pthread_create(&t[i], NULL, make, &makers[i]) == 0);
	for (long i = 0; i < busy_count; i++)
		need(pthread_create(&t[makers_count + i], NULL, burn, NULL) == 0);
	while (!running)
		nap_us(200);
}

static void together(void)
{
	static pthread_t t[512], f[16];

	threads_begin(t);
	for (long i = 0; i < forkers_count; i++)
		need(pthread_create(&f[i], NULL, start_children, &starters[i]) == 0);
	for (long i = 0; i < forkers_count; i++)
		pthread_join(f[i], NULL);
	stopping = 1;
	for (long i = 0; i < makers_count + busy_count; i++)
		pthread_join(t[i], NULL);
}

/* ---- ways that end the process: each child is a process of its own, with makers ---------------------------------------------------------*/
static void *go(void *arg)
{
	way->start(arg);
	_exit(72);
}

static void whole_process(unsigned turn)
{
	static pthread_t t[512];
	pthread_t last;

	threads_begin(t);
	nap_us(turn * 97 % 1000);
	if (turn & 1)
		go(&starters[0]);
	need(pthread_create(&last, NULL, go, &starters[0]) == 0);
	pthread_join(last, NULL);
}

static void one_by_one(void)
{
	struct held_report r = { 0 };
	int status;

	for (unsigned turn = 0; another(more); turn++) {
		pid_t pid = fork();
		need(pid >= 0);
		if (pid == 0)
			whole_process(turn);
		need(waitpid(pid, &status, 0) == pid);
		account(status ? -1 : starter_result(&starters[0], &r), &r);
	}
}

static void names(void)
{
	for (size_t i = 0; call == NULL && i < calls_count; i++)
		puts(calls[i].name);
	for (size_t i = 0; call && i < ways_count; i++)
		puts(ways[i].name);
	exit(0);
}

static void prepare(int argc, char **argv)
{
	const char *c = option(argc, argv, "call", "dup"), *w = option(argc, argv, "way", "vfork");

	options_known(argc, argv, "call way makers forkers children until gap busy seconds");
	call = call_named(c);
	way = way_named(w);
	if (!strcmp(c, "?") || !strcmp(w, "?"))
		names();
	if (!call || !way) {
		fprintf(stderr, "stress: no %s '%s'\n", call ? "way" : "call", call ? w : c);
		exit(2);
	}
	makers_count = option_number(argc, argv, "makers", 2);
	forkers_count = option_number(argc, argv, "forkers", 1);
	busy_count = option_number(argc, argv, "busy", 0);
	gap = (unsigned)option_number(argc, argv, "gap", 100);
	children_left = option_number(argc, argv, "children", 20);
	more = option_number(argc, argv, "until", 0) - children_left;
	until_leak = more > 0;
	need(makers_count > 0 && makers_count <= 256 && busy_count >= 0 && busy_count <= 256 && forkers_count > 0 && forkers_count <= 16);
	alarm((unsigned)option_number(argc, argv, "seconds", 120)); /* bounded, whatever happens */
}

int main(int argc, char **argv)
{
	uint64_t before = bounds_reached();

	clean_start();
	prepare(argc, argv);
	starters_begin(starters, (int)forkers_count);
	for (long i = 0; i < makers_count; i++)
		maker_begin(&makers[i], (int)i);
	if (!call_allowed(call, &makers[0]))
		return SKIP;
	if (way->whole)
		one_by_one();
	else
		together();
	for (long i = 0; i < makers_count; i++) {
		wrong += makers[i].wrong;
		unlink(makers[i].path);
	}
	printf("call=%s way=%s children=%ld leaks=%ld held=%ld bounds=%llu wrong=%ld lost=%ld made=%ld\n", call->name, way->name, children,
	       leaks, held, (unsigned long long)(bounds_reached() - before), wrong, lost, made);
	return 0;
}
