/*
 * analyzer/candidate.h: the flight recorder wrote its ring because a call looked wrong: was it?
 */
#ifndef FDW_CANDIDATE_H
#define FDW_CANDIDATE_H

#include "trace/session.h"

/* Called again and again while a ring is recorded; never waits. Says where the trace of the first violation is. Argument: the session. */
void candidate_look(void *session);
/* Before the session's end: what is being looked at gets a few seconds, and is kept if they are not enough. */
void candidate_settle(struct fdw_session *);

#endif
