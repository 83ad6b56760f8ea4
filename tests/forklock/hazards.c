/*
 * hazards: what a fork lock may not break. `hazards ?` prints the names; `hazards NAME` runs one and prints one line of NAME=TEXT.
 * Exit status: 0; 9 something was not as the manual says; 77 this machine does not allow it; a signal: it did not end in time.
 */
#include <stdarg.h>
#include "hazards.h"

struct starter child;
_Atomic long leaks, children, longest_us;
int null;

static char said[400];
static struct maker makers[512];
static pthread_t maker_threads[512];
static int makers_count;
static unsigned makers_gap;
static _Atomic int makers_stopping;
static _Atomic long made;

void outcome(const char *format, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, format);
	vsnprintf(said + n, sizeof said - n, format, ap);
	va_end(ap);
	for (char *p = said; *p; p++)
		*p = *p == ' ' ? '_' : *p;
}

int start_one(const char *way)
{
	struct held_report r = { 0 };
	uint64_t start = now_us(), us;
	int failed = starter_child(&child, way_named(way), &r);

	us = now_us() - start;
	if (us > (uint64_t)longest_us)
		longest_us = (long)us;
	if (failed)
		return -1;
	children++;
	leaks += r.held > 0;
	return r.held > 0;
}

static void *make_and_mark(void *arg)
{
	struct maker *m = arg;

	for (unsigned i = 0; !makers_stopping; i++) {
		int fd = dup(m->null);
		need(fd >= 0);
		spin_us(makers_gap);
		mark(fd, i);
		need(close(fd) == 0);
		atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
	}
	return NULL;
}

void in_thread(pthread_t *t, void *(*body)(void *), void *arg)
{
	need(pthread_create(t, NULL, body, arg) == 0);
}

void makers_go(int n, unsigned gap_us)
{
	makers_count = n;
	makers_gap = gap_us;
	makers_stopping = 0;
	made = 0;
	for (int i = 0; i < n; i++) {
		makers[i].null = null;
		in_thread(&maker_threads[i], make_and_mark, &makers[i]);
	}
	while (!made)
		nap_us(200);
}

long makers_made(void) { return made; }

long makers_stop(void)
{
	makers_stopping = 1;
	for (int i = 0; i < makers_count; i++)
		pthread_join(maker_threads[i], NULL);
	return made;
}

static const struct hazard *const all[] = { lock_hazards, jump_hazards, wait_hazards, world_hazards, handed_hazards, number_hazards };

static const struct hazard *find(const char *name)
{
	for (size_t i = 0; i < COUNT(all); i++)
		for (const struct hazard *h = all[i]; h->name; h++) {
			if (!strcmp(name, h->name))
				return h;
			if (!strcmp(name, "?"))
				printf("%s %s\n", h->name, h->window ? "window" : "none");
		}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct hazard *h;
	uint64_t bounds = bounds_reached();
	int r;

	if (argc != 2 || (!(h = find(argv[1])) && strcmp(argv[1], "?"))) {
		fprintf(stderr, "usage: hazards NAME; ? prints the names\n");
		return 2;
	}
	if (!h)
		return 0;
	alarm(100); /* bounded, whatever happens */
	clean_start();
	null = quiet(open("/dev/null", O_RDWR | O_CLOEXEC));
	starters_begin(&child, 1);
	r = h->run();
	printf("hazard=%s outcome=%s children=%ld leaks=%ld bounds=%llu longest_ms=%ld\n", h->name, said[0] ? said : "-", children, leaks,
	       (unsigned long long)(bounds_reached() - bounds), longest_us / 1000);
	return r;
}
