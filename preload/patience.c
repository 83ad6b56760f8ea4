/*
 * preload/patience.c: see patience.h.
 *
 * System calls: clock_gettime (vDSO), nanosleep, and what reads two small files. No locks. May not: wait for a daemon that is stopped, gone, or does
 * nothing.
 */
#include <time.h>
#include "clock.h"
#include "event.h"
#include "options.h"
#include "patience.h"
#include "proc.h"
#include "resolve.h"
#include "poison.h"

#define STEP_MS 10
/* How often it is looked whether the daemon works. */
#define LOOK_STEPS 50
/*
 * One that works uses a tick of the CPU's, 10 ms, for every other process it serves; a second of idling costs one, too. Without more than that for four
 * seconds it waits for what will not come. Not on a machine where more wants to run than there are processors: there even what is served may wait for
 * its turn for seconds.
 */
#define WORK_TICKS 3
#define QUIET_LOOKS 8
#define QUIET_LOOKS_BUSY 40
/* As good as for ever on a machine that is only busy; an end all the same. */
#define STEPS_MAX (60000 / STEP_MS)
/* From the first event that LTTng's thread enables to the last step, which cannot be seen: a few microseconds, if it keeps its processor. */
#define SETTLE_STEPS 20

char *fdw_patience_timeout;
int fdw_patience_outside;

