/*
 * preload/probe.c: see probe.h.
 *
 * What /proc says is believed only when it is this process's own: it may be missing (a chroot), or show another pid namespace, where our
 * thread's numbers are nobody's or somebody else's. That a thread is gone the kernel says without it.
 *
 * Context: any thread, handlers; /proc is read beside them (aside.h).
 */
#include "probe.h"
#include "poison.h"

struct job { struct fdw_probe *probe; unsigned n; int failed; };

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

/* Does /proc know this very thread by the numbers we know? "PID/task/TID". */
static int proc_is_ours(void)
{
	char is[40], should[40], *p = decimal(should, (uint32_t)fdw_raw(SYS_getpid));
	long n = fdw_raw(SYS_readlinkat, (long)AT_FDCWD, "/proc/thread-self", is, sizeof is);

	memcpy(p, "/task/", 6);
	p = decimal(p + 6, (uint32_t)fdw_raw(SYS_gettid));
	return n == p - should && !memcmp(is, should, (size_t)n);
}

/* The first thread may have ended before the others: it stays, as a zombie. */
static char state_of(uint32_t tid, int *failed)
{
	char buf[192] = "/proc/self/task/", *p = decimal(buf + 16, tid), state;
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
	state = state_in(buf, n);
	return state == 'Z' ? 'X' : state;
}

/* In the helper: no errno, no thread-local of its own. */
static void read_states(void *p)
{
	struct job *job = p;

	job->failed = !proc_is_ours();
	for (unsigned i = 0; i < job->n && !job->failed; i++)
		if (job->probe[i].state != 'X')
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

int fdw_probe(struct fdw_probe *probe, unsigned n, struct fdw_work *work)
{
	struct job job = { probe, n, 0 };

	for (unsigned i = 0; i < n; i++) {
		probe[i].cpu = cpu_of(probe[i].tid);
		probe[i].state = fdw_thread_gone(probe[i].tid) ? 'X' : 0;
	}
	return work && fdw_beside(read_states, &job, work) && !job.failed;
}
