/*
 * preload/start.c: the start of a program and of its recording.
 *
 * Context: the main thread, in __libc_start_main: all libraries are initialised, the program's own constructors are not. Here malloc and
 * dlopen are allowed: it is the program's own start-up. LTTng cannot be loaded from our constructor (libc is not set up then), and
 * loading it later would come between the program and its numbers.
 */
#include <dlfcn.h>
#include <sys/resource.h>
#include "actions.h"
#include "clock.h"
#include "env.h"
#include "event.h"
#include "exit.h"
#include "heir.h"
#include "module.h"
#include "named.h"
#include "options.h"
#include "patience.h"
#include "pending.h"
#include "proc.h"
#include "protect.h"
#include "resolve.h"
#include "rows.h"
#include "stack.h"
#include "table.h"
#include "thread.h"
#include "log.h"
#include "poison.h"

/* ---- what is open when the image starts -----------------------------------------------------------------------------------------*/

static uint8_t kind_of(const char *target)
{
	static const struct { const char *prefix; uint8_t kind; } kinds[] = {
		{ "socket:", FDW_KIND_SOCKET }, { "pipe:", FDW_KIND_PIPE_R }, { "anon_inode:[eventpoll]", FDW_KIND_EPOLL },
		{ "anon_inode:[eventfd", FDW_KIND_EVENTFD }, { "anon_inode:[timerfd", FDW_KIND_TIMERFD },
		{ "anon_inode:[signalfd", FDW_KIND_SIGNALFD }, { "anon_inode:inotify", FDW_KIND_INOTIFY },
		{ "anon_inode:[pidfd", FDW_KIND_PIDFD }, { "/memfd:", FDW_KIND_MEMFD }, { "/dev/pts/", FDW_KIND_PTY },
		{ "/", FDW_KIND_FILE },
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strncmp(target, kinds[i].prefix, strlen(kinds[i].prefix)))
			return kinds[i].kind;
	return FDW_KIND_OTHER;
}

/* A directory and a listening socket look like a file and a socket. */
static uint8_t finer_kind(int fd, uint8_t kind)
{
	struct stat st;
	int listens = 0;
	socklen_t n = sizeof listens;

	if (kind == FDW_KIND_FILE && fdw_raw(SYS_newfstatat, (long)fd, "", &st, (long)AT_EMPTY_PATH) == 0 && S_ISDIR(st.st_mode))
		return FDW_KIND_DIR;
	if (kind == FDW_KIND_SOCKET && fdw_raw(SYS_getsockopt, (long)fd, (long)SOL_SOCKET, (long)SO_ACCEPTCONN, &listens, &n) == 0 && listens)
		return FDW_KIND_LISTENER;
	return kind;
}

static void say_state(int dir, const char *name, void *said)
{
	char target[FDW_DETAIL_MAX];
	int fd = (int)fdw_number(name);
	uint64_t v = fdw_peek(fd);
	uint32_t flags = FDW_F_INHERITED, gen;
	uint8_t kind;
	long n;

	/* Or a library's constructor closed it, and it is kept back. */
	if (fd == dir || fdw_state(v) == FDW_PROTECTED || fdw_state(v) == FDW_TOMBSTONE || fdw_state(v) == FDW_LEAVING)
		return;
	n = fdw_raw(SYS_readlinkat, (long)dir, name, target, sizeof target - 1);
	target[n > 0 ? n : 0] = 0;
	kind = finer_kind(fd, kind_of(target));
	if (fdw_raw(SYS_fcntl, (long)fd, (long)F_GETFD, 0L) & FD_CLOEXEC)
		flags |= FDW_F_CLOEXEC;
	if (fdw_state(v) == FDW_OPEN) {
		gen = fdw_gen(v); /* made by a library's constructor, before anything was recorded */
		flags &= ~FDW_F_INHERITED;
	} else {
		gen = fdw_born(fd, kind, flags, FDW_CALL_none, 0);
		fdw_inherited(fd);
		flags |= fdw_named(fd) ? FDW_F_NAMED : 0;
	}
	fdw_send(&(struct fdw_event){ .op = FDW_OP_STATE, .kind = kind, .fd = fd, .gen = gen, .fd2 = -1, .flags = flags,
		.detail = (uint8_t *)target, .detail_len = (uint32_t)(n > 0 ? n : 0) }, 0);
	++*(uint64_t *)said;
}

static char *const *arguments;

