/*
 * analyzer/reader.c: traces in, records out: all sources merged by time. See reader.h and reader_parts.h.
 */
#include "analyzer/reader_parts.h"
#include "analyzer/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uthash.h>

struct refused {
	uint32_t pid;
	UT_hash_handle hh;
};

struct origin {
	struct source *source;
	struct refused *refused; /* processes of a newer version: their events are passed over */
};

struct reader {
	struct trace_dirs dirs;
	struct notes notes;
	struct repair repair;
	struct origin *origin;
	size_t origins;
	struct heap heap;        /* of origins that have a record */
	struct origin *current;  /* whose record the caller holds */
	struct decoded room;
};

/* ---- opening ------------------------------------------------------------------------------------------------------------- */

/* One descriptor per stream: some hundred recorded processes with buffers of their own exceed the usual 1024. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int usable(const struct trace_dir *d) { return !d->unusable && !d->foreign; }

static int same_trace(const struct trace_dir *a, const struct trace_dir *b)
{
	return a == b || (a->has_uuid && b->has_uuid && !memcmp(a->uuid, b->uuid, 16));
}

/* The directories of one trace, from `first` on, into `dirs`; returns their number. */
static size_t gather(const struct reader *r, size_t first, const char **dirs)
{
	size_t n = 0;

	for (size_t i = first; i < r->dirs.n; i++) {
		const struct trace_dir *d = &r->dirs.dir[i];

		if (usable(d) && same_trace(&r->dirs.dir[first], d))
			dirs[n++] = d->shadow ? d->shadow : d->path;
	}
	return n;
}

/* The library refused: looks for what it refuses, and leaves that out. */
static void isolate(struct reader *r, size_t first, const char *why)
{
	for (size_t i = first; i < r->dirs.n; i++) {
		struct trace_dir *d = &r->dirs.dir[i];

		if (usable(d) && same_trace(&r->dirs.dir[first], d) && !repair_isolate(&r->repair, d, source_readable, &r->notes))
			notes_add(&r->notes, "%s: cannot be read as a CTF trace (%s); record again", d->path, why);
	}
}

static struct source *open_group(struct reader *r, size_t first, const char **dirs)
{
	const char *named = r->dirs.dir[first].named;
	struct source *source;
	char why[256];

	source = source_open(dirs, gather(r, first, dirs), named, &r->notes, why, sizeof why);
	if (source)
		return source;
	isolate(r, first, why);
	size_t n = gather(r, first, dirs);
	source = n ? source_open(dirs, n, named, &r->notes, why, sizeof why) : NULL;
	if (n && !source)
		notes_add(&r->notes, "%s: cannot be read as a CTF trace (%s); record again", r->dirs.dir[first].path, why);
	return source;
}

static int first_of_group(const struct reader *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (usable(&r->dirs.dir[k]) && same_trace(&r->dirs.dir[k], &r->dirs.dir[i]))
			return 0;
	return usable(&r->dirs.dir[i]);
}

static void open_groups(struct reader *r)
{
	const char **dirs = calloc(r->dirs.n + 1, sizeof *dirs);
	char *first = calloc(r->dirs.n + 1, 1);

	r->origin = calloc(r->dirs.n + 1, sizeof *r->origin);
	for (size_t i = 0; first && i < r->dirs.n; i++)
		first[i] = first_of_group(r, i);
	for (size_t i = 0; dirs && first && r->origin && i < r->dirs.n; i++)
		if (first[i] && (r->origin[r->origins].source = open_group(r, i, dirs)))
			r->origins++;
	free(first);
	free(dirs);
}

/* A trace that is all right, but of other things than fdwarden's. */
static void say_foreign(struct reader *r)
{
	for (size_t i = 0; i < r->dirs.n && r->notes.n == 0; i++)
		if (r->dirs.dir[i].foreign)
			notes_add(&r->notes, "%s: is a trace, but not one of fdwarden's; name the directory that 'fdwarden record -o' wrote",
				r->dirs.dir[i].path);
}

/* ---- records ------------------------------------------------------------------------------------------------------------- */

static int earlier(const void *a, const void *b)
{
	const struct held *x = source_peek(((const struct origin *)a)->source), *y = source_peek(((const struct origin *)b)->source);

	if (x->time != y->time)
		return x->time < y->time;
	if (x->key.early != y->key.early)
		return x->key.early;
	return x->key.tid == y->key.tid && x->key.seq < y->key.seq;
}

static void decode(struct reader *r, const struct origin *o, const struct held *h, struct record *record)
{
	memset(record, 0, sizeof *record);
	record->host = source_host(o->source);
	record->trace = source_trace(o->source);
	record->time = h->time;
	if (h->plan) {
		plan_decode(h->plan, bt_message_event_borrow_event_const(h->message), record, &r->room);
		return;
	}
	record->type = RECORD_GAP;
	record->time = h->gap_end;
	record->gap.begin = h->time;
	record->gap.count = h->gap_count;
}

