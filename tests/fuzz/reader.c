/*
 * tests/fuzz/reader.c: libFuzzer target: the reader on stream files of any bytes, beside sound metadata.
 *
 * Build and run from the top of the tree, after make:
 *	clang-14 -g -O1 -fsanitize=fuzzer,address -I. -Ibuild/gen $(pkg-config --cflags babeltrace2) -o build/fuzz-reader \
 *		tests/fuzz/reader.c analyzer/reader*.c analyzer/heap.c $(pkg-config --libs babeltrace2) -lcmocka
 *	mkdir -p build/corpus; FUZZ_SEEDS=build/corpus build/fuzz-reader; build/fuzz-reader -timeout=20 -max_len=4096 build/corpus
 */
#include "tests/unit/reader_trace.h"

static char dir[] = "/tmp/fuzz-reader.XXXXXX";

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void remove_dir(void)
{
	unlink(path_of(dir, "fds_0"));
	unlink(path_of(dir, "metadata"));
	rmdir(dir);
}

static void seed(const char *to, const char *name, uint8_t class)
{
	struct stream_writer w = { .uuid = 1, .class = class };

	for (int p = 0; p < 2; p++) {
		packet_begin(&w, 1000 * p);
		for (int i = 0; i < 3; i++)
			put_op(&w, 1000 * p + i, 100, 1 + i);
		if (class == 1) {
			put_stack(&w, 1000 * p + 10, 1, 3);
			put_module(&w, 1000 * p + 11, "/usr/bin/true");
		} else
			put_other(&w, 1000 * p + 12);
		packet_end(&w, 1000 * p + 20);
	}
	write_stream(&w, to, name);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *seeds = getenv("FUZZ_SEEDS");

	if (seeds) {
		seed(seeds, "op", 0);
		seed(seeds, "life", 1);
		exit(0);
	}
	if (!mkdtemp(dir))
		abort();
	write_metadata(dir, 1);
	atexit(remove_dir);
	return 0;
}

/* Touches everything a record points to. */
static unsigned touch(const struct record *r)
{
	unsigned sum = strlen(r->host) + strlen(r->trace);

	if (r->type == RECORD_EVENT) {
		sum += strlen(r->event.call);
		for (uint32_t i = 0; i < r->event.e.detail_len; i++)
			sum += r->event.e.detail[i];
	} else if (r->type == RECORD_STACK) {
		for (uint32_t i = 0; i < r->stack.depth; i++)
			sum += r->stack.frames[i];
	} else if (r->type == RECORD_MODULE)
		sum += strlen(r->module.path) + (r->module.build_id_len ? r->module.build_id[r->module.build_id_len - 1] : 0);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile unsigned sink;
	char error[512] = "";
	struct record record;
	struct reader *r;

	while (npaths > 0)
		free(paths[--npaths]);
	write_bytes(path_of(dir, "fds_0"), data, size);
	r = open_one(dir, error);
	while (r && reader_next(r, &record))
		sink += touch(&record);
	if (r)
		reader_close(r);
	else if (!*error)
		abort();
	return 0;
}
