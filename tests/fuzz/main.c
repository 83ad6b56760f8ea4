/* tests/fuzz/main.c: runs a target on files, and on those of directories; see target.h. Prints how many. */
#define _GNU_SOURCE
#include <fts.h>
#include "tests/fuzz/target.h"

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv) { return 0; }

static void run(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *data = NULL;
	size_t n = 0, got;

	if (!f)
		abort();
	do {
		data = realloc(data, n + 65536);
		got = fread(data + n, 1, 65536, f);
		n += got;
	} while (got);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
}

int main(int argc, char **argv)
{
	unsigned files = 0;
	FTSENT *e;
	FTS *fts;

	LLVMFuzzerInitialize(&argc, &argv);
	fts = argc > 1 ? fts_open(argv + 1, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	while (fts && (e = fts_read(fts)))
		if (e->fts_info == FTS_F) {
			run(e->fts_accpath);
			files++;
		}
	if (fts)
		fts_close(fts);
	printf("%u files\n", files);
	return files == 0;
}
