/* tests/fuzz/elf.c: a program of any bytes, as it is looked at before it is run. */
#define _GNU_SOURCE
#include <fcntl.h>
#include "analyzer/elf_file.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = open(file_of(data, size), O_RDONLY | O_CLOEXEC);
	struct elf_facts f;

	if (fd < 0)
		abort();
	elf_read(fd, &f);
	close(fd);
	if (!memchr(f.interpreter, 0, sizeof f.interpreter) || !memchr(f.preload_first, 0, sizeof f.preload_first))
		abort();
	return 0;
}
