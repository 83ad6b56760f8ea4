/*
 * analyzer/reader_direct.c: a trace of LTTng's own way to write, read without libbabeltrace2, some ten times faster.
 *
 * A stream is its files, one after another (rotated traces have several), through one window each. A file is opened when its
 * first packet is due. Where a packet stops to make sense, or a file ends within one, the rest of it is a gap: nothing is copied
 * or repaired. What it delivers is what reader_bt2.c delivers: a test compares them.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How far is looked for a packet at a time. */
#define SEARCHED 4096
/* Events of this size and less are kept in blocks that are used again. */
#define BLOCK 1024

struct file {
	char *path;
	const uint8_t *uuid;
	uint64_t begin, number, instance; /* of its first packet */
	uint32_t class;
};

struct stream {
	struct file *file;     /* its first */
	size_t files, current;
	struct window window;  /* its fd -1: the current file is not open */
	struct walk walk;      /* of the current file */
	size_t told;           /* of its losses */
	int within;            /* a packet */
	struct packet packet;
	uint64_t at, end;      /* in the file: the next event, the end of those that are there */
	uint64_t clock, last;
	int followed;          /* there was a packet before: */
	uint64_t before_end, before_number, before_discarded;
	struct held gap[2];    /* what lies between it and this one */
	unsigned gaps;
};

struct block {
	struct block *next;
	uint8_t bytes[];
};

struct direct {
	struct source source;  /* first */
	struct layout layout;
	struct file *file;     /* all, those of a stream together */
	size_t files;
	uint64_t bytes;
	struct stream *stream;
	struct block *free;
};

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static int file_open(struct stream *s)
{
	const struct file *f = &s->file[s->current];

	s->walk = (struct walk) { .last = s->last };
	s->told = 0;
	s->walk.error = window_open(&s->window, f->path, &s->walk.size);
	return !s->walk.error;
}

/* `need` bytes from `at` on, or as many as there are. */
static size_t look(struct stream *s, uint64_t at, size_t need) { return window_look(&s->window, at, need, &s->walk.error); }

/* Says what is wrong with the file; its losses are still to be told. */
static void file_end(struct direct *src, struct stream *s)
{
	walk_ends(&s->walk);
	walk_conclude(s->file[s->current].path, &src->layout, &s->walk, src->source.notes);
	window_close(&s->window);
	s->current++;
}

static void stream_end(struct stream *s)
{
	window_free(&s->window);
	losses_free(&s->walk.lost);
}

/* ---- packets --------------------------------------------------------------------------------------------------------------- */

static void add_gap(struct direct *src, struct stream *s, uint64_t begin, uint64_t end, uint64_t count)
{
	struct held *h = &s->gap[s->gaps++];

	*h = (struct held) { .gap = 1, .time = layout_time(&src->layout, begin, s->last), .gap_count = count };
	h->gap_end = layout_time(&src->layout, end, h->time);
	s->last = h->time;
}

/* What the tracer lost before, or within, this packet: it counts events it had no room for, and packets. */
static void packet_gaps(struct direct *src, struct stream *s)
{
	const struct packet *p = &s->packet;

	if (s->followed ? p->discarded != s->before_discarded : p->discarded != 0)
		add_gap(src, s, s->followed ? s->before_end : p->begin, p->end, s->followed ? p->discarded - s->before_discarded : 0);
	if (s->followed && p->number - s->before_number > 1)
		add_gap(src, s, s->before_end, p->begin, 0);
	s->followed = 1;
	s->before_end = p->end;
	s->before_number = p->number;
	s->before_discarded = p->discarded;
}

/* A snapshot has packets again that the one before had. */
static int seen_before(const struct stream *s)
{
	return s->current > 0 && s->followed && s->packet.number <= s->before_number;
}

/* A packet's header at `at`, if there is a whole one. */
static enum packet_result header_at(struct direct *src, struct stream *s, uint64_t at)
{
	const struct layout *l = &src->layout;

	if (s->walk.error || at >= s->walk.size || look(s, at, l->size) < l->size)
		return PACKET_NONSENSE;
	return packet_parse(s->window.data, l, s->file[s->current].uuid, &s->packet);
}

