/*
 * analyzer/reader.c: traces in, records out: all sources merged by time. See reader.h and reader_parts.h.
 */
#include "analyzer/reader_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct refused {
	uint32_t pid;
	UT_hash_handle hh;
};

struct origin {
	struct source *source;
	uint64_t time;           /* of its next record, for the heap; until it is started, no record is older */
	int started;
	uint64_t since;          /* of a ring: what is older is left out */
	int told_since;
	int runs;                /* as in its records */
	struct refused *refused; /* processes of a newer version: their events are passed over */
};

struct reader {
	struct trace_dirs dirs;
	enum reader_kind kind;
	struct notes notes;
	struct names names;
	struct repair repair;
	struct origin *origin;
	size_t origins;
	struct heap heap;        /* of origins that have a record */
	struct origin *current;  /* whose record the caller holds */
	struct notes running;    /* names of traces */
	int ring;                /* one that was absorbed is */
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

static int is_noted(const struct notes *n, const char *text)
{
	for (size_t i = 0; i < n->n; i++)
		if (!strcmp(n->text[i], text))
			return 1;
	return 0;
}

static void note_running(struct reader *r, const char *named)
{
	if (!is_noted(&r->running, named))
		notes_add(&r->running, "%s", named);
}

/* The directories of one trace, from `first` on; returns their number. */
static size_t gather(struct reader *r, size_t first, struct trace_dir **dirs)
{
	size_t n = 0;

	for (size_t i = first; i < r->dirs.n; i++)
		if (dir_usable(&r->dirs.dir[i]) && same_trace(&r->dirs.dir[first], &r->dirs.dir[i]))
			dirs[n++] = &r->dirs.dir[i];
	return n;
}

void (*reader_before_library)(void);

/* What the library shall read of them; returns how many are left. */
static size_t readable(struct trace_dir *const *dirs, size_t n, const char **paths)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (!dirs[i]->unusable)
			paths[left++] = dirs[i]->shadow ? dirs[i]->shadow : dirs[i]->path;
	return left;
}

/* Through the library. What it would refuse is left out first; what it refuses all the same is looked for. */
static struct source *open_bt2(struct reader *r, struct trace_dir *const *dirs, size_t n, const char **paths)
{
	struct losses losses = { 0 };
	struct source *source = NULL;
	char why[256] = "";
	size_t left;

	for (size_t i = 0; i < n; i++)
		repair_check(&r->repair, dirs[i], &losses, &r->notes);
	left = readable(dirs, n, paths);
	if (left && reader_before_library)
		reader_before_library();
	if (left)
		source = bt2_open(paths, left, dirs[0]->named, &losses, &r->notes, why, sizeof why);
	if (left && !source) {
		for (size_t i = 0; i < n; i++)
			if (!dirs[i]->unusable && !repair_isolate(&r->repair, dirs[i], bt2_readable, &r->notes))
				notes_add(&r->notes, "%s: cannot be read as a CTF trace (%s); record again", dirs[i]->path, why);
		losses_add(&losses, 0, LOSS_OPEN);
		left = readable(dirs, n, paths);
		if (left)
			source = bt2_open(paths, left, dirs[0]->named, &losses, &r->notes, why, sizeof why);
		if (left && !source)
			notes_add(&r->notes, "%s: cannot be read as a CTF trace (%s); record again", dirs[0]->path, why);
	}
	losses_free(&losses);
	return source;
}

static struct source *open_group(struct reader *r, size_t first, struct trace_dir **dirs, const char **paths)
{
	size_t n = gather(r, first, dirs);
	struct source *source;
	char why[256] = "";

	if (r->kind == READER_LIBRARY)
		return open_bt2(r, dirs, n, paths);
	source = direct_open(dirs, n, &r->names, &r->notes, why, sizeof why);
	if (source || (!why[0] && r->kind == READER_ANY))
		return source ? source : open_bt2(r, dirs, n, paths);
	notes_add(&r->notes, "%s: cannot be read directly (%s)", dirs[0]->path, why[0] ? why : "it is not all LTTng's own way to write");
	return NULL;
}

static int first_of_group(const struct reader *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (dir_usable(&r->dirs.dir[k]) && same_trace(&r->dirs.dir[k], &r->dirs.dir[i]))
			return 0;
	return dir_usable(&r->dirs.dir[i]);
}

static void origin_of(const struct reader *r, const struct trace_dir *d, struct origin *o)
{
	o->since = d->ring ? ring_since(d) : 0;
	o->runs = is_noted(&r->running, d->named);
}

static void open_groups(struct reader *r)
{
	struct trace_dir **dirs = calloc(r->dirs.n + 1, sizeof *dirs);
	const char **paths = calloc(r->dirs.n + 1, sizeof *paths);
	char *first = calloc(r->dirs.n + 1, 1);

	r->origin = calloc(r->dirs.n + 1, sizeof *r->origin);
	for (size_t i = 0; first && i < r->dirs.n; i++)
		first[i] = first_of_group(r, i);
	for (size_t i = 0; dirs && paths && first && r->origin && i < r->dirs.n; i++)
		if (first[i] && (r->origin[r->origins].source = open_group(r, i, dirs, paths)))
			origin_of(r, &r->dirs.dir[i], &r->origin[r->origins++]);
	free(first);
	free(paths);
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
	const struct origin *o = a, *p = b;

	if (o->time != p->time || !o->started || !p->started)
		return o->time != p->time ? o->time < p->time : o->started < p->started;
	const struct held *x = source_peek(o->source), *y = source_peek(p->source);

	if (x->key.early != y->key.early)
		return x->key.early;
	return x->key.tid == y->key.tid && x->key.seq < y->key.seq;
}

