/*
 * analyzer/progress.h: how far a long report has come: one line on a terminal's stderr, from the second second on, gone when it is done.
 */
#ifndef FDW_PROGRESS_H
#define FDW_PROGRESS_H

#include <stdint.h>

struct readings;
struct progress {
	uint64_t since, shown; /* ns, of a clock that only goes forward; since 0: nobody looks */
};
void progress_begin(struct progress *, int quiet);
/* After each record. */
static inline int progress_due(const struct progress *p, uint64_t records) { return records % 1024 == 0 && p->since; }
void progress_show(struct progress *, const struct readings *);
void progress_end(struct progress *);

#endif
