/*
 * analyzer/reader_direct.c: a trace of LTTng's own way to write, read without libbabeltrace2, some ten times faster.
 *
 * Which files are one stream is known from their first packets; reader_stream.c reads them. What comes out is what reader_bt2.c delivers: a
 * test compares them.
 */
#define _GNU_SOURCE
#include "analyzer/reader_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events of this size and less are kept in blocks that are used again. */
#define BLOCK 1024

struct block {
	struct block *next;
	uint8_t bytes[];
};

struct direct {
	struct source source;  /* first */
	struct layout layout;
	struct file *file;     /* all, those of a stream together */
	size_t files;
	struct stream *stream;
	struct block *free;
};

/* ---- the source ---------------------------------------------------------------------------------------------------------------- */

static int advance(struct source *source, uint32_t stream, struct held *h)
{
	return stream_next(&((struct direct *)source)->stream[stream], h);
}

/* An event that waits in the queue. */
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
	if (stream_look(&src->layout, &src->source, &f, losses))
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
			src->stream[n++] = (struct stream) { .layout = &src->layout, .source = &src->source, .file = &src->file[i], .window.fd = -1 };
		src->stream[n - 1].files++;
	}
	if (n == 0)
		losses_free(losses);
	if (!source_init(&src->source, &ops, n, trace, losses, notes))
		return 0;
	for (size_t i = 0; i < src->files; i++)
		src->source.bytes += src->file[i].size;
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

