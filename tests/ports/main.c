/*
 * tests/ports/main.c: ports [-l] [TEST...]: runs the tests whose names contain one of the words, all without. Prints TAP.
 */
#define _GNU_SOURCE
#include "suite.h"
#include <sys/resource.h>

#define LIMIT_S 60
static struct test *tests, **last = &tests;

void suite_add(struct test *t)
{
	*last = t;
	last = &t->next;
}

void suite_failed(const char *file, int line, const char *what, long a, long b, int error)
{
	char text[512];
	int n = snprintf(text, sizeof text, "# %s:%d: %s (%ld, %ld, errno %d %s)\n", file, line, what, a, b, error, strerror(error));

	if (write(1, text, (size_t)n) < 0)
		_exit(3);
	_exit(1);
}

int port_new(void)
{
	int port = port_create();
	CHECK(port >= 0);
	return port;
}

void associate(int port, int fd, int events, void *user) { OK(port_associate(port, PORT_SOURCE_FD, (uintptr_t)fd, events, user)); }

void nothing(int port)
{
	struct timespec none = { 0, 0 };
	port_event_t e = { .portev_source = 99 };

	OK(port_get(port, &e, &none));
	SAME(e.portev_source, 99);
}

port_event_t one(int port)
{
	struct timespec ten = { 10, 0 };
	port_event_t e;

	OK(port_get(port, &e, &ten));
	return e;
}

void is_fd(int port, int fd, int events, void *user)
{
	port_event_t e = one(port);

	SAME(e.portev_source, PORT_SOURCE_FD);
	SAME(e.portev_object, fd);
	SAME(e.portev_events, events);
	CHECK(e.portev_user == user);
	nothing(port);
}

unsigned getn(int port, port_event_t *list, unsigned max, unsigned nget, long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	int r = port_getn(port, list, max, &nget, ms < 0 ? NULL : &t);

	CHECK(r == 0 || errno == ETIME);
	return nget;
}

int interposed(void) { return dlsym(RTLD_DEFAULT, "fdwarden_private") != NULL; }

static int is_cloexec(const char *number)
{
	char path[64], line[128];
	int flags = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%.20s", number);
	CHECK((f = fopen(path, "r")));
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, "flags:", 6))
			flags = (int)strtol(line + 6, NULL, 8);
	fclose(f);
	return (flags & O_CLOEXEC) != 0;
}

int numbers_above(int low, int cloexec)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	CHECK(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) >= low && atoi(e->d_name) != dirfd(d))
			n += !cloexec || is_cloexec(e->d_name);
	closedir(d);
	return n;
}

struct pipe_pair pipe_new(void)
{
	int ends[2];
	OK(pipe(ends));
	return (struct pipe_pair){ ends[0], ends[1] };
}
void trigger(struct pipe_pair p) { SAME(write(p.w, "x", 1), 1); }
void drain(struct pipe_pair p)
{
	char c;
	SAME(read(p.r, &c, 1), 1);
}

void ms_sleep(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	while (nanosleep(&t, &t) < 0)
		;
}
long ms_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

pthread_t thread(void *(*body)(void *), void *arg)
{
	pthread_t t;
	OK(pthread_create(&t, NULL, body, arg));
	return t;
}
void *joined(pthread_t t)
{
	void *result;
	OK(pthread_join(t, &result));
	return result;
}

pid_t child(void (*body)(void *), void *arg)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid)
		return pid;
	body(arg);
	_exit(0);
}
void child_ok(pid_t pid)
{
	int status;
	SAME(waitpid(pid, &status, 0), pid);
	SAME(status, 0);
}

static int chosen(const struct test *t, char **words)
{
	if (!*words)
		return 1;
	for (; *words; words++)
		if (strstr(t->name, *words))
			return 1;
	return 0;
}

static int run(const struct test *t, int number)
{
	int status, late = 0;
	long begun = ms_now();
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		t->run();
		_exit(0);
	}
	setpgid(pid, pid);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (!late && ms_now() - begun > LIMIT_S * 1000) {
			late = 1;
			kill(pid, SIGKILL);
		}
		usleep(late ? 10000 : 500);
	}
	kill(-pid, SIGKILL); /* what it left behind */
	if (status)
		printf("# %s %d after %ld ms\n", late ? "too late:" : "status", status, ms_now() - begun);
	printf("%sok %d - %s\n", status ? "not " : "", number, t->name);
	return status != 0;
}

int main(int argc, char **argv)
{
	int number = 0, failed = 0, list = argc > 1 && !strcmp(argv[1], "-l");

	for (const struct test *t = tests; t; t = t->next)
		if (list)
			puts(t->name);
		else if (chosen(t, argv + 1))
			failed += run(t, ++number);
	if (!list)
		printf("1..%d\n", number);
	return failed != 0;
}
