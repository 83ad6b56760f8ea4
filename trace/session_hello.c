/*
 * trace/session_hello.c: a rehearsal: one process registers with the new session as the program will, before the program starts.
 *
 * It puts the metadata on disk (a trace without it is unreadable, whatever happens later), makes the buffers, which the program then
 * need not wait for, and shows in time when the tracer does not work here.
 *
 * Context: the helper. The rehearsal is a child of its own: LTTng starts threads in it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "trace/schema.h"
#include "trace/session_private.h"

/* Flushed every 10 ms, packets of 4 KiB one after the other; about 24 KiB in all. */
#define REGISTER_WAIT_MS 10000
#define METADATA_WAIT_MS 1000
#define METADATA_QUIET_MS 3
#define METADATA_MAX (256u << 10)

enum { HELLO_HEARD, HELLO_NO_LIBRARY, HELLO_OTHER_VERSION, HELLO_NOT_ENABLED };

/* Every event is described in the first `size` bytes on disk. */
static int is_described(const char *path, char *text, size_t size)
{
	static const char *const events[] = { "fdwarden:op", "fdwarden:life", "fdwarden:stack", "fdwarden:module" };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size);

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (n <= 0 || !memmem(text, (size_t)n, events[i], strlen(events[i])))
			return 0;
	return 1;
}

/* Until all is on disk. */
static void wait_for_metadata(const struct fdw_setup *s)
{
	static char text[METADATA_MAX];
	struct timespec ms = { 0, 1000000 };
	char path[PATH_MAX + 64];
	off_t size = 0;
	struct stat st;
	int quiet = 0;

	snprintf(path, sizeof path, "%s/ust/uid/%u/64-bit/metadata", s->output, (unsigned)getuid());
	for (int i = 0; i < METADATA_WAIT_MS && quiet < METADATA_QUIET_MS; i++) {
		nanosleep(&ms, NULL);
		if (stat(path, &st) != 0 || !is_described(path, text, sizeof text))
			continue;
		quiet = st.st_size == size ? quiet + 1 : 0;
		size = st.st_size;
	}
}

/*
 * Another interposer is in us, which stands for what LTTng's threads call (libeatmydata, fakechroot). It looks up what it stands for: a thread of LTTng's
 * would, with a lock of LTTng's, wait for the loader's lock, which dlopen holds while the provider's constructors wait for the other: for ever. (The interposer
 * has a way around that, start.c.) There is no rehearsal then.
 */
static int others_are_there(void)
{
	static const char *const names[] = { "open", "connect" };
	Dl_info libc, here;
	int others = !dladdr((void *)(uintptr_t)gnu_get_libc_version, &libc);

	for (size_t i = 0; i < sizeof names / sizeof *names && !others; i++)
		others = !dladdr(dlsym(RTLD_DEFAULT, names[i]), &here) || here.dli_fbase != libc.dli_fbase;
	return others;
}

/* LTTng's constructor has waited 3 s, and its thread may look again after 5. */
static int is_enabled(const struct fdw_trace_ops *ops)
{
	struct timespec ms = { 0, 1000000 };

	for (int i = 0; i < REGISTER_WAIT_MS && !ops->enabled(); i++)
		nanosleep(&ms, NULL);
	return ops->enabled();
}

static void __attribute__((noreturn)) hello(const struct fdw_setup *s)
{
	const struct fdw_trace_ops *(*get)(void);
	const struct fdw_trace_ops *ops;
	void *h;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* it may hang, as whatever LTTng is loaded into may that has other interposers */
	prctl(PR_SET_NAME, FDW_HELLO_NAME); /* with buffers for each process, the name of its directory */
	setenv("LTTNG_UST_REGISTER_TIMEOUT", "3000", 1);
	unsetenv("LTTNG_UST_WITHOUT_BADDR_STATEDUMP");
	if (s->as_root) {
		/* Root's daemon is found through /run/lttng; a second registration would say everything twice. */
		unsetenv("HOME");
		unsetenv("LTTNG_HOME");
	}
	h = dlopen(s->provider, RTLD_NOW | RTLD_LOCAL);
	if (!h)
		_exit(HELLO_NO_LIBRARY);
	get = (const struct fdw_trace_ops *(*)(void))dlsym(h, "fdwarden_trace_ops");
	ops = get ? get() : NULL;
	if (!ops || ops->version != FDW_SCHEMA_VERSION)
		_exit(HELLO_OTHER_VERSION);
	if (!is_enabled(ops))
		_exit(HELLO_NOT_ENABLED);
	/* With buffers of its own each process has its own metadata: ours says nothing about the program's. */
	if (!s->isolate)
		wait_for_metadata(s);
	_exit(HELLO_HEARD);
}

int fdw_session_hello(const struct fdw_setup *s, char *error, size_t n)
{
	static const char *const texts[] = {
		[HELLO_NO_LIBRARY] = "%s cannot be loaded; is liblttng-ust1 installed? fdwarden doctor tells more",
		[HELLO_OTHER_VERSION] = "%s is of another version than fdwarden; install both from the same build",
		[HELLO_NOT_ENABLED] = "a trial program with %s could not register with LTTng; is /dev/shm writable, and large enough? "
		                      "fdwarden doctor tells more",
	};
	pid_t pid;
	int status, code;

	if (others_are_there())
		return 0;
	pid = fork();
	if (pid == 0)
		hello(s);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			pid = -1;
	if (pid < 0) {
		snprintf(error, n, "cannot start a process: %s", strerror(errno));
		return -1;
	}
	code = WIFEXITED(status) ? WEXITSTATUS(status) : HELLO_NOT_ENABLED;
	if (code != HELLO_HEARD) {
		snprintf(error, n, texts[code < 4 ? code : HELLO_NOT_ENABLED], s->provider);
		return -1;
	}
	return 0;
}
