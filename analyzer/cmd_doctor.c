/*
 * analyzer/cmd_doctor.c: fdwarden doctor: can programs be observed on this machine, and can PROG? One line a check.
 *
 * A table of checks; each looks and says. What may hang or crash (loading the provider, a session daemon) happens in a process of its own
 * or under the session's time limits.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "analyzer/child_env.h"
#include "analyzer/preflight.h"
#include "analyzer/register_test.h"
#include "analyzer/say.h"
#include "analyzer/commands.h"
#include "trace/schema.h"
#include "trace/session.h"

/* Pinned per installed signal stack; a server with some hundred threads needs this many. */
#define MEMLOCK_WANTED (8u << 20)
#define SHM_WANTED (8u << 20)

enum grade { OK, WARNING, PROBLEM };

struct doctor {
	const char *prog;
	unsigned seconds; /* of the register test; 0: none */
	struct parts parts;
	int have_library, have_provider, have_daemon;
	int problems;
};

static void tell(struct doctor *d, enum grade g, const char *what, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void tell(struct doctor *d, enum grade g, const char *what, const char *format, ...)
{
	static const char *const grades[] = { "ok", "warning", "problem" };
	va_list args;

	printf("%-8s %-16s ", grades[g], what);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout); /* the checks that follow fork */
	d->problems += g == PROBLEM;
}

/* Runs in a child; its exit status, or -1 when it was killed. */
static int in_child(int (*check)(const struct doctor *), const struct doctor *d)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		alarm(10);
		_exit(check(d));
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- our own parts -------------------------------------------------------------------------------------------------*/

static void check_library(struct doctor *d)
{
	char error[PATH_MAX + 200];

	if (find_parts(&d->parts, 0, error, sizeof error) != 0)
		return tell(d, PROBLEM, "interposer", "%s", error);
	d->have_library = 1;
	tell(d, OK, "interposer", "%s", d->parts.library);
}

static int load_provider(const struct doctor *d)
{
	const struct fdw_trace_ops *(*get)(void);
	void *h;

	setenv("LTTNG_UST_REGISTER_TIMEOUT", "0", 1);
	h = dlopen(d->parts.provider, RTLD_NOW | RTLD_LOCAL);
	if (!h) {
		printf("%-8s %-16s %s\n", "problem", "provider", dlerror());
		fflush(stdout);
		return 1;
	}
	get = (const struct fdw_trace_ops *(*)(void))dlsym(h, "fdwarden_trace_ops");
	return !get || get()->version != FDW_SCHEMA_VERSION ? 2 : 0;
}

static void check_provider(struct doctor *d)
{
	char error[PATH_MAX + 200];
	int r;

	if (!d->have_library)
		return;
	if (find_parts(&d->parts, 1, error, sizeof error) != 0)
		return tell(d, PROBLEM, "provider", "%s", error);
	r = in_child(load_provider, d);
	if (r == 0)
		tell(d, OK, "provider", "%s", d->parts.provider);
	else if (r == 1)
		d->problems++; /* the loader's own words were said: usually liblttng-ust1 is missing */
	else if (r == 2)
		tell(d, PROBLEM, "provider", "%s is of another version than this command; install both from one build", d->parts.provider);
	else
		tell(d, PROBLEM, "provider", "%s crashed or hung while it was loaded", d->parts.provider);
	d->have_provider = r == 0;
}

static void check_environment(struct doctor *d)
{
	const char *disabled = getenv("FDWARDEN_DISABLE");

	if (disabled && !strcmp(disabled, "1"))
		tell(d, PROBLEM, "environment", "FDWARDEN_DISABLE=1 switches the interposer off; unset it");
}

/* ---- LTTng ---------------------------------------------------------------------------------------------------------*/