/*
 * Where a header makes no sense, nobody knows how long its packet is. The next one begins with the magic number and the trace's UUID
 * again. 0: there is none.
 */
static int packet_search(struct direct *src, struct stream *s)
{
	const uint8_t *uuid = s->file[s->current].uuid;
	uint8_t begin[20] = { 0xc1, 0x1f, 0xfc, 0xc1 };
	struct walk *w = &s->walk;
	size_t have;

	if (!uuid || src->layout.magic.offset != 0 || src->layout.uuid.offset != 4)
		return 0;
	memcpy(begin + 4, uuid, 16);
	for (uint64_t at = w->whole + 1; (have = look(s, at, SEARCHED)) >= sizeof begin;) {
		const uint8_t *found = memmem(s->window.data, have, begin, sizeof begin);

		at += found ? (size_t)(found - s->window.data) : have - sizeof begin + 1;
		if (found && header_at(src, s, at) == PACKET_FINE) {
			losses_add(&w->lost, w->last, layout_time(&src->layout, s->packet.begin, w->last));
			w->skipped += at - w->whole;
			w->whole = at;
			return 1;
		}
		at += found != NULL;
	}
	return 0;
}

/* Goes to the next packet of the file. 0: there is none. */
static int packet_next(struct direct *src, struct stream *s)
{
	const struct layout *l = &src->layout;
	struct walk *w = &s->walk;
	enum packet_result result;
	uint64_t left;

	if (w->error || w->whole >= w->size)
		return 0;
	result = header_at(src, s, w->whole);
	w->alien = result == PACKET_ALIEN && w->packets == 0;
	if (result != PACKET_FINE && (w->alien || w->error || !packet_search(src, s)))
		return 0;
	left = w->size - w->whole;
	w->packets++;
	src->source.done += s->packet.size;
	s->within = !seen_before(s);
	if (!s->within) {
		w->whole += s->packet.size;
		return 1;
	}
	s->at = w->whole + l->size;
	s->end = w->whole + (s->packet.content < left ? s->packet.content : left);
	s->clock = s->packet.begin;
	w->last = layout_time(l, s->packet.begin, w->last);
	packet_gaps(src, s);
	return 1;
}

/* Its events are read as far as they make sense. */
static void packet_end(struct direct *src, struct stream *s)
{
	uint64_t good = s->at - s->walk.whole, there = s->end - s->walk.whole;
	struct walk *w = &s->walk;

	if (there < s->packet.content)
		w->missing = s->packet.content - good;
	else if (good < there)
		w->damaged++;
	if (good < s->packet.content)
		losses_add(&w->lost, w->last, there < s->packet.content ? LOSS_OPEN : layout_time(&src->layout, s->packet.end, w->last));
	w->whole += s->packet.size;
	s->within = 0;
}

/* ---- events ---------------------------------------------------------------------------------------------------------------- */

/* The next event of the packet. 0: the packet ends, or stops to make sense. */
static int event_next(struct direct *src, struct stream *s, struct event *e, const uint8_t **p)
{
	uint64_t left = s->end - s->at;
	size_t have = window_has(&s->window, s->at);

	for (;;) {
		have = have < left ? have : left;
		if (left == 0)
			return 0;
		*p = have ? s->window.data + (s->at - s->window.at) : NULL;
		enum event_result result = have ? event_at(src->layout.shapes, s->packet.stream, *p, have, &s->clock, e) : EVENT_SHORT;

		if (result == EVENT_WHOLE)
			return 1;
		if (result != EVENT_SHORT || have == left)
			return 0;
		size_t want = 2 * have < 2048 ? 2048 : 2 * have, before = have;

		have = look(s, s->at, want < left ? want : left);
		if (have <= before)
			return 0;
	}
}

static int hold_gap(struct stream *s, struct held *h)
{
	if (s->gaps) {
		*h = s->gap[0];
		s->gap[0] = s->gap[1];
		s->gaps--;
		return 1;
	}
	if (s->told == s->walk.lost.n)
		return 0;
	const struct loss *l = &s->walk.lost.loss[s->told++];

	*h = (struct held) { .gap = 1, .time = l->begin, .gap_end = l->end };
	return 1;
}

