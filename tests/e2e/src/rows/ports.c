/*
 * tests/e2e/src/rows/ports.c: event ports, by libport, which comes with dlopen: until then there are none. Context and vocabulary: rows.h.
 * tests/ports runs programs that are linked with it.
 */
#include <dlfcn.h>
#include <poll.h>
#include <time.h>
#include "port/port.h"
#include "rows.h"

static const char *const functions[] = { "port_create", "port_associate", "port_dissociate", "port_get", "port_getn", "port_send", "port_sendn", "port_alert" };

/* Found by name, by a handle of the program, and by a weak reference; told natively and under fdwarden alike. */
__attribute__((weak)) int port_create(void);

static void there(const char *when)
{
	void *program = dlopen(NULL, RTLD_LAZY);
	int found = 0, by_handle = 0;

	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		found += dlsym(RTLD_DEFAULT, functions[i]) != NULL;
		by_handle += dlsym(program, functions[i]) != NULL;
	}
	rows_note("%s: %d by name, %d by handle, weak %d, said: %s", when, found, by_handle, port_create != NULL, dlerror() ? "an error" : "nothing");
	dlclose(program);
}

static void bring_libport(void)
{
	char file[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", file, sizeof file - 64);

	rows_name = "port_create";
	there("without the library");
	file[n < 0 ? 0 : n] = 0;
	for (int up = 0; up < 5; up++) /* tests/e2e/src/rows/rows */
		*(strrchr(file, '/') ? strrchr(file, '/') : file) = 0;
	strcat(file, "/libport.so.1");
	if (!dlopen(file, RTLD_NOW | RTLD_GLOBAL))
		rows_note("no library: %s", dlerror());
	there("with the library");
}

static void say_events(const char *what, const port_event_t *e, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rows_note("%s %u: source %d, events %#x, object %d, user %#lx", what, i, e[i].portev_source, (unsigned)e[i].portev_events,
			(int)e[i].portev_object, (long)e[i].portev_user);
}

static void associating(int port)
{
	CALLS(int, (int, int, uintptr_t, int, void *), "port_associate") {
		CASE("one", call(port, PORT_SOURCE_FD, F_IN, POLLIN, (void *)7));
		CASE("the same", call(port, PORT_SOURCE_FD, F_IN, POLLIN, (void *)8));
		CASE("a file", call(port, PORT_SOURCE_FD, F_FILE, POLLIN, (void *)9));
		CASE("never open", call(port, PORT_SOURCE_FD, NEVER, POLLIN, NULL));
		CASE("no number", call(port, PORT_SOURCE_FD, (uintptr_t)1 << 40, POLLIN, NULL));
		CASE("no such source", call(port, 99, F_IN, POLLIN, NULL));
		CASE("no name", call(port, PORT_SOURCE_FILE, 0, FILE_MODIFIED, NULL));
		CASE("no port", call(F_EPOLL, PORT_SOURCE_FD, F_IN, POLLIN, NULL));
		BADFD(call(port, PORT_SOURCE_FD, (uintptr_t)(unsigned)fd, POLLIN, NULL));
		BADFD(call(fd, PORT_SOURCE_FD, F_IN, POLLIN, NULL));
	}
	CALLS(int, (int, int, uintptr_t), "port_dissociate") {
		CASE("the file", call(port, PORT_SOURCE_FD, F_FILE));
		CASE("the file again", call(port, PORT_SOURCE_FD, F_FILE));
		CASE("another", call(port, PORT_SOURCE_FD, F_SOCK));
		CASE("no port", call(F_FILE, PORT_SOURCE_FD, F_IN));
		BADFD(call(port, PORT_SOURCE_FD, (uintptr_t)(unsigned)fd));
		BADFD(call(fd, PORT_SOURCE_FD, F_IN));
	}
}

static void getting(int port)
{
	struct timespec zero = { 0, 0 }, ms = { 0, 1000000 }, bad = { -1, 0 };
	port_event_t e[4] = { { .portev_source = 0 } };
	unsigned n = 1;

	CALLS(int, (int, port_event_t *, struct timespec *), "port_get") {
		CASE("one", call(port, e, NULL));
		say_events("got", e, 1);
		CASE("nothing more", call(port, e, &ms));
		CASE("nothing, at once", call(port, e, &zero));
		CASE("bad time", call(port, e, &bad));
		CASE("no port", call(F_FILE, e, &zero));
		BADFD(call(fd, e, &zero));
	}
	CALLS(int, (int, int, void *), "port_send") {
		CASE("one", call(port, 5, (void *)11));
		CASE("no port", call(F_FILE, 5, NULL));
		BADFD(call(fd, 5, NULL));
	}
	CALLS(int, (int *, int *, unsigned, int, void *), "port_sendn") {
		int two[2] = { port, port }, half[2] = { port, NEVER }, errors[2] = { 99, 99 };
		CASE("two", call(two, errors, 2, 6, (void *)12));
		CASE("one of two", call(half, errors, 2, 6, (void *)13));
		rows_note("%d %d", errors[0], errors[1]);
		CASE("none", call(two, errors, 0, 6, NULL));
		BADFD(call(&fd, errors, 1, 6, NULL));
	}
	CALLS(int, (int, port_event_t *, unsigned, unsigned *, struct timespec *), "port_getn") {
		CASE("how many", call(port, NULL, 0, &n, NULL));
		rows_note("%u", n);
		n = 4;
		CASE("four", call(port, e, 4, &n, NULL));
		say_events("got", e, n);
		n = 1;
		CASE("nothing more", call(port, e, 4, &n, &ms));
		n = 5;
		CASE("more than there is room for", call(port, e, 4, &n, &zero));
		CASE("nowhere to say", call(port, e, 4, NULL, &zero));
		n = 1;
		CASE("no port", call(F_FILE, e, 4, &n, &zero));
		BADFD(call(fd, e, 4, &n, &zero));
	}
	CALLS(int, (int, int, int, void *), "port_alert") {
		CASE("set", call(port, PORT_ALERT_SET, 3, NULL));
		CASE("set already", call(port, PORT_ALERT_UPDATE, 4, NULL));
		CASE("ended", call(port, 0, 0, NULL));
		CASE("bad flags", call(port, PORT_ALERT_INVALID, 3, NULL));
		CASE("no port", call(F_FILE, PORT_ALERT_SET, 3, NULL));
		BADFD(call(fd, PORT_ALERT_SET, 3, NULL));
	}
}

void rows_ports(void)
{
	int port = -1;

	bring_libport();
	CALLS(int, (void), "port_create") {
		CASE("one", call());
		port = KEEP("another", call());
		FULL(0, call());
		FULL(1, call());
	}
	associating(port);
	getting(port);
}
