/* sigstack_unmapped [sigstack-unmapped]: memory of an installed alternate stack is unmapped, protected, dropped, mapped over, moved; once by another thread; and freed
 * behind everybody's back before its thread ends, and before the process does.
 * Must find: sigstack-unmapped for each of the eight.
 */
#include "sigstack.h"

static void *stolen;

static void *thief(void *unused)
{
	munmap(stolen, STACK_BYTES);
	return NULL;
}

/* As free() does: by a system call of libc's own. */
static void *freed(void *unused)
{
	static size_t n = 1 << 20;
	void *p = malloc(n *= 4); /* each beyond what the last one made glibc keep */

	install(p, STACK_BYTES);
	free(p);
	return NULL;
}

int main(void)
{
	pthread_t t;
	void *p;

	munmap(install_new(), STACK_BYTES);
	p = install_new();
	need(mprotect(p, STACK_BYTES, PROT_NONE) == 0);
	disable();
	munmap(p, STACK_BYTES);
	p = install_new();
	need(madvise(p, STACK_BYTES, MADV_DONTNEED) == 0);
	disable();
	munmap(p, STACK_BYTES);
	p = install_new();
	need(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	disable();
	munmap(p, STACK_BYTES);
	p = install_new();
	need(mremap(p, STACK_BYTES, 4096, 0) == p);
	disable();
	munmap(p, 4096);
	stolen = install_new();
	need(pthread_create(&t, NULL, thief, NULL) == 0);
	pthread_join(t, NULL);
	disable();
	need(pthread_create(&t, NULL, freed, NULL) == 0);
	pthread_join(t, NULL);
	freed(NULL);
	puts("done");
	return 0;
}
