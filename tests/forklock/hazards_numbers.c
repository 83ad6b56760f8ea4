/*
 * tests/forklock/hazards_numbers.c: what a program notices of an interposer that looks around while it starts children: numbers and locks that are
 * touched, a /proc that is not its own, stacks with no room.
 */
#include <limits.h>
#include <mqueue.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include "hazards.h"

extern char **environ;
static _Atomic int stopping;

/* ---- the lowest free number ------------------------------------------------------------------------------------------------------------------*/

static char program[128], script[128];
static _Atomic long spawned;

static void put_file(const char *path, const char *from, const char *text)
{
	static char buf[1 << 20];
	int in = from ? open(from, O_RDONLY | O_CLOEXEC) : -1, out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t n = from ? read(in, buf, sizeof buf) : (ssize_t)strlen(text);

	need(out >= 0 && n > 0 && n < (ssize_t)sizeof buf && write(out, from ? buf : text, (size_t)n) == n && close(out) == 0);
	need(!from || close(in) == 0);
}

static void make_programs(void)
{
	char held[PATH_MAX];

	snprintf(held, sizeof held, "%s/held", own_folder());
	snprintf(program, sizeof program, "%s/numbers.%d", scratch(), (int)getpid());
	snprintf(script, sizeof script, "%s/numbers.%d.sh", scratch(), (int)getpid());
	put_file(program, held, NULL);
	put_file(script, NULL, "#!/bin/true -x\n");
}

static void remove_programs(void)
{
	unlink(program);
	unlink(script);
}

static int spawn(const char *path)
{
	char *argv[] = { (char *)path, NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, path, NULL, NULL, argv, environ))
		return -1;
	need(waitpid(pid, &status, 0) == pid);
	return 0;
}

/* Programs that were not seen before, each time. */
static void *spawns(void *arg)
{
	for (unsigned i = 0; !stopping; i++) {
		need(chmod(program, i & 1 ? 0755 : 0700) == 0);
		need(spawn(i % 4 == 3 ? script : program) == 0);
		need(spawn("/nonexistent/program") < 0);
		spawned++;
	}
	return arg;
}

static void *spawns_failing(void *arg)
{
	while (!stopping) {
		char *argv[] = { (char *)"none", NULL };
		execve("/proc/self/cmdline", argv, environ); /* not executable */
		nap_us(50);
	}
	return arg;
}

/* N is the lowest free number for a moment: open gets it, and what dup2 puts there stays, whoever starts children. */
#define N 40
static int lowest(void)
{
	uint64_t until;
	pthread_t t[2];
	long other = 0, gone = 0;

	make_programs();
	for (int i = 3; i < 60; i++)
		if (fcntl(i, F_GETFD) < 0)
			need(fcntl(null, F_DUPFD_CLOEXEC, i) == i);
	in_thread(&t[0], spawns, NULL);
	in_thread(&t[1], spawns_failing, NULL);
	while (!spawned)
		nap_us(200);
	until = now_us() + 700000;
	for (unsigned i = 0; now_us() < until || spawned < 20; i++) {
		close(N);
		if (i & 1) {
			int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
			other += fd != N;
			if (fd != N)
				need(dup3(fd, N, O_CLOEXEC) == N && close(fd) == 0);
		} else {
			spin_us(1);
			need(dup3(null, N, O_CLOEXEC) == N);
			spin_us(5);
			gone += kernel_flag(N) < 0;
			if (kernel_flag(N) < 0)
				need(dup3(null, N, O_CLOEXEC) == N);
		}
	}
	stopping = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	outcome("%ld of them another number, %ld closed by somebody else", other, gone);
	remove_programs();
	return 0;
}

/* ---- record locks ------------------------------------------------------------------------------------------------------------------------------*/

static void *idle(void *arg)
{
	while (!stopping)
		nap_us(1000);
	return arg;
}

/* Whether another process would have to wait for a lock on the file. */
static int locked(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		int fd = open(path, O_RDWR | O_CLOEXEC);
		_exit(fd < 0 || fcntl(fd, F_GETLK, &l) ? 9 : l.l_type != F_UNLCK);
	}
	need(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 9);
	return WEXITSTATUS(status);
}

