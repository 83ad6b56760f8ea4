/*
 * tests/e2e/src/hazards/libconfined.c: in the analyzer (LD_PRELOAD), when it begins to look for a trace, as if hostile bytes had taken it over:
 * what can it do? One line each on stderr. CONFINED_TRACE: a file of the trace; CONFINED_OTHER: a directory that is nobody's business here;
 * CONFINED_OUT: the directory the report goes to. Run by confine.bats.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* result: of a call, negative where it failed. errno is read here, once that has been. */
static void tell(const char *what, int result)
{
	char line[100];
	int n = snprintf(line, sizeof line, "%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "done");

	(void)!write(2, line, n);
}

static void make_file(const char *what, const char *dir)
{
	char path[4400];
	int fd;

	snprintf(path, sizeof path, "%s/made", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	tell(what, fd);
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
}

static void run_something(void)
{
	char *argv[] = { "true", NULL };
	pid_t pid;
	int error = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL);

	errno = error;
	tell("run", error ? -1 : 0);
	if (!error)
		waitpid(pid, NULL, 0);
}

static void try_all(void)
{
	const char *trace = getenv("CONFINED_TRACE");

	tell("read trace", open(trace, O_RDONLY));
	tell("write trace", open(trace, O_WRONLY));
	tell("truncate trace", truncate(trace, 0));
	tell("remove trace", unlink(trace));
	make_file("write elsewhere", getenv("CONFINED_OTHER"));
	make_file("write report", getenv("CONFINED_OUT"));
	tell("network", socket(AF_INET, SOCK_STREAM, 0));
	tell("debug", ptrace(PTRACE_TRACEME, 0, 0, 0));
	run_something();
}

FTS *fts_open(char *const *paths, int options, int (*compare)(const FTSENT **, const FTSENT **))
{
	FTS *(*real)(char *const *, int, int (*)(const FTSENT **, const FTSENT **)) = (FTS *(*)(char *const *, int, int (*)(const FTSENT **, const FTSENT **)))dlsym(RTLD_NEXT, "fts_open");

	try_all();
	return real(paths, options, compare);
}
