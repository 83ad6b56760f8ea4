/* tests/forklock/ways.c: every way to start a child, one function each. See forklock.h. */
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/sched.h>
#include "forklock.h"

#define STACK (64 << 10)

/* In a child that runs the program's code: what the parent's thread made without close-on-exec is so for it, before any exec. */
static void become_held(struct starter *s)
{
	if (s->asked >= 0 && fcntl(s->asked, F_GETFD) != 0)
		_exit(71);
	execve(s->argv[0], s->argv, environ);
	_exit(127);
}

static pid_t by_fork(struct starter *s)
{
	pid_t pid = fork();

	if (pid == 0)
		become_held(s);
	return pid;
}

static pid_t by__Fork(struct starter *s)
{
	pid_t pid = _Fork();

	if (pid == 0)
		become_held(s);
	return pid;
}

static pid_t by_vfork(struct starter *s)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execve(s->argv[0], s->argv, environ);
		_exit(127);
	}
	return pid;
}

static int in_clone(void *s) { become_held(s); return 127; }
static pid_t by_clone(struct starter *s) { return clone(in_clone, s->stack + STACK, SIGCHLD, s); }
static pid_t by_clone_vfork(struct starter *s) { return clone(in_clone, s->stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, s); }

static pid_t by_sys_clone(struct starter *s)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		become_held(s);
	return pid;
}

static pid_t by_sys_clone3(struct starter *s)
{
	struct clone_args a = { .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof a);

	if (pid == 0)
		become_held(s);
	return pid;
}

#if defined(SYS_fork)
static pid_t by_sys_fork(struct starter *s)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0)
		become_held(s);
	return pid;
}
#endif

