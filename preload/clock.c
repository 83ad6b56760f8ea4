/* preload/clock.c: see clock.h. */
#include <dlfcn.h>
#include "clock.h"
#include "options.h"
#include "proc.h"
#include "resolve.h"
#include "poison.h"

static int (*libc_clock)(clockid_t, struct timespec *), (*other_clock)(clockid_t, struct timespec *);
static uint8_t faked; /* what others call is not libc's */

void fdw_clock_is(void *found, int is_other, int programs_own)
{
	faked = programs_own != 0;
	*(void **)(is_other ? &other_clock : &libc_clock) = found;
}

int fdw_clock_is_faked(void) { return faked; }
int fdw_clock_may_stand(void) { return unlikely(other_clock != NULL) && fdw_process.filtered; }

void fdw_clock(clockid_t clock, struct timespec *t)
{
	if (likely(libc_clock))
		libc_clock(clock, t);
	else if (fdw_clock_may_stand())
		other_clock(clock, t);
	else
		fdw_raw(SYS_clock_gettime, (long)clock, t);
}

/* ---- the tracer's stamps -------------------------------------------------------------------------------------------------------------------*/

static int64_t ahead, recorders; /* ns: of CLOCK_MONOTONIC here, and where the command runs, before the first time namespace's */
static int (*enable)(void);      /* NULL: done, or it cannot be done */

static uint64_t read_clock(void)
{
	struct timespec t;

	fdw_clock(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec - (uint64_t)(ahead - recorders);
}

/* Seconds, which may be less than none, blanks or a point, nanoseconds. */
static int64_t duration(const char *p)
{
	int negative = *p == '-';
	int64_t s = (int64_t)fdw_number(p + negative) * 1000000000;

	p += negative;
	p += strspn(p, "0123456789");
	return (negative ? -s : s) + (int64_t)fdw_number(p + strspn(p, " ."));
}

/* "monotonic          -5         0". No such file: no such namespaces. */
static int64_t ahead_now(void)
{
	char buf[128];

	if (!fdw_read_file("/proc/self/timens_offsets", buf, sizeof buf) || strncmp(buf, "monotonic ", 10))
		return 0;
	return duration(buf + 10 + strspn(buf + 10, " "));
}

/* The file tells of what children will live in; that may be another one than ours. */
static int same_for_children(void)
{
	char here[64], children[64];
	long a = fdw_raw(SYS_readlinkat, (long)AT_FDCWD, "/proc/self/ns/time", here, sizeof here);
	long b = fdw_raw(SYS_readlinkat, (long)AT_FDCWD, "/proc/self/ns/time_for_children", children, sizeof children);

	return a > 0 && a == b && !memcmp(here, children, (size_t)a);
}

static void learn_ahead(void)
{
	int64_t now = ahead_now();

	if (now != ahead && same_for_children())
		ahead = now;
}

static void put_to_use(void)
{
	if (enable && (ahead != recorders || faked)) {
		enable();
		enable = NULL;
	}
}

void fdw_trace_clock_forked(void)
{
	learn_ahead();
	put_to_use();
}

/* What is not set is as LTTng has it, but it has to be set: frequency, name, description, identity. */
#define KEEP(h, what)                                                                                                  \
	do {                                                                                                           \
		int (*get)(void (**)(void)), (*put)(void (*)(void));                                                   \
		void (*now)(void);                                                                                     \
		*(void **)&get = dlsym(h, "lttng_ust_trace_clock_get_" what "_cb");                                    \
		*(void **)&put = dlsym(h, "lttng_ust_trace_clock_set_" what "_cb");                                    \
		if (!get || !put || get(&now) || put(now))                                                             \
			return;                                                                                        \
	} while (0)

void fdw_trace_clock_start(void)
{
	void *h = FDW_REAL(dlopen)("liblttng-ust-common.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	int (*set)(uint64_t (*)(void));

	if (!h || !(*(void **)&set = dlsym(h, "lttng_ust_trace_clock_set_read64_cb")))
		return;
	KEEP(h, "freq");
	KEEP(h, "uuid");
	KEEP(h, "name");
	KEEP(h, "description");
	if (set(read_clock) == 0) /* not where the program has a clock of its own for LTTng */
		*(void **)&enable = dlsym(h, "lttng_ust_enable_trace_clock_override");
	recorders = duration(fdw_options.recorders_clock);
	fdw_trace_clock_forked();
}