static void say_states(void)
{
	uint64_t said = 0;

	fdw_named_learn(arguments, environ);

	if (!fdw_process.filtered && fdw_each_entry("/proc/self/fd", say_state, &said) == 0)
		fdw_life(FDW_OP_STATE_END, 0, 0, said, -1, 0, FDW_CALL_none, 0, FDW_NO_DETAIL);
}

/* ---- the process ----------------------------------------------------------------------------------------------------------------------*/

/* Field 22 of /proc/self/stat, in clock ticks (always 100 a second for user space) since boot; as nanoseconds. */
static uint64_t start_time(void)
{
	char buf[1024], *p;

	fdw_read_file("/proc/self/stat", buf, sizeof buf);
	p = strrchr(buf, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? fdw_number(p + 1) * 10000000u : 0;
}

static void say_start(void)
{
	char buf[FDW_DETAIL_MAX + 1];
	long n = fdw_raw(SYS_readlinkat, (long)AT_FDCWD, "/proc/self/exe", buf, FDW_DETAIL_MAX);

	fdw_send(&(struct fdw_event){ .op = FDW_OP_PROC_START, .fd = FDW_SCHEMA_VERSION, .fd2 = (int)fdw_raw(SYS_getppid),
		.ret = fdw_process.mode, .arg = start_time(), .detail = (uint8_t *)buf,
		.detail_len = (uint32_t)(n > 0 ? n : 0) }, 0);
	n = (long)fdw_read_file("/proc/self/cmdline", buf, sizeof buf);
	fdw_send(&(struct fdw_event){ .op = FDW_OP_PROC_ARGS, .fd = -1, .fd2 = -1, .detail = (uint8_t *)buf,
		.detail_len = (uint32_t)n }, 0);
}

/*
 * The program's own suppressions, as LeakSanitizer's users know them. A reference that nobody has to satisfy: to look for the name would have
 * libc allocate a message where there is none. The program has to export it (-rdynamic).
 */
#define SUPPRESSIONS_MAX (64u << 10)
extern const char *fdwarden_default_suppressions(void) __attribute__((weak, visibility("default")));
static void say_suppressions(void)
{
	const char *text = fdwarden_default_suppressions ? fdwarden_default_suppressions() : NULL;
	size_t n = text ? strlen(text) : 0;

	for (size_t at = 0; at < n && at < SUPPRESSIONS_MAX; at += FDW_DETAIL_MAX)
		fdw_send(&(struct fdw_event){ .op = FDW_OP_SUPPRESSIONS, .fd = -1, .fd2 = -1, .arg = at, .detail = (const uint8_t *)text + at,
			.detail_len = (uint32_t)(n - at < FDW_DETAIL_MAX ? n - at : FDW_DETAIL_MAX) }, 0);
}

/*
 * LTTng keeps pointers to the values of its settings and reads them again in every fork child. Programs that rename themselves write over
 * that memory (nginx, PostgreSQL: the wait for the registration became 0, and the first events of each worker were lost). So it finds
 * copies: the environment it sees while it is loaded has them in place of the originals.
 * And it would list the sections of each library, twice, by 1800 system calls, for an event of its own that nobody records: it is told not to.
 */
#define SETTINGS_MAX 8
FDW_LARGE static char settings[SETTINGS_MAX][512], own[64];

static int is_setting(const char *entry)
{
	return !strncmp(entry, "LTTNG_", 6) || !strncmp(entry, "HOME=", 5);
}

/* Its socket's path would not fit into an address, or it has no home at all: then LTTng does not look for its user's daemon. */
static int useless_home(const char *entry)
{
	const char *value = strchr(entry, '=') + 1;
	return !*value || strlen(value) > 80;
}

#define OWN 3
static void *with_own_settings(void *(*load)(void))
{
	char **was = environ, **env;
	unsigned used = 0;
	int home = 0, timeout = 0;
	size_t n = 0, at = OWN;
	void *result;

	while (was && was[n])
		n++;
	env = __builtin_alloca((n + OWN + 1) * sizeof *env);
	for (size_t i = 0; i < n; i++) {
		char *e = was[i];
		if (!strncmp(e, "HOME=", 5) || !strncmp(e, "LTTNG_HOME=", 11))
			home = !strncmp(e, "LTTNG_HOME=", 11) || !home ? (useless_home(e) ? -1 : 1) : home;
		if (is_setting(e) && used < SETTINGS_MAX && strlen(e) < sizeof *settings) {
			e = strcpy(settings[used++], e);
			if (!strncmp(e, "LTTNG_UST_REGISTER_TIMEOUT=", 27))
				fdw_patience_timeout = e + 27;
		}
		timeout |= !strncmp(e, "LTTNG_UST_REGISTER_TIMEOUT=", 27);
		env[at++] = e;
	}
	env[at] = NULL;
	/* First in the list: they win. Where LTTng looks for a daemon is ours to say anyhow (protect.c). */
	at = OWN;
	env[--at] = (char *)"LTTNG_UST_WITHOUT_BADDR_STATEDUMP=1";
	if (home <= 0)
		env[--at] = (char *)"LTTNG_HOME=/nonexistent";
	if (!timeout) {
		env[--at] = strcpy(own, "LTTNG_UST_REGISTER_TIMEOUT=" FDW_REGISTER_TIMEOUT);
		fdw_patience_timeout = own + 27;
	}
	environ = env + at;
	result = load();
	if (environ == env + at)
		environ = was;
	return result;
}

/* Local: nothing of LTTng's may satisfy the program's symbols. */
static void *open_provider(void)
{
	fdw_trace_clock_start();
	return FDW_REAL(dlopen)(fdw_options.provider, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

/* What LTTng's call of it reaches first: an interposer may stand before us. */
#define FIRST(name) ((__typeof__(real_##name))first_of(#name, (void *)real_##name))
static void *first_of(const char *name, void *real)
{
	void *first = dlsym(RTLD_DEFAULT, name);

	return first ? first : real;
}

/*
 * Interposers look for libc's functions when they are called first, by dlsym, which waits for the loader's lock. We hold that lock while LTTng's
 * constructor waits for its threads, and they call what they need under a lock of LTTng's that it wants next: for ever. So the first calls are made before.
 */
static void call_others_first(void)
{
	/* A name, for some look at it; nothing listens there. */
	const struct sockaddr_un nobody = { .sun_family = AF_UNIX, .sun_path = "/nonexistent/fdwarden" };
	struct msghdr none = { 0 };
	struct stat st;
	long c = 0;
	int fd = FIRST(open)("/dev/null", O_RDWR | O_CLOEXEC);
	FILE *f = FIRST(fopen)("/dev/null", "re");

	FIRST(fcntl)(fd, F_GETFD, 0L);
	FIRST(fcntl)(fd, F_SETFD, (long)FD_CLOEXEC);
	FIRST(read)(fd, &c, 0);
	FIRST(write)(fd, &c, 0);
	FIRST(fstat)(fd, &st);
	FIRST(ftruncate)(fd, 0);
	FIRST(mmap)(NULL, 0, PROT_READ, MAP_SHARED, fd, 0);
	FIRST(close)(fd);
	if (f)
		FIRST(fclose)(f);
	fd = FIRST(socket)(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FIRST(connect)(fd, (const struct sockaddr *)&nobody, sizeof nobody);
	FIRST(setsockopt)(fd, SOL_SOCKET, SO_RCVTIMEO, NULL, 0);
	FIRST(recvmsg)(fd, &none, MSG_DONTWAIT);
	FIRST(sendmsg)(fd, &none, MSG_DONTWAIT | MSG_NOSIGNAL);
	FIRST(close)(fd);
	fd = FIRST(openat)(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);
	FIRST(close)(fd);
}

/*
 * Some look anew in each thread (libeatmydata): LTTng's do so before they take a lock of its. Not where pthread_create itself is another's: that of
 * TSan returns only when the thread has come to what it was made for, so it must not wait for the loader's lock, which its maker holds, before.
 */
static int each_calls_first;
int fdw_threads_are_anothers;
void fdw_tool_thread_begins(void)
{
	if (each_calls_first)
		call_others_first();
}

/* Before us, or between us and libc; also where nobody knows. */
static int others_are_there(void)
{
	static const struct { const char *name; void **real; } some[] = { { "open", (void **)&real_open }, { "connect", (void **)&real_connect },
		{ "close", (void **)&real_close }, { "fopen", (void **)&real_fopen } };

	for (unsigned i = 0; i < sizeof some / sizeof *some; i++)
		if (fdw_is_anothers(dlsym(RTLD_DEFAULT, some[i].name)) != 0 || fdw_is_anothers(*some[i].real) != 0)
			return 1;
	return 0;
}

static const struct fdw_trace_ops *load_provider(void)
{
	const struct fdw_trace_ops *(*get)(void) = NULL;
	const struct fdw_trace_ops *ops = NULL;
	void *h;
	int others, above;

	fdw_rows_share();
	/* A program that traces itself with LTTng needs its destructors; when it came with us alone they are left out (protect.c). */
	others = FDW_REAL(dlopen)("liblttng-ust.so.1", RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD) != NULL;
	fdw_self.tool = 1; /* the provider's and LTTng's constructors run here: what they open is theirs */
	fdw_patience_outside = others_are_there();
	above = fdw_is_anothers(dlsym(RTLD_DEFAULT, "pthread_create"));
	fdw_threads_are_anothers = above == 1 || fdw_is_anothers((void *)FDW_REAL(pthread_create)) == 1;
	each_calls_first = fdw_patience_outside && !above;
	if (fdw_patience_outside)
		call_others_first();
	/* pthread_cancel aborts when it cannot load this, and it is needed where nothing can be loaded any more: out of descriptors, in a chroot. */
	FDW_REAL(dlopen)("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	h = with_own_settings(open_provider);
	if (h)
		get = (const struct fdw_trace_ops *(*)(void))dlsym(h, "fdwarden_trace_ops");
	if (get)
		ops = get();
	fdw_self.tool = 0;
	if (!h)
		fdw_log_line("cannot record, the tracing library could not be loaded: ", fdw_options.provider);
	else if (!ops || ops->version != FDW_SCHEMA_VERSION)
		fdw_log_line("cannot record, the tracing library is of another version: ", fdw_options.provider);
	atomic_store(&fdw_process.no_fini, !others);
	return ops && ops->version == FDW_SCHEMA_VERSION ? ops : NULL;
}

/*
 * For quick_exit(), as at_fini below for exit(), which says why it is told the status: registered first it runs last, and libc ends the
 * process by a call of its own right after it.
 */
int __cxa_at_quick_exit(void (*)(void *), void *);
static void at_quick_fini(void *none, int status) { fdw_ending(status, FDW_CALL_none, 0); }

static void start_recording(void)
{
	struct fdw_patience patience;

	if (!fdw_options.record[0] || !fdw_on() || fdw_process.filtered || fdw_recording() || !fdw_patience_begin(&patience))
		return;
	if (!fdw_tracer_has_numbers()) {
		fdw_log_line("cannot record this program, it may open too few files; raise the hard limit: ulimit -Hn", NULL);
		return;
	}
	fdw_ops = load_provider();
	fdw_tool_ranges_learn(); /* also where nothing is recorded: LTTng's threads may be served later than we waited, and its destructors run */
	if (!fdw_ops || !fdw_patience(&patience))
		return; /* no session listens: nothing is sent, nothing is paid for */
	fdw_mark_hold();
	fdw_watch_find();
	fdw_actions_learn();
	atomic_fetch_or(&fdw_process.uses, FDW_USES_RECORDED);
	atomic_store_explicit(&fdw_process.recording, 1, memory_order_release);
	fdw_thread_main();
	say_start();
	fdw_modules_forget(FDW_CALL_none);
	say_states();
	say_suppressions();
	/* libc has room for 32 such handlers before it allocates. */
	__cxa_at_quick_exit((void (*)(void *))(uintptr_t)at_quick_fini, NULL);
	/* From here on the program has its own threads only, as chromium's zygote, which counts them, and unshare(CLONE_NEWUSER) want it. */
	if (fdw_mark)
		fdw_own_heir(NULL);
}

/* ---- the hook ----------------------------------------------------------------------------------------------------------------------------*/

static void (*real_fini)(void);

/*
 * Runs after the program's atexit handlers and static destructors and before those of libraries: the last moment at which the tracer
 * still works. glibc registers it as it does what __cxa_atexit is given, and calls all of these with the exit status as second argument
 * (stdlib/exit.c, ef_cxa, since 1999). on_exit(3) would tell it too, but no place in its list is right: registered before libc's
 * start ours would run after this, registered later before handlers of the program's that may exit() again, with another status.
 */
static void at_fini(void *none, int status)
{
	fdw_pending_flush();
	if (!fdw_on()) {
		fdw_ending(status, FDW_CALL_none, 0);
	} else if (fdw_recording()) {
		fdw_says_exit(status, FDW_CALL_none, 0);
		if (!fdw_emitters_stop())
			atomic_store(&fdw_process.no_fini, 1);
	}
	if (real_fini)
		real_fini();
}

FDW_EXPORT int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                                 void (*rtld_fini)(void), void *stack_end)
{
	int saved = errno;

	real_fini = rtld_fini;
	arguments = argv;
	fdw_env_begin();
	if (fdw_on())
		start_recording();
	errno = saved;
	return FDW_REAL(__libc_start_main)(main, argc, argv, init, fini, (void (*)(void))(uintptr_t)at_fini, stack_end);
}
