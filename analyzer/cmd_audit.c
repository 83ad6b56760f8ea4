/*
 * analyzer/cmd_audit.c: fdwarden audit: record and report in one step; the program's exit status unless --error-exitcode has a say.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "analyzer/confine.h"
#include "analyzer/output.h"
#include "analyzer/recording.h"
#include "analyzer/say.h"
#include "analyzer/suppress.h"

/* The program may run for hours: a report that cannot be written is said before. */
static int check_report_place(const char *path)
{
	int r = output_check(path);

	if (r != 0)
		say("cannot write the report to %s: %s; name another place with -o", path, strerror(errno));
	return r;
}

static int check_suppressions(const char *path)
{
	char error[PATH_MAX + 200];
	struct suppressions *s = path ? suppressions_read(path, error, sizeof error) : NULL;

	if (path && !s)
		say("%s", error);
	suppressions_free(s);
	return path && !s ? -1 : 0;
}

/* Without -o the report goes to stderr, so that stdout stays the program's alone. */
static int report(const struct run_options *o, const char *trace, struct report_result *result)
{
	int saved = -1, status;

	confine((const char *const[]){ o->report.output, o->report.gen_suppressions, trace }, 3); /* the trace is removed afterwards */
	if (!o->report.output && (saved = fcntl(1, F_DUPFD_CLOEXEC, 10)) >= 0)
		dup2(2, 1);
	status = report_traces(&o->report, &trace, 1, result);
	fflush(stdout);
	if (saved >= 0) {
		dup2(saved, 1);
		close(saved);
	}
	return status;
}

int cmd_audit(int argc, char **argv)
{
	static struct recording r;
	struct report_result result = { 0 };
	struct run_options o;
	int status;

	options_parse(COMMAND_AUDIT, argc, argv, &o);
	o.report.output = o.output;
	say_quiet(o.report.quiet);
	if (check_suppressions(o.report.suppressions) != 0 || check_report_place(o.output) != 0)
		return EXIT_FDWARDEN;
	record_program(&o, &r);
	if (r.failed)
		return r.failed;
	status = report(&o, r.trace, &result);
	if (o.keep_trace)
		say_info("trace kept in %s", o.keep_trace);
	else if (status == EXIT_INTERNAL)
		say("the report failed; the trace is kept in %s", r.trace);
	else
		fdw_session_remove_trace(r.trace);
	/* Asked for a verdict, silence about what was not seen must not pass for one. */
	if (o.error_exitcode && (result.at_or_above || status || result.unusable || !r.result.heard))
		return o.error_exitcode;
	launch_imitate(&r.launch);
}
