/*
 * analyzer/cmd_run.c: fdwarden run: a program with the interposer, nothing else.
 *
 * Without --error-exitcode and --suppressions the command becomes the program: no parent, nothing to wait for. With one of them, it stays, has the
 * interposer log to a private file, passes the lines that are not suppressed on to stderr (or -o) as they come, and counts those at or above --fail-on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "analyzer/child_env.h"
#include "analyzer/preflight.h"
#include "analyzer/recording.h"
#include "analyzer/rules.h"
#include "analyzer/say.h"
#include "analyzer/suppress.h"

struct relay {
	char path[64];
	int from, to;            /* to -1: nowhere */
	enum severity fail_on;
	struct suppressions *suppressions;
	int failures;
	size_t held;
	char line[1024];
};

/* "fdwarden: PROG[PID]: RULE: ..."; other lines are no violations: 0. */
static int rule_in(const char *line, char id[48])
{
	const char *rule = strstr(line, "]: ");
	size_t n;

	if (strncmp(line, "fdwarden: ", 10) || !rule)
		return 0;
	rule += 3;
	n = strcspn(rule, ":");
	if (!rule[n] || n >= 48)
		return 0;
	memcpy(id, rule, n);
	id[n] = 0;
	return 1;
}

static int is_failure(const char *id, enum severity fail_on)
{
	const struct rule *r = rule_by_id(id);

	return (r ? r->severity : SEV_ERROR) >= fail_on;
}

/* Whole lines only: the interposer writes each in one piece. */
static void relay_lines(void *arg)
{
	struct relay *r = arg;
	ssize_t n;
	char *end;

	while ((n = read(r->from, r->line + r->held, sizeof r->line - 1 - r->held)) > 0) {
		r->held += (size_t)n;
		r->line[r->held] = 0;
		while ((end = strchr(r->line, '\n'))) {
			size_t len = (size_t)(end - r->line) + 1;
			char id[48];
			int violation, silent;

			*end = 0;
			violation = rule_in(r->line, id);
			silent = violation && suppressions_match_logged(r->suppressions, id, r->line);
			*end = '\n';
			r->failures += violation && !silent && is_failure(id, r->fail_on);
			if (r->to >= 0 && !silent)
				(void)!write(r->to, r->line, len);
			memmove(r->line, end + 1, r->held - len + 1);
			r->held -= len;
		}
		if (r->held == sizeof r->line - 1)
			r->held = 0;
	}
}

static int open_relay(struct relay *r, const struct run_options *o)
{
	char *slash;

	*r = (struct relay){ .path = "/tmp/fdwarden-XXXXXX", .from = -1, .to = o->report.quiet ? -1 : 2, .fail_on = o->report.fail_on };
	if (!mkdtemp(r->path))
		return -1;
	/* The program may give up its user and still has to reach the file, and nobody else may list the directory. */
	chmod(r->path, 0711);
	slash = r->path + strlen(r->path);
	snprintf(slash, sizeof r->path - (size_t)(slash - r->path), "/log");
	r->from = open(r->path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (r->from < 0)
		return -1;
	fchmod(r->from, 0666);
	if (o->output)
		r->to = open(o->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	return o->output && r->to < 0 ? -1 : 0;
}

static void close_relay(struct relay *r)
{
	unlink(r->path);
	*strrchr(r->path, '/') = 0;
	rmdir(r->path);
}

static int run_watched(const struct run_options *o, const struct preflight *p, struct child_env *env, struct suppressions *suppressions)
{
	struct launch l;
	struct relay r;
	int error;

	if (open_relay(&r, o) != 0) {
		say("cannot open %s: %s", o->output ? o->output : r.path, strerror(errno));
		return EXIT_FDWARDEN;
	}
	r.suppressions = suppressions;
	env->log = r.path;
	if (launch_fork(&l, p->path, o->argv) != 0) {
		launch_no_process();
		close_relay(&r);
		return EXIT_FDWARDEN;
	}
	error = launch_go(&l, env);
	if (!error) {
		launch_wait(&l, relay_lines, &r);
		relay_lines(&r);
	}
	close_relay(&r);
	if (error)
		return launch_failed(o->argv[0], error);
	if (r.failures && o->error_exitcode)
		return o->error_exitcode;
	launch_imitate(&l);
}

/* -o: the interposer opens the file itself, from wherever the program has gone to. */
static const char *log_path(const struct run_options *o, char path[PATH_MAX])
{
	char cwd[PATH_MAX];
	int fd;

	if (!o->output)
		return o->report.quiet ? "off" : NULL;
	fd = open(o->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return "";
	close(fd);
	if (o->output[0] == '/' || !getcwd(cwd, sizeof cwd))
		return o->output;
	return snprintf(path, PATH_MAX, "%s/%s", cwd, o->output) < PATH_MAX ? path : "";
}

int cmd_run(int argc, char **argv)
{
	char path[PATH_MAX], error[PATH_MAX + 200];
	struct suppressions *suppressions = NULL;
	struct parts parts = { 0 };
	struct run_options o;
	struct preflight p;
	int failed;

	options_parse(COMMAND_RUN, argc, argv, &o);
	say_quiet(o.report.quiet);
	if (o.report.suppressions && !(suppressions = suppressions_read(o.report.suppressions, error, sizeof error))) {
		say("%s", error);
		return EXIT_FDWARDEN;
	}
	if ((failed = check_program(&o, &p)) != 0)
		return failed;
	if (find_parts(&parts, 0, error, sizeof error) != 0) {
		say("cannot protect %s: %s", o.argv[0], error);
		return EXIT_FDWARDEN;
	}
	struct child_env env = { .library = parts.library, .first = p.first[0] ? p.first : NULL, .mode = o.mode, .stack_depth = o.stack_depth,
		.log = log_path(&o, path) };
	if (env.log && !*env.log) {
		say("cannot write to %s: %s; name another place with -o", o.output, strerror(errno));
		return EXIT_FDWARDEN;
	}
	if (o.error_exitcode || suppressions)
		return run_watched(&o, &p, &env, suppressions);
	return launch_failed(o.argv[0], launch_exec(p.path, o.argv, child_env_build(&env)));
}
