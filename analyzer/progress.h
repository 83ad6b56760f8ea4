/*
 * analyzer/progress.h: how far a long report has come: one line on a terminal's stderr, from the second second on, gone when it is done.
 */
#ifndef FDW_PROGRESS_H
#define FDW_PROGRESS_H

#include "analyzer/reader.h"

struct progress {
	uint64_t since, shown; /* ns, of a clock that only goes forward; since 0: nobody looks */
	uint64_t records;
};
void progress_begin(struct progress *, int quiet);
/* After each record. */
static inline int progress_due(struct progress *p) { return ++p->records % 1024 == 0 && p->since; }
void progress_show(struct progress *, const struct reader *);
void progress_end(struct progress *);

#endif
