/* tests/fuzz/reader.c: the whole reader, auto, on a stream file of any bytes beside sound metadata. */
#include "tests/unit/reader_trace.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/touch.h"

static char dir[] = "/tmp/fuzz-reader.XXXXXX";

static void remove_dir(void)
{
	unlink(path_of(dir, "fds_0"));
	unlink(path_of(dir, "metadata"));
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (!mkdtemp(dir))
		abort();
	write_metadata(dir, 1);
	atexit(remove_dir);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[512] = "";
	struct record record;
	struct reader *r;

	while (npaths > 0)
		free(paths[--npaths]);
	write_bytes(path_of(dir, "fds_0"), data, size);
	r = open_one(dir, error);
	while (r && reader_next(r, &record))
		touch(&record);
	if (r)
		reader_close(r);
	else if (!*error)
		abort();
	return 0;
}
