/*
 * analyzer/memory.h: memory or the end: the command cannot do anything useful without; uthash included.
 */
#ifndef FDW_MEMORY_H
#define FDW_MEMORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include "analyzer/commands.h"

static inline __attribute__((noreturn)) void out_of_memory(void)
{
	fputs("fdwarden: out of memory: report fewer traces at once, or raise the memory limit\n", stderr);
	exit(EXIT_INTERNAL);
}

static inline void *xcheck(void *p)
{
	if (!p)
		out_of_memory();
	return p;
}

static inline void *xmalloc(size_t n) { return xcheck(malloc(n ? n : 1)); }
static inline void *xcalloc(size_t n, size_t size) { return xcheck(calloc(n ? n : 1, size ? size : 1)); }
static inline void *xrealloc(void *p, size_t n) { return xcheck(realloc(p, n ? n : 1)); }
static inline char *xstrdup(const char *s) { return (char *)xcheck(strdup(s)); }

#undef uthash_fatal
#define uthash_fatal(message) out_of_memory()

#endif
