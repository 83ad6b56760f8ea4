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
	struct symbols *symbols;               /* for the stacks of creations; NULL: there are none, nor problems to tell */
	const struct suppressions *suppressions; /* NULL: none */
	const struct baseline *baseline;       /* findings that do not count any more; NULL: none */
	const struct tree *tree;               /* NULL: not asked for */
	const struct creation *creations;      /* NULL: not asked for, or none */
	const struct series *series;           /* NULL: not asked for */
};

void report_text(const struct report *, FILE *out);
void report_json(const struct report *, FILE *out);
void report_sarif(const struct report *, FILE *out);
void report_folded(const struct report *, FILE *out);
void report_html(const struct report *, FILE *out);
void report_suppressions(const struct report *, FILE *out); /* for --gen-suppressions */
void report_charts(const struct report *, FILE *out);        /* pictures of the whole, in HTML */
void report_charts_script(const struct report *, FILE *out); /* behind them: nothing where the command was built without npm */
/* The part of the text for --tree, so wide; strictly: no line may be longer, but for names. */
void report_tree(const struct report *, FILE *out, unsigned width, int strictly);
/* What was seen, in one line; `mark` and `unmark` around what was lost of it. The caller frees it. */
char *report_seen(const struct report *, const char *mark, const char *unmark);
/* What was not, sentence by sentence. */
void report_unseen(const struct report *, void (*hear)(void *, const char *sentence), void *to);
/* A flight recorder's ring; not all of it can be read; somebody still records into it. */
int report_ring(const struct report *);
int report_damaged(const struct report *);
int report_running(const struct report *);
/* The first process that said something, or NULL. */
const struct process *report_first(const struct report *);
/* Findings that are shown: not suppressed, and not `possible` unless asked for. */
int report_shows(const struct report *, const struct finding *);
/* The baseline has it. */
int report_knows(const struct report *, const struct finding *);

#endif
