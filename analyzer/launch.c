/*
 * analyzer/launch.c: see launch.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "analyzer/child_env.h"
#include "analyzer/commands.h"
#include "analyzer/launch.h"
#include "analyzer/say.h"

#define TICK_NS 100000000

/* When we came. SIGCHLD among them: nobody could be waited for; the program gets it back as it was. */
static sigset_t ignored;
/*
 * Who reads our messages may go away (| head): that ends neither the recording nor what is tidied up; where no larger file may be written is a
 * sentence, not a death. The program gets both as they were.
 */
static const int unwanted[] = { SIGPIPE, SIGXFSZ };
#define UNWANTED (sizeof unwanted / sizeof *unwanted)
/* These ask the command to stop, where they would have ended the program: neither ignored nor blocked when we came. */
static const int stopping[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define STOPPING (sizeof stopping / sizeof *stopping)
static const struct timespec no_time;

void launch_guard_stdio(void)
{
	int fd;

	for (int i = 0; i < 3; i++)
		if (fcntl(i, F_GETFD) < 0 && errno == EBADF) {
			/* The wrong way round: who writes to a closed stdout shall be told. */
			fd = open("/dev/null", (i ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
			if (fd != i && fd >= 0) {
				dup3(fd, i, O_CLOEXEC);
				close(fd);
			}
		}
}

static struct rlimit given; /* RLIMIT_NOFILE as we were started with */

void launch_raise_limit(void)
{
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, &given) != 0)
		return;
	raised = given;
	/* Daemons close every number up to the limit when they start: no more than they need. */
	raised.rlim_cur = given.rlim_max < 4096 ? given.rlim_max : 4096;
	if (given.rlim_cur < raised.rlim_cur)
		setrlimit(RLIMIT_NOFILE, &raised);
}

int launch_exec(const char *path, char *const *argv, char **env)
{
	if (!env)
		return ENOMEM;
	if (given.rlim_max)
		setrlimit(RLIMIT_NOFILE, &given);
	execve(path, argv, env);
	return errno;
}

int launch_failed(const char *path, int error)
{
	static const struct { int error; const char *hint; } hints[] = {
		{ ENOEXEC, "; a script needs a #! line" }, { E2BIG, "; the arguments and the environment together are too long" },
		{ EACCES, "; is it executable, and its file system not mounted noexec?" }, { ETXTBSY, "; somebody is writing to it" },
		{ ENOENT, "; it, or the interpreter it names, is not there" },
	};
	const char *hint = "";

	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (hints[i].error == error)
			hint = hints[i].hint;
	say("cannot run %s: %s%s", path, strerror(error), hint);
	return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
}

/* ---- start ---------------------------------------------------------------------------------------------------------*/

/* Pipes out of the way of 0-9, close-on-exec. */
static int make_pipe(int p[2])
{
	if (pipe2(p, O_CLOEXEC) != 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		int high = fcntl(p[i], F_DUPFD_CLOEXEC, 10);
		if (high < 0)
			return -1;
		close(p[i]);
		p[i] = high;
	}
	return 0;
}

static void note_ignored(void)
{
	struct sigaction act;

	sigemptyset(&ignored);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sigaction(sig, NULL, &act) == 0 && act.sa_handler == SIG_IGN)
			sigaddset(&ignored, sig);
}

static void take_signals(struct launch *l)
{
	sigset_t all, pending;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &l->mask);
	note_ignored();
	/* What is ignored from here on, or was, is pending no longer: the program gets it back (give_signals). */
	sigpending(&pending);
	sigandset(&l->pending, &pending, &l->mask);
	sigemptyset(&l->stopping);
	for (size_t i = 0; i < STOPPING; i++)
		if (!sigismember(&ignored, stopping[i]) && !sigismember(&l->mask, stopping[i]))
			sigaddset(&l->stopping, stopping[i]);
	if (sigismember(&ignored, SIGCHLD))
		signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < UNWANTED; i++)
		signal(unwanted[i], SIG_IGN);
}

