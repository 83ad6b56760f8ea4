/*
 * analyzer/candidate.c: see candidate.h. The filter in the program knows flags of single events; whether a rule is broken the replay knows. A
 * close-everything loop that begins at a closed number looks wrong and is not: without this the one snapshot of a violation would be wasted on it.
 *
 * Context: the command, while the program runs. The replay is a child of low priority: it costs the program little, and its end cannot harm us.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <limits.h>
#include <stdio.h>
#include "analyzer/candidate.h"
#include "analyzer/commands.h"
#include "analyzer/report.h"
#include "analyzer/say.h"

#define SETTLE_MS 5000

static char trace[PATH_MAX];
static pid_t judge;

static void __attribute__((noreturn)) be_judge(void)
{
	struct report_options o = { .format = FORMAT_JSON, .fail_on = SEV_ERROR, .quiet = 1 };
	struct report_result result = { 0 };
	const char *const traces[] = { trace };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status;

	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	setpriority(PRIO_PROCESS, 0, 19);
	status = report_traces(&o, traces, 1, &result);
	fflush(stdout);
	_exit(status ? status : result.at_or_above ? EXIT_FINDINGS : 0);
}

/* status: of the judge; what it could not read is no violation. */
static void conclude(struct fdw_session *s, int status)
{
	char quoted[2 * PATH_MAX];
	int keep = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FINDINGS;

	judge = 0;
	fdw_session_judge(s, keep);
	if (keep)
		say_info("something wrong was seen; what led to it is in a trace of its own.  next:  fdwarden report %s", text_quoted(trace, quoted, sizeof quoted));
}

void candidate_look(void *session)
{
	const char *at;
	int status;

	if (judge) {
		if (waitpid(judge, &status, WNOHANG) != 0)
			conclude(session, status);
		return;
	}
	at = fdw_session_candidate(session);
	if (!at)
		return;
	snprintf(trace, sizeof trace, "%s", at);
	judge = fork();
	if (judge == 0)
		be_judge();
	if (judge < 0)
		conclude(session, EXIT_INTERNAL << 8);
}

void candidate_settle(struct fdw_session *s)
{
	struct timespec ten = { 0, 10000000 };

	candidate_look(s);
	for (int ms = 0; judge && ms < SETTLE_MS; ms += 10) {
		candidate_look(s);
		if (judge)
			nanosleep(&ten, NULL);
	}
	if (!judge)
		return;
	kill(judge, SIGKILL);
	while (waitpid(judge, NULL, 0) < 0 && errno == EINTR)
		;
	conclude(s, EXIT_FINDINGS << 8);
}
