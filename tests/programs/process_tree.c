/* process_tree [silence]: 10 children with 10 grandchildren each, all as fast as they can: by fork, vfork, posix_spawn and what is like them; some run
 * another program first, some are ended by a signal, among them each sort that says no goodbye. `process_tree tell` prints a line for
 * each when it was waited for: parent, child, how it was started, wait status. tests/e2e/tree.bats compares them with the recording.
 * Must find: nothing.
 */
#include "program.h"
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>

#define MANY 10

extern char **environ;

static int tells;
static char *self;

/* How the nth of somebody's children is started, and what it does then. */
enum how { FORK, VFORK, SPAWN, FORK_EXEC, VFORK_EXEC, UNDERSCORE_FORK, SPAWNP, CLONE, FORK_KILLED, VFORK_KILLED };
static const char *const names[MANY] = { "fork", "vfork", "posix_spawn", "fork", "vfork", "_Fork", "posix_spawnp", "clone", "fork", "vfork" };

/* No two of the hundred end with the same status, and none as a child does. */
static int status_of(int child, int nth) { return 20 + child * MANY + nth; }

static void end(int child, int nth)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGHUP };

	if (nth == FORK_KILLED || nth == VFORK_KILLED)
		kill(getpid(), signals[child % 5]);
	_exit(status_of(child, nth));
}

static void run_self(char *const argv[], char *const envp[])
{
	execve(self, argv, envp);
	_exit(127);
}

static int cloned(void *argv) { run_self(argv, environ); return 127; }

/* Starts `self CHILD NTH`; leaf: the process need not run it, but can end at once. */
static pid_t start(enum how how, int child, int nth, int leaf)
{
	static char stack[64 << 10] __attribute__((aligned(64)));
	char a[8], b[8], *argv[] = { self, a, b, tells ? (char *)"tell" : NULL, NULL };
	pid_t pid = -1;

	snprintf(a, sizeof a, "%d", child);
	snprintf(b, sizeof b, "%d", nth);
	switch (how) {
	case SPAWN: need(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0); return pid;
	case SPAWNP: need(posix_spawnp(&pid, self, NULL, NULL, argv, environ) == 0); return pid;
	case CLONE: pid = clone(cloned, stack + sizeof stack, SIGCHLD, argv); need(pid > 0); return pid;
	case VFORK: case VFORK_EXEC: case VFORK_KILLED: pid = vfork(); break;
	case UNDERSCORE_FORK: pid = _Fork(); break;
	case FORK: case FORK_EXEC: case FORK_KILLED: pid = fork(); break;
	}
	need(pid >= 0);
	if (pid == 0 && leaf && how != FORK_EXEC && how != VFORK_EXEC)
		end(child, nth);
	if (pid == 0)
		run_self(argv, environ);
	return pid;
}

static void tell(pid_t pid, enum how how, int status)
{
	char line[80];
	int n = snprintf(line, sizeof line, "%d %d %s %d\n", (int)getpid(), (int)pid, names[how], status);

	if (tells)
		need(write(1, line, (size_t)n) == n);
}

static void is_right(int child, int nth, int status)
{
	if (child < 0 && nth == FORK_KILLED)
		need(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	else if (child < 0)
		need(WIFEXITED(status) && WEXITSTATUS(status) == nth + 1);
	else if (nth == FORK_KILLED || nth == VFORK_KILLED)
		need(WIFSIGNALED(status));
	else
		need(WIFEXITED(status) && WEXITSTATUS(status) == status_of(child, nth));
}

static void reap(int child, const pid_t *pids)
{
	for (int done = 0; done < MANY; done++) {
		int status, nth = 0;
		pid_t pid = wait(&status);

		while (nth < MANY && pids[nth] != pid)
			nth++;
		need(pid > 0 && nth < MANY);
		is_right(child, nth, status);
		tell(pid, nth, status);
	}
}

/* A child of the first generation. */
static int family(int child)
{
	pid_t pids[MANY];

	for (int i = 0; i < MANY; i++)
		pids[i] = start(i, child, i, 1);
	reap(child, pids);
	if (child == FORK_KILLED)
		kill(getpid(), SIGKILL);
	return child + 1;
}

int main(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };
	pid_t pids[MANY];

	self = realpath("/proc/self/exe", NULL);
	need(self);
	tells = argc > 1 && !strcmp(argv[argc - 1], "tell");
	setrlimit(RLIMIT_CORE, &none);
	if (argc - tells == 3) {
		int child = atoi(argv[1]), nth = atoi(argv[2]);
		if (nth < 0)
			return family(child);
		end(child, nth);
	}
	for (int i = 0; i < MANY; i++) {
		pids[i] = i == FORK ? fork() : start(i, i, -1, 0);
		if (pids[i] == 0)
			_exit(family(FORK));
	}
	reap(-1, pids);
	if (!tells)
		puts("done");
	return 0;
}