static uint64_t clock_now(void)
{
	struct timespec t;

	fdw_clock(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void nap(unsigned ms)
{
	struct timespec t = { 0, ms * 1000000 };

	fdw_raw(SYS_nanosleep, &t, NULL);
}

/* The process whose id is in the file `name` beside the socket; 0: not told. */
static unsigned long named(const char *name)
{
	char path[FDW_PATH_MAX + 32], buf[16];

	*fdw_put(fdw_put(fdw_put(path, fdw_options.record), "/"), name) = 0;
	return fdw_read_file(path, buf, sizeof buf) ? fdw_number(buf) : 0;
}

/* 0: it cannot be seen (chroot, pid namespace). `cpu`: ticks it has used. */
static char state_of(const char *name, unsigned long *cpu)
{
	char path[64], buf[512], *p;
	unsigned long pid = named(name), user;

	*cpu = 0;
	if (!pid)
		return 0;
	*fdw_put(fdw_put_number(fdw_put(path, "/proc/"), pid), "/stat") = 0;
	if (!fdw_read_file(path, buf, sizeof buf) || !(p = strrchr(buf, ')')) || p[1] != ' ')
		return 0;
	/* After the state 10 numbers, then utime and stime. */
	char state = p[2], *field = p + 2;
	for (int i = 0; i < 11 && field; i++)
		field = strchr(field + 1, ' ');
	user = field ? fdw_number(field + 1) : 0;
	field = field ? strchr(field + 1, ' ') : NULL;
	*cpu = user + (field ? fdw_number(field + 1) : 0);
	return state;
}

static int is_stopped(char state) { return state == 'T' || state == 't'; }

/* It is named only where each process has buffers of its own (--isolate): then it takes the consumer, too. 0: it does not matter, or cannot be seen. */
static char consumer_state(unsigned long *cpu)
{
	unsigned long unused;
	char state;

	*cpu = 0;
	if (!named(FDW_CONSUMER_PID))
		return 0;
	state = state_of(FDW_CONSUMER_PID, cpu);
	return state || !state_of(FDW_DAEMON_PID, &unused) ? state : 'X';
}

static int is_gone(char state) { return state == 'Z' || state == 'X'; }

int fdw_patience_begin(struct fdw_patience *p)
{
	unsigned long consumers;
	char consumer = consumer_state(&consumers), daemon = state_of(FDW_DAEMON_PID, &p->cpu);

	p->began = clock_now();
	p->cpu += consumers;
	return !is_stopped(daemon) && !is_stopped(consumer) && !is_gone(consumer);
}

/* "0.20 0.18 0.12 1/80 11206": the fourth is how many want to run. */
static int is_busy(void)
{
	unsigned long mask[16] = { 0 }, processors = 0, running = 0;
	char buf[64], *p = buf;

	fdw_raw(SYS_sched_getaffinity, 0L, sizeof mask, mask);
	for (size_t i = 0; i < sizeof mask / sizeof *mask; i++)
		processors += (unsigned long)__builtin_popcountl(mask[i]);
	if (!fdw_read_file("/proc/loadavg", buf, sizeof buf))
		return 1;
	for (int i = 0; i < 3 && p; i++)
		p = strchr(i ? p + 1 : p, ' ');
	running = p ? fdw_number(p + 1) : 0;
	return running > processors;
}

/*
 * LTTng's own wait for the daemon is for a moment of the clock that the program has, which may be another than the kernel's (libfaketime): over at once, or
 * never. So it waits here, as long as it was to.
 */
FDW_EXPORT int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict until)
{
	uint64_t begun;

	if (unlikely(fdw_self.tool && fdw_patience_outside))
		return errno = ETIMEDOUT, -1;
	if (likely(!fdw_self.tool || !fdw_patience_timeout || !fdw_clock_is_faked()))
		return FDW_REAL(sem_timedwait)(sem, until);
	begun = clock_now();
	while (sem_trywait(sem) != 0) {
		if (errno != EAGAIN)
			return -1;
		if (clock_now() - begun > fdw_number(fdw_patience_timeout) * 1000000u)
			return errno = ETIMEDOUT, -1;
		nap(1);
	}
	return 0;
}

/*
 * The daemon has hardly a descriptor left: whoever asks now is turned away in the middle, and waits for what will not come. As far as we may look at
 * another process.
 */
#define SPARE 4
static void count_entry(int dir, const char *name, void *n) { ++*(unsigned long *)n; }

static int daemon_is_full(void)
{
	unsigned long pid = named(FDW_DAEMON_PID), n = 0;
	struct rlimit most;
	char path[64];

	*fdw_put(fdw_put_number(fdw_put(path, "/proc/"), pid), "/fd") = 0;
	return pid && fdw_raw(SYS_prlimit64, (long)pid, (long)RLIMIT_NOFILE, NULL, &most) == 0 && fdw_each_entry(path, count_entry, &n) == 0 &&
	       n + SPARE >= most.rlim_cur;
}

struct look {
	unsigned long cpu;
	unsigned quiet; /* looks in a row without work */
};

static int daemon_works(struct look *l)
{
	unsigned long cpu, consumers;
	char state = state_of(FDW_DAEMON_PID, &cpu), consumer = consumer_state(&consumers);

	cpu += consumers;
	l->quiet = cpu - l->cpu >= WORK_TICKS || state == 'R' ? 0 : l->quiet + 1;
	l->cpu = cpu;
	return !daemon_is_full() && !is_gone(consumer) && (state == 'R' || state == 'S' || state == 'D') && (l->quiet < QUIET_LOOKS || (l->quiet < QUIET_LOOKS_BUSY && is_busy()));
}

int fdw_patience(const struct fdw_patience *begun)
{
	struct look look = { begun->cpu, 1 };
	unsigned steps = 0;

	if (likely(fdw_ops->enabled()))
		return 1;
	/* Served, and told that nobody records. */
	if (!fdw_patience_outside && clock_now() - begun->began < fdw_number(FDW_REGISTER_TIMEOUT) * 1000000u)
		return 0;
	for (; !fdw_ops->enabled(); steps++) {
		if (steps == STEPS_MAX || (steps % LOOK_STEPS == 0 && !daemon_works(&look)))
			return 0;
		nap(STEP_MS);
	}
	for (steps = 0; steps < SETTLE_STEPS; steps++)
		nap(STEP_MS);
	return 1;
}
