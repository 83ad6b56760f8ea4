/*
 * analyzer/options.h: the command line of run, record, audit and report.
 */
#ifndef FDW_OPTIONS_H
#define FDW_OPTIONS_H

#include <stdint.h>
#include "analyzer/commands.h"

enum command { COMMAND_RUN = 1, COMMAND_RECORD = 2, COMMAND_AUDIT = 4, COMMAND_REPORT = 8 };

struct run_options {
	enum command command;
	const char *mode;         /* observe, enforce or audit */
	const char *output;       /* -o, or NULL */
	const char *keep_trace;   /* audit, or NULL */
	int error_exitcode;       /* 0: the program's own; of report, 1 */
	int stack_depth;          /* -1: the interposer's default */
	int allow_unobserved;
	int isolate;
	int no_wait;              /* the recording ends with PROG, not with the processes it leaves behind */
	uint64_t buffer_bytes;    /* 0: the default */
	int ring;                 /* record: keep the last of it, in memory */
	struct report_options report;
	char **argv;              /* the program, argv[0] as the user wrote it; or the traces; NULL at the end */
};

/* Wrong usage: prints a sentence and exits 125 (report: 2). --help: prints it and exits 0. */
void options_parse(enum command, int argc, char **argv, struct run_options *);

#endif