/* A forker that nobody can see: it may lose what it was handed while a section is open, but it must not leak. */
static pid_t by_unseen(struct starter *s)
{
	long pid;
#if defined(__x86_64__)
	__asm__ volatile("xorl %%r10d, %%r10d\n\txorl %%r8d, %%r8d\n\tsyscall" : "=a"(pid)
	                 : "a"((long)SYS_clone), "D"((long)SIGCHLD), "S"(0L), "d"(0L) : "rcx", "r8", "r10", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_clone, x0 __asm__("x0") = SIGCHLD, x1 __asm__("x1") = 0, x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0, x4 __asm__("x4") = 0;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	pid = x0;
#else
#error "a system call without libc, please"
#endif
	if (pid == 0)
		become_held(s);
	return (pid_t)pid;
}

static pid_t by_posix_spawn(struct starter *s)
{
	pid_t pid;

	return posix_spawn(&pid, s->argv[0], NULL, NULL, s->argv, environ) ? -1 : pid;
}

static pid_t by_posix_spawnp(struct starter *s)
{
	pid_t pid;

	return posix_spawnp(&pid, s->argv[0], NULL, NULL, s->argv, environ) ? -1 : pid;
}

static pid_t by_popen(struct starter *s)
{
	FILE *f = popen(s->command, "r");

	return f && pclose(f) == 0 ? 0 : -1;
}

static pid_t by_system(struct starter *s) { return system(s->command) == 0 ? 0 : -1; }

/* The terminal must stay: its end would be the child's. */
static pid_t by_forkpty(struct starter *s)
{
	pid_t pid = forkpty(&s->terminal, NULL, NULL, NULL);

	if (pid == 0)
		become_held(s);
	return pid;
}

/* Back in the child of daemon(), with this thread alone. */
static pid_t by_daemon(struct starter *s)
{
	if (daemon(1, 1) == 0)
		become_held(s);
	return -1;
}

static pid_t by_exec(struct starter *s) { execve(s->argv[0], s->argv, environ); return -1; }
static pid_t by_execvp(struct starter *s) { execvp(s->argv[0], s->argv); return -1; }
static pid_t by_execl(struct starter *s)
{
	execl(s->argv[0], s->argv[0], s->argv[1], s->argv[2], s->argv[3], s->argv[4], s->argv[5], (char *)NULL);
	return -1;
}
static pid_t by_sys_execve(struct starter *s) { return (pid_t)syscall(SYS_execve, s->argv[0], s->argv, environ); }

#define FORKS(name) { #name, by_##name, 0, 1 }
#define STARTS(name) { #name, by_##name, 0, 0 }
#define WHOLE(name) { #name, by_##name, 1, 0 }
const struct way ways[] = {
	FORKS(fork), STARTS(vfork), FORKS(_Fork), FORKS(clone), STARTS(clone_vfork), STARTS(posix_spawn), STARTS(posix_spawnp), STARTS(popen),
	STARTS(system), FORKS(forkpty), FORKS(sys_clone), FORKS(sys_clone3),
#if defined(SYS_fork)
	FORKS(sys_fork),
#endif
	{ "unseen", by_unseen, 0, 0 },
	WHOLE(daemon), WHOLE(exec), WHOLE(execvp), WHOLE(execl), WHOLE(sys_execve),
};
const size_t ways_count = COUNT(ways);

const struct way *way_named(const char *name)
{
	for (size_t i = 0; i < ways_count; i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	return NULL;
}

/* ---- starters -----------------------------------------------------------------------------------------------------------------------*/
void starters_begin(struct starter *all, int n)
{
	static char held[256];

	snprintf(held, sizeof held, "%s/held", own_folder());
	for (int i = 0; i < n; i++) {
		struct starter *s = &all[i];
		int p[2];
		need(pipe2(p, O_CLOEXEC) == 0);
		*s = (struct starter){ .base = 3 + n, .asked = -1, .read_end = quiet(p[0]), .write_end = 3 + i };
		p[1] = quiet(p[1]);
		need(dup2(p[1], s->write_end) == s->write_end);
		close(p[1]);
		s->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
		need(s->stack != MAP_FAILED);
		snprintf(s->result_text, sizeof s->result_text, "%d", s->write_end);
		snprintf(s->base_text, sizeof s->base_text, "%d", s->base);
		s->argv[0] = held;
		s->argv[1] = s->result_text;
		s->argv[2] = s->base_text;
		starter_asks(s, -1, NULL);
	}
}

void starter_asks(struct starter *s, int fd, const struct stat *object)
{
	s->asked = fd;
	s->argv[3] = NULL;
	if (fd >= 0) {
		snprintf(s->fd_text, sizeof s->fd_text, "%d", fd);
		snprintf(s->dev_text, sizeof s->dev_text, "%llu", (unsigned long long)object->st_dev);
		snprintf(s->ino_text, sizeof s->ino_text, "%llu", (unsigned long long)object->st_ino);
		s->argv[3] = s->fd_text;
		s->argv[4] = s->dev_text;
		s->argv[5] = s->ino_text;
	}
	snprintf(s->command, sizeof s->command, "exec %s %s %s %s %s %s", s->argv[0], s->result_text, s->base_text, fd < 0 ? "" : s->fd_text,
	         fd < 0 ? "" : s->dev_text, fd < 0 ? "" : s->ino_text);
}

int starter_result(struct starter *s, struct held_report *r)
{
	struct pollfd p = { .fd = s->read_end, .events = POLLIN };

	if (poll(&p, 1, 20000) != 1 || read(s->read_end, r, sizeof *r) != sizeof *r)
		return -1;
	return 0;
}

int starter_child(struct starter *s, const struct way *w, struct held_report *r)
{
	int status;
	pid_t pid = w->start(s);

	if (pid < 0)
		return -1;
	if (pid > 0 && waitpid(pid, &status, 0) != pid)
		return -1;
	if (s->terminal > 0) {
		close(s->terminal);
		s->terminal = 0;
	}
	if (pid > 0 && status)
		return -1;
	return starter_result(s, r);
}
