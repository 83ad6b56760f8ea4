/*
 * analyzer/recording.h: a program run under a recording session, for record and audit.
 */
#ifndef FDW_RECORDING_H
#define FDW_RECORDING_H

#include <limits.h>
#include "analyzer/launch.h"
#include "analyzer/options.h"
#include "trace/session.h"

struct recording {
	struct launch launch;
	struct fdw_session_result result;
	char output[PATH_MAX];  /* as the user wrote it, or the default; of an audit that keeps none, a temporary directory */
	char trace[PATH_MAX];   /* absolute */
	int failed;             /* an exit status when PROG was not run, after a sentence; 0: it was */
};

/*
 * Pre-flight, session, program, end of the session; says on stderr what a user of record wants to know. When PROG was not run nothing is left; otherwise a
 * temporary directory is the caller's to remove.
 */
void record_program(const struct run_options *, struct recording *);

/* run and the others: pre-flight with the sentences and statuses of the contract. 0: go on. */
struct preflight;
int check_program(const struct run_options *, struct preflight *);

#endif
