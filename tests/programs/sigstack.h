/*
 * tests/programs/sigstack.h: alternate signal stacks for the programs about them.
 */
#ifndef SIGSTACK_H
#define SIGSTACK_H

#include "program.h"
#include <sys/mman.h>

enum { STACK_BYTES = 64 << 10 };

static inline void *pages(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(p != MAP_FAILED);
	return p;
}

static inline void install(void *p, size_t n)
{
	need(sigaltstack(&(stack_t){ .ss_sp = p, .ss_size = n }, NULL) == 0);
}

static inline void *install_new(void)
{
	void *p = pages(STACK_BYTES);

	install(p, STACK_BYTES);
	return p;
}

static inline void disable(void) { need(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL) == 0); }

/* What was set before comes back in the same place. */
static inline int set_in_place(stack_t *ss)
{
	stack_t *volatile same = ss;
	return sigaltstack(ss, same);
}

/* kB of memory that this process has locked. */
static inline long locked(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	need(f);
	while (fgets(line, sizeof line, f))
		sscanf(line, "VmLck: %ld", &kb);
	fclose(f);
	return kb;
}

#endif
