/*
 * analyzer/report_apart.c: a report is made in a process of its own. What a trace can do to that (memory that is not to be had, a mistake of ours or
 * of a library's) ends neither the command, which still has a status to give and a trace to keep, nor the report on the other traces: each is then
 * tried alone, and what fails is left out, and named.
 *
 * Context: the command, one thread. The process ends with the command, and is ended by what ends it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "analyzer/memory.h"
#include "analyzer/report_apart.h"
#include "analyzer/say.h"

/* Of both processes. */
struct outcome {
	struct report_result result;
	int status, done;
	int writing;  /* some of it may be out already: it cannot be made again */
	int library;  /* libbabeltrace2 reads */
};
static struct outcome *outcome;

void report_writes(void)
{
	if (outcome)
		outcome->writing = 1;
}

/* ---- one process ------------------------------------------------------------------------------------------------------------- */

static void no_words(void)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC); /* writing may be forbidden by now; a write that fails will do */

	if (null >= 0)
		dup2(null, 2);
}

/*
 * One word of the metadata changed, and it asks for memory until the machine has none left, or aborts. A trace of 20 million events takes it 200 MiB.
 */
#define LIBRARY_MEMORY (UINT64_C(3) << 30)
static void limit_library(void)
{
	struct rlimit r;

	outcome->library = 1;
	if (getrlimit(RLIMIT_AS, &r) != 0 || r.rlim_cur <= LIBRARY_MEMORY)
		return;
	r.rlim_cur = LIBRARY_MEMORY;
	setrlimit(RLIMIT_AS, &r);
}

static void __attribute__((noreturn)) work(const struct report_job *job, pid_t parent, int probe)
{
	if (signal(SIGINT, SIG_DFL) == SIG_IGN) /* the command may wait for its pager first */
		signal(SIGINT, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_INTERNAL);
	if (probe)
		no_words();
	reader_before_library = limit_library;
	outcome->status = report_make(job, probe, &outcome->result);
	outcome->done = 1;
	fflush(stdout);
	exit(outcome->status);
}

/* Returns how it ended, as wait() says it; -1: there is no process for it. */
static int run(const struct report_job *job, int probe)
{
	pid_t parent = getpid(), pid;
	int status;

	*outcome = (struct outcome){ 0 };
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		work(job, parent, probe);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* Somebody wanted it to end. */
static int was_told_to(int status)
{
	return WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGHUP || WTERMSIG(status) == SIGQUIT);
}

/* ---- what fails, alone --------------------------------------------------------------------------------------------------------- */

static const char *why(int status, char *buf, size_t n)
{
	char name[40];

	if (!WIFSIGNALED(status))
		return "out of memory";
	snprintf(buf, n, "it was ended by %s", text_signal(WTERMSIG(status), name, sizeof name));
	return buf;
}

/* The traces that can be reported, each with a process of its own; of the others a sentence each. */
static void sort_out(const struct report_job *job, struct report_job *left)
{
	char buf[80], **said = xcalloc((size_t)job->n, sizeof *said);
	const char **traces = xcalloc((size_t)job->n, sizeof *traces);

	*left = *job;
	left->traces = traces;
	left->said = (const char *const *)said;
	left->n = left->nsaid = 0;
	for (int i = 0; i < job->n; i++) {
		struct report_job alone = *job;
		int status;

		alone.traces = &job->traces[i];
		alone.n = 1;
		status = run(&alone, 1);
		if (status == -1 || outcome->done)
			traces[left->n++] = job->traces[i];
		else
			said[left->nsaid++] = xasprintf("%s: its report failed (%s): it is left out", job->traces[i], why(status, buf, sizeof buf));
	}
}

/* Without those that make it fail. */
static void again(const struct report_job *job)
{
	struct report_job left;

	sort_out(job, &left);
	outcome->done = 0;
	if (left.n && left.nsaid)
		run(&left, 0);
	for (int i = 0; i < left.nsaid; i++)
		free((char *)left.said[i]);
	free((void *)left.said);
	free((void *)left.traces);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------ */

static int failed(int status)
{
	char buf[80];

	if (outcome->library) {
		say("the report could not be made: libbabeltrace2, which reads what is not all as fdwarden writes it, failed (%s): the trace is damaged; record again",
		    why(status, buf, sizeof buf));
		return EXIT_NOTHING;
	}
	/* Of memory it has spoken itself. */
	if (WIFSIGNALED(status))
		say("the report could not be made: %s; this is a mistake in fdwarden", why(status, buf, sizeof buf));
	return EXIT_INTERNAL;
}

int report_apart(const struct report_job *job, struct report_result *result)
{
	void *page = mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, first;

	if (page == MAP_FAILED)
		return report_make(job, 0, result);
	outcome = page;
	first = status = run(job, 0);
	if (status != -1 && was_told_to(status))
		raise(WTERMSIG(status));
	if (status != -1 && !outcome->done && job->n > 1 && !outcome->writing)
		again(job);
	*result = outcome->result;
	status = outcome->done ? outcome->status : first == -1 ? report_make(job, 0, result) : failed(first);
	munmap(page, sizeof *outcome);
	outcome = NULL;
	return status;
}
