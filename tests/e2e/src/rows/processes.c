/* tests/e2e/src/rows/processes.c: calls that make processes, and calls that end them. Context and vocabulary: rows.h. */
#include <pty.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <utmp.h>
#include <wordexp.h>
#include "rows.h"

/* vfork returns twice: it cannot be called through a pointer that the compiler knows nothing of. */
extern pid_t other_vfork(void) __asm__("__vfork") __attribute__((returns_twice));

static int ends(void *how)
{
	dup(F_FILE); /* in a table of its own, or in ours */
	_exit((int)(intptr_t)how);
}

static char *stack(void)
{
	static char *low;

	if (!low)
		low = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return low + (1 << 20) - 64;
}

static void vforking(const char *what)
{
	rows_name = "vfork";
	FORK(what, vfork());
	rows_name = "__vfork";
	FORK(what, other_vfork());
}

static int handled;
static void handle(void) { handled++; }

static void with_handlers(void)
{
	CALLS(int, (void (*)(void), void (*)(void), void (*)(void), void *), "__register_atfork") {
		CASE("three handlers", call(handle, handle, handle, NULL));
		CASE("none", call(NULL, NULL, NULL, NULL));
	}
	FORK("with handlers", fork());
	rows_note("handled %d", handled);
}

static void forking(void)
{
	with_handlers();
	CALLS(pid_t, (void), "fork", "__fork", "__libc_fork", "_Fork") {
		FORK("a child", call());
		rows_full(0);
		FORK("no number left", call());
		rows_full(-1);
	}
	vforking("a child");
	CALLS(int, (int (*)(void *), void *, int, void *, ...), "clone", "__clone") {
		FORK("like fork", call(ends, stack(), SIGCHLD, (void *)5));
		FORK("like vfork", call(ends, stack(), CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)6));
		FORK("with our descriptors", call(ends, stack(), CLONE_FILES | SIGCHLD, (void *)4));
		FORK("no function", call(NULL, stack(), SIGCHLD, NULL));
		FORK("no stack", call(ends, NULL, SIGCHLD, NULL));
		FORK("flags at odds", call(ends, stack(), CLONE_THREAD | SIGCHLD, NULL));
	}
}

/* Linux counts a user's processes, and root's not at all: the calls are made as somebody who may have no more. */
static void refused(void)
{
	struct rlimit none = { 0, 0 };
	char *const argv[] = { (char *)"true", NULL };
	pid_t pid;

	IN_CHILD {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534))
			_exit(1);
		setrlimit(RLIMIT_NPROC, &none);
		CALLS(pid_t, (void), "fork", "__fork", "__libc_fork", "_Fork")
			FORK("one too many", call());
		vforking("one too many");
		CALLS(int, (int (*)(void *), void *, int, void *, ...), "clone")
			FORK("one too many", call(ends, stack(), SIGCHLD, NULL));
		CALLS(pid_t, (int *, char *, const void *, const void *), "forkpty") {
			int m = -1;
			FORK("one too many", call(&m, NULL, NULL, NULL));
		}
		CALLS(int, (const char *), "system")
			CASE("one too many", call("true"));
		CALLS(FILE *, (const char *, const char *), "popen")
			CASE("one too many", call("true", "r"));
		CALLS(int, (int, int), "daemon")
			CASE("one too many", call(1, 1));
		CALLS(int, (pid_t *, const char *, const void *, const void *, char *const *, char *const *), "posix_spawn", "posix_spawnp")
			CASE("one too many", call(&pid, "/bin/true", NULL, NULL, argv, environ));
	}
}

