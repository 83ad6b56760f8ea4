/*
 * analyzer/recording.c: see recording.h. The order of things: everything that can be refused is refused before the program starts, and
 * nothing is left behind then.
 *
 * Context: the command, one thread.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "analyzer/candidate.h"
#include "analyzer/child_env.h"
#include "analyzer/page.h"
#include "analyzer/preflight.h"
#include "analyzer/reader.h"
#include "analyzer/recording.h"
#include "analyzer/say.h"

/* Between two looks at who is still connected. The first few are close together: most children end with their parent. */
#define LOOK_MS 10
#define LOOK_LATER_MS 250
/* A process that execs or has just been forked off is connected to nobody for a moment. */
#define STARTING_MS 1000
/* Counting reads the whole trace, at about 40 MB a second: done while nobody waits for it. */
#define COUNT_BYTES (8u << 20)

int check_program(const struct run_options *o, struct preflight *p)
{
	int run = o->command == COMMAND_RUN;

	preflight(o->argv[0], p);
	if (!run)
		preflight_recording(p);
	switch (p->verdict) {
	case PREFLIGHT_OK:
		return 0;
	case PREFLIGHT_NOT_FOUND:
		say("cannot run %s", p->why);
		return EXIT_NOT_FOUND;
	case PREFLIGHT_CANNOT_EXEC:
		say("cannot run %s", p->why);
		return EXIT_CANNOT_EXEC;
	case PREFLIGHT_UNOBSERVABLE:
		break;
	}
	if (o->allow_unobserved) {
		say_info("%s will not be %s: %s", p->elf, run ? "protected" : "observed", p->why);
		if (p->has_libtsan)
			setenv("FDWARDEN_DISABLE", "1", 1); /* it would load the library */
		return 0;
	}
	say("cannot %s %s: %s\n        %s\n        --allow-unobserved runs it all the same", run ? "protect" : "observe", p->elf, p->why, p->instead);
	return EXIT_FDWARDEN;
}

/* ---- what goes on after PROG's end ---------------------------------------------------------------------------------*/

static int has_entry(const char *environment, size_t n, const char *entry)
{
	size_t len = strlen(entry);

	for (size_t at = 0; at < n; at += strlen(environment + at) + 1)
		if (!strncmp(environment + at, entry, len + 1))
			return 1;
	return 0;
}

