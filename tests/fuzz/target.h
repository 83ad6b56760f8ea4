/*
 * tests/fuzz/target.h: one file a target, one function each, which ends by itself on any bytes or has found a mistake. `make fuzz` links it with
 * libFuzzer and the analyzer under the address and undefined-behaviour sanitizers; with main.c it is a program that runs the files it is
 * given, as `make check` does over tests/fuzz/corpus, and as AFL++ wants it.
 */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A file of these bytes, always the same one, for what wants a path. */
static inline const char *file_of(const void *data, size_t size)
{
	static char path[40];
	static int fd = -1;

	if (fd < 0)
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd = memfd_create("fuzz", 0));
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	return path;
}

#endif