static void beside(void)
{
	CALLS(int, (const char *), "system") {
		CASE("three", call("exit 3"));
		CASE("killed", call("kill -9 $$"));
		CASE("a shell is there", call(NULL));
		CASE("no such command", call("nosuchcommand 2>/dev/null"));
		FULL(0, call("exit 4"));
	}
	CALLS(int, (const char *, wordexp_t *, int), "wordexp") {
		wordexp_t we;
		CASE("a command", call("one $(echo two)", &we, 0));
		rows_note("%s", we.we_wordv[1]);
		CASE("no command", call("$(echo two)", &we, WRDE_NOCMD));
		CASE("not closed", call("$(echo", &we, 0));
	}
	CALLS(pid_t, (int *, char *, const void *, const void *), "forkpty") {
		int m = -1;
		FORK("a child", call(&m, NULL, NULL, NULL));
		rows_note("%d", m);
		rows_full(1);
		FORK("one number left", call(&m, NULL, NULL, NULL));
		rows_full(-1);
	}
	CALLS(int, (int), "login_tty") {
		BADFD(call(fd));
		IN_CHILD {
			CASE("no terminal", call(F_FILE));
		}
		IN_CHILD {
			CASE("a terminal", call(F_SLAVE));
		}
	}
	/* The daemon is our child's child: who waits for the end of a pipe it holds waits for it. */
	CALLS(int, (int, int), "daemon") {
		for (int how = 0; how < 2; how++) {
			int p[2];
			char c;
			pid_t pid;
			if (pipe(p) < 0 || (pid = fork()) < 0)
				return;
			if (pid == 0) {
				close(p[0]);
				CASE(how ? "stays where it is" : "as usual", call(how, how));
				_exit(0);
			}
			close(p[1]);
			while (read(p[0], &c, 1) > 0)
				;
			close(p[0]);
			waitpid(pid, NULL, 0);
		}
	}
}

static void spawning(void)
{
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)"exit $FDW_ROWS", NULL }, *const env[] = { (char *)"FDW_ROWS=9", NULL };
	posix_spawn_file_actions_t actions, wrong;
	pid_t pid = -1;
	int status;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclose(&actions, F_FILE);
	posix_spawn_file_actions_addopen(&actions, 7, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 7, 8);
	posix_spawn_file_actions_init(&wrong);
	posix_spawn_file_actions_addopen(&wrong, 7, "/missing", O_RDONLY, 0);
	CALLS(int, (pid_t *, const char *, const void *, const void *, char *const *, char *const *), "posix_spawn", "posix_spawnp") {
		CASE("nine", call(&pid, "/bin/sh", NULL, NULL, argv, env));
		rows_note("%d", waitpid(pid, &status, 0) == pid ? status : -1);
		CASE("file actions", call(&pid, "/bin/sh", &actions, NULL, argv, env));
		rows_note("%d", waitpid(pid, &status, 0) == pid ? status : -1);
		CASE("file actions that fail", call(&pid, "/bin/sh", &wrong, NULL, argv, env));
		CASE("in the path or not", call(NULL, "sh", NULL, NULL, argv, env));
		while (waitpid(-1, &status, 0) > 0)
			rows_note("%d", status);
		CASE("missing", call(&pid, "/missing", NULL, NULL, argv, env));
		CASE("no program", call(&pid, rows_dir, NULL, NULL, argv, env));
		CASE("no environment", call(&pid, "/bin/true", NULL, NULL, argv, NULL));
		while (waitpid(-1, &status, 0) > 0)
			rows_note("%d", status);
	}
}

/* Old programs' posix_spawn runs a file without #! by the shell. */
extern int old_spawn(pid_t *, const char *, const void *, const void *, char *const *, char *const *);
extern int old_spawnp(pid_t *, const char *, const void *, const void *, char *const *, char *const *);
__asm__(".symver old_spawn, posix_spawn@GLIBC_2.2.5\n.symver old_spawnp, posix_spawnp@GLIBC_2.2.5");

static void spawning_old(void)
{
	char *const argv[] = { (char *)"script", NULL };
	const char *script = fresh("script");
	FILE *f = fopen(script, "w");
	pid_t pid;
	int status;

	fputs("exit 6\n", f);
	fchmod(fileno(f), 0755);
	fclose(f);
	rows_name = "posix_spawn";
	CASE("a script without #!", posix_spawn(&pid, script, NULL, NULL, argv, environ));
	CASE("the same for an old program", old_spawn(&pid, script, NULL, NULL, argv, environ));
	while (waitpid(-1, &status, 0) > 0)
		rows_note("%d", status);
	rows_name = "posix_spawnp";
	CASE("a script without #!", posix_spawnp(&pid, script, NULL, NULL, argv, environ));
	CASE("the same for an old program", old_spawnp(&pid, script, NULL, NULL, argv, environ));
	while (waitpid(-1, &status, 0) > 0)
		rows_note("%d", status);
}

static pid_t ended_by(void (*call)(int), int status)
{
	pid_t pid = fork();

	if (pid == 0)
		call(status);
	return pid;
}

