/*
 * tests/e2e/src/surroundings.c: prints what a program finds when it starts: descriptors, signals, limits, directory, arguments.
 * Two runs can be compared line by line: what must differ (numbers of pipes, pids) is left out.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

/* Recording may have descriptors of its own, high up. */
#define PROGRAMS_OWN 900

static void descriptors(void)
{
	struct stat st;

	for (int fd = 0; fd < PROGRAMS_OWN; fd++)
		if (fstat(fd, &st) == 0)
			printf("fd %d type %o flags %x cloexec %d\n", fd, st.st_mode & S_IFMT, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	printf("first new descriptor %d\n", dup(1));
}

static void signals(void)
{
	struct sigaction sa;
	sigset_t blocked;

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int s = 1; s < NSIG; s++)
		if (sigaction(s, NULL, &sa) == 0 && (sa.sa_handler != SIG_DFL || sigismember(&blocked, s) == 1))
			printf("signal %d %s %s\n", s, sa.sa_handler == SIG_IGN ? "ignored" : sa.sa_handler == SIG_DFL ? "default" : "caught",
			       sigismember(&blocked, s) == 1 ? "blocked" : "");
}

int main(int argc, char **argv)
{
	static const int limits[] = { RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_STACK, RLIMIT_MEMLOCK, RLIMIT_AS };
	char cwd[4096];
	struct rlimit r;

	descriptors();
	signals();
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		if (getrlimit(limits[i], &r) == 0)
			printf("limit %d %lu %lu\n", limits[i], (unsigned long)r.rlim_cur, (unsigned long)r.rlim_max);
	printf("cwd %s umask %o group %d\n", getcwd(cwd, sizeof cwd), umask(0), getpgrp() == getpid());
	for (int i = 0; i < argc; i++)
		printf("arg %d [%s]\n", i, argv[i]);
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "FDWARDEN_", 9) && strncmp(*e, "LTTNG_", 6) && strncmp(*e, "LD_PRELOAD=", 11) && strncmp(*e, "_=", 2))
			puts(*e);
	return 0;
}
