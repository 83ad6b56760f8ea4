/*
 * analyzer/cmd_snapshot.c: fdwarden snapshot: the recorder of a program that runs under `record --ring` writes its ring out.
 *
 * Who records whom the recorders tell: a program's environment may be overwritten (nginx puts its title there), and its parent gone.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "analyzer/commands.h"
#include "analyzer/config.h"
#include "analyzer/page.h"
#include "analyzer/say.h"
#include "trace/schema.h"
#include "trace/session.h"

static const struct argp_option options[] = {
	{ "output", 'o', "DIR", 0, "directory of the trace; new or empty (default fdwarden.PROG.PID.snapshot-N)", 0 },
	{ "quiet", 'q', NULL, 0, "say nothing but errors", 0 },
	{ 0 },
};

static const char doc[] =
	"Writes out what the flight recorder (fdwarden record --ring) of a running program has in memory: a trace for fdwarden report. The program "
	"and its recording go on.\v"
	"PID is a process of the recording, or the fdwarden record itself; NAME the name of the program it was started with, or of a process.\n\n"
	"Exit status: 0 written, 1 the recorder could not write it, 2 wrong usage, 3 there is no such recording, or more than one.";

struct arguments { const char *who, *output; int quiet; };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'o':
		if (!*arg)
			argp_error(state, "--output: use a directory");
		a->output = arg;
		return 0;
	case 'q':
		a->quiet = 1;
		return 0;
	case ARGP_KEY_ARG:
		if (a->who)
			argp_error(state, "one PID or NAME");
		a->who = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->who)
			argp_error(state, "which program? Name its PID or its NAME");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- who is recorded ---------------------------------------------------------------------------------------------------------------------*/

/* The file it runs, and what it calls itself. "": not to be told. */
static void names_of(pid_t pid, char exe[PATH_MAX], char comm[64])
{
	char path[64];
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, PATH_MAX - 1);
	exe[n > 0 ? n : 0] = 0;
	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (!f || !fgets(comm, 64, f))
		*comm = 0;
	comm[strcspn(comm, "\n")] = 0;
	if (f)
		fclose(f);
}

static pid_t as_number(const char *who) { return who[strspn(who, "0123456789")] ? 0 : (pid_t)strtol(who, NULL, 10); }

static int is_called(pid_t pid, const char *name)
{
	char exe[PATH_MAX], comm[64];

	names_of(pid, exe, comm);
	return !strcmp(name, comm) || !strcmp(name, exe) || (*exe && !strcmp(name, base_name(exe)));
}

/* The process of the recording that is meant, 0: none. */
static pid_t meant(const struct fdw_recorder *r, const char *who)
{
	pid_t number = as_number(who);

	for (size_t i = 0; i < r->n; i++)
		if (number ? r->recorded[i] == number : is_called(r->recorded[i], who))
			return r->recorded[i];
	return number && number == r->pid ? r->n ? r->recorded[0] : number : 0;
}

/* ---- the command --------------------------------------------------------------------------------------------------------------------------*/

/* Why there is none. */
static void say_none(const char *who)
{
	static char environment[256 << 10];
	pid_t pid = as_number(who);
	char path[64];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	f = pid ? fopen(path, "re") : NULL;
	if (pid && !f && errno == EACCES)
		say("%s: not allowed to look at it; ask as the user who records it, or as root", who);
	if (f) {
		n = fread(environment, 1, sizeof environment, f);
		fclose(f);
	}
	if (memmem(environment, n, FDW_ENV_RECORD "=", sizeof FDW_ENV_RECORD))
		say("%s: its recording is no ring that this user may ask; record with --ring. What is on disk of it can be read at any time", who);
	else if (!pid || f)
		say("%s: no process of that %s is recorded in a ring of this user's; start one with:  fdwarden record --ring -- PROG", who,
		    pid ? "number" : "name");
	else if (errno != EACCES)
		say("%s: there is no such process", who);
}

static const struct fdw_recorder *the_one(const char *who, const struct fdw_recorder *list, size_t n, pid_t *pid)
{
	const struct fdw_recorder *one = NULL;
	char exe[PATH_MAX], comm[64];
	size_t matches = 0;

	for (size_t i = 0; i < n; i++) {
		pid_t found = meant(&list[i], who);

		if (!found)
			continue;
		one = &list[i];
		*pid = found;
		matches++;
	}
	if (matches == 1)
		return one;
	if (!matches)
		say_none(who);
	else
		say("%s: more than one recording has such a process; name a process:", who);
	for (size_t i = 0; i < n && matches; i++) {
		pid_t found = meant(&list[i], who);

		names_of(found, exe, comm);
		if (found)
			say("  fdwarden snapshot %d   (%s)", (int)found, comm);
	}
	return NULL;
}

static void default_output(const char *name, pid_t pid, char *to, size_t n)
{
	for (int i = 1; i < 10000; i++) {
		snprintf(to, n, "fdwarden.%.200s.%d.snapshot-%d", name, (int)pid, i);
		if (access(to, F_OK) != 0)
			return;
	}
}

/* Who writes is the recorder, in another directory. */
static int absolute(const char *path, char *to, size_t n)
{
	char cwd[PATH_MAX] = "";

	if (*path != '/' && !getcwd(cwd, sizeof cwd)) {
		say("cannot tell the working directory: %s; name a whole path with -o", strerror(errno));
		return -1;
	}
	if (snprintf(to, n, "%s%s%s", cwd, *path == '/' ? "" : "/", path) < (int)n)
		return 0;
	say("the path is too long; name another place with -o");
	return -1;
}

static int write_out(const struct fdw_recorder *r, pid_t pid, const char *wanted)
{
	char output[PATH_MAX], path[PATH_MAX], mark[PATH_MAX + 32], quoted[2 * PATH_MAX], error[PATH_MAX + 200], exe[PATH_MAX], comm[64];
	const char *name;

	names_of(pid, exe, comm);
	name = *exe ? base_name(exe) : comm;
	if (wanted)
		snprintf(output, sizeof output, "%s", wanted);
	else
		default_output(name, pid, output, sizeof output);
	if (absolute(output, path, sizeof path) != 0)
		return EXIT_FINDINGS;
	if (fdw_snapshot(r, path, error, sizeof error) != 0) {
		say("%s (pid %d): %s", name, (int)pid, error);
		return EXIT_FINDINGS;
	}
	snprintf(mark, sizeof mark, "%s/" FDW_RING_MARK, path);
	if (access(mark, F_OK) != 0)
		say("the recorder wrote %s, which cannot be seen from here: it lives in another mount namespace", path);
	else
		say_info("snapshot of %s (pid %d) in %s", name, (int)pid, output);
	say_info("next:  fdwarden report %s%s", output[0] == '-' ? "-- " : "", text_quoted(output, quoted, sizeof quoted));
	return 0;
}

int cmd_snapshot(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "PID|NAME", doc, NULL, NULL, NULL };
	const struct fdw_recorder *r;
	struct fdw_recorder *list;
	struct arguments a = { 0 };
	pid_t pid = 0;
	int status;
	size_t n;

	if (config_load() != 0)
		return EXIT_USAGE;
	argv[0] = (char *)"fdwarden snapshot";
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	say_quiet(a.quiet);
	n = fdw_recorders(&list);
	r = the_one(a.who, list, n, &pid);
	status = r ? write_out(r, pid, a.output) : EXIT_NOTHING;
	free(list);
	return status;
}