static int is_ours(int proc, const char *pid, const char *entry)
{
	static char environment[256 << 10];
	char path[300];
	ssize_t n;
	size_t at = 0;
	int fd;

	snprintf(path, sizeof path, "%s/environ", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (at < sizeof environment - 1 && (n = read(fd, environment + at, sizeof environment - 1 - at)) > 0)
		at += (size_t)n;
	close(fd);
	environment[at] = 0;
	return has_entry(environment, at, entry);
}

/* Processes that were told to record into this session and may not have got round to it. */
static int anybody_starting(const char *sockets)
{
	char entry[160];
	struct dirent *e;
	int found = 0;
	DIR *d = opendir("/proc");

	snprintf(entry, sizeof entry, FDW_ENV_RECORD "=%s", sockets);
	while (d && !found && (e = readdir(d)))
		found = e->d_name[0] >= '1' && e->d_name[0] <= '9' && is_ours(dirfd(d), e->d_name, entry);
	if (d)
		closedir(d);
	return found;
}

static long since_ms(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

/*
 * Until nobody is connected and nobody is about to be. The daemon sees an end with a little delay, and one who execs is away for a
 * moment: twice nobody, and nobody with our environment, is the end; the latter may also be programs that never connect.
 */
static void wait_for_descendants(const struct launch *l, struct fdw_session *s, const char *prog, int ring)
{
	struct timespec begin, empty;
	int recorded, nobody = 0, said = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		recorded = fdw_session_records(s);
		if (recorded < 0)
			return;
		if (ring)
			candidate_look(s);
		if (recorded)
			nobody = 0;
		else if (!nobody++)
			clock_gettime(CLOCK_MONOTONIC, &empty);
		if (nobody > 1 && (since_ms(&empty) > STARTING_MS || !anybody_starting(fdw_session_socket_dir(s))))
			return;
		if (recorded && !said && since_ms(&begin) > LOOK_LATER_MS && (recorded = fdw_session_recorded(s)) > 0) {
			say_info("%s has ended; %d of the processes it started run%s on and %s recorded (Ctrl-C ends the recording, not "
			         "them; --no-wait does not wait)", prog, recorded, recorded == 1 ? "s" : "", recorded == 1 ? "is" : "are");
			said = 1;
		}
		if (launch_pause(l, since_ms(&begin) < 4 * LOOK_LATER_MS || !recorded ? LOOK_MS : LOOK_LATER_MS)) {
			if (recorded && (recorded = fdw_session_recorded(s)) > 0)
				say_info("recording ended while %d process%s of %s run%s on", recorded, recorded == 1 ? "" : "es", prog,
				         recorded == 1 ? "s" : "");
			return;
		}
	}
}

/* ---- the end -------------------------------------------------------------------------------------------------------*/

static void count_events(struct recording *r)
{
	const char *trace = r->trace;
	struct reader *reader;
	struct record record;
	char error[512];

	if (!r->result.heard || r->result.bytes > COUNT_BYTES)
		return;
	reader = reader_open(&trace, 1, READER_ANY, error, sizeof error);
	if (!reader)
		return;
	while (reader_next(reader, &record))
		r->result.events += record.type == RECORD_EVENT;
	r->result.counted = !reader_damage(reader, 0);
	reader_close(reader);
}

static const char *text_size(uint64_t bytes, char *to, size_t n)
{
	if (!bytes)
		bytes = 32u << 20; /* the session's default */
	snprintf(to, n, "%llu%c", (unsigned long long)(bytes % (1u << 20) ? bytes >> 10 : bytes >> 20), bytes % (1u << 20) ? 'K' : 'M');
	return to;
}

static void say_end(const struct recording *r, const char *prog, uint64_t buffer_bytes, long ms)
{
	char how[256], events[48] = "", bytes[32], lost[64] = "none lost", name[32];

	if (WIFSIGNALED(r->launch.status))
		snprintf(how, sizeof how, "by %s", text_signal(WTERMSIG(r->launch.status), name, sizeof name));
	else
		snprintf(how, sizeof how, "with status %d", WEXITSTATUS(r->launch.status));
	if (r->result.counted)
		snprintf(events, sizeof events, "%s event%s, ", grouped(r->result.events), plural(r->result.events));
	if (r->result.lost)
		snprintf(lost, sizeof lost, "%s LOST", grouped(r->result.lost));
	else if (!r->result.complete || r->result.unfinished)
		snprintf(lost, sizeof lost, "maybe incomplete");
	say_info("%s ended %s after %ld.%ld s: %s%s, %s", prog, how, ms / 1000, ms % 1000 / 100, events,
	         text_bytes(r->result.bytes, bytes, sizeof bytes), lost);
	if (r->result.lost)
		say("%s events were lost, because the buffers were full; record again with a larger --buffer-size (now %s)", grouped(r->result.lost),
		    text_size(buffer_bytes, bytes, sizeof bytes));
	if (r->result.unfinished)
		say("%s", text_unfinished(r->result.unfinished, how, sizeof how));
	if (!r->result.complete)
		say("%s", r->result.why);
	if (r->result.heard)
		return;
	if (!r->result.complete) /* it may well have said hello: what came to us tells nothing of it */
		say("NOT OBSERVED: nothing of %s is in the trace, for what was just said or because it never said hello", prog);
	else
		say("NOT OBSERVED: %s never said hello, nothing was recorded. %s; to look:  fdwarden doctor %s", prog,
		    prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L) == 2 ? "A system call filter (seccomp) is active here, which keeps programs from recording"
		    : "Maybe it cannot load libfdwarden.so, or runs inside a system call filter or another root directory", prog);
}

/* ---- all of it -----------------------------------------------------------------------------------------------------*/

static int is_temporary(const struct run_options *o) { return o->command == COMMAND_AUDIT && !o->keep_trace; }

