/*
 * analyzer/commands.h: what the parts of the fdwarden command offer each other.
 *
 * Each command is a function cmd_NAME(argc, argv) with argv[0] = its name; it returns the exit status (CONTRACT: see
 * fdwarden(1)). Context: the command's own process; ordinary C, may allocate and exit.
 */
#ifndef FDW_COMMANDS_H
#define FDW_COMMANDS_H

#include <stdio.h>
#include "analyzer/reader.h"

enum { EXIT_FINDINGS = 1, EXIT_USAGE = 2, EXIT_NOTHING = 3, EXIT_INTERNAL = 4, EXIT_FDWARDEN = 125, EXIT_CANNOT_EXEC = 126,
	EXIT_NOT_FOUND = 127 };

enum severity { SEV_NOTE, SEV_WARNING, SEV_ERROR, SEV_NEVER }; /* SEV_NEVER only as a --fail-on value */
enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF, FORMAT_HTML, FORMAT_FOLDED };

/* Options of report, shared by audit. Strings are borrowed. */
struct report_options {
	enum format format;
	enum severity fail_on;
	enum color color;
	const char *output;       /* NULL: stdout */
	const char *suppressions; /* file or NULL */
	const char *gen_suppressions; /* also write suppressions for what is shown there, or NULL */
	const char *baseline;     /* an earlier report in JSON, or NULL: its findings do not fail */
	const char *source_root;  /* SARIF: sources below it are named relative to it; or NULL */
	int show_possible;
	int full_stacks;
	int quiet;
	int tree;                 /* the process tree, too */
	int no_pager;
	enum reader_kind reader;
	unsigned stack_depth;     /* frames shown a stack, 0: all */
};

struct report_result {
	int unusable;             /* nothing observed or no trace readable; a sentence was already printed on stderr */
	int at_or_above;          /* findings at or above fail_on, not suppressed */
};

/* Replays traces and writes the report. 0, or an exit status (EXIT_NOTHING, EXIT_INTERNAL) after a sentence on stderr. */
int report_traces(const struct report_options *, const char *const *traces, int ntraces, struct report_result *);

int cmd_run(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_attach(int argc, char **argv);
int cmd_detach(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);

#endif
