/*
 * trace/session_watch.c: a ring is written out when a call looks wrong. Whoever made it says so in a word that all who are recorded share with us
 * (schema.h), so that nobody has to read the stream, and wakes us: the ring is to be written out before it has gone round, which takes a program that opens
 * and closes all the time a tenth of a second for 1 MiB. Whether the call was wrong the command judges with the whole analyzer; if not, the snapshot is
 * removed and the watch set again.
 *
 * Not by a trigger of LTTng's: each program has a pipe of its own for that, which ends with its connection, and fork children have none.
 *
 * Context: the helper only; what waits is a thread of it, which touches nothing but the word and the bell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "trace/schema.h"
#include "trace/session_private.h"

/* A call that looked wrong and was not: from now on this long nobody looks; each time twice as long, up to MAX. */
#define DROPPED_S 5
#define DROPPED_MAX_S 300

/* What a call leads to belongs to it: the rest of a loop over every number there is. */
#define LED_TO_NS 20000000L

static struct fdw_watch *shared;      /* NULL: it could not be made */
static struct fdw_watch *watch;       /* the same; NULL: nobody looks */
static int bell = -1;                 /* rung when a call looked wrong */
static char candidate[PATH_MAX];      /* where its snapshot goes */
static int judging, kept;
static unsigned dropped_s = DROPPED_S;
static time_t next_s;                 /* when the watch is set again, CLOCK_MONOTONIC seconds; 0: it is */

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* OUTPUT.violation, or the first of OUTPUT.violation-2 ... that is not there. Else none: what candidate names is removed at the end. */
static int find_place(const struct fdw_setup *s)
{
	char number[16] = "";

	for (int i = 2; i < 100; i++) {
		/* "/ring" follows */
		if (snprintf(candidate, sizeof candidate - 8, "%s.violation%s", s->output, number) >= (int)sizeof candidate - 8)
			break;
		if (mkdir(candidate, 0770) == 0)
			return 0;
		snprintf(number, sizeof number, "-%d", i);
	}
	*candidate = 0;
	return -1;
}

/* ---- the watch ---------------------------------------------------------------------------------------------------------------------------*/

static void wait_while(uint32_t armed)
{
	while (atomic_load(&watch->armed) == armed)
		syscall(SYS_futex, &watch->armed, FUTEX_WAIT, armed, NULL, NULL, 0);
}

static void *wait_for_wrong(void *unused)
{
	uint64_t one = 1;

	for (;;) {
		wait_while(1);
		(void)!write(bell, &one, sizeof one);
		wait_while(0);
	}
	return NULL;
}

static void arm(void)
{
	atomic_store(&watch->armed, 1);
	syscall(SYS_futex, &watch->armed, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void look_later(void)
{
	next_s = now_s() + (time_t)dropped_s;
	dropped_s = 2 * dropped_s < DROPPED_MAX_S ? 2 * dropped_s : DROPPED_MAX_S;
}

/* ---- for the helper ----------------------------------------------------------------------------------------------------------------------*/

/* Several that are killed at once may be one to us. */
static void *wait_for_killed(void *unused)
{
	for (;;)
		if (syscall(SYS_futex, &shared->killed, FUTEX_WAIT, 0, NULL, NULL, 0) == 0)
			atomic_fetch_add(&shared->unfinished, 1);
		else if (errno == EAGAIN)
			atomic_store(&shared->killed, 0); /* everybody recorded may write there, though nobody should */
	return NULL;
}

void fdw_watch_make(const struct fdw_setup *s)
{
	pthread_t waiter;

	if (shared)
		return;
	shared = fdw_shared_make(s, FDW_WATCH, sizeof *shared, 0666);
	if (shared)
		(void)!pthread_create(&waiter, NULL, wait_for_killed, NULL);
}

uint32_t fdw_watch_unfinished(const struct fdw_setup *s)
{
	uint32_t n = shared ? atomic_load(&shared->unfinished) : 0;
	char path[PATH_MAX];
	FILE *f;

	if (n && snprintf(path, sizeof path, "%s/" FDW_UNFINISHED, s->output) < (int)sizeof path && (f = fopen(path, "we"))) {
		fprintf(f, "%u\n", n);
		fclose(f);
	}
	return n;
}

void fdw_watch_start(const struct fdw_setup *s)
{
	pthread_t waiter;

	fdw_watch_make(s);
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch = bell >= 0 ? shared : NULL;
	if (!watch)
		return;
	watch->ring = 1;
	atomic_store(&watch->armed, 1);
	if (pthread_create(&waiter, NULL, wait_for_wrong, NULL) != 0)
		watch = NULL;
}

int fdw_watch_bell(void) { return watch ? bell : -1; }

int fdw_watch_look(const struct fdw_setup *s, struct fdw_message *m)
{
	struct timespec led_to = { 0, LED_TO_NS };
	char error[FDW_TEXT];
	uint64_t rung;

	if (!watch || kept || judging)
		return 0;
	if (next_s && now_s() >= next_s) {
		next_s = 0;
		arm();
	}
	/* The bell only wakes us: it may come late, or not at all when the word changed twice meanwhile. */
	(void)!read(bell, &rung, sizeof rung);
	if (next_s || atomic_load(&watch->armed))
		return 0;
	if (find_place(s) != 0) {
		look_later();
		return 0;
	}
	judging = 1;
	nanosleep(&led_to, NULL);
	if (fdw_ring_write(candidate, error, sizeof error) != 0 || fdw_ring_complete(s, candidate, error, sizeof error) != 0) {
		fdw_watch_judged(0);
		return 0;
	}
	m->what = FDW_SAY_CANDIDATE;
	snprintf(m->text, sizeof m->text, "%s", candidate);
	return 1;
}

void fdw_watch_end(void)
{
	if (!kept && *candidate)
		fdw_remove_tree(candidate);
}

void fdw_watch_judged(int keep)
{
	judging = 0;
	kept = keep;
	if (keep)
		return;
	fdw_remove_tree(candidate);
	*candidate = 0;
	look_later();
}
