/*
 * analyzer/options.c: see options.h. One table of options; argp makes the help, each option's parser is one small function.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "analyzer/baseline.h"
#include "analyzer/config.h"
#include "analyzer/report.h"
#include "analyzer/options.h"
#include "analyzer/words.h"
#include "trace/schema.h"

enum { KEY_FAIL_ON = 256, KEY_ERROR_EXITCODE, KEY_SUPPRESSIONS, KEY_STACK_DEPTH, KEY_COLOR, KEY_KEEP_TRACE, KEY_TOMBSTONES, KEY_TOMBSTONE_MS, KEY_BASELINE, KEY_SOURCE_ROOT, KEY_UNOBSERVED, KEY_ISOLATE,
	KEY_NO_WAIT, KEY_BUFFER, KEY_SHOW, KEY_FULL, KEY_TREE, KEY_GEN, KEY_RING, KEY_READER, KEY_NO_PAGER };

#define ALL (COMMAND_RUN | COMMAND_RECORD | COMMAND_AUDIT)
#define TRACED (COMMAND_RECORD | COMMAND_AUDIT)
#define REPORTED (COMMAND_AUDIT | COMMAND_REPORT)

static int set_mode(struct run_options *o, char *arg)
{
	o->mode = arg;
	return word_of(&mode_words, arg);
}

static int set_output(struct run_options *o, char *arg)
{
	o->output = arg;
	return *arg ? 0 : -1;
}

static int set_format(struct run_options *o, char *arg)
{
	int i = word_of(&format_words, arg);

	o->report.format = (enum format)(i < 0 ? 0 : i);
	return i;
}

static int set_fail_on(struct run_options *o, char *arg)
{
	int i = word_of(&severity_words, arg);

	o->report.fail_on = (enum severity)(i < 0 ? 0 : i);
	return i;
}

static int set_color(struct run_options *o, char *arg)
{
	int i = word_of(&color_words, arg);

	o->report.color = (enum color)(i < 0 ? 0 : i);
	return i;
}

static int set_reader(struct run_options *o, char *arg)
{
	int i = word_of(&reader_words, arg);

	o->report.reader = (enum reader_kind)(i < 0 ? 0 : i);
	return i;
}

static int set_number(const char *arg, long min, long max, int *to)
{
	long v;

	if (number_in(arg, min, max, &v) != 0)
		return -1;
	*to = (int)v;
	return 0;
}

static int set_exitcode(struct run_options *o, char *arg) { return set_number(arg, 0, 255, &o->error_exitcode); }
static int set_failure(struct run_options *o, char *arg) { return set_number(arg, 1, 255, &o->error_exitcode); }
static int set_depth(struct run_options *o, char *arg) { return set_number(arg, 0, FDW_STACK_MAX, &o->stack_depth); }

static int set_shown(struct run_options *o, char *arg)
{
	int depth = 0, r = set_number(arg, 1, FDW_STACK_MAX, &depth);

	o->report.stack_depth = (unsigned)depth;
	return r;
}

/* Both are the library's own settings, which it reads from the environment. */
static int set_tombstones(struct run_options *o, char *arg)
{
	long v;

	return number_in(arg, 0, TOMBSTONES_MOST, &v) != 0 ? -1 : setenv("FDWARDEN_TOMBSTONES", arg, 1);
}

static int set_tombstone_ms(struct run_options *o, char *arg)
{
	long v;

	return number_in(arg, 0, TOMBSTONE_MS_MOST, &v) != 0 ? -1 : setenv("FDWARDEN_TOMBSTONE_MS", arg, 1);
}

static int set_buffer(struct run_options *o, char *arg)
{
	char *end, *unit;
	static const char units[] = "KMG";

	errno = 0;
	o->buffer_bytes = strtoull(arg, &end, 10);
	if (end == arg || *arg == '-' || errno)
		return -1;
	unit = *end ? strchr(units, *end & ~0x20) : NULL;
	if (unit && !end[1])
		o->buffer_bytes <<= 10 * (unit - units + 1);
	return (!*end || (unit && !end[1])) && o->buffer_bytes >= 1u << 16 && o->buffer_bytes <= UINT64_C(1) << 40 ? 0 : -1;
}

static int set_ring(struct run_options *o, char *arg)
{
	o->ring = 1;
	return arg ? set_buffer(o, arg) : 0;
}

/* The program may run for hours: one that cannot be read is said before. */
static int set_baseline(struct run_options *o, char *arg)
{
	char error[600];
	struct baseline *b = baseline_read(arg, error, sizeof error);

	o->report.baseline = arg;
	baseline_free(b);
	return b ? 0 : -1;
}

