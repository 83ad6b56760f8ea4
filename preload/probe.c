/*
 * preload/probe.c: see probe.h.
 *
 * Reading /proc takes a descriptor, and the lowest free number is the program's: another thread may be closing and opening it at this
 * moment. So the reading is done by a thread that is not the program's and has a descriptor table of its own (clone without CLONE_FILES):
 * we sleep until it ended (CLONE_VFORK). It takes no signal, shares nothing it writes but the answer, and is nobody's child.
 *
 * Context: any thread, handlers. Signals are blocked for the time of it, so that none is delivered to the helper.
 */
#include <sched.h>
#include "probe.h"
#include "poison.h"

#define STACK 1536
#define SIGSET_BYTES 8

struct job { struct fdw_probe *probe; unsigned n; int failed; };

long fdw_aside(unsigned long flags, void (*fn)(void *), void *arg, void *top); /* on_stack.S */

static char *decimal(char *p, uint32_t n)
{
	char digits[10];
	int i = 0;

	do digits[i++] = (char)('0' + n % 10); while (n /= 10);
	while (i)
		*p++ = digits[--i];
	return p;
}

/* Behind the last parenthesis: the name before it may contain anything. */
static char state_in(const char *stat, long n)
{
	while (n > 0 && stat[n - 1] != ')')
		n--;
	return n > 0 ? stat[n + 1] : 0;
}

static char state_of(uint32_t tid, int *failed)
{
	char buf[192] = "/proc/self/task/", *p = decimal(buf + 16, tid);
	long fd, n;

	memcpy(p, "/stat", 6);
	fd = fdw_raw(SYS_openat, (long)AT_FDCWD, buf, (long)(O_RDONLY | O_CLOEXEC), 0L);
	if (fd == -ENOENT)
		return 'X';
	if (fd < 0)
		return *failed = 1, 0;
	n = fdw_raw(SYS_read, fd, buf, sizeof buf - 2);
	fdw_raw(SYS_close, fd);
	if (n == -ESRCH)
		return 'X';
	if (n <= 0)
		return *failed = 1, 0;
	buf[n] = buf[n + 1] = 0;
	return state_in(buf, n);
}

/* In the helper: no errno, no thread-local of its own. */
static void read_states(void *p)
{
	struct job *job = p;

	for (unsigned i = 0; i < job->n; i++)
		job->probe[i].state = state_of(job->probe[i].tid, &job->failed);
}

/* The clock of another thread's CPU time: as libc's pthread_getcpuclockid makes it, from the kernel's numbering of clocks. */
static uint64_t cpu_of(uint32_t tid)
{
	struct timespec t;

	if (fdw_raw(SYS_clock_gettime, (long)(int32_t)(~tid << 3 | 6), &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int fdw_probe(struct fdw_probe *probe, unsigned n)
{
	_Alignas(16) char stack[STACK];
	struct job job = { probe, n, 0 };
	uint64_t all = UINT64_MAX, mask;
	long r;

	for (unsigned i = 0; i < n; i++)
		probe[i].cpu = cpu_of(probe[i].tid);
	if (fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &all, &mask, (long)SIGSET_BYTES) != 0)
		return 0;
	r = fdw_aside(CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_VFORK, read_states, &job, stack + sizeof stack);
	fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &mask, NULL, (long)SIGSET_BYTES);
	return r > 0 && !job.failed;
}
