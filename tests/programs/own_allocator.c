/* own_allocator [silence]: an allocator with a lock of its own that opens a file inside, as several do. New threads must come through their first
 * allocation. Must find: nothing.
 */
#include "program.h"
#include <stdint.h>

static char heap[64 << 20] __attribute__((aligned(64)));
static size_t used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int looks;

void *malloc(size_t n)
{
	size_t *block;
	int saved = errno;

	pthread_mutex_lock(&lock);
	if (looks)
		close(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
	block = (size_t *)(heap + used);
	*block = n;
	used += ((n + 63) & ~(size_t)63) + 64;
	pthread_mutex_unlock(&lock);
	errno = saved;
	return used < sizeof heap ? (char *)block + 64 : NULL;
}
void free(void *p) {}
void *calloc(size_t a, size_t b) { return malloc(a * b); }
void *realloc(void *old, size_t n)
{
	void *p = malloc(n);

	if (old && p)
		memcpy(p, old, *(size_t *)((char *)old - 64) < n ? *(size_t *)((char *)old - 64) : n);
	return p;
}
static void *aligned(size_t a, size_t n) { return (void *)(((uintptr_t)malloc(n + a) + a - 1) / a * a); }
void *memalign(size_t a, size_t n) { return aligned(a, n); }
void *aligned_alloc(size_t a, size_t n) { return aligned(a, n); }
int posix_memalign(void **p, size_t a, size_t n) { *p = aligned(a, n); return 0; }

static void *volatile kept;
static void *work(void *arg) { kept = malloc(10); return arg; }

int main(void)
{
	pthread_t t;

	looks = 1;
	for (int i = 0; i < 20; i++)
		need(pthread_create(&t, NULL, work, NULL) == 0 && pthread_join(t, NULL) == 0);
	need(write(1, "done\n", 5) == 5);
	_exit(0);
}