/* Read at once. */
static int set_known(struct run_options *o, char *arg) { o->report.baseline = arg; return 0; }
static int set_no_pager(struct run_options *o, char *arg) { return o->report.no_pager = 1; }
static int set_source_root(struct run_options *o, char *arg) { o->report.source_root = arg; return *arg ? 0 : -1; }
static int set_gen(struct run_options *o, char *arg) { o->report.gen_suppressions = arg; return *arg ? 0 : -1; }
static int set_suppressions(struct run_options *o, char *arg) { o->report.suppressions = arg; return *arg ? 0 : -1; }
static int set_keep(struct run_options *o, char *arg) { o->keep_trace = arg; return *arg ? 0 : -1; }
static int set_quiet(struct run_options *o, char *arg) { return o->report.quiet = 1; }
static int set_unobserved(struct run_options *o, char *arg) { return o->allow_unobserved = 1; }
static int set_isolate(struct run_options *o, char *arg) { return o->isolate = 1; }
static int set_no_wait(struct run_options *o, char *arg) { return o->no_wait = 1; }
static int set_full(struct run_options *o, char *arg) { return o->report.full_stacks = 1; }
static int set_tree(struct run_options *o, char *arg) { return o->report.tree = 1; }
static int set_show(struct run_options *o, char *arg)
{
	o->report.show_possible = 1;
	return strcmp(arg, "possible") ? -1 : 0;
}

