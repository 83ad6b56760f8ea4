/* tests/fuzz/symbols.c: a module of any bytes: its functions and lines at a few addresses, by elfutils. The first eight bytes are one of them. */
#define _GNU_SOURCE
#include "analyzer/symbols.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t offsets[] = { 0, 1, 0x1000, 0x1130, 0x401136 };
	const struct frame *frames;
	struct symbols *s = symbols_new();
	const char *path;

	if (size < 8 || !s)
		return free(s), 0;
	memcpy(offsets, data, 8);
	path = file_of(data + 8, size - 8);
	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		size_t n = symbols_lookup(s, path, NULL, 0, offsets[i], &frames);

		if (n == 0)
			abort();
		for (size_t k = 0; k < n; k++)
			if (frames[k].function && strlen(frames[k].function) > 1 << 24)
				abort();
	}
	symbols_free(s);
	return 0;
}
