/* sigstack_threads [silence]: 10,000 threads that install signal stacks and end in all ways: after disabling, without, by pthread_exit, cancelled, by a system
 * call behind libc's back, and with a second stack instead of the first. Must find: nothing. Afterwards as much is locked as before, no stack that is
 * gone is locked, and of forty that live each is as locked as the first was.
 */
#include "sigstack.h"
#include <sys/syscall.h>

enum { BYTES = 32 << 10, AT_ONCE = 40 };
static pthread_barrier_t turn;
static char *stacks[AT_ONCE];

/* kB of the mapping with p in it that are locked, as the kernel tells. */
static long locked_of(const char *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long low, high;
	long kb = -1;
	char line[512];
	int inside = 0;

	need(f);
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "%lx-%lx ", &low, &high) == 2)
			inside = (unsigned long)p >= low && (unsigned long)p < high;
		else if (inside && sscanf(line, "Locked: %ld", &kb) == 1)
			break;
	}
	fclose(f);
	return kb;
}

static void handler(int sig) {}

static void *ends(void *p)
{
	unsigned way = (unsigned)((char *)p - (char *)0) / BYTES % 6;

	install(p, BYTES);
	raise(SIGUSR1);
	switch (way) {
	case 0: disable(); break;
	case 1: install((char *)p + 4096, BYTES - 4096); break;
	case 2: pthread_exit(NULL);
	case 3: pthread_cancel(pthread_self()); pthread_testcancel(); break;
	}
	return NULL;
}

static void *lives(void *p)
{
	install(p, BYTES);
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	disable();
	return NULL;
}

/* Each pair of pages apart from the others: mappings that touch would be one. */
static char *apart(void)
{
	char *p = mmap(NULL, 3 * BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(p != MAP_FAILED && mprotect(p + BYTES, BYTES, PROT_READ | PROT_WRITE) == 0);
	return p + BYTES;
}

static void run(void *(*body)(void *), void (*meanwhile)(long), long wanted)
{
	pthread_t t[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++)
		need(pthread_create(&t[i], NULL, body, stacks[i]) == 0);
	if (meanwhile)
		meanwhile(wanted);
	for (int i = 0; i < AT_ONCE; i++)
		need(pthread_join(t[i], NULL) == 0);
}

static void all_are_locked(long wanted)
{
	pthread_barrier_wait(&turn);
	for (int i = 0; i < AT_ONCE; i++)
		need(locked_of(stacks[i]) == wanted);
	pthread_barrier_wait(&turn);
}

int main(void)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	long before = locked(), one;

	need(sigaction(SIGUSR1, &act, NULL) == 0);
	pthread_barrier_init(&turn, NULL, AT_ONCE + 1);
	for (int i = 0; i < AT_ONCE; i++)
		stacks[i] = apart();
	install(stacks[0], BYTES);
	one = locked_of(stacks[0]); /* 32 where they are locked, and 0 where not */
	need(one == 0 || one == BYTES >> 10);
	disable();
	run(lives, all_are_locked, one);
	for (int round = 0; round < 10000 / AT_ONCE; round++)
		run(ends, NULL, 0);
	need(locked() == before);
	run(lives, all_are_locked, one);
	for (int i = 0; i < AT_ONCE; i++)
		need(locked_of(stacks[i]) == 0);
	need(locked() == before);
	puts("done");
	return 0;
}
