/*
 * analyzer/cmd_record.c: fdwarden record: a program, its trace, and the command that reports.
 */
#define _GNU_SOURCE
#include "analyzer/recording.h"
#include "analyzer/say.h"

int cmd_record(int argc, char **argv)
{
	static struct recording r;
	struct run_options o;
	char quoted[2 * PATH_MAX];

	options_parse(COMMAND_RECORD, argc, argv, &o);
	say_quiet(o.report.quiet);
	record_program(&o, &r);
	if (r.failed)
		return r.failed;
	if (r.result.heard)
		say_info("next:  fdwarden report %s%s", r.output[0] == '-' ? "-- " : "", text_quoted(r.output, quoted, sizeof quoted));
	launch_imitate(&r.launch);
}
