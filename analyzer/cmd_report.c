/*
 * analyzer/cmd_report.c: fdwarden report: replays traces and prints findings.
 */
#include "analyzer/confine.h"
#include "analyzer/options.h"
#include "analyzer/pager.h"

int cmd_report(int argc, char **argv)
{
	struct report_result result;
	struct run_options o;
	int traces = 0, status;

	options_parse(COMMAND_REPORT, argc, argv, &o);
	while (o.argv[traces])
		traces++;
	o.report.output = o.output;
	pager_begin(&o.report);
	confine((const char *const[]){ o.report.output, o.report.gen_suppressions }, 2);
	status = report_traces(&o.report, (const char *const *)o.argv, traces, &result);
	pager_end();
	if (status)
		return status;
	return result.at_or_above ? o.error_exitcode ? o.error_exitcode : EXIT_FINDINGS : 0;
}