/* -1 from `set`: the value is not understood; `values` tells what would be. */
static const struct option_row {
	struct argp_option option;
	int commands;
	int (*set)(struct run_options *, char *);
	const char *values;
} rows[] = {
	{ { "mode", 'm', "MODE", 0, "observe, enforce or audit: what may change for the program", 0 }, ALL, set_mode, MODES_SAID },
	{ { "output", 'o', "PATH", 0, "where violations are logged instead of stderr", 0 }, COMMAND_RUN, set_output, "a path" },
	{ { "output", 'o', "DIR", 0, "directory of the trace; new or empty (default fdwarden.PROG.PID)", 0 }, COMMAND_RECORD, set_output, "a directory" },
	{ { "output", 'o', "PATH", 0, "where the report goes instead of stderr", 0 }, COMMAND_AUDIT, set_output, "a path" },
	{ { "output", 'o', "FILE", 0, "write the report to FILE (default: standard output)", 0 }, COMMAND_REPORT, set_output, "the name of a file" },
	{ { "format", 'f', "FORMAT", 0, "of the report: text (default), json, sarif (2.1.0), html (one file for a browser), or folded (stacks that made descriptors, for "
	    "flame graphs)", 0 }, ALL | COMMAND_REPORT, set_format, FORMATS_SAID },
	{ { "fail-on", KEY_FAIL_ON, "LEVEL", 0, "error (default), warning, note or never: which findings count for --error-exitcode", 0 },
	  ALL, set_fail_on, SEVERITIES_SAID },
	{ { "fail-on", KEY_FAIL_ON, "SEVERITY", 0, "exit 1 on findings at or above error (default), warning or note, or never", 0 }, COMMAND_REPORT,
	  set_fail_on, SEVERITIES_SAID },
	{ { "error-exitcode", KEY_ERROR_EXITCODE, "N", 0, "exit with N instead of the program's status when there were such findings", 0 },
	  ALL, set_exitcode, "a number from 0 (off) to 255" },
	{ { "error-exitcode", KEY_ERROR_EXITCODE, "N", 0, "exit N instead of 1 then", 0 }, COMMAND_REPORT, set_failure, "a number from 1 to 255" },
	{ { "suppressions", KEY_SUPPRESSIONS, "FILE", 0, "findings not to report, see fdwarden-report(5)", 0 }, ALL | COMMAND_REPORT, set_suppressions, "a file" },
	{ { "gen-suppressions", KEY_GEN, "FILE", 0, "also write suppressions for what is reported to FILE", 0 }, REPORTED, set_gen, "a file" },
	{ { "baseline", KEY_BASELINE, "FILE", 0, "an earlier report in JSON: what it has does not fail again", 0 }, COMMAND_AUDIT, set_baseline,
	  "a report that was made with --format=json" },
	{ { "baseline", KEY_BASELINE, "FILE", 0, "an earlier report in JSON: what it has does not fail again", 0 }, COMMAND_REPORT, set_known, NULL },
	{ { "source-root", KEY_SOURCE_ROOT, "DIR", 0, "sarif: sources below DIR are named relative to it", 0 }, REPORTED, set_source_root, "a directory" },
	{ { "stack-depth", KEY_STACK_DEPTH, "N", 0, "frames of a recorded stack (default 16)", 0 }, ALL, set_depth, STACK_DEPTH_SAID },
	{ { "stack-depth", KEY_STACK_DEPTH, "N", 0, "show at most N frames of a stack", 0 }, COMMAND_REPORT, set_shown, "a number from 1 to 64" },
	{ { "tombstones", KEY_TOMBSTONES, "N", 0, "in mode audit: closed numbers kept back at the same time (default 128, at most a quarter of the limit)", 0 }, ALL,
	  set_tombstones, TOMBSTONES_SAID },
	{ { "tombstone-ms", KEY_TOMBSTONE_MS, "MS", 0, "in mode audit: how long each is kept back (default 10000)", 0 }, ALL, set_tombstone_ms,
	  TOMBSTONE_MS_SAID },
	{ { "color", KEY_COLOR, "WHEN", 0, COLORS_SAID "; auto obeys NO_COLOR, TERM=dumb and CLICOLOR_FORCE", 0 }, ALL | COMMAND_REPORT, set_color, COLORS_SAID },
	{ { "quiet", 'q', NULL, 0, "say nothing but errors", 0 }, ALL, set_quiet, NULL },
	{ { "quiet", 'q', NULL, 0, "findings only: no verdict, no coverage, no hints", 0 }, COMMAND_REPORT, set_quiet, NULL },
	{ { "keep-trace", KEY_KEEP_TRACE, "DIR", 0, "keep the trace in DIR; new or empty", 0 }, COMMAND_AUDIT, set_keep, "a directory" },
	{ { "show", KEY_SHOW, "possible", 0, "report findings of low confidence too", 0 }, REPORTED, set_show, "possible" },
	{ { "full-stacks", KEY_FULL, NULL, 0, "report frames of the C library at both ends of stacks too", 0 }, REPORTED, set_full, NULL },
	{ { "tree", KEY_TREE, NULL, 0, "report the process tree, too: who started what, how it ended, what each program inherited, used and did not use", 0 }, REPORTED,
	  set_tree, NULL },
	{ { "reader", KEY_READER, "WHICH", 0, "auto (default): fdwarden's own reader where it understands the whole trace, else libbabeltrace2; direct or "
	    "babeltrace: only this one", 0 }, COMMAND_REPORT, set_reader, READERS_SAID },
	{ { "no-pager", KEY_NO_PAGER, NULL, 0, "on a terminal: not through $PAGER (default: less)", 0 }, COMMAND_REPORT, set_no_pager, NULL },
	{ { "allow-unobserved", KEY_UNOBSERVED, NULL, 0, "run PROG even if it cannot be observed", 0 }, ALL, set_unobserved, NULL },
	{ { "isolate", KEY_ISOLATE, NULL, 0, "buffers for each process alone: one that is killed cannot harm the others' events; starts slower", 0 },
	  TRACED, set_isolate, NULL },
	{ { "no-wait", KEY_NO_WAIT, NULL, 0, "end the recording with PROG, though processes it started go on", 0 }, TRACED, set_no_wait, NULL },
	{ { "buffer-size", KEY_BUFFER, "SIZE", 0, "memory for events on their way to the disk, over all CPUs (default 32M)", 0 }, TRACED, set_buffer,
	  "a size from 64K to 1T, such as 128M" },
	{ { "ring", KEY_RING, "SIZE", OPTION_ARG_OPTIONAL, "flight recorder: keep the last SIZE (default 32M) of what happens in memory; it is written at the "
	    "end, by fdwarden snapshot, and when something wrong is seen", 0 }, COMMAND_RECORD, set_ring, "a size from 64K to 1T, such as 128M" },
};
#define ROWS (sizeof rows / sizeof *rows)

