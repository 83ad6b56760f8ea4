/*
 * analyzer/report.h: what the writers of a report get. Each writes one document on `out`; errors of the stream are its caller's.
 */
#ifndef FDW_REPORT_H
#define FDW_REPORT_H

#include <stdio.h>
#include "analyzer/baseline.h"
#include "analyzer/commands.h"
#include "analyzer/finding.h"
#include "analyzer/model.h"
#include "analyzer/reader.h"
#include "analyzer/suppress.h"
#include "analyzer/symbols.h"
#include "analyzer/tree.h"

struct report {
	const struct report_options *options;
	const struct coverage *coverage;
	const struct process *processes;
	const struct findings *findings;
	const struct reader *reader;           /* NULL: no damage to tell */
	const struct symbols *symbols;         /* NULL: no problems to tell */
	const struct suppressions *suppressions; /* NULL: none */
	const struct baseline *baseline;       /* findings that do not count any more; NULL: none */
	const struct tree *tree;               /* NULL: not asked for */
	const struct creation *creations;      /* NULL: not asked for, or none */
	const struct series *series;           /* NULL: not asked for */
	struct symbols *symbols_for_stacks;    /* of the creations */
};

void report_text(const struct report *, FILE *out);
void report_json(const struct report *, FILE *out);
void report_sarif(const struct report *, FILE *out);
void report_folded(const struct report *, FILE *out);
void report_html(const struct report *, FILE *out);
void report_suppressions(const struct report *, FILE *out); /* for --gen-suppressions */
void report_charts(const struct report *, FILE *out);        /* pictures of the whole, in HTML */
void report_charts_script(const struct report *, FILE *out); /* behind them: nothing where the command was built without npm */
void report_tree(const struct report *, FILE *out, unsigned width); /* the part of the text for --tree */
/* Findings that are shown: not suppressed, and not `possible` unless asked for. */
int report_shows(const struct report *, const struct finding *);
/* The baseline has it. */
int report_knows(const struct report *, const struct finding *);
void report_defaults(struct report_options *);

#endif
