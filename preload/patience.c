/*
 * preload/patience.c: see patience.h.
 *
 * System calls: clock_gettime (vDSO), nanosleep, and what reads two small files. No locks. May not: wait for a daemon that is stopped or gone.
 */
#include <time.h>
#include "event.h"
#include "options.h"
#include "patience.h"
#include "proc.h"
#include "poison.h"

#define STEP_MS 10
/* How often it is looked whether the daemon works. */
#define LOOK_STEPS 10
/* As good as for ever on a machine that is only busy; an end all the same. */
#define STEPS_MAX (60000 / STEP_MS)
/* From the first event that LTTng's thread enables to the last step, which cannot be seen: a few microseconds, if it keeps its processor. */
#define SETTLE_STEPS 20

uint64_t fdw_patience_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void nap(void)
{
	struct timespec t = { 0, STEP_MS * 1000000 };

	fdw_raw(SYS_nanosleep, &t, NULL);
}

static size_t append(char *to, size_t at, const char *s)
{
	size_t n = strlen(s);

	memcpy(to + at, s, n + 1);
	return at + n;
}

/* It runs, or sleeps until there is something to do. Where it cannot be seen (chroot, pid namespace) nothing is known: no. */
static int daemon_works(void)
{
	char path[FDW_PATH_MAX + 32], buf[256], *p;

	append(path, append(path, 0, fdw_options.record), "/lttng-sessiond.pid");
	if (!fdw_read_file(path, buf, 16))
		return 0;
	buf[strspn(buf, "0123456789")] = 0;
	append(path, append(path, append(path, 0, "/proc/"), buf), "/stat");
	fdw_read_file(path, buf, sizeof buf);
	p = strrchr(buf, ')');
	return p && p[1] == ' ' && (p[2] == 'R' || p[2] == 'S' || p[2] == 'D');
}

int fdw_patience(uint64_t began)
{
	unsigned steps = 0;

	if (likely(fdw_ops->enabled()))
		return 1;
	/* Served, and told that nobody records. */
	if (fdw_patience_clock() - began < fdw_number(FDW_REGISTER_TIMEOUT) * 1000000u)
		return 0;
	for (; !fdw_ops->enabled(); steps++) {
		if (steps == STEPS_MAX || (steps % LOOK_STEPS == 0 && !daemon_works()))
			return 0;
		nap();
	}
	for (steps = 0; steps < SETTLE_STEPS; steps++)
		nap();
	return 1;
}
