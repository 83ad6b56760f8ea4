/*
 * analyzer/cmd_report.c: fdwarden report: replays traces and prints findings.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include "analyzer/config.h"
#include "analyzer/confine.h"
#include "analyzer/pager.h"
#include "analyzer/report.h"
#include "analyzer/words.h"

enum { OPT_FAIL_ON = 256, OPT_ERROR_EXITCODE, OPT_SUPPRESSIONS, OPT_STACK_DEPTH, OPT_COLOR, OPT_SHOW, OPT_FULL_STACKS, OPT_TREE, OPT_BASELINE, OPT_SOURCE_ROOT, OPT_GEN_SUPPRESSIONS, OPT_READER, OPT_NO_PAGER };

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "write the report to FILE (default: standard output)", 0 },
	{ "format", 'f', "FORMAT", 0, "text (default), json, sarif (2.1.0), or html (one file for a browser), or folded: stacks that made descriptors, for flame graphs", 0 },
	{ "fail-on", OPT_FAIL_ON, "SEVERITY", 0, "exit 1 on findings at or above error (default), warning or note, or never", 0 },
	{ "error-exitcode", OPT_ERROR_EXITCODE, "N", 0, "exit N instead of 1 then", 0 },
	{ "suppressions", OPT_SUPPRESSIONS, "FILE", 0, "do not show what FILE names, see below", 0 },
	{ "gen-suppressions", OPT_GEN_SUPPRESSIONS, "FILE", 0, "also write suppressions for what is shown to FILE", 0 },
	{ "baseline", OPT_BASELINE, "FILE", 0, "an earlier report in JSON: what it has does not fail again", 0 },
	{ "source-root", OPT_SOURCE_ROOT, "DIR", 0, "sarif: sources below DIR are named relative to it", 0 },
	{ "stack-depth", OPT_STACK_DEPTH, "N", 0, "show at most N frames of a stack", 0 },
	{ "color", OPT_COLOR, "WHEN", 0, "auto (default), always or never; auto obeys NO_COLOR, TERM=dumb and CLICOLOR_FORCE", 0 },
	{ "show", OPT_SHOW, "WHAT", 0, "possible: also findings that are only possible", 0 },
	{ "full-stacks", OPT_FULL_STACKS, NULL, 0, "also the frames of the C library at both ends of stacks", 0 },
	{ "tree", OPT_TREE, NULL, 0, "also the process tree: who started what, how it ended, what each program inherited, used and did not use", 0 },
	{ "reader", OPT_READER, "WHICH", 0, "auto (default): fdwarden's own reader where it understands the whole trace, else libbabeltrace2; direct or babeltrace: only this one", 0 },
	{ "no-pager", OPT_NO_PAGER, NULL, 0, "on a terminal: not through $PAGER (default: less)", 0 },
	{ "quiet", 'q', NULL, 0, "findings only: no verdict, no coverage, no hints", 0 },
	{ 0 },
};

static const char doc[] =
	"Replays traces made by `fdwarden record` and prints what was found.\v"
	"Exit status: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage, 3 nothing was observed or no trace is usable, "
	"4 internal error.\n\n"
	"Suppressions: one on each line, # begins a comment. Either a finding's id, as in use-after-close-7f3a19c2, or "
	"RULE:STAGE:PATTERN. RULE is a rule or *; STAGE is the stack to look at (opened, duplicated, closed, reused, used, armed, delivered, rearmed, forked, execed, "
	"installed) or *; PATTERN is a shell pattern for the function, source file or module of any frame of it: fd-leak:opened:log_init, "
	"double-close:*:src/legacy.c, *:closed:libcurl.so*.\n\n"
	"Rules: double-close, foreign-close, use-after-close, stale-rearm, ghost-event, close-in-use, fd-leak, fd-leak-exec, cloexec-race, bad-close, "
	"sigstack-unmapped, sigstack-too-small, sigstack-unpinned, handler-off-stack, kernel-signal-vector-bug.";

struct arguments {
	struct report_options o;
	int error_exitcode;
	char **traces;
	int ntraces;
};

static int value_of(struct argp_state *state, const char *option, const char *arg, const struct words *words)
{
	int value = word_of(words, arg);

	if (value < 0)
		argp_error(state, "--%s=%s: use %s", option, arg, words->said);
	return value;
}

static int number_of(struct argp_state *state, const char *option, const char *arg, long min, long max)
{
	long n;

	if (number_in(arg, min, max, &n) != 0)
		argp_error(state, "--%s=%s: a number from %ld to %ld is wanted", option, arg, min, max);
	return (int)n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct report_options *o = &a->o;

	switch (key) {
	case 'o':
		if (!*arg)
			argp_error(state, "-o: the name of a file is wanted");
		o->output = arg;
		break;
	case 'f': o->format = (enum format)value_of(state, "format", arg, &format_words); break;
	case 'q': o->quiet = 1; break;
	case OPT_FAIL_ON: o->fail_on = (enum severity)value_of(state, "fail-on", arg, &severity_words); break;
	case OPT_ERROR_EXITCODE: a->error_exitcode = number_of(state, "error-exitcode", arg, 1, 255); break;
	case OPT_SUPPRESSIONS: o->suppressions = arg; break;
	case OPT_STACK_DEPTH: o->stack_depth = (unsigned)number_of(state, "stack-depth", arg, 1, FDW_STACK_MAX); break;
	case OPT_COLOR: o->color = (enum color)value_of(state, "color", arg, &color_words); break;
	case OPT_SHOW:
		if (strcmp(arg, "possible"))
			argp_error(state, "--show=%s: use possible", arg);
		o->show_possible = 1;
		break;
	case OPT_TREE: o->tree = 1; break;
	case OPT_NO_PAGER: o->no_pager = 1; break;
	case OPT_GEN_SUPPRESSIONS: o->gen_suppressions = arg; break;
	case OPT_READER: o->reader = (enum reader_kind)value_of(state, "reader", arg, &reader_words); break;
	case OPT_BASELINE: o->baseline = arg; break;
	case OPT_SOURCE_ROOT: o->source_root = arg; break;
	case OPT_FULL_STACKS: o->full_stacks = 1; break;
	case ARGP_KEY_ARGS:
		a->traces = state->argv + state->next;
		a->ntraces = state->argc - state->next;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which trace? Name the directory that `fdwarden record` made");
		break;
	case ARGP_KEY_END:
		if (o->tree && o->format > FORMAT_JSON && o->format != FORMAT_HTML)
			argp_error(state, "--tree goes with --format=text, json or html; the other formats have no place for it");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Of the files: each value was checked when it was read. */
void report_defaults(struct report_options *o)
{
	if (config_value("format"))
		o->format = (enum format)word_of(&format_words, config_value("format"));
	if (config_value("fail-on"))
		o->fail_on = (enum severity)word_of(&severity_words, config_value("fail-on"));
	if (config_value("color"))
		o->color = (enum color)word_of(&color_words, config_value("color"));
	o->suppressions = config_value("suppressions");
}

int cmd_report(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse, .args_doc = "TRACE...", .doc = doc };
	struct arguments a = { .o = { .fail_on = SEV_ERROR } };
	struct report_result result;
	char *name = argv[0];
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"fdwarden report";
	if (config_load() != 0)
		return EXIT_USAGE;
	report_defaults(&a.o);
	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return EXIT_USAGE;
	argv[0] = name;
	pager_begin(&a.o);
	confine((const char *const[]){ a.o.output, a.o.gen_suppressions }, 2);
	status = report_traces(&a.o, (const char *const *)a.traces, a.ntraces, &result);
	pager_end();
	if (status)
		return status;
	return result.at_or_above ? a.error_exitcode ? a.error_exitcode : EXIT_FINDINGS : 0;
}
