/*
 * tests/bench/analyzer/grow.c: a real recording made larger: TRACE OUT COPIES FIRST START.
 *
 * Each copy is the recording again, event by event, as if its programs had run once more beside themselves: processes and threads of
 * other ids (wherever an event names one), streams of their own, each copy a little later than the one before. Nothing else is
 * changed, so what the analyzer has to do for a copy is what it had to do for the recording. FIRST: the number of the first copy, so that
 * grown recordings can lie beside each other; START: when the first begins, ns since the epoch.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"

#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Larger than any pid, and 40,000 copies fit into 32 bits. */
#define PID_STEP 100000u
#define COPY_STEP_NS 137000

static struct layout layout;
static uint64_t shift;
static uint32_t pids;

static uint64_t number_at(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static void add_at(uint8_t *p, size_t n, uint64_t more)
{
	uint64_t v = number_at(p, n) + more;

	memcpy(p, &v, n);
}

/* ---- pids ------------------------------------------------------------------------------------------------------------------ */

static uint8_t *field(const struct shape *s, uint8_t *fields, const char *name, size_t *size)
{
	for (int i = 0; s->ours->fields[i].name; i++)
		if (!strcmp(s->ours->fields[i].name, name)) {
			if (s->place[i].step)
				errx(1, "%s has no fixed place", name);
			*size = s->place[i].size;
			return fields + s->place[i].offset;
		}
	errx(1, "there is no field %s", name);
}

/* 0, -1 and init are nobody's, or everybody's. */
static void other_pid(const struct shape *s, uint8_t *fields, const char *name)
{
	size_t size;
	uint8_t *p = field(s, fields, name, &size);

	if ((int32_t)number_at(p, 4) > 1)
		add_at(p, size, pids);
}

static void other_process(const struct shape *s, uint8_t *fields)
{
	size_t size;

	other_pid(s, fields, "pid");
	if (s->ours->type != RECORD_EVENT)
		return;
	other_pid(s, fields, "tid");
	switch (*field(s, fields, "op", &size)) {
	case FDW_OP_FORK_CHILD:
		other_pid(s, fields, "arg");
		/* fall through */
	case FDW_OP_PROC_START: case FDW_OP_IN_USE: case FDW_OP_SIGSTACK_LOST: other_pid(s, fields, "fd2"); break;
	case FDW_OP_FORK_BOUND: other_pid(s, fields, "fd2"); /* fall through */
	case FDW_OP_FORK: case FDW_OP_REAPED: case FDW_OP_CHILD_FD: other_pid(s, fields, "ret"); break;
	default: break;
	}
}

/* ---- time ------------------------------------------------------------------------------------------------------------------ */

static void later(const struct stream_shape *of, uint8_t *header, size_t size)
{
	uint32_t all;

	if (size > 6) /* the long form: its time is at the end */
		add_at(header + size - 8, 8, shift);
	else if (of->header == HEADER_LARGE)
		add_at(header + 2, 4, shift);
	else {
		memcpy(&all, header, 4);
		all += (uint32_t)(shift << 5);
		memcpy(header, &all, 4);
	}
}

static const struct stream_shape *stream_of(uint32_t id)
{
	for (size_t i = 0; i < layout.shapes->streams; i++)
		if (layout.shapes->stream[i].id == id)
			return &layout.shapes->stream[i];
	errx(1, "there is no stream %u", id);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static uint8_t *read_file(const char *path, size_t *size)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	uint8_t *data;

	if (!f || fstat(fileno(f), &st) || !(data = malloc(st.st_size + 1)) || fread(data, 1, st.st_size, f) != (size_t)st.st_size)
		err(1, "%s", path);
	data[st.st_size] = 0;
	*size = st.st_size;
	fclose(f);
	return data;
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "wex");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		err(1, "%s", path);
}

static uint64_t copy_packet(uint8_t *at, const struct packet *p, uint64_t instance)
{
	const struct stream_shape *of = stream_of(p->stream);
	uint64_t clock = p->begin, events = 0;
	size_t done = layout.size;
	struct event e;

	for (; done < p->content; done += e.size, events++) {
		if (event_at(layout.shapes, p->stream, at + done, p->content - done, &clock, &e) != EVENT_WHOLE)
			errx(1, "the recording is damaged");
		later(of, at + done, e.header);
		if (e.shape->ours)
			other_process(e.shape, at + done + e.header);
	}
	add_at(at + layout.begin.offset, 8, shift);
	add_at(at + layout.end.offset, 8, shift);
	memcpy(at + layout.instance.offset, &instance, 8);
	return events;
}

static uint64_t copy_stream(const char *from, const char *to, uint32_t copy)
{
	uint64_t at = 0, events = 0;
	struct packet p;
	size_t size;
	uint8_t *data = read_file(from, &size);

	for (; at < size; at += p.size) {
		if (size - at < layout.size || packet_parse(data + at, &layout, NULL, &p) != PACKET_FINE || p.size > size - at)
			errx(1, "%s: is damaged", from);
		events += copy_packet(data + at, &p, (uint64_t)copy * 4096 + p.instance);
	}
	write_file(to, data, size);
	free(data);
	return events;
}

/* When the recording begins, by its own clock. */
static uint64_t beginning(const char *dir, struct stream_files *s)
{
	uint64_t first = UINT64_MAX;
	struct packet p;
	char path[4400];
	size_t size;

	for (size_t i = 0; i < s->n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, s->file[i].name);
		uint8_t *data = read_file(path, &size);

		if (size >= layout.size && packet_parse(data, &layout, NULL, &p) == PACKET_FINE && p.begin < first)
			first = p.begin;
		free(data);
	}
	return first;
}

int main(int argc, char **argv)
{
	struct trace_dirs dirs = { 0 };
	struct names names = { 0 };
	struct losses losses = { 0 };
	struct notes notes = { 0 };
	struct stream_files s = { 0 };
	uint64_t events = 0, start;
	char from[4400], to[4400];
	struct metadata m;
	uint8_t *raw;
	size_t size;

	if (argc != 6)
		errx(2, "use: grow TRACE OUT COPIES FIRST START");
	find_traces(argv[1], &dirs, &notes);
	snprintf(from, sizeof from, "%s/metadata", dirs.n == 1 ? dirs.dir[0].path : "");
	if (dirs.n != 1 || metadata_read(from, &m))
		errx(1, "%s: one trace is wanted", argv[1]);
	layout_parse(m.text, &layout, &names);
	if (!layout_direct(m.text, &layout))
		errx(1, "%s: is not all LTTng's own way to write", argv[1]);
	dir_streams(&dirs.dir[0], &s, &losses, &notes);
	start = strtoull(argv[5], NULL, 10) - layout.offset - beginning(dirs.dir[0].path, &s);
	if (mkdir(argv[2], 0777))
		err(1, "%s", argv[2]);
	raw = read_file(from, &size);
	snprintf(to, sizeof to, "%s/metadata", argv[2]);
	write_file(to, raw, size);
	for (uint32_t k = 0, copies = atoi(argv[3]), first = atoi(argv[4]); k < copies; k++) {
		shift = start + (uint64_t)k * COPY_STEP_NS;
		pids = (first + k) * PID_STEP;
		for (size_t i = 0; i < s.n; i++) {
			snprintf(from, sizeof from, "%s/%s", dirs.dir[0].path, s.file[i].name);
			snprintf(to, sizeof to, "%s/%s.%u", argv[2], s.file[i].name, k);
			events += copy_stream(from, to, k);
		}
	}
	printf("%llu events, %zu streams\n", (unsigned long long)events, s.n * atoi(argv[3]));
	return 0;
}
