/* tests/fuzz/metadata.c: metadata of any bytes: its packets, its text, the layout and the shapes of events it describes. */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"
#include "tests/fuzz/target.h"

static void look_at(const char *text)
{
	static const uint8_t bytes[300] = { 1 };
	struct names names = { 0 };
	struct layout l;
	struct event e;
	uint64_t clock = 0;

	layout_parse(text, &l, &names);
	if (l.known && (l.size > HEADER_MAX || l.magic.offset + 4 > l.size))
		abort();
	if (l.shapes) {
		for (size_t i = 0; i < l.shapes->n; i++)
			if (l.shapes->shape[i].steps > STEPS_MAX)
				abort();
		event_at(l.shapes, 0, bytes, sizeof bytes, &clock, &e);
		layout_direct(text, &l);
	}
	layout_free(&l);
	names_drop(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *own = malloc(size + 1), *text;
	struct metadata m;

	memcpy(own, data, size);
	if (metadata_parse(own, size, &m) == 0) {
		if (strlen(m.text) > m.len)
			abort();
		look_at(m.text);
		free(m.text);
	}
	text = strndup((const char *)data, size); /* without what would have to be before it */
	look_at(text);
	free(text);
	return 0;
}
