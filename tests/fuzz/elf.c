/*
 * tests/fuzz/elf.c: a program of any bytes, as it is looked at before it is run. In memory, which is fast; those of some sizes also from a file, as
 * it is done then.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include "analyzer/elf_file.h"
#include "tests/fuzz/target.h"

static void check(const struct elf_facts *f)
{
	if (!memchr(f->interpreter, 0, sizeof f->interpreter) || !memchr(f->preload_first, 0, sizeof f->preload_first))
		abort();
}

static void from_file(const uint8_t *data, size_t size)
{
	int fd = open(file_of(data, size), O_RDONLY | O_CLOEXEC);
	struct elf_facts f;

	if (fd < 0)
		abort();
	elf_read(fd, &f);
	close(fd);
	check(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *own = malloc(size ? size : 1); /* libelf may write to it */
	struct elf_facts f;

	memcpy(own, data, size);
	elf_version(EV_CURRENT);
	elf_read_opened(elf_memory(own, size), &f);
	check(&f);
	free(own);
	if (size % 64 == 0)
		from_file(data, size);
	return 0;
}