/* An event that is ours. */
static int hold_event(struct direct *src, struct stream *s, const struct event *e, const uint8_t *p, struct held *h)
{
	struct shape *shape = (struct shape *)e->shape;

	if (!shape->ours)
		return 0;
	if (shape->missing) {
		if (!shape->said++)
			say_missing_field(src->source.notes, src->source.trace, shape->ours->name, shape->missing);
		return 0;
	}
	*h = (struct held) { .time = s->last, .shape = shape, .fields = p + e->header, .size = e->size - e->header };
	event_key(shape, h->fields, h->size, &h->key);
	return 1;
}

static int advance(struct source *source, uint32_t stream, struct held *h)
{
	struct direct *src = (struct direct *)source;
	struct stream *s = &src->stream[stream];
	const uint8_t *p;
	struct event e;

	for (;;) {
		if (hold_gap(s, h))
			return 1;
		if (s->within && event_next(src, s, &e, &p)) {
			s->at += e.size;
			s->last = s->walk.last = layout_time(&src->layout, s->clock, s->last);
			if (hold_event(src, s, &e, p, h))
				return 1;
		} else if (s->within) {
			packet_end(src, s);
		} else if (s->window.fd < 0) {
			losses_free(&s->walk.lost);
			s->told = 0;
			if (s->current == s->files)
				break;
			if (!file_open(s))
				file_end(src, s);
		} else if (!packet_next(src, s))
			file_end(src, s);
	}
	stream_end(s);
	return 0;
}

/* ---- events that wait in the queue ------------------------------------------------------------------------------------------- */

static int keep(struct source *source, struct held *h)
{
	struct direct *src = (struct direct *)source;
	struct block *b = src->free;

	if (h->gap)
		return 1;
	if (h->size > BLOCK || !b)
		b = malloc(sizeof *b + (h->size > BLOCK ? h->size : BLOCK));
	else
		src->free = b->next;
	if (!b)
		return 0;
	memcpy(b->bytes, h->fields, h->size);
	h->fields = b->bytes;
	return 1;
}

static void release(struct source *source, struct held *h)
{
	struct direct *src = (struct direct *)source;
	struct block *b = h->gap ? NULL : (struct block *)(h->fields - offsetof(struct block, bytes));

	if (b && h->size <= BLOCK) {
		b->next = src->free;
		src->free = b;
	} else
		free(b);
}

static int fill(struct source *source)
{
	source_take(source);
	return source->first < source->last;
}

static void decode(const struct held *h, struct record *r, struct decoded *room)
{
	event_decode(h->shape, h->fields, h->size, r, room);
}

static void close_source(struct source *source)
{
	struct direct *src = (struct direct *)source;

	for (uint32_t i = 0; i < source->streams && src->stream; i++)
		stream_end(&src->stream[i]);
	for (struct block *b; (b = src->free);) {
		src->free = b->next;
		free(b);
	}
	for (size_t i = 0; i < src->files; i++)
		free(src->file[i].path);
	free(src->file);
	free(src->stream);
	layout_free(&src->layout);
	source_drop(source);
	free(src);
}

static const struct source_ops ops = { fill, advance, keep, release, decode, close_source };

/* ---- opening --------------------------------------------------------------------------------------------------------------- */

/* Reads the first packet's header. 0: nothing of the file can be read, said. */
static int file_look(struct direct *src, struct file *f, struct losses *losses)
{
	struct stream s = { .file = f, .files = 1, .window.fd = -1 };
	int fine = file_open(&s) && look(&s, 0, src->layout.size) >= src->layout.size;
	enum packet_result result = fine ? packet_parse(s.window.data, &src->layout, f->uuid, &s.packet) : PACKET_FINE;

	if (fine && result == PACKET_FINE) {
		f->begin = layout_time(&src->layout, s.packet.begin, 0);
		f->number = s.packet.number;
		f->instance = s.packet.instance;
		f->class = s.packet.stream;
		src->bytes += s.walk.size;
		stream_end(&s);
		return 1;
	}
	s.walk.alien = result == PACKET_ALIEN;
	file_end(src, &s);
	for (size_t i = 0; i < s.walk.lost.n; i++)
		losses_add(losses, s.walk.lost.loss[i].begin, s.walk.lost.loss[i].end);
	stream_end(&s);
	return 0;
}

