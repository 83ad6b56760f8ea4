/*
 * tests/e2e/src/starts.c: `starts HOW PROG ARG...` starts PROG in one of the ways a program can follow, waits, prints how it ended. For
 * tests/e2e/tree.bats. HOW: execle, execve, spawn, spawnp, vfork: with an environment of their own, which has one variable; chroot=DIR;
 * user=UID: another user, then exec, as sudo's child does; popen, system: PROG is a command.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char *own[] = { (char *)"ONLY=this", NULL };

static void exec_in_child(const char *how, char **argv)
{
	if (!strcmp(how, "execle"))
		execle(argv[0], argv[0], argv[1], (char *)NULL, own);
	else if (!strcmp(how, "execve") || !strcmp(how, "vfork"))
		execve(argv[0], argv, own);
	else if (!strncmp(how, "chroot=", 7) && chroot(how + 7) == 0 && chdir("/") == 0)
		execv(argv[0], argv);
	else if (!strncmp(how, "user=", 5) && setresuid((uid_t)atoi(how + 5), (uid_t)atoi(how + 5), (uid_t)atoi(how + 5)) == 0)
		execv(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(126);
}

static int start(const char *how, char **argv, int *status)
{
	FILE *f;
	pid_t pid;
	volatile int err = 0; /* over the vfork */

	if (!strcmp(how, "system")) {
		*status = system(argv[0]);
		return 0;
	}
	if (!strcmp(how, "popen")) {
		f = popen(argv[0], "w");
		*status = f ? pclose(f) : -1;
		return 0;
	}
	if (!strcmp(how, "spawn"))
		err = posix_spawn(&pid, argv[0], NULL, NULL, argv, own);
	else if (!strcmp(how, "spawnp"))
		err = posix_spawnp(&pid, argv[0], NULL, NULL, argv, own);
	else if ((pid = strcmp(how, "vfork") ? fork() : vfork()) == 0)
		exec_in_child(how, argv);
	if (err) {
		printf("%s: %s\n", argv[0], strerror(err));
		return 1;
	}
	return waitpid(pid, status, 0) == pid ? 0 : 1;
}

int main(int argc, char **argv)
{
	int status = 0;

	if (argc < 3)
		return 2;
	if (start(argv[1], argv + 2, &status) != 0)
		return 1;
	if (WIFSIGNALED(status))
		printf("signal %d\n", WTERMSIG(status));
	else
		printf("exit %d\n", WEXITSTATUS(status));
	return 0;
}
