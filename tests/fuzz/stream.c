/*
 * tests/fuzz/stream.c: a stream file of any bytes, by shapes as LTTng describes ours: its packets, events, gaps and sentences, as reader_stream.c
 * reads it and as reader_packets.c looks at it for libbabeltrace2. What a directory can be, and the library itself, are reader.c's.
 */
#include "tests/unit/reader_trace.h"
#include "analyzer/reader_stream.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/touch.h"

static struct layout layout;
static struct names names;
static uint8_t uuid[16];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct bytes text = metadata_text(1, "seq");

	PUT(&text, char, '\0');
	layout_parse((char *)text.data, &layout, &names);
	if (!layout_direct((char *)text.data, &layout))
		abort();
	free(text.data);
	uuid_bytes(1, uuid);
	return 0;
}

static void read_stream(struct stream *s)
{
	static struct decoded room;
	uint64_t records = 0;
	struct held h;

	while (stream_next(s, &h)) {
		struct record r = { 0 };

		if (h.gap ? h.gap_end < h.time : h.time > INT64_MAX)
			abort();
		if (!h.gap) {
			event_decode(h.shape, h.fields, h.size, &r, &room);
			touch(&r);
		}
		if (++records > s->walk.size + 16)
			abort();
	}
}

static void walk(const char *path)
{
	struct notes notes = { 0 };
	struct walk w;

	stream_walk(path, &layout, uuid, &w);
	for (size_t i = 0; i < w.patches; i++)
		if (w.patch[i].at + 8 > w.size)
			abort();
	walk_conclude(path, &layout, &w, &notes);
	losses_free(&w.lost);
	free(w.patch);
	notes_free(&notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notes notes = { 0 };
	struct losses losses = { 0 };
	struct source source = { .notes = &notes, .trace = "fuzz" };
	struct file f = { .path = (char *)file_of(data, size), .uuid = uuid };
	struct stream s = { .layout = &layout, .source = &source, .file = &f, .files = 1, .window.fd = -1 };

	if (stream_look(&layout, &source, &f, &losses))
		read_stream(&s);
	else if (!notes.n && size)
		abort(); /* a file of which nothing can be read is named */
	walk(f.path);
	losses_free(&losses);
	notes_free(&notes);
	return 0;
}