/* Where the trace goes. A temporary directory is made only when our signals are blocked: none ends us and leaves it. */
static int find_place(const struct run_options *o, struct recording *r)
{
	const char *tmp = getenv("TMPDIR"), *given = o->command == COMMAND_AUDIT ? o->keep_trace : o->output;

	if (given) {
		if (snprintf(r->output, sizeof r->output, "%s", given) < (int)sizeof r->output)
			return 0;
		say("cannot make the directory %.60s...: %s", given, strerror(ENAMETOOLONG));
		return -1;
	}
	if (o->command == COMMAND_RECORD) {
		snprintf(r->output, sizeof r->output, "fdwarden.%s.%d", base_name(o->argv[0]), (int)r->launch.pid);
		return 0;
	}
	snprintf(r->output, sizeof r->output, "%s/fdwarden-audit-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	if (mkdtemp(r->output))
		return 0;
	say("cannot make a directory for the trace (%s): %s; set TMPDIR, or use --keep-trace=DIR", r->output, strerror(errno));
	return -1;
}

static struct fdw_session *start_session(const struct run_options *o, struct recording *r, const struct parts *parts)
{
	struct fdw_session_options so = { .output = r->output, .buffer_bytes = o->buffer_bytes, .isolate = o->isolate, .ring = o->ring,
		.provider = parts->provider, .stopping = r->launch.stopping };
	struct fdw_session *s;
	char error[600];

	/* A program that cannot be waited for yet: Ctrl-C here ends everything. */
	s = fdw_session_start(&so, error, sizeof error);
	if (!s)
		say("cannot record: %s", error);
	else
		snprintf(r->trace, sizeof r->trace, "%s", fdw_session_output(s));
	if (!s && is_temporary(o))
		fdw_session_remove_trace(r->output);
	return s;
}

static int run_recorded(const struct run_options *o, struct recording *r, struct fdw_session *s, const struct child_env *env)
{
	const char *prog = base_name(o->argv[0]);
	struct timespec begin;
	int error;
	long ms;

	if (o->command == COMMAND_RECORD)
		say_info("recording %s (pid %d) into %s%s", o->argv[0], (int)r->launch.pid, r->output,
		         o->ring ? ", the last of it; fdwarden snapshot writes out what there is" : "");
	else
		say_info("auditing %s (pid %d)", o->argv[0], (int)r->launch.pid);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	error = launch_go(&r->launch, env);
	if (error) {
		fdw_session_abandon(s);
		if (is_temporary(o))
			fdw_session_remove_trace(r->output);
		return launch_failed(o->argv[0], error);
	}
	launch_wait(&r->launch, o->ring ? candidate_look : NULL, s);
	ms = since_ms(&begin);
	if (!o->no_wait)
		wait_for_descendants(&r->launch, s, prog, o->ring);
	if (o->ring)
		candidate_settle(s);
	fdw_session_stop(s, &r->result);
	/* An audit's report counts them all. */
	if (o->command == COMMAND_RECORD && !o->report.quiet)
		count_events(r);
	say_end(r, prog, o->buffer_bytes, ms);
	return 0;
}

void record_program(const struct run_options *o, struct recording *r)
{
	struct child_env env = { .mode = o->mode, .stack_depth = o->stack_depth, .log = getenv("FDWARDEN_LOG") ? NULL : "off" };
	struct preflight p;
	struct parts parts = { 0 };
	struct fdw_session *s = NULL;
	char error[PATH_MAX + 200];

	memset(r, 0, sizeof *r);
	if ((r->failed = check_program(o, &p)) != 0)
		return;
	r->failed = EXIT_FDWARDEN;
	if (find_parts(&parts, 1, error, sizeof error) != 0) {
		say("cannot record: %s", error);
		return;
	}
	/* The child is forked first so that the default name can have its pid; it waits. */
	if (launch_fork(&r->launch, p.path, o->argv) != 0) {
		launch_no_process();
		return;
	}
	if (find_place(o, r) == 0)
		s = start_session(o, r, &parts);
	if (!s) {
		launch_cancel(&r->launch);
		return;
	}
	env.library = parts.library;
	env.first = p.first[0] ? p.first : NULL;
	env.record = fdw_session_socket_dir(s);
	r->failed = run_recorded(o, r, s, &env);
}
