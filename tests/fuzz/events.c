/*
 * tests/fuzz/events.c: a packet of any bytes, by shapes as LTTng describes ours: header, events, records. The reader without its files. The first
 * byte says which of the ways to write a header is meant.
 */
#include "tests/unit/reader_trace.h"
#include "analyzer/reader_parts.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/touch.h"

static struct layout layouts[2];
static struct names names;

static void replace_all(char *text, const char *from, const char *to)
{
	for (char *p; (p = strstr(text, from));) {
		memmove(p + strlen(to), p + strlen(from), strlen(p + strlen(from)) + 1);
		memcpy(p, to, strlen(to));
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct bytes text = metadata_text(1, "seq");
	char *m = calloc(1, 65536);

	memcpy(m, text.data, text.n);
	layout_parse(m, &layouts[0], &names);
	replace_all(m, "} align(8);\n\nstream {\n\tid = 1;", "} align(8);\n\n"
		"struct event_header_compact {\n\tenum : uint5_t { compact = 0 ... 30, extended = 31 } id;\n\tvariant <id> {\n\t\tstruct {\n"
		"\t\t\tuint27_clock_monotonic_t timestamp;\n\t\t} compact;\n\t\tstruct {\n\t\t\tuint32_t id;\n"
		"\t\t\tuint64_clock_monotonic_t timestamp;\n\t\t} extended;\n\t} v;\n} align(8); \n\nstream {\n\tid = 1;");
	replace_all(m, ":= struct event_header_large;", ":= struct event_header_compact;");
	layout_parse(m, &layouts[1], &names);
	if (!layout_direct(m, &layouts[0]) || !layout_direct(m, &layouts[1]))
		abort();
	free(m);
	free(text.data);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct decoded room;
	struct layout *l = size ? &layouts[data[0] & 1] : NULL;
	struct packet p;
	struct event e;
	uint64_t clock;
	struct key key;
	uint8_t *own;

	if (!l || size - 1 < l->size)
		return 0;
	own = malloc(size - 1); /* exactly as long, so that a byte more is noticed */
	memcpy(own, data + 1, size - 1);
	size--;
	if (packet_parse(own, l, NULL, &p) == PACKET_FINE) {
		clock = p.begin;
		for (size_t at = l->size; at < size && event_at(l->shapes, p.stream, own + at, size - at, &clock, &e) == EVENT_WHOLE; at += e.size) {
			struct record r = { 0 };

			if (e.size == 0 || e.size > size - at)
				abort();
			if (!e.shape->ours)
				continue;
			event_key(e.shape, own + at + e.header, e.size - e.header, &key);
			event_decode(e.shape, own + at + e.header, e.size - e.header, &r, &room);
			touch(&r);
		}
		clock = p.begin;
		events_walk(l->shapes, p.stream, own + l->size, size - l->size, &clock);
	}
	free(own);
	return 0;
}