static void check_daemon(struct doctor *d)
{
	const char *named = getenv("LTTNG_SESSIOND_PATH");
	char command[PATH_MAX + 32], quoted[PATH_MAX + 8], line[256] = "";
	struct preflight p;
	FILE *f;

	preflight(named && *named ? named : "lttng-sessiond", &p);
	if (p.verdict == PREFLIGHT_NOT_FOUND || p.verdict == PREFLIGHT_CANNOT_EXEC)
		return tell(d, PROBLEM, "session daemon", "%s; install it (Debian: apt-get install lttng-tools), or name it in LTTNG_SESSIOND_PATH", p.why);
	snprintf(command, sizeof command, "timeout 5 %s --version 2>&1", text_quoted(p.path, quoted, sizeof quoted));
	f = popen(command, "re");
	if (f && !fgets(line, sizeof line, f))
		line[0] = 0;
	line[strcspn(line, "\n")] = 0;
	d->have_daemon = f && pclose(f) == 0;
	if (d->have_daemon)
		tell(d, OK, "session daemon", "%s, version %s", p.path, line);
	else
		tell(d, PROBLEM, "session daemon", "%s does not run: %s", p.path, line);
}

static void check_shm(struct doctor *d)
{
	unsigned long long room;
	struct statvfs fs;
	char text[32];

	if (statvfs("/dev/shm", &fs) != 0)
		return tell(d, getuid() ? PROBLEM : WARNING, "/dev/shm", "%s; LTTng keeps its buffers there: mount a tmpfs", strerror(errno));
	room = (unsigned long long)fs.f_bavail * fs.f_frsize;
	text_bytes(room, text, sizeof text);
	if (faccessat(AT_FDCWD, "/dev/shm", W_OK | X_OK, AT_EACCESS) != 0)
		tell(d, PROBLEM, "/dev/shm", "is not writable: %s; LTTng keeps its buffers there", strerror(errno));
	else if (room < SHM_WANTED)
		tell(d, WARNING, "/dev/shm", "%s free: buffers will be small, events may be lost; remount it larger (docker run --shm-size)", text);
	else
		tell(d, OK, "/dev/shm", "writable, %s free", text);
}

static int try_mounts(const struct doctor *d)
{
	return unshare(CLONE_NEWNS) == 0 ? 0 : unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 1 : 2;
}

static void check_mounts(struct doctor *d)
{
	int r;

	if (getuid() != 0)
		return;
	r = in_child(try_mounts, d);
	if (r == 0)
		tell(d, OK, "mount namespace", "possible: root's recordings have a session daemon of their own");
	else if (r == 1)
		tell(d, OK, "mount namespace", "possible inside a user namespace");
	else
		tell(d, WARNING, "mount namespace", "refused: root can record only while /run/lttng is not in use; other users are not affected");
}

/* The proof of the pudding. */
static void check_recording(struct doctor *d)
{
	struct fdw_session_options o = { .provider = d->parts.provider };
	struct fdw_session_result r;
	struct fdw_session *s;
	char dir[] = "/tmp/fdwarden-doctor-XXXXXX", error[600];

	if (!d->have_provider || !d->have_daemon || !mkdtemp(dir))
		return;
	o.output = dir;
	s = fdw_session_start(&o, error, sizeof error);
	if (s) {
		fdw_session_stop(s, &r);
		tell(d, r.complete ? OK : PROBLEM, "trial recording", "%s", r.complete ? "works" : r.why);
	} else {
		tell(d, PROBLEM, "trial recording", "%s", error);
	}
	fdw_session_remove_trace(dir);
}

/* ---- the kernel and the limits -------------------------------------------------------------------------------------*/

static void check_kernel(struct doctor *d)
{
	struct utsname u;

	uname(&u);
	if (strcmp(u.machine, "x86_64"))
		tell(d, PROBLEM, "kernel", "%s: fdwarden is for x86_64", u.machine);
	if (fdw_kernel_vector_bug(u.release))
		tell(d, WARNING, "kernel", "%s may corrupt AVX registers when a signal stack is not resident (Linux 5.2 to 5.3.14, 5.4.0, 5.4.1; "
		     "go.dev/wiki/LinuxKernelSignalVectorBug), unless its distribution has mended it; upgrade it", u.release);
	else
		tell(d, OK, "kernel", "%s, without the signal vector bug of 5.2 to 5.4.1", u.release);
}

