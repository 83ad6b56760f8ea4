/*
 * preload/log.h: one line per violation, on stderr or in a file, without stdio.
 *
 * Context: any thread, handlers; never in a vfork child. One write per line, so lines of threads do not mix. Keeps errno.
 * Never waits and raises no signal: a line that cannot be written at once is counted instead.
 */
#ifndef FDW_LOG_H
#define FDW_LOG_H

#include <limits.h>
#include "core.h"

void fdw_log_start(void); /* remembers what number 2 is; no system call under a filter */
void fdw_log_name(const char *argv0);
void fdw_log_line(const char *text, const char *more); /* "fdwarden: text more\n" */

#define FDW_NO_FD INT_MIN
/* What a violation line says. pc 0: unknown. */
struct fdw_violation {
	const char *rule;     /* rule id */
	const char *call;     /* name of the wrong call */
	int fd;               /* FDW_NO_FD: it is not about one */
	const char *what;     /* sentence: what is wrong about it */
	uintptr_t pc;
	const char *before;   /* name of the earlier call */
	uint32_t before_tid;
	uintptr_t before_pc;
};
void fdw_log_violation(const struct fdw_violation *);
extern const char *const fdw_call_names[];

#endif
