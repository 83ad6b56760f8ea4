/*
 * tests/e2e/src/starts_by_all.c: each PROG is started in every way there is, by shells too: how it ended, a line each. Without one: the program that
 * is started, which leaves memory behind.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum how { BY_EXECL, BY_EXECVE, BY_EXECVP };

static void say(const char *how, int status)
{
	printf("%s: %d\n", how, WIFEXITED(status) ? WEXITSTATUS(status) : -status);
	fflush(stdout);
}

static void wait_for(const char *how, pid_t pid)
{
	int status = 0;

	if (pid > 0)
		waitpid(pid, &status, 0);
	say(how, pid > 0 ? status : -1);
}

static pid_t forked(enum how how, char *prog, char **envp)
{
	char *argv[] = { prog, NULL };
	pid_t pid = fork();

	if (pid)
		return pid;
	if (how == BY_EXECL)
		execl(prog, prog, NULL);
	else if (how == BY_EXECVE)
		execve(prog, argv, envp);
	else
		execvp(prog, argv);
	_exit(99);
}

static pid_t vforked(char *prog)
{
	char *argv[] = { prog, NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		execv(prog, argv);
		_exit(99);
	}
	return pid;
}

static void start(char *prog, char **envp)
{
	char line[200], *argv[] = { prog, NULL };
	pid_t pid;
	FILE *f;

	say("system", system(prog));
	snprintf(line, sizeof line, "true; bash -c '%s; exit $?'; exit $?", prog);
	say("shells", system(line));
	wait_for("execl", forked(BY_EXECL, prog, envp));
	wait_for("execve", forked(BY_EXECVE, prog, envp));
	wait_for("execvp", forked(BY_EXECVP, prog, envp));
	wait_for("vfork", vforked(prog));
	wait_for("posix_spawn", posix_spawn(&pid, prog, NULL, NULL, argv, environ) == 0 ? pid : -1);
	wait_for("posix_spawnp", posix_spawnp(&pid, prog, NULL, NULL, argv, envp) == 0 ? pid : -1);
	f = popen(prog, "r");
	while (fgets(line, sizeof line, f))
		printf("popen: %s", line);
	say("pclose", pclose(f));
}

static void *volatile lost;

int main(int argc, char **argv, char **envp)
{
	for (int i = 1; i < argc; i++)
		start(argv[i], envp);
	if (argc == 1) {
		for (int i = 0; i < 100; i++)
			lost = malloc(1000);
		lost = NULL;
		puts("started");
	}
	return 0;
}