static void check_registers(struct doctor *d)
{
	unsigned long signals;
	const char *why = "";

	if (!d->seconds)
		return;
	switch (register_test(d->seconds, &signals, &why)) {
	case REGISTERS_INTACT:
		tell(d, OK, "registers", "intact after %lu signals on stacks that were not resident, in %u s", signals, d->seconds);
		break;
	case REGISTERS_CORRUPTED:
		tell(d, WARNING, "registers", "this kernel corrupts AVX registers when a signal stack is not resident: keep such stacks locked "
		     "(fdwarden run does), or upgrade it");
		break;
	case REGISTERS_SKIPPED:
		tell(d, OK, "registers", "not tested: %s", why);
		break;
	case REGISTERS_UNKNOWN:
		tell(d, WARNING, "registers", "the test came to nothing: %s", why);
		break;
	}
}

static void check_memlock(struct doctor *d)
{
	struct rlimit r;
	char text[32];

	if (getrlimit(RLIMIT_MEMLOCK, &r) != 0)
		return;
	if (r.rlim_cur == RLIM_INFINITY || getuid() == 0)
		tell(d, OK, "locked memory", "%s", getuid() == 0 ? "unlimited for root" : "unlimited");
	else
		tell(d, r.rlim_cur < MEMLOCK_WANTED ? WARNING : OK, "locked memory", "%s may be locked (ulimit -l); signal stacks beyond that are "
		     "touched instead of pinned", text_bytes(r.rlim_cur, text, sizeof text));
}

static void check_seccomp(struct doctor *d)
{
	if (prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L) == 2)
		tell(d, PROBLEM, "seccomp", "a system call filter is active here and is inherited: programs run protected but are not recorded; "
		     "record outside of the sandbox or container");
	else
		tell(d, OK, "seccomp", "no filter");
}

static void check_debuginfod(struct doctor *d)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (urls && *urls)
		tell(d, OK, "debuginfod", "missing debug information is fetched from %s", urls);
	else
		tell(d, OK, "debuginfod", "not configured: DEBUGINFOD_URLS would name servers with debug information for source lines");
}

static void check_program(struct doctor *d)
{
	struct preflight p;

	if (!d->prog)
		return;
	preflight(d->prog, &p);
	preflight_recording(&p);
	if (p.verdict == PREFLIGHT_OK)
		tell(d, OK, "program", "%s can be observed", p.path);
	else if (p.verdict == PREFLIGHT_UNOBSERVABLE)
		tell(d, PROBLEM, "program", "%s cannot be observed: %s. %s", p.elf, p.why, p.instead);
	else
		tell(d, PROBLEM, "program", "cannot run %s", p.why);
}

/* ---- the command ---------------------------------------------------------------------------------------------------*/

enum { KEY_THOROUGH = 256 };

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
	struct doctor *d = state->input;

	if (key == KEY_THOROUGH) {
		d->seconds = 60;
		return 0;
	}
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (d->prog)
		argp_error(state, "one program at a time");
	d->prog = arg;
	return 0;
}

int cmd_doctor(int argc, char **argv)
{
	static void (*const checks[])(struct doctor *) = { check_library, check_provider, check_environment, check_daemon, check_shm, check_mounts,
		check_recording, check_seccomp, check_kernel, check_registers, check_memlock, check_debuginfod, check_program };
	static const struct argp_option options[] = {
		{ "thorough", KEY_THOROUGH, NULL, 0, "test for a minute, instead of 5 seconds, whether this kernel corrupts registers", 0 }, { 0 } };
	static const struct argp argp = { .options = options, .parser = parse_key, .args_doc = "[PROG]",
		.doc = "Tells whether programs can be observed on this machine, and whether PROG can.\v"
		       "Exit status: 0 yes, 1 something prevents it, 2 wrong usage." };
	struct doctor d = { .seconds = 5 };

	argv[0] = (char *)"fdwarden doctor";
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &d);
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		checks[i](&d);
	return d.problems ? 1 : 0;
}