static const struct { enum command command; const char *name, *mode, *doc; } commands[] = {
	{ COMMAND_REPORT, "fdwarden report", NULL,
	  "Replays traces made by `fdwarden record` and prints what was found.\v"
	  "Exit status: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage, 3 nothing was observed or no trace is usable, 4 internal error.\n\n"
	  "Suppressions: one on each line, # begins a comment. Either a finding's id, as in use-after-close-7f3a19c2, or "
	  "RULE:STAGE:PATTERN. RULE is a rule or *; STAGE is the stack to look at (opened, duplicated, closed, reused, used, armed, delivered, rearmed, forked, execed, "
	  "installed) or *; PATTERN is a shell pattern for the function, source file or module of any frame of it: fd-leak:opened:log_init, "
	  "double-close:*:src/legacy.c, *:closed:libcurl.so*.\n\n"
	  "Rules: double-close, foreign-close, use-after-close, stale-rearm, ghost-event, close-in-use, fd-leak, fd-leak-exec, cloexec-race, bad-close, "
	  "sigstack-unmapped, sigstack-too-small, sigstack-unpinned, handler-off-stack, kernel-signal-vector-bug." },
	{ COMMAND_RUN, "fdwarden run", "enforce",
	  "Runs PROG protected: calls on descriptors that are wrong are refused as the kernel would, and logged on stderr. No trace, no daemon.\v"
	  "Exit status: the program's own; with --error-exitcode=N, N when a violation of --fail-on's level was logged. 126, 127: PROG cannot be run, "
	  "is not there. 125: wrong usage, or fdwarden failed, or PROG cannot be protected; it was not run." },
	{ COMMAND_RECORD, "fdwarden record", "observe",
	  "Runs PROG and records what happens to its descriptors. Its input, output, exit status and signals stay its own; the last line on stderr "
	  "is the command that reports.\v"
	  "The recording ends when PROG and the processes it started have ended; while only the latter run on, Ctrl-C or SIGTERM ends the recording, "
	  "and they go on unrecorded.\n\n"
	  "Exit status: the program's own. 126, 127: PROG cannot be run, is not there. 125: wrong usage, or fdwarden failed, or PROG cannot be "
	  "observed; it was not run." },
	{ COMMAND_AUDIT, "fdwarden audit", "audit",
	  "Records and reports in one step. The report goes to stderr.\v"
	  "Exit status: the program's own; with --error-exitcode=N, N when there were findings of --fail-on's level, or nothing could be observed. "
	  "126, 127: PROG cannot be run, is not there. 125: wrong usage, or fdwarden failed, or PROG cannot be observed; it was not run." },
};

/* Known, so that the refusal can say why. */
static int is_refused(enum command command, int key)
{
	return command == COMMAND_RECORD && (key == KEY_FAIL_ON || key == KEY_ERROR_EXITCODE || key == KEY_SUPPRESSIONS || key == 'f');
}

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
	struct run_options *o = state->input;

	if (o->command == COMMAND_REPORT && key == ARGP_KEY_ARGS) {
		o->argv = state->argv + state->next;
		return 0;
	}
	if (o->command != COMMAND_REPORT && key == ARGP_KEY_ARG) {
		o->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	}
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].option.key != key || !(rows[i].commands & o->command))
			continue;
		if (is_refused(o->command, key))
			argp_error(state, "record makes no findings and no report, so --%s means nothing here; give it to report or audit",
			           rows[i].option.name);
		if (rows[i].set(o, arg) < 0)
			argp_error(state, "--%s=%s: use %s", rows[i].option.name, arg, rows[i].values);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* Of the files: each value was checked when it was read. */
static void defaults(struct report_options *o)
{
	if (config_value("format"))
		o->format = (enum format)word_of(&format_words, config_value("format"));
	if (config_value("fail-on"))
		o->fail_on = (enum severity)word_of(&severity_words, config_value("fail-on"));
	if (config_value("color"))
		o->color = (enum color)word_of(&color_words, config_value("color"));
	o->suppressions = config_value("suppressions");
}

/* What no option alone is wrong with; NULL: nothing. */
static const char *wrong(const struct run_options *o)
{
	if (o->ring && o->isolate)
		return "--ring and --isolate do not go together: a ring outlives the processes that write to it";
	if (o->command != COMMAND_REPORT)
		return o->argv ? NULL : "no program given; use:  [OPTION...] -- PROG [ARG...]";
	if (o->report.tree && o->report.format > FORMAT_JSON && o->report.format != FORMAT_HTML)
		return "--tree goes with --format=text, json or html; the other formats have no place for it";
	return o->argv ? NULL : "which trace? Name the directory that `fdwarden record` made";
}

void options_parse(enum command command, int argc, char **argv, struct run_options *o)
{
	struct argp_option options[ROWS + 1] = { { 0 } };
	struct argp argp = { .options = options, .parser = parse_key, .args_doc = command == COMMAND_REPORT ? "TRACE..." : "-- PROG [ARG...]" };
	int usage = command == COMMAND_REPORT ? EXIT_USAGE : EXIT_FDWARDEN;
	const char *name = "fdwarden", *why;
	size_t n = 0;

	*o = (struct run_options){ .command = command, .stack_depth = -1, .report = { .fail_on = SEV_ERROR } };
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (commands[i].command == command) {
			name = commands[i].name;
			argp.doc = commands[i].doc;
			o->mode = commands[i].mode;
		}
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].commands & command) {
			options[n] = rows[i].option;
			if (is_refused(command, options[n].key))
				options[n].flags |= OPTION_HIDDEN;
			n++;
		}
	if (config_load() != 0)
		exit(usage);
	defaults(&o->report);
	argv[0] = (char *)name;
	argp_err_exit_status = usage;
	argp_parse(&argp, argc, argv, command == COMMAND_REPORT ? 0 : ARGP_IN_ORDER, NULL, o);
	if ((why = wrong(o))) {
		fprintf(stderr, "%s: %s\n", name, why);
		exit(usage);
	}
}
