/* tests/e2e/src/hazards/libuse.c: a library that opens and closes in its constructor, its destructor, and when asked. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int use_descriptors(void);

int use_descriptors(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), other = dup(fd);
	FILE *f = fopen("/dev/null", "r");

	if (!f || fclose(f) || close(fd) || close(other))
		abort();
	return fd;
}

__attribute__((constructor)) static void first(void) { use_descriptors(); }
__attribute__((destructor)) static void last(void) { use_descriptors(); }