static void ending(void)
{
	CALLS(void, (int), "_exit", "_Exit", "exit", "quick_exit") {
		FORK("with 5", ended_by(call, 5));
		FORK("with 0", ended_by(call, 0));
		FORK("with -1", ended_by(call, -1));
	}
}

static int own_main(int argc, char **argv, char **envp)
{
	return argc + 10 * !argv[argc] + 20 * (envp == environ);
}

static pid_t started(int (*call)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *))
{
	char *argv[] = { (char *)"again", (char *)"x", NULL };
	pid_t pid = fork();

	if (pid == 0)
		call(own_main, 2, argv, NULL, NULL, NULL, argv);
	return pid;
}

static void stops(int signal) { raise(signal); _exit(5); }

/* How children ended, the same for every call that waits: one that exits, is killed, has stopped and goes on, NULL for the status. */
static pid_t (*waits)(pid_t, int *, int);

static void waiting(void)
{
	int status = 0;
	pid_t pid = ended_by(_exit, 9);

	CASE("exits", waits(pid, &status, 0) == pid ? status : -1);
	pid = ended_by((void (*)(int))(void *)raise, SIGKILL);
	CASE("killed", waits(pid, &status, 0) == pid ? status : -1);
	pid = ended_by(_exit, 8);
	CASE("no status wanted", waits(pid, NULL, 0) == pid);
	pid = ended_by(_exit, 7);
	CASE("bad address", waits(pid, NOWHERE, 0));
	CASE("nobody", waits(-1, &status, 0));
}

static pid_t (*any)(int *);
static pid_t (*any_more)(int *, int, struct rusage *);
static pid_t (*one)(pid_t, int *, int);
static pid_t (*one_more)(pid_t, int *, int, struct rusage *);
static pid_t by_any(pid_t pid, int *status, int options) { return any(status); }
static pid_t by_any_more(pid_t pid, int *status, int options) { return any_more(status, options, NULL); }
static pid_t by_one(pid_t pid, int *status, int options) { return one(pid, status, options); }
static pid_t by_one_more(pid_t pid, int *status, int options) { return one_more(pid, status, options, NULL); }

static void waiting_for_stops(void)
{
	int status = 0;
	pid_t pid = ended_by(stops, SIGSTOP);

	CASE("stopped", waits(pid, &status, WUNTRACED) == pid ? status : -1);
	CASE("nothing new", waits(pid, &status, WNOHANG));
	kill(pid, SIGCONT);
	CASE("and ends", waits(pid, &status, 0) == pid ? status : -1);
}

static void waiting_for_ids(int (*call)(idtype_t, id_t, siginfo_t *, int))
{
	siginfo_t info = { 0 };
	pid_t pid = ended_by(_exit, 6);
	int fd;

	CASE("is looked at", call(P_PID, pid, &info, WEXITED | WNOWAIT) ? -1 : info.si_status);
	CASE("exits", call(P_PID, pid, &info, WEXITED) ? -1 : info.si_status);
	pid = ended_by((void (*)(int))(void *)raise, SIGKILL);
	CASE("killed", call(P_ALL, 0, &info, WEXITED) ? -1 : info.si_code * 100 + info.si_status);
	pid = ended_by(_exit, 5);
	CASE("nothing wanted", call(P_PID, pid, NULL, WEXITED));
	pid = ended_by(_exit, 4);
	fd = (int)raw(SYS_pidfd_open, pid, 0, 0, 0, 0, 0);
	CASE("by its descriptor", fd < 0 ? 4 : call(3, fd, &info, WEXITED) ? -1 : info.si_status);
	raw(SYS_close, fd, 0, 0, 0, 0, 0);
	BADFD(call(3, fd, &info, WEXITED));
	CASE("no options", call(P_ALL, 0, &info, 0));
	CASE("nobody", call(P_ALL, 0, &info, WEXITED));
}

