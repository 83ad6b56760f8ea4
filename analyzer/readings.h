/*
 * analyzer/readings.h: traces that have nothing to do with each other (of other hosts, of other recordings) are replayed beside each other, one
 * thread for each CPU, and become one report.
 *
 * What belongs together is read together: directories of one recording (their metadata has the same UUID), and a directory named twice.
 * What libbabeltrace2 has to read is read by the caller's thread: the library is for one. The report is the same, however many CPUs there are.
 */
#ifndef FDW_READINGS_H
#define FDW_READINGS_H

#include "analyzer/finding.h"
#include "analyzer/progress.h"
#include "analyzer/reader.h"

struct reading {
	struct reader *reader;
	struct replay *replay;
	struct findings *findings;
	uint64_t records;
	int done;
};
struct readings {
	struct reading *at;
	size_t n;
	size_t next;              /* the first that no thread has taken */
	struct progress progress;
};

/* 0: nothing can be read, `error` says why. apart: 0: everything in one. */
int readings_open(struct readings *, const char *const *traces, int n, enum reader_kind, int apart, char *error, size_t size);
/* Each to its end; the first then has everything. */
void readings_replay(struct readings *);
void readings_close(struct readings *);

#endif
