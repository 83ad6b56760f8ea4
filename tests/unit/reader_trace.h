/*
 * tests/unit/reader_trace.h: traces made by hand, in the layout LTTng-UST 2.13 writes, so that every damage can be made exactly.
 *
 * Context: unit tests and the fuzz target of the reader. Everything lives below one temporary directory per test.
 */
#ifndef READER_TRACE_H
#define READER_TRACE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "analyzer/reader.h"

/* ---- bytes --------------------------------------------------------------------------------------------------------------- */
struct bytes {
	uint8_t *data;
	size_t n, size;
};

static inline void put(struct bytes *b, const void *data, size_t n)
{
	if (b->n + n > b->size) {
		b->size = 2 * (b->n + n) + 256;
		b->data = realloc(b->data, b->size);
		assert_non_null(b->data);
	}
	if (n)
		memcpy(b->data + b->n, data, n);
	b->n += n;
}

#define PUT(b, type, value) do { type v_ = (value); put(b, &v_, sizeof v_); } while (0)

static inline void put_at(struct bytes *b, size_t at, uint64_t v) { memcpy(b->data + at, &v, 8); }

static inline void write_bytes(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Paths live until the test ends. */
static char *paths[1024];
static int npaths;

static inline char *path_of(const char *dir, const char *name)
{
	char *path = NULL;

	assert_true(npaths < 1024 && asprintf(&path, "%s/%s", dir, name) > 0);
	return paths[npaths++] = path;
}

/* ---- metadata ------------------------------------------------------------------------------------------------------------ */
#define INT32_ "integer { size = 32; align = 8; signed = 0; encoding = none; base = 10; } "
#define SINT32_ "integer { size = 32; align = 8; signed = 1; encoding = none; base = 10; } "
#define INT64_ "integer { size = 64; align = 8; signed = 0; encoding = none; base = 16; } "
#define SINT64_ "integer { size = 64; align = 8; signed = 1; encoding = none; base = 10; } "
#define INT8_ "integer { size = 8; align = 8; signed = 0; encoding = none; base = 10; } "

static const char metadata_head[] =
	"/* CTF 1.8 */\n\n"
	"typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
	"typealias integer { size = 16; align = 8; signed = false; } := uint16_t;\n"
	"typealias integer { size = 32; align = 8; signed = false; } := uint32_t;\n"
	"typealias integer { size = 64; align = 8; signed = false; } := uint64_t;\n"
	"typealias integer { size = 64; align = 8; signed = false; } := unsigned long;\n"
	"typealias integer { size = 5; align = 1; signed = false; } := uint5_t;\n\n"
	"trace {\n\tmajor = 1;\n\tminor = 8;\n\tuuid = \"%s\";\n\tbyte_order = le;\n\tpacket.header := struct {\n\t\tuint32_t magic;\n"
	"\t\tuint8_t  uuid[16];\n\t\tuint32_t stream_id;\n\t\tuint64_t stream_instance_id;\n\t};\n};\n\n"
	"env {\n\tdomain = \"ust\";\n\ttracer_name = \"lttng-ust\";\n\ttracer_major = 2;\n\ttracer_minor = 13;\n\thostname = \"box\";\n};\n\n"
	"clock {\n\tname = \"monotonic\";\n\tfreq = 1000000000; /* Frequency, in Hz */\n\toffset = 1000000000000000000;\n};\n\n"
	"typealias integer {\n\tsize = 32; align = 8; signed = false;\n\tmap = clock.monotonic.value;\n} := uint32_clock_monotonic_t;\n\n"
	"typealias integer {\n\tsize = 64; align = 8; signed = false;\n\tmap = clock.monotonic.value;\n} := uint64_clock_monotonic_t;\n\n"
	"struct packet_context {\n\tuint64_clock_monotonic_t timestamp_begin;\n\tuint64_clock_monotonic_t timestamp_end;\n"
	"\tuint64_t content_size;\n\tuint64_t packet_size;\n\tuint64_t packet_seq_num;\n\tunsigned long events_discarded;\n\tuint32_t cpu_id;\n};\n\n"
	"struct event_header_large {\n\tenum : uint16_t { compact = 0 ... 65534, extended = 65535 } id;\n\tvariant <id> {\n\t\tstruct {\n"
	"\t\t\tuint32_clock_monotonic_t timestamp;\n\t\t} compact;\n\t\tstruct {\n\t\t\tuint32_t id;\n"
	"\t\t\tuint64_clock_monotonic_t timestamp;\n\t\t} extended;\n\t} v;\n} align(8);\n\n"
	"stream {\n\tid = 1;\n\tevent.header := struct event_header_large;\n\tpacket.context := struct packet_context;\n};\n\n"
	"stream {\n\tid = 0;\n\tevent.header := struct event_header_large;\n\tpacket.context := struct packet_context;\n};\n\n";

static const char metadata_module[] =
	"event {\n\tname = \"fdwarden:module\";\n\tid = 0;\n\tstream_id = 1;\n\tloglevel = 6;\n\tfields := struct {\n"
	"\t\t" INT32_ "_pid;\n\t\t" INT64_ "_base;\n\t\t" INT64_ "_start;\n\t\t" INT64_ "_end;\n\t\t" INT32_ "__build_id_length;\n"
	"\t\t" INT8_ "_build_id[ __build_id_length ];\n\t\tstring _path;\n\t};\n};\n\n";
static const char metadata_stack[] =
	"event {\n\tname = \"fdwarden:stack\";\n\tid = 1;\n\tstream_id = 1;\n\tloglevel = 6;\n\tfields := struct {\n"
	"\t\t" INT32_ "_pid;\n\t\t" INT32_ "_id;\n\t\t" INT32_ "__frames_length;\n\t\t" INT64_ "_frames[ __frames_length ];\n\t};\n};\n\n";
/* name, id, stream id, name of the field `seq` */
static const char metadata_event[] =
	"event {\n\tname = \"%s\";\n\tid = %d;\n\tstream_id = %d;\n\tloglevel = 6;\n\tfields := struct {\n"
	"\t\t" INT32_ "_%s;\n\t\t" INT32_ "_pid;\n\t\t" INT32_ "_tid;\n"
	"\t\tenum : " INT8_ "{\n\t\t\t\"CREATE\" = 1,\n\t\t\t\"CLOSE\" = 4,\n\t\t} _op;\n"
	"\t\tenum : integer { size = 16; align = 8; signed = 0; encoding = none; base = 10; } {\n\t\t\t\"none\" = 0,\n\t\t\t\"open\" = 1,\n"
	"\t\t\t\"close\" = 51,\n\t\t} _call;\n"
	"\t\t" INT8_ "_kind;\n\t\t" SINT32_ "_fd;\n\t\t" INT32_ "_gen;\n\t\t" SINT32_ "_fd2;\n\t\t" INT32_ "_gen2;\n\t\t" SINT64_ "_ret;\n"
	"\t\t" SINT32_ "_err;\n\t\t" INT32_ "_flags;\n\t\t" INT64_ "_arg;\n\t\t" INT32_ "_stack;\n"
	"\t\t" INT32_ "__detail_length;\n\t\t" INT8_ "_detail[ __detail_length ];\n\t};\n};\n\n";
static const char metadata_other[] =
	"event {\n\tname = \"somebody:else\";\n\tid = 7;\n\tstream_id = 0;\n\tfields := struct {\n\t\t" INT32_ "_x;\n\t};\n};\n\n";

static inline void uuid_bytes(uint8_t n, uint8_t uuid[16]) { memset(uuid, n, 16); }

/* The text of a trace's metadata; uuid n: sixteen bytes of n. `seq`: what the field is called, to make traces of another version. */
static inline struct bytes metadata_text(uint8_t n, const char *seq)
{
	static char text[16384];
	char uuid[37];
	struct bytes b = { 0 };

	snprintf(uuid, sizeof uuid, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n);
	put(&b, text, snprintf(text, sizeof text, metadata_head, uuid));
	put(&b, metadata_module, sizeof metadata_module - 1);
	put(&b, metadata_stack, sizeof metadata_stack - 1);
	put(&b, text, snprintf(text, sizeof text, metadata_event, "fdwarden:life", 2, 1, seq));
	put(&b, text, snprintf(text, sizeof text, metadata_event, "fdwarden:op", 0, 0, seq));
	put(&b, metadata_other, sizeof metadata_other - 1);
	return b;
}

/* Appends a metadata packet, padded to whole 4 KiB. */
static inline void metadata_packet(struct bytes *out, uint8_t n, const void *text, size_t len)
{
	uint32_t content = 37 + len, packet = (content + 4095) / 4096 * 4096;
	static const uint8_t padding[4096], tail[5] = { 0, 0, 0, 1, 8 };
	uint8_t uuid[16];

	uuid_bytes(n, uuid);
	PUT(out, uint32_t, 0x75D11D57);
	put(out, uuid, 16);
	PUT(out, uint32_t, 0);
	PUT(out, uint32_t, content * 8);
	PUT(out, uint32_t, packet * 8);
	put(out, tail, 5);
	put(out, text, len);
	put(out, padding, packet - content);
}

static inline void write_metadata(const char *dir, uint8_t n)
{
	struct bytes text = metadata_text(n, "seq"), file = { 0 };

	metadata_packet(&file, n, text.data, text.n);
	write_bytes(path_of(dir, "metadata"), file.data, file.n);
	free(text.data);
	free(file.data);
}

/* ---- streams ------------------------------------------------------------------------------------------------------------- */
struct stream_writer {
	struct bytes b;
	uint8_t uuid;
	uint32_t class;           /* 0: op; 1: life, stack, module */
	uint64_t instance, packets, discarded;
	size_t packet;            /* where the open packet begins */
	enum { LARGE_LONG, LARGE_SHORT, COMPACT_LONG, COMPACT_SHORT } header; /* of events */
	size_t context;           /* bytes of it before an event's own */
};

static inline void packet_begin(struct stream_writer *w, uint64_t time)
{
	uint8_t uuid[16];

	uuid_bytes(w->uuid, uuid);
	w->packet = w->b.n;
	PUT(&w->b, uint32_t, 0xC1FC1FC1);
	put(&w->b, uuid, 16);
	PUT(&w->b, uint32_t, w->class);
	PUT(&w->b, uint64_t, w->instance);
	PUT(&w->b, uint64_t, time);
	PUT(&w->b, uint64_t, time);
	PUT(&w->b, uint64_t, 0);
	PUT(&w->b, uint64_t, 0);
	PUT(&w->b, uint64_t, w->packets++);
	PUT(&w->b, uint64_t, w->discarded);
	PUT(&w->b, uint32_t, w->instance);
}

/* Ends the packet at a multiple of 256 bytes. */
static inline void packet_end(struct stream_writer *w, uint64_t time)
{
	static const uint8_t padding[256];
	size_t content = w->b.n - w->packet, size = (content + 255) / 256 * 256;

	put(&w->b, padding, size - content);
	put_at(&w->b, w->packet + 40, time);
	put_at(&w->b, w->packet + 48, content * 8);
	put_at(&w->b, w->packet + 56, size * 8);
	put_at(&w->b, w->packet + 72, w->discarded);
}

static inline void event_header(struct stream_writer *w, uint32_t id, uint64_t time)
{
	if (w->header == LARGE_SHORT)
		PUT(&w->b, uint16_t, id);
	else if (w->header == LARGE_LONG)
		PUT(&w->b, uint16_t, 65535);
	else if (w->header == COMPACT_LONG)
		PUT(&w->b, uint8_t, 31);
	if (w->header == LARGE_SHORT)
		PUT(&w->b, uint32_t, time);
	else if (w->header == COMPACT_SHORT)
		PUT(&w->b, uint32_t, id | time << 5);
	else {
		PUT(&w->b, uint32_t, id);
		PUT(&w->b, uint64_t, time);
	}
	for (size_t i = 0; i < w->context; i++)
		PUT(&w->b, uint8_t, 'c');
}

/* life where the stream is of class 1 */
static inline void put_event(struct stream_writer *w, uint64_t time, const struct fdw_event *e)
{
	struct bytes *b = &w->b;

	event_header(w, w->class ? 2 : 0, time);
	PUT(b, uint32_t, e->seq);
	PUT(b, uint32_t, e->pid);
	PUT(b, uint32_t, e->tid);
	PUT(b, uint8_t, e->op);
	PUT(b, uint16_t, e->call);
	PUT(b, uint8_t, e->kind);
	PUT(b, int32_t, e->fd);
	PUT(b, uint32_t, e->gen);
	PUT(b, int32_t, e->fd2);
	PUT(b, uint32_t, e->gen2);
	PUT(b, int64_t, e->ret);
	PUT(b, int32_t, e->err);
	PUT(b, uint32_t, e->flags);
	PUT(b, uint64_t, e->arg);
	PUT(b, uint32_t, e->stack);
	PUT(b, uint32_t, e->detail_len);
	put(b, e->detail, e->detail_len);
}

static inline void put_op(struct stream_writer *w, uint64_t time, uint32_t tid, uint32_t seq)
{
	struct fdw_event e = { .seq = seq, .pid = 100, .tid = tid, .op = FDW_OP_CLOSE, .call = 51, .fd = 3, .gen = 1, .fd2 = -1 };

	put_event(w, time, &e);
}

static inline void put_start(struct stream_writer *w, uint64_t time, uint32_t pid, int version)
{
	struct fdw_event e = { .seq = 1, .pid = pid, .tid = pid, .op = FDW_OP_PROC_START, .fd = version, .fd2 = 1 };

	put_event(w, time, &e);
}

static inline void put_stack(struct stream_writer *w, uint64_t time, uint32_t id, uint32_t depth)
{
	event_header(w, 1, time);
	PUT(&w->b, uint32_t, 100);
	PUT(&w->b, uint32_t, id);
	PUT(&w->b, uint32_t, depth);
	for (uint32_t i = 0; i < depth; i++)
		PUT(&w->b, uint64_t, 0x400000 + i);
}

static inline void put_module(struct stream_writer *w, uint64_t time, const char *path)
{
	static const uint8_t id[4] = { 0xde, 0xad, 0xbe, 0xef };

	event_header(w, 0, time);
	PUT(&w->b, uint32_t, 100);
	PUT(&w->b, uint64_t, 0x7f0000000000);
	PUT(&w->b, uint64_t, 0x7f0000001000);
	PUT(&w->b, uint64_t, 0x7f0000009000);
	PUT(&w->b, uint32_t, 4);
	put(&w->b, id, 4);
	put(&w->b, path, strlen(path) + 1);
}

static inline void put_other(struct stream_writer *w, uint64_t time)
{
	event_header(w, 7, time);
	PUT(&w->b, uint32_t, 1);
}

/* Writes the file and forgets the bytes. */
static inline void write_stream(struct stream_writer *w, const char *dir, const char *name)
{
	write_bytes(path_of(dir, name), w->b.data, w->b.n);
	free(w->b.data);
	w->b = (struct bytes) { 0 };
}

/* One packet of n ops of one thread, one every 10 ns from `time` on. */
static inline void op_packet(struct stream_writer *w, uint64_t time, uint32_t tid, uint32_t first_seq, int n)
{
	packet_begin(w, time);
	for (int i = 0; i < n; i++)
		put_op(w, time + 10 * i, tid, first_seq + i);
	packet_end(w, time + 10 * n);
}

/* A sound trace in `dir`: metadata and one stream fds_0 of two packets of five ops. */
static inline void small_trace(const char *dir, uint8_t uuid)
{
	struct stream_writer w = { .uuid = uuid };

	mkdir(dir, 0700);
	write_metadata(dir, uuid);
	op_packet(&w, 1000, 100, 1, 5);
	op_packet(&w, 2000, 100, 6, 5);
	write_stream(&w, dir, "fds_0");
}

/* ---- the test's directory ------------------------------------------------------------------------------------------------ */
static inline int make_dir(void **state)
{
	char path[] = "/tmp/reader-test.XXXXXX";

	*state = mkdtemp(path) ? strdup(path) : NULL;
	return *state == NULL;
}

static inline int drop_dir(void **state)
{
	char command[600];

	if (getuid() == 0 && geteuid() != 0 && seteuid(0))
		return 1;
	snprintf(command, sizeof command, "chmod -R u+rwX '%s'; rm -rf '%s'", (char *)*state, (char *)*state);
	free(*state);
	*state = NULL;
	while (npaths > 0)
		free(paths[--npaths]);
	return system(command) != 0;
}

/* Which reader a test is about: run_both() runs a group with each. */
static enum reader_kind reader_kind;

static inline struct reader *open_one(const char *path, char error[512])
{
	return reader_open(&path, 1, reader_kind, error, 512);
}

/* Opens, or fails the test with the reader's reason. */
static inline struct reader *must_open(const char *path)
{
	char error[512] = "";
	struct reader *r = open_one(path, error);

	if (!r)
		fail_msg("%s", error);
	return r;
}

/* Of events, stacks and modules; `gaps` beside them. */
static inline int count_with_gaps(struct reader *r, int *gaps)
{
	struct record record;
	int n = 0;

	for (*gaps = 0; reader_next(r, &record); n += record.type != RECORD_GAP)
		*gaps += record.type == RECORD_GAP;
	return n;
}

/* Where there is no gap. */
static inline int count_records(struct reader *r)
{
	int gaps, n = count_with_gaps(r, &gaps);

	assert_int_equal(gaps, 0);
	return n;
}

/* Does some sentence of the damage have this in it? */
static inline int damage_says(const struct reader *r, const char *what)
{
	for (size_t i = 0; reader_damage(r, i); i++)
		if (strstr(reader_damage(r, i), what))
			return 1;
	return 0;
}

#define run_both(tests) (reader_kind = READER_LIBRARY, cmocka_run_group_tests_name("through libbabeltrace2", tests, NULL, NULL)) + \
	(reader_kind = READER_DIRECT, cmocka_run_group_tests_name("directly", tests, NULL, NULL))
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)

#endif