static void give_signals(const struct launch *l)
{
	sigset_t ours;

	/* A signal that is blocked is not ignored but waits: it was ours. */
	sigemptyset(&ours);
	for (size_t i = 0; i < UNWANTED; i++)
		sigaddset(&ours, unwanted[i]);
	while (sigtimedwait(&ours, NULL, &no_time) > 0)
		;
	if (sigismember(&ignored, SIGCHLD))
		signal(SIGCHLD, SIG_IGN);
	for (size_t i = 0; i < UNWANTED; i++)
		if (!sigismember(&ignored, unwanted[i]))
			signal(unwanted[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &l->mask, NULL);
	for (size_t i = 0; i < UNWANTED; i++)
		if (sigismember(&l->pending, unwanted[i]))
			kill(getpid(), unwanted[i]);
	if (sigismember(&l->pending, SIGCHLD) && sigismember(&ignored, SIGCHLD))
		kill(getpid(), SIGCHLD);
}

static int read_all(int fd, void *to, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = read(fd, (char *)to + at, n - at);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -1;
		at += (size_t)r;
	}
	return 0;
}

static int write_all(int fd, const void *from, size_t n)
{
	return write(fd, from, n) == (ssize_t)n ? 0 : -1; /* less than PIPE_BUF */
}

/* What the parent learns only after the fork. */
struct orders { struct child_env env; char record[128]; };

static void __attribute__((noreturn)) be_child(const struct launch *l, const char *path, char *const *argv)
{
	struct orders o;
	int error;

	if (read_all(l->gate, &o, sizeof o) != 0)
		_exit(EXIT_FDWARDEN); /* cancelled */
	if (o.env.record)
		o.env.record = o.record;
	give_signals(l);
	error = launch_exec(path, argv, child_env_build(&o.env));
	(void)!write_all(l->failure, &error, sizeof error);
	_exit(EXIT_CANNOT_EXEC);
}

static void send_on(const struct launch *l, const siginfo_t *si)
{
	if (si->si_code == SI_QUEUE)
		sigqueue(l->pid, si->si_signo, si->si_value);
	else
		kill(l->pid, si->si_signo);
}

/*
 * What the kernel sends (the terminal's Ctrl-C, a window's new size) it sends to the program too. What somebody sends to the command is
 * meant for the program, unless the program itself sent it, to its group. Alarms set before we were exec'd are the program's. Faults of our own are not
 * waited for: the kernel does not mind that they are blocked. SIGPIPE, which is ours when we write where nobody reads, comes with our own pid.
 */
static void forward(const struct launch *l, const siginfo_t *si)
{
	int alarm = si->si_signo == SIGALRM || si->si_signo == SIGVTALRM || si->si_signo == SIGPROF;

	if (si->si_signo == SIGCHLD || si->si_signo == SIGCONT || si->si_pid == l->pid || si->si_pid == getpid())
		return;
	if (si->si_code <= 0 || alarm)
		send_on(l, si);
}

/* Who blocked a signal before he exec'd us finds it pending in the program, whoever sent it: a child would not inherit it. */
static void hand_over_pending(const struct launch *l)
{
	siginfo_t si;

	while (sigtimedwait(&l->mask, &si, &no_time) > 0)
		send_on(l, &si);
}

/*
 * What came while we started, before the program's first instruction: blocked, it is pending there; ignored, it is gone, and must not meet a handler
 * that the program installs later. The rest goes to the program when it runs.
 */
static void settle_signals(const struct launch *l)
{
	sigset_t settled;
	siginfo_t si;

	sigorset(&settled, &l->mask, &ignored);
	while (sigtimedwait(&settled, &si, &no_time) > 0)
		if (sigismember(&l->mask, si.si_signo))
			forward(l, &si);
}

int launch_fork(struct launch *l, const char *path, char *const *argv)
{
	int gate[2], failure[2];

	memset(l, 0, sizeof *l);
	if (make_pipe(gate) != 0 || make_pipe(failure) != 0)
		return -1;
	take_signals(l);
	l->pid = fork();
	if (l->pid == 0) {
		close(gate[1]);
		close(failure[0]);
		l->gate = gate[0];
		l->failure = failure[1];
		be_child(l, path, argv);
	}
	close(gate[0]);
	close(failure[1]);
	l->gate = gate[1];
	l->failure = failure[0];
	if (l->pid < 0)
		return -1;
	hand_over_pending(l);
	return 0;
}

static void reap(struct launch *l)
{
	while (waitpid(l->pid, &l->status, 0) < 0 && errno == EINTR)
		;
}

int launch_go(struct launch *l, const struct child_env *env)
{
	struct orders o = { .env = *env }; /* strings are where they were: the child is a copy */
	int error = 0;

	if (env->record)
		snprintf(o.record, sizeof o.record, "%s", env->record);
	settle_signals(l);
	(void)!write_all(l->gate, &o, sizeof o);
	close(l->gate);
	if (read_all(l->failure, &error, sizeof error) != 0)
		error = 0;
	close(l->failure);
	if (error)
		reap(l);
	return error;
}