static uint32_t pid_of(const struct record *r)
{
	return r->type == RECORD_EVENT ? r->event.e.pid : r->type == RECORD_STACK ? r->stack.pid : r->module.pid;
}

static int too_new(const struct record *r)
{
	return r->type == RECORD_EVENT && r->event.e.op == FDW_OP_PROC_START && r->event.e.fd > FDW_SCHEMA_VERSION;
}

/* Is this record of a process that a newer fdwarden observed? Its fields may mean something else. */
static int refused(struct reader *r, struct origin *o, const struct record *record)
{
	uint32_t pid = record->type == RECORD_GAP ? 0 : pid_of(record);
	struct refused *p;

	if (!too_new(record) && !o->refused)
		return 0;
	HASH_FIND(hh, o->refused, &pid, sizeof pid, p);
	if (too_new(record) && !p && (p = calloc(1, sizeof *p))) {
		p->pid = pid;
		HASH_ADD(hh, o->refused, pid, sizeof pid, p);
		notes_add(&r->notes, "%s: process %u was recorded by a newer fdwarden (format %d, this one reads up to %d) and was passed over; "
			"report it with that version", record->trace, pid, record->event.e.fd, FDW_SCHEMA_VERSION);
	} else if (p && !too_new(record) && record->type == RECORD_EVENT && record->event.e.op == FDW_OP_PROC_START) {
		HASH_DEL(o->refused, p);
		free(p);
		p = NULL;
	}
	return p != NULL;
}

/* The caller is done with the record it holds. */
static void release(struct reader *r)
{
	struct origin *o = r->current;

	r->current = NULL;
	if (!o)
		return;
	source_next(o->source);
	if (source_peek(o->source))
		heap_sink(&r->heap);
	else
		heap_pop(&r->heap);
}

int reader_next(struct reader *r, struct record *record)
{
	for (;;) {
		release(r);
		r->current = heap_top(&r->heap);
		if (!r->current)
			return 0;
		decode(r, r->current, source_peek(r->current->source), record);
		if (!refused(r, r->current, record))
			return 1;
	}
}

/* A trace of which the beginning already says that it is too new is refused as a whole. */
static int refuse_new(struct reader *r, const struct origin *o)
{
	const struct held *h;
	struct record record;

	for (size_t i = 0; (h = source_buffered(o->source, i)); i++) {
		decode(r, o, h, &record);
		if (too_new(&record)) {
			notes_add(&r->notes, "%s: was recorded by a newer fdwarden (format %d, this one reads up to %d); report it with that version",
				record.trace, record.event.e.fd, FDW_SCHEMA_VERSION);
			return 1;
		}
	}
	return 0;
}

/* NULL, or why there is nothing to read: the first thing that was found wrong. A sound trace without a record is read. */
static const char *start(struct reader *r)
{
	if (r->origins == 0)
		return r->notes.n ? r->notes.text[0] : "no trace was named";
	for (size_t i = 0; i < r->origins; i++) {
		if (!source_peek(r->origin[i].source))
			continue;
		if (refuse_new(r, &r->origin[i]))
			return r->notes.text[r->notes.n - 1];
		if (heap_push(&r->heap, &r->origin[i]))
			return "out of memory";
	}
	return heap_top(&r->heap) || r->notes.n == 0 ? NULL : r->notes.text[0];
}

/* ---- the interface ------------------------------------------------------------------------------------------------------- */

struct reader *reader_open(const char *const *traces, int n, char *error, size_t size)
{
	struct reader *r = calloc(1, sizeof *r);
	const char *why;

	if (!r) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	allow_descriptors();
	r->heap.less = earlier;
	for (int i = 0; i < n; i++)
		find_traces(traces[i], &r->dirs, &r->notes);
	for (size_t i = 0; i < r->dirs.n; i++)
		repair_check(&r->repair, &r->dirs.dir[i], &r->notes);
	open_groups(r);
	if (r->origins == 0)
		say_foreign(r);
	why = start(r);
	if (!why)
		return r;
	snprintf(error, size, "%s", why);
	reader_close(r);
	return NULL;
}

const char *reader_damage(const struct reader *r, size_t i)
{
	return i < r->notes.n ? r->notes.text[i] : NULL;
}

void reader_close(struct reader *r)
{
	for (size_t i = 0; i < r->origins; i++) {
		struct refused *p, *next;

		HASH_ITER(hh, r->origin[i].refused, p, next) {
			HASH_DEL(r->origin[i].refused, p);
			free(p);
		}
		source_close(r->origin[i].source);
	}
	free(r->origin);
	heap_free(&r->heap);
	repair_free(&r->repair);
	trace_dirs_free(&r->dirs);
	notes_free(&r->notes);
	free(r);
}
