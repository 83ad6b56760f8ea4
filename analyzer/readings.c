/*
 * analyzer/readings.c: see readings.h.
 *
 * Context: the command. Threads share nothing that changes: each has its readers, its replay and its findings from the beginning to the end,
 * and they are put together when all have ended. `next` is the only thing that several threads write, `records` what the first looks at.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include "analyzer/memory.h"
#include "analyzer/model_parts.h"
#include "analyzer/readings.h"

/* ---- opening ----------------------------------------------------------------------------------------------------------------- */

static int open_one(struct readings *rs, const char *const *traces, int n, enum reader_kind kind, char *error, size_t size)
{
	struct reading *r = &rs->at[rs->n];

	r->reader = reader_open(traces, n, kind, error, size);
	if (!r->reader)
		return 0;
	r->findings = findings_new();
	r->replay = replay_new(r->findings);
	rs->n++;
	return 1;
}

int readings_open(struct readings *rs, const char *const *traces, int n, enum reader_kind kind, int apart, char *error, size_t size)
{
	const char **named = xcalloc((size_t)n, sizeof *named);
	int *group = xcalloc((size_t)n, sizeof *group), groups = apart && n > 1 ? reader_groups(traces, n, group) : 1;
	char **failed = xcalloc((size_t)groups, sizeof *failed);

	*rs = (struct readings){ .at = xcalloc((size_t)groups, sizeof *rs->at) };
	for (int g = 0; g < groups; g++) {
		int k = 0;

		for (int i = 0; i < n; i++)
			if (group[i] == g)
				named[k++] = traces[i];
		if (!open_one(rs, named, k, kind, error, size))
			failed[g] = xstrdup(error);
	}
	/* One that is no trace does not keep the others from being read. */
	for (int g = 0; g < groups; g++) {
		if (failed[g] && rs->n)
			reader_say(rs->at[0].reader, failed[g]);
		free(failed[g]);
	}
	free(failed);
	free(group);
	free(named);
	if (!rs->n)
		readings_close(rs);
	return rs->n > 0;
}

void readings_close(struct readings *rs)
{
	for (size_t i = 0; i < rs->n; i++) {
		findings_free(rs->at[i].findings);
		replay_free(rs->at[i].replay);
		if (rs->at[i].reader)
			reader_close(rs->at[i].reader);
	}
	free(rs->at);
	*rs = (struct readings){ 0 };
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------- */

static void replay_one(struct readings *rs, struct reading *r, int alone)
{
	struct record record;

	while (reader_next(r->reader, &record)) {
		replay_feed(r->replay, &record);
		__atomic_store_n(&r->records, r->records + 1, __ATOMIC_RELAXED);
		if (alone && progress_due(&rs->progress, r->records))
			progress_show(&rs->progress, rs);
	}
	replay_end(r->replay);
}

static int for_any_thread(const struct reading *r)
{
	uint64_t done, all;

	reader_progress(r->reader, &done, &all);
	return all != 0; /* libbabeltrace2 does not tell */
}

static void *work(void *arg)
{
	struct readings *rs = arg;
	size_t i;

	while ((i = __atomic_fetch_add(&rs->next, 1, __ATOMIC_RELAXED)) < rs->n)
		if (for_any_thread(&rs->at[i])) {
			replay_one(rs, &rs->at[i], 0);
			__atomic_store_n(&rs->at[i].done, 1, __ATOMIC_RELAXED);
		}
	return NULL;
}

static size_t processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

static void join(struct readings *rs, pthread_t thread)
{
	struct timespec until;

	do {
		progress_show(&rs->progress, rs);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(thread, NULL, &until) != 0);
}

static void replay_apart(struct readings *rs)
{
	size_t n = processors() < rs->n ? processors() : rs->n, started = 0;
	pthread_t *thread = xcalloc(n, sizeof *thread);

	while (started < n && pthread_create(&thread[started], NULL, work, rs) == 0)
		started++;
	for (size_t i = 0; i < started; i++)
		join(rs, thread[i]);
	free(thread);
	for (size_t i = 0; i < rs->n; i++) /* what is libbabeltrace2's, and what no thread could be had for */
		if (!rs->at[i].done)
			replay_one(rs, &rs->at[i], 1);
}

void readings_replay(struct readings *rs)
{
	if (rs->n == 1)
		replay_one(rs, &rs->at[0], 1);
	else
		replay_apart(rs);
	progress_end(&rs->progress);
	for (size_t i = 1; i < rs->n; i++) {
		findings_absorb(rs->at[0].findings, rs->at[i].findings);
		replay_absorb(rs->at[0].replay, rs->at[i].replay);
		reader_absorb(rs->at[0].reader, rs->at[i].reader);
	}
}