static void reaping(void)
{
	CALLS(pid_t, (int *), "wait", "__wait") {
		IN_CHILD {
			any = call, waits = by_any;
			waiting();
		}
	}
	CALLS(pid_t, (int *, int, struct rusage *), "wait3") {
		IN_CHILD {
			any_more = call, waits = by_any_more;
			waiting();
			waiting_for_stops();
		}
	}
	CALLS(pid_t, (pid_t, int *, int), "waitpid", "__waitpid") {
		IN_CHILD {
			one = call, waits = by_one;
			waiting();
			waiting_for_stops();
		}
	}
	CALLS(pid_t, (pid_t, int *, int, struct rusage *), "wait4") {
		IN_CHILD {
			one_more = call, waits = by_one_more;
			waiting();
			waiting_for_stops();
		}
	}
	CALLS(int, (idtype_t, id_t, siginfo_t *, int), "waitid") {
		IN_CHILD {
			waiting_for_ids(call);
		}
	}
}

static void rest(void)
{
	CALLS(int, (int), "unshare") {
		CASE("nothing", call(0));
		CASE("file system", call(CLONE_FS));
		CASE("bad flags", call(0x00000010));
		IN_CHILD {
			CASE("descriptors", call(CLONE_FILES));
			CASE("and goes on", open(path("file"), O_RDONLY));
		}
	}
	CALLS(int, (int, ...), "prctl") {
		char name[16] = "";
		CASE("a name", call(PR_SET_NAME, "rows", 0, 0, 0));
		CASE("is asked", call(PR_GET_NAME, name, 0, 0, 0));
		rows_note("%s", name);
		CASE("no such", call(9999, 0, 0, 0, 0));
		CASE("bad address", call(PR_SET_NAME, NOWHERE, 0, 0, 0));
		CASE("no new privileges", call(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	}
	CALLS(int, (int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *), "__libc_start_main") {
		FORK("once more", started(call));
	}
	CALLS(int, (int, int), "setns") {
		int ns = open("/proc/self/ns/uts", O_RDONLY);
		CASE("our own", call(ns, CLONE_NEWUTS));
		CASE("of another kind", call(ns, CLONE_NEWNET));
		close(ns);
		CASE("no namespace", call(F_FILE, 0));
		BADFD(call(fd, 0));
	}
}

/* Who we are stays or is given up, each in a child: what root gives up it does not get back. */
static void identities(void)
{
	gid_t one[1] = { 65534 };

	CALLS(int, (uid_t), "setuid", "setgid", "seteuid", "setegid") {
		IN_CHILD {
			CASE("nobody", call(65534));
			CASE("root again", call(0));
			CASE("no such number", call((uid_t)-1));
			CASE("and goes on", open(path("file"), O_RDONLY));
		}
	}
	CALLS(int, (uid_t, uid_t), "setreuid", "setregid") {
		IN_CHILD {
			CASE("as before", call(-1, -1));
			CASE("nobody", call(65534, 65534));
			CASE("root again", call(0, 0));
			CASE("and goes on", open(path("file"), O_RDONLY));
		}
	}
	CALLS(int, (uid_t, uid_t, uid_t), "setresuid", "setresgid") {
		IN_CHILD {
			CASE("for a while", call(-1, 65534, -1));
			CASE("as before", call(-1, 0, -1));
			CASE("nobody", call(65534, 65534, 65534));
			CASE("root again", call(0, 0, 0));
			CASE("and goes on", open(path("file"), O_RDONLY));
		}
	}
	IN_CHILD {
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
		CALLS(int, (uid_t, uid_t, uid_t), "setresuid", "setresgid") {
			CASE("with capabilities kept", call(65534, 65534, 65534));
			CASE("and goes on", open(path("file"), O_RDONLY));
		}
	}
	CALLS(int, (size_t, const gid_t *), "setgroups") {
		IN_CHILD {
			CASE("one", call(1, one));
			CASE("none", call(0, NULL));
			CASE("too many", call(1 << 20, one));
			CASE("bad address", call(1, NOWHERE));
			if (setresuid(65534, 65534, 65534) == 0)
				CASE("as nobody", call(0, NULL));
		}
	}
	CALLS(int, (const char *, gid_t), "initgroups") {
		IN_CHILD {
			CASE("root's", call("root", 0));
			CASE("nobody's", call("fdw-no-such-user", 65534));
			if (setresuid(65534, 65534, 65534) == 0)
				CASE("as nobody", call("root", 0));
		}
	}
}

void rows_processes(void)
{
	forking();
	beside();
	spawning();
	spawning_old();
	ending();
	reaping();
	rest();
	identities();
	refused();
}
