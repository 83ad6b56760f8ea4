/* analyzer/progress.c: see progress.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "analyzer/progress.h"
#include "analyzer/readings.h"
#include "analyzer/say.h"

#define FIRST_NS UINT64_C(1000000000)
#define AGAIN_NS UINT64_C(200000000)

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void progress_begin(struct progress *p, int quiet)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ 0 };
	if (!quiet && isatty(2) && term && *term && strcmp(term, "dumb"))
		p->since = now();
}

/* 0 of 0 where one does not tell. Other threads go on meanwhile: it is as good as that. */
static uint64_t together(const struct readings *rs, uint64_t *done, uint64_t *all)
{
	uint64_t records = 0, one, of;
	int told = 1;

	*done = *all = 0;
	for (size_t i = 0; i < rs->n; i++) {
		reader_progress(rs->at[i].reader, &one, &of);
		told &= of != 0;
		*done += one;
		*all += of;
		records += __atomic_load_n(&rs->at[i].records, __ATOMIC_RELAXED);
	}
	*all *= (uint64_t)told;
	return records;
}

void progress_show(struct progress *p, const struct readings *rs)
{
	uint64_t at = p->since ? now() : 0, done, all;
	const char *records;
	char line[120];
	int n;

	if (!p->since || at - p->since < FIRST_NS || at - p->shown < AGAIN_NS)
		return;
	p->shown = at;
	records = grouped(together(rs, &done, &all));
	if (all) /* not all of it is for us, and a file may have grown */
		n = snprintf(line, sizeof line, "\rfdwarden: %3u %% read, %s records\033[K", done < all ? (unsigned)(done * 100.0 / all) : 100, records);
	else
		n = snprintf(line, sizeof line, "\rfdwarden: %s records read\033[K", records);
	(void)!write(2, line, (size_t)n);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		(void)!write(2, "\r\033[K", 4);
}
