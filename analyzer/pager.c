/*
 * analyzer/pager.c: see pager.h. $PAGER, or less, which shows what fits on one screen and ends (LESS=FRX, as other tools ask of it).
 *
 * Not where nobody can turn its pages: standard input is no terminal.
 * Context: the command, one thread, before it reads a trace. Fails open: without a pager the report goes to the terminal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "analyzer/page.h"
#include "analyzer/pager.h"
#include "analyzer/preflight.h"
#include "analyzer/say.h"

static pid_t pager;

/* Is there a program of this name, that can be run? */
static int there(const char *name)
{
	struct preflight p;

	preflight(name, &p);
	return p.verdict == PREFLIGHT_OK || p.verdict == PREFLIGHT_UNOBSERVABLE;
}

/* Of a command that only a shell understands, only a shell can tell. */
static int can_run(const char *command)
{
	size_t n = strcspn(command, " \t");
	char name[PATH_MAX];

	if (command[strcspn(command, "|&;<>()$`\\\"'*?[#~=%!{\n")])
		return 1;
	snprintf(name, sizeof name, "%.*s", (int)n, command);
	return there(name);
}

/* NULL: none is wanted, or there is none. */
static const char *command(void)
{
	const char *wanted = getenv("PAGER");

	if (!wanted)
		return there("less") ? "less" : NULL;
	wanted += strspn(wanted, " \t");
	if (!*wanted || !strcmp(wanted, "cat"))
		return NULL;
	if (can_run(wanted))
		return wanted;
	say("the pager cannot be run: PAGER is %s", wanted);
	return NULL;
}

static void __attribute__((noreturn)) page(const char *with, const int ends[2])
{
	dup2(ends[0], 0);
	close(ends[0]);
	close(ends[1]);
	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	execl("/bin/sh", "sh", "-c", with, (char *)NULL);
	_exit(127);
}

/* What is asked of a terminal is asked now: afterwards there is a pipe in its place. */
static void settle(struct report_options *o)
{
	char columns[16];

	o->color = page_colors(o->color, stdout) ? COLOR_ALWAYS : COLOR_NEVER;
	snprintf(columns, sizeof columns, "%u", page_width(stdout, PAGE_COLUMNS));
	setenv("COLUMNS", columns, 1);
}

static void wait_for_it(void)
{
	close(1);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The terminal is still the pager's: whoever ends before it leaves two that read from it. Only calls that handlers may make. */
static void interrupted(int sig)
{
	wait_for_it();
	signal(sig, SIG_DFL);
	raise(sig);
}

void pager_begin(struct report_options *o)
{
	const char *term = getenv("TERM"), *with;
	int ends[2];

	if (o->no_pager || o->output || o->format != FORMAT_TEXT || !isatty(0) || !isatty(1) || !term || !strcmp(term, "dumb") || !(with = command()) ||
	    pipe2(ends, O_CLOEXEC))
		return;
	settle(o);
	fflush(stdout);
	pager = fork();
	if (pager == 0)
		page(with, ends);
	if (pager > 0) {
		dup2(ends[1], 1);
		if (signal(SIGINT, interrupted) == SIG_IGN)
			signal(SIGINT, SIG_IGN);
	}
	close(ends[0]);
	close(ends[1]);
}

void pager_end(void)
{
	if (pager <= 0)
		return;
	signal(SIGINT, SIG_IGN); /* it is the pager's */
	fflush(stdout);
	wait_for_it();
	pager = 0;
}