/* The core, if there is to be one, is the program's; neither a file nor a pipe gets ours. */
static void no_core(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

void launch_cancel(struct launch *l)
{
	close(l->gate);
	close(l->failure);
	reap(l);
	no_core();
	give_signals(l);
}

void launch_no_process(void)
{
	struct rlimit r;

	/* EINVAL is F_DUPFD's word for a number beyond the limit. */
	if ((errno == EMFILE || errno == EINVAL) && getrlimit(RLIMIT_NOFILE, &r) == 0)
		say("cannot start a process: the limit of open files is %lu, and that is too low: raise it with ulimit -n", (unsigned long)r.rlim_cur);
	else
		say("cannot start a process: %s", strerror(errno));
}

/* ---- while it runs -------------------------------------------------------------------------------------------------*/

static int is_stopped(pid_t pid)
{
	char path[32], stat[256], *name_end;
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
	if (fd >= 0)
		close(fd);
	stat[n > 0 ? n : 0] = 0;
	name_end = strrchr(stat, ')'); /* a name may have brackets of its own */
	return name_end && name_end[1] == ' ' && name_end[2] == 'T';
}

/*
 * Whoever stops the program by its process id continues it by that, and does not know of us: nobody but its parent, who is stopped, is told. So
 * somebody looks while we are stopped, and continues us until we are there to end him. In a session of his own: what stops our group leaves him.
 */
static pid_t start_watcher(pid_t program)
{
	struct timespec interval = { 0, TICK_NS };
	pid_t command = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	close_range(0, ~0u, 0);
	while (getppid() == command) {
		if (!is_stopped(program))
			kill(command, SIGCONT);
		nanosleep(&interval, NULL);
	}
	_exit(0);
}

static void end_watcher(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* By the signal that stopped the program, for the shell tells it; the terminal's do not stop a group that nobody would continue. */
static void stop_by(int sig)
{
	struct sigaction standard = { .sa_handler = SIG_DFL }, old = standard;
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, sig);
	sigaction(sig, &standard, &old);
	kill(getpid(), sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);
	sigaction(sig, &old, NULL);
}

/*
 * The shell sees the job stop when we do. Continued by anybody but our watcher, we continue the program unless that happened with us: SIGCONT waits in
 * our blocked set, and says who sent it.
 */
static void stop_with(const struct launch *l, int sig)
{
	pid_t watcher = start_watcher(l->pid);
	sigset_t one;
	siginfo_t si;

	stop_by(sig);
	sigemptyset(&one);
	sigaddset(&one, SIGCONT);
	if (sigtimedwait(&one, &si, &no_time) == SIGCONT && si.si_pid != watcher && is_stopped(l->pid))
		kill(l->pid, SIGCONT);
	end_watcher(watcher);
}

/* 1: it ended. */
static int look_at_child(struct launch *l)
{
	int status;
	pid_t r;

	while ((r = waitpid(l->pid, &status, WNOHANG | WUNTRACED)) == l->pid) {
		if (!WIFSTOPPED(status)) {
			l->status = status;
			return 1;
		}
		stop_with(l, WSTOPSIG(status));
	}
	return r < 0 && errno == ECHILD;
}

void launch_wait(struct launch *l, void (*tick)(void *), void *arg)
{
	struct timespec interval = { 0, TICK_NS };
	siginfo_t si;
	sigset_t set;
	int sig;

	sigfillset(&set);
	while (!look_at_child(l)) {
		sig = tick ? sigtimedwait(&set, &si, &interval) : sigwaitinfo(&set, &si);
		if (sig > 0)
			forward(l, &si);
		else if (tick && errno == EAGAIN)
			tick(arg);
	}
}

int launch_pause(const struct launch *l, int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	return sigtimedwait(&l->stopping, NULL, &t) > 0;
}

/* ---- the end -------------------------------------------------------------------------------------------------------*/

/* What a shell would make of it. */
static int exit_code(const struct launch *l)
{
	return WIFSIGNALED(l->status) ? 128 + WTERMSIG(l->status) : WEXITSTATUS(l->status);
}

void launch_imitate(const struct launch *l)
{
	sigset_t one;
	int sig;

	fflush(NULL);
	if (WIFSIGNALED(l->status)) {
		sig = WTERMSIG(l->status);
		no_core();
		signal(sig, SIG_DFL);
		sigemptyset(&one);
		sigaddset(&one, sig);
		sigprocmask(SIG_UNBLOCK, &one, NULL);
		kill(getpid(), sig);
	}
	_exit(exit_code(l));
}
