/*
 * analyzer/report_apart.h: a report is made in a process of its own, so that one trace cannot spoil the report on the others, nor end the command.
 */
#ifndef FDW_REPORT_APART_H
#define FDW_REPORT_APART_H

#include "analyzer/commands.h"

struct report_job {
	const struct report_options *options;
	const char *const *traces;
	int n;
	const char *const *said; /* more sentences of damage: what was left out */
	int nsaid;
};

/* As report_traces(). */
int report_apart(const struct report_job *, struct report_result *);
/* From here on some of it may be out. */
void report_writes(void);

/* report.c: makes it. probe: all but the writing. */
int report_make(const struct report_job *, int probe, struct report_result *);

#endif
