/*
 * analyzer/memory.h: memory or the end: the command cannot do anything useful without; uthash included.
 */
#ifndef FDW_MEMORY_H
#define FDW_MEMORY_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "analyzer/hash.h"
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
static inline __attribute__((format(printf, 1, 2))) char *xasprintf(const char *format, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0 || !(s = malloc((size_t)n + 1)))
		out_of_memory();
	va_start(ap, format);
	vsnprintf(s, (size_t)n + 1, format, ap);
	va_end(ap);
	return s;
}
static inline char *xstrdup(const char *s) { return (char *)xcheck(strdup(s)); }

#undef uthash_fatal
#define uthash_fatal(message) out_of_memory()

#endif