static void add_file(struct direct *src, const struct trace_dir *d, const char *name, struct losses *losses)
{
	struct file *grown = realloc(src->file, (src->files + 1) * sizeof *grown), f = { .uuid = d->has_uuid ? d->uuid : NULL };

	if (!grown)
		return;
	src->file = grown;
	f.path = malloc(strlen(d->path) + strlen(name) + 2);
	if (!f.path)
		return;
	sprintf(f.path, "%s/%s", d->path, name);
	if (file_look(src, &f, losses))
		src->file[src->files++] = f;
	else
		free(f.path);
}

static void add_dir(struct direct *src, const struct trace_dir *d, struct losses *losses)
{
	size_t before = src->files, said = src->source.notes->n;
	struct stream_files s = { 0 };

	dir_streams(d, &s, losses, src->source.notes);
	for (size_t i = 0; i < s.n; i++)
		add_file(src, d, s.file[i].name, losses);
	if (src->files == before && src->source.notes->n == said)
		say_empty(d, src->source.notes);
	stream_files_free(&s);
}

static int same_stream(const struct file *a, const struct file *b)
{
	return a->class == b->class && a->instance == b->instance;
}

static int by_stream(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->instance != y->instance)
		return x->instance < y->instance ? -1 : 1;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* 0: no memory. */
static int make_streams(struct direct *src, const char *trace, struct losses *losses, struct notes *notes)
{
	uint32_t n = 0;

	if (src->files)
		qsort(src->file, src->files, sizeof *src->file, by_stream);
	src->stream = calloc(src->files + 1, sizeof *src->stream);
	if (!src->stream)
		return 0;
	for (size_t i = 0; i < src->files; i++) {
		if (i == 0 || !same_stream(&src->file[i - 1], &src->file[i]))
			src->stream[n++] = (struct stream) { .file = &src->file[i], .window.fd = -1 };
		src->stream[n - 1].files++;
	}
	if (n == 0)
		losses_free(losses);
	if (!source_init(&src->source, &ops, n, trace, losses, notes))
		return 0;
	src->source.bytes = src->bytes;
	for (uint32_t i = 0; i < n; i++)
		if (!source_expect(&src->source, i, src->stream[i].file->begin))
			return 0;
	return 1;
}

static char *host_of(const char *text)
{
	const char *p = strstr(text, "\thostname = \""), *end = p ? strchr(p + 13, '"') : NULL;

	return end ? strndup(p + 13, end - p - 13) : NULL;
}

/* Every directory of a trace describes what was known when it was written: the longest text knows most. */
static int understand(struct direct *src, struct trace_dir *const *dirs, size_t n, struct names *names, char **host)
{
	const struct trace_dir *longest = dirs[0];
	struct metadata m;
	char path[4400];
	int yes;

	for (size_t i = 1; i < n; i++)
		if (dirs[i]->text > longest->text)
			longest = dirs[i];
	snprintf(path, sizeof path, "%s/metadata", longest->path);
	if (metadata_read(path, &m))
		return 0;
	layout_parse(m.text, &src->layout, names);
	yes = layout_direct(m.text, &src->layout);
	*host = yes ? host_of(m.text) : NULL;
	free(m.text);
	return yes;
}

struct source *direct_open(struct trace_dir *const *dirs, size_t n, struct names *names, struct notes *notes, char *why, size_t size)
{
	struct direct *src = calloc(1, sizeof *src);
	struct losses losses = { 0 };
	char *host = NULL;

	snprintf(why, size, "%s", src ? "" : "out of memory");
	if (!src)
		return NULL;
	src->source.notes = notes;
	if (!understand(src, dirs, n, names, &host)) {
		close_source(&src->source);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		add_dir(src, dirs[i], &losses);
	if (!make_streams(src, dirs[0]->named, &losses, notes)) {
		snprintf(why, size, "out of memory");
		free(host);
		losses_free(&losses);
		close_source(&src->source);
		return NULL;
	}
	src->source.host = host;
	return &src->source;
}