static void decode(struct reader *r, const struct origin *o, const struct held *h, struct record *record)
{
	memset(record, 0, sizeof *record);
	record->host = o->source->host ? o->source->host : "";
	record->trace = o->source->trace;
	record->runs = o->runs;
	record->time = h->time;
	if (!h->gap) {
		o->source->ops->decode(h, record, &r->room);
		return;
	}
	record->type = RECORD_GAP;
	record->time = h->gap_end;
	record->gap.begin = h->time;
	record->gap.count = h->gap_count;
	record->gap.damage = h->damage;
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

/* 0: the source has ended. */
static int ready(struct origin *o)
{
	const struct held *h = source_peek(o->source);

	if (h)
		o->time = h->time;
	return h != NULL;
}

/* The caller is done with the record it holds. */
static void release(struct reader *r)
{
	struct origin *o = r->current;

	r->current = NULL;
	if (!o)
		return;
	source_next(o->source);
	if (ready(o))
		heap_sink(&r->heap);
	else
		heap_pop(&r->heap);
}

/* The top of the heap is the origin with the next record. 0: there is none. */
static int settle(struct reader *r)
{
	struct origin *o;

	while ((o = heap_top(&r->heap)) && !o->started) {
		o->started = 1;
		if (ready(o))
			heap_sink(&r->heap);
		else
			heap_pop(&r->heap);
	}
	return o != NULL;
}

/* Before the first record of a ring: what came before it is gone. */
static int tell_since(struct origin *o, struct record *record)
{
	if (!o->since || o->told_since)
		return 0;
	o->told_since = 1;
	*record = (struct record) { .type = RECORD_GAP, .time = o->since, .host = o->source->host ? o->source->host : "", .trace = o->source->trace, .runs = o->runs };
	return 1;
}

static int is_too_old(const struct origin *o)
{
	const struct held *h = source_peek(o->source);

	return h->time < o->since && !h->gap;
}

int reader_next(struct reader *r, struct record *record)
{
	for (;;) {
		release(r);
		if (!settle(r))
			return 0;
		if (tell_since(heap_top(&r->heap), record))
			return 1;
		r->current = heap_top(&r->heap);
		if (is_too_old(r->current))
			continue;
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

/* What was found wrong last: it was what left nothing. */
static const char *reason(const struct reader *r)
{
	return r->notes.n ? r->notes.text[r->notes.n - 1] : "no trace was named";
}

/* NULL, or why there is nothing to read. A sound trace without a record is read. */
static const char *start(struct reader *r)
{
	if (r->origins == 0)
		return reason(r);
	for (size_t i = 0; i < r->origins; i++) {
		r->origin[i].time = source_time(r->origin[i].source);
		if (heap_push(&r->heap, &r->origin[i]))
			return "out of memory";
	}
	if (!settle(r))
		return r->notes.n == 0 ? NULL : reason(r);
	for (size_t i = 0; i < r->origins; i++)
		if (r->origin[i].started && refuse_new(r, &r->origin[i]))
			return reason(r);
	return NULL;
}

/* ---- the interface ------------------------------------------------------------------------------------------------------- */

struct reader *reader_open(const char *const *traces, int n, enum reader_kind kind, char *error, size_t size)
{
	struct reader *r = calloc(1, sizeof *r);
	const char *why;

	if (!r) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	allow_descriptors();
	r->heap.less = earlier;
	r->kind = kind;
	for (int i = 0; i < n; i++)
		find_traces(traces[i], &r->dirs, &r->notes);
	for (size_t i = 0; i < r->dirs.n; i++)
		dir_examine(&r->dirs.dir[i], &r->notes);
	for (size_t i = 0; i < r->dirs.n; i++)
		if (r->dirs.dir[i].runs)
			note_running(r, r->dirs.dir[i].named);
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

int reader_ring(const struct reader *r)
{
	if (r->ring)
		return 1;
	for (size_t i = 0; i < r->dirs.n; i++)
		if (r->dirs.dir[i].ring)
			return 1;
	return 0;
}

const char *reader_damage(const struct reader *r, size_t i)
{
	return i < r->notes.n ? r->notes.text[i] : NULL;
}

const char *reader_runs(const struct reader *r, size_t i) { return i < r->running.n ? r->running.text[i] : NULL; }

void reader_say(struct reader *r, const char *sentence) { notes_add(&r->notes, "%s", sentence); }

void reader_absorb(struct reader *r, struct reader *from)
{
	for (size_t i = 0; i < from->notes.n; i++)
		reader_say(r, from->notes.text[i]);
	for (size_t i = 0; i < from->running.n; i++)
		note_running(r, from->running.text[i]);
	r->ring |= reader_ring(from);
}

void reader_progress(const struct reader *r, uint64_t *done, uint64_t *all)
{
	*done = *all = 0;
	for (size_t i = 0; i < r->origins; i++) {
		const struct source *s = r->origin[i].source;

		if (!s->bytes) {
			*done = *all = 0;
			return;
		}
		*done += s->done;
		*all += s->bytes;
	}
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
	names_drop(&r->names);
	repair_free(&r->repair);
	trace_dirs_free(&r->dirs);
	notes_free(&r->notes);
	notes_free(&r->running);
	free(r);
}