/* Any close of a file by its process ends the process's locks on it: with a thread and without, by spawn and by exec that fails, by a script. */
static int record_locks(void)
{
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	char *argv[] = { (char *)"x", NULL };
	int fd, kept = 0;
	pthread_t t;

	make_programs();
	put_file(script, NULL, "#!/nonexistent/interpreter\n");
	for (int threads = 0; threads < 2; threads++) {
		if (threads)
			in_thread(&t, idle, NULL);
		for (int which = 0; which < 2; which++) {
			const char *path = which ? script : program;
			need((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0 && fcntl(fd, F_SETLK, &l) == 0);
			kept += locked(path);
			spawn(path);
			kept += locked(path);
			need(chmod(path, 0600) == 0 && (geteuid() == 0 || access(path, X_OK)) && execve(path, argv, environ) < 0);
			kept += locked(path);
			need(chmod(path, 0755) == 0 && close(fd) == 0);
		}
	}
	stopping = 1;
	pthread_join(t, NULL);
	outcome("kept %d of 12", kept);
	remove_programs();
	return 0;
}

/* ---- /proc that is missing, or another's ---------------------------------------------------------------------------------------------------------*/

static _Atomic int in_gap;

static void *makes_slowly(void *arg)
{
	while (!stopping) {
		int fd = dup(null);
		in_gap = fd;
		spin_us(5000);
		need(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
		in_gap = -1;
		need(close(fd) == 0);
		spin_us(1000);
	}
	return arg;
}

/* Children that look for themselves: nothing can be exec'd there. */
static void children_in_gaps(_Atomic long *counts)
{
	pthread_t t;

	in_gap = -1;
	in_thread(&t, makes_slowly, NULL);
	for (int i = 0; i < 60; i++) {
		int status, fd;
		pid_t pid;

		while ((fd = in_gap) < 0)
			;
		nap_us(500);
		pid = fork();
		if (pid == 0)
			_exit(kernel_flag(fd) == 0);
		need(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
		counts[0]++;
		counts[1] += WEXITSTATUS(status);
	}
	stopping = 1;
	pthread_join(t, NULL);
}

/* In a process of its own, as alone as `leave` makes it. */
static int without_proc(int (*leave)(void))
{
	_Atomic long *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	need(counts != MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		int r = leave();
		if (r == 0)
			children_in_gaps(counts);
		_exit(r);
	}
	need(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	children = counts[0];
	leaks = counts[1];
	outcome("%ld children", children);
	return WEXITSTATUS(status);
}

static int to_an_empty_root(void)
{
	char root[128];
	int r;

	snprintf(root, sizeof root, "%s/root.%d", scratch(), (int)getpid());
	need(mkdir(root, 0700) == 0 && chdir(root) == 0 && rmdir(root) == 0);
	r = chroot(".");
	return r ? SKIP : 0;
}

/* The process that goes on is the first of a new pid namespace; /proc shows the old one. */
static int to_another_namespace(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return SKIP;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return 0;
	}
	need(waitpid(pid, &status, 0) == pid);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 9);
}

static int proc_missing(void) { return without_proc(to_an_empty_root); }
static int proc_of_others(void) { return without_proc(to_another_namespace); }

/* ---- a signal stack with no room to spare --------------------------------------------------------------------------------------------------------*/

static int way; /* what the handler does */
static _Atomic int handled;
static sigjmp_buf away;

static void child_ends(pid_t pid)
{
	int status;

	if (pid == 0)
		_exit(0);
	need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static const char *const in_handler[] = { "fork", "_Fork", "vfork", "dup", "open" };

static void on_small_stack(int sig)
{
	int fd;

	switch (way) {
	case 0: child_ends(fork()); break;
	case 1: child_ends(_Fork()); break;
	case 2: child_ends(vfork()); break;
	case 3:
		fd = dup(null);
		need(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && close(fd) == 0);
		break;
	case 4: need(close(open("/dev/null", O_RDONLY)) == 0); break;
	}
	handled++;
}

/* A stack of that size between two pages that nobody may touch: it ends, or begins, at the page's border. */
static void small_stack(size_t size)
{
	size_t whole = (size + 4095) & ~(size_t)4095;
	char *m = mmap(NULL, whole + 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t ss = { .ss_sp = m + 4096, .ss_size = size };

	need(m != MAP_FAILED && mprotect(m + 4096, whole, PROT_READ | PROT_WRITE) == 0 && sigaltstack(&ss, NULL) == 0);
}

static void catch(void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
	need(sigaction(SIGUSR1, &sa, NULL) == 0);
}

static void *signals_itself(void *arg)
{
	small_stack(getauxval(AT_MINSIGSTKSZ) + *(size_t *)arg);
	for (int i = 0; i < 12; i++) {
		need(raise(SIGUSR1) == 0);
		nap_us(500);
	}
	return NULL;
}

/* Two threads at once, in handlers, while three make descriptors and take their time: how many bytes more than the kernel asks for are enough. */
static int survives(int which, size_t spare)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t[2];
		alarm(30);
		way = which;
		catch(on_small_stack, SA_ONSTACK);
		makers_go(3, 5000);
		for (int i = 0; i < 2; i++)
			in_thread(&t[i], signals_itself, &spare);
		for (int i = 0; i < 2; i++)
			pthread_join(t[i], NULL);
		_exit(handled == 24 ? 0 : 8);
	}
	need(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int signal_stack(void)
{
	for (int i = 0; i < (int)COUNT(in_handler); i++)
		outcome("%s %s ", in_handler[i], survives(i, 512) ? "works" : "fails");
	return 0;
}

/* ---- handlers that leave the wait of a start ------------------------------------------------------------------------------------------------------*/

static void leaves(int sig) { siglongjmp(away, 1); }

/* More often than there is room for what is left behind, at several depths and on both stacks; afterwards starts wait as before. */
__attribute__((noinline)) static int deeper(int n)
{
	volatile char room[512];

	room[0] = (char)n;
	if (n)
		return deeper(n - 1) + room[0];
	child_ends(way ? vfork() : _Fork()); /* a fork left by a jump keeps libc's locks */
	return 0;
}

static int jump_from_start(void)
{
	struct itimerval never = { { 0, 0 }, { 0, 0 } }, soon = { { 0, 0 }, { 0, 1000 } };
	struct sigaction sa = { .sa_handler = leaves, .sa_flags = SA_ONSTACK };

	sigset_t set;

	small_stack(65536);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	need(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0); /* the makers' stacks are not where to jump */
	makers_go(3, 5000);
	need(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
	for (volatile int i = 0; i < 200; i++) {
		sa.sa_flags = i & 1 ? SA_ONSTACK : 0;
		need(sigaction(SIGALRM, &sa, NULL) == 0);
		if (sigsetjmp(away, 1) == 0) {
			need(setitimer(ITIMER_REAL, &soon, NULL) == 0);
			way = i >> 1 & 1;
			deeper(i % 50);
		}
		need(setitimer(ITIMER_REAL, &never, NULL) == 0);
	}
	alarm(100);
	need(signal(SIGALRM, SIG_DFL) != SIG_ERR);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	for (int i = 0; i < 40; i++)
		need(start_one(i & 1 ? "vfork" : "fork") >= 0);
	makers_stop();
	outcome("%ld children", children);
	return 0;
}

/* ---- closes that somebody notices ----------------------------------------------------------------------------------------------------------------*/

static _Atomic int notified;
static void notify(int number) { (void)number; notified++; }

/* A queue forgets whom to notify at any close of it by the process that asked, be it of a copy. */
static int message_queue(void)
{
	struct mq_attr small = { .mq_maxmsg = 4, .mq_msgsize = 16 };
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	char name[32];
	mqd_t q;

	snprintf(name, sizeof name, "/forklock.%d", (int)getpid());
	q = mq_open(name, O_RDWR | O_CREAT, 0600, &small);
	if (q < 0)
		return SKIP;
	need(mq_unlink(name) == 0 && signal(SIGUSR1, notify) != SIG_ERR && mq_notify(q, &e) == 0);
	makers_go(1, 100);
	for (int i = 0; i < 20; i++) {
		pid_t pid;
		char *const argv[] = { (char *)"true", NULL };
		need(i & 1 ? (pid = fork()) >= 0 : posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0);
		if (pid == 0)
			_exit(0);
		need(waitpid(pid, NULL, 0) == pid);
	}
	makers_stop();
	need(mq_send(q, "x", 1, 0) == 0);
	for (int i = 0; i < 100 && !notified; i++)
		nap_us(1000);
	outcome("notified %d", (int)notified);
	return 0;
}

const struct hazard number_hazards[] = {
	{ "lowest", lowest, 0 }, { "record-locks", record_locks, 0 }, { "proc-missing", proc_missing, 1 }, { "proc-of-others", proc_of_others, 1 },
	{ "signal-stack", signal_stack, 0 }, { "jump-from-start", jump_from_start, 1 },
	{ "message-queue", message_queue, 0 }, { 0 },
};
