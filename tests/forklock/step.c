/*
 * tests/forklock/step.c: see step.h. Part of the interposer's test build only.
 *
 * Context: as step.h. System calls: nanosleep, and open, mmap, close in the constructor.
 * The counts use no locked instruction, except at `bound` and `asleep`, which a test adds up: a fence that the product does not have would
 * hide what is missing there. The others may lose a count; never all.
 */
#include <time.h>
#include "preload/core.h"
#include "tests/forklock/step.h"

static struct fdw_step_page private_page, *page = &private_page;
static const char *delays = "";

static const char *setting(char **envp, const char *name)
{
	size_t n = strlen(name);

	for (; envp && *envp; envp++)
		if (!strncmp(*envp, name, n) && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

/* environ is not there yet: the library is initfirst. The program may overwrite its environment later, so the text is copied. */
__attribute__((constructor(101))) static void begin(int argc, char **argv, char **envp)
{
	static char copy[512];
	const char *path = setting(envp, "FDW_STEP_PAGE"), *text = setting(envp, "FDW_STEP_DELAY");
	long fd, p;

	if (text && strlen(text) < sizeof copy)
		delays = strcpy(copy, text);
	if (!path || (fd = fdw_raw(SYS_openat, (long)AT_FDCWD, path, (long)(O_RDWR | O_CLOEXEC), 0L)) < 0)
		return;
	p = fdw_raw(SYS_mmap, NULL, sizeof *page, (long)(PROT_READ | PROT_WRITE), (long)MAP_SHARED, fd, 0L);
	if (p > 0 || p < -4095)
		page = (struct fdw_step_page *)p;
	fdw_raw(SYS_close, fd);
}

static uint32_t number(const char *s)
{
	uint32_t n = 0;

	for (; *s >= '0' && *s <= '9' && n < 10000000; s++)
		n = n * 10 + (uint32_t)(*s - '0');
	return n;
}

static void find_delay(struct fdw_step_place *p)
{
	size_t n = strlen(p->name);

	for (const char *s = delays; s && *s; s = (s = strchr(s, ',')) ? s + 1 : NULL) {
		if (s[0] == '*' && s[1] == '=')
			p->random_us = number(s + 2);
		else if (!strncmp(s, p->name, n) && s[n] == '=' && s[n + 1] == '~')
			p->spin_us = number(s + n + 2);
		else if (!strncmp(s, p->name, n) && s[n] == '=')
			p->sleep_us = number(s + n + 1);
	}
}

/* The slot of that name, taken if there is none. A name's first eight bytes taken by compare and swap claim the slot. */
static struct fdw_step_slot *find_slot(const char *name)
{
	union { char text[FDW_STEP_NAME]; uint64_t word[FDW_STEP_NAME / 8]; } want = { .word = { 0 } };

	strncpy(want.text, name, FDW_STEP_NAME - 1);
	for (int i = 0; i < FDW_STEP_SLOTS; i++) {
		uint64_t *slot = (uint64_t *)page->slot[i].name, none = 0;
		if (__atomic_compare_exchange_n(slot, &none, want.word[0], 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			slot[1] = want.word[1];
			slot[2] = want.word[2];
			return &page->slot[i];
		}
		/* Another thread may be between the two stores above: an empty rest is not yet known, and a wrong guess costs a second slot only. */
		if (none == want.word[0] && slot[1] == want.word[1] && slot[2] == want.word[2])
			return &page->slot[i];
	}
	return &page->slot[FDW_STEP_SLOTS - 1];
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void lose_time(uint32_t us, int asleep)
{
	struct timespec t = { us / 1000000, (long)(us % 1000000) * 1000 };
	uint64_t until;

	if (asleep) {
		fdw_raw(SYS_nanosleep, &t, NULL);
		return;
	}
	for (until = now_ns() + (uint64_t)us * 1000; now_ns() < until; )
		;
}

/* Half of the passages go through at once; of the others half sleep and half spin. */
static void lose_some(uint32_t up_to)
{
	static uint64_t state;
	uint64_t x = __atomic_add_fetch(&state, UINT64_C(0x9e3779b97f4a7c15), __ATOMIC_RELAXED) ^ fdw_tid();

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	if (x & 1)
		lose_time((uint32_t)((x >> 8) % up_to) + 1, x & 2);
}

void fdw_step(struct fdw_step_place *p)
{
	struct fdw_step_slot *slot = __atomic_load_n(&p->slot, __ATOMIC_ACQUIRE);
	int saved = errno;

	if (unlikely(!slot)) {
		find_delay(p);
		__atomic_store_n(&p->slot, slot = find_slot(p->name), __ATOMIC_RELEASE);
	}
	if (!strcmp(p->name, "bound") || !strcmp(p->name, "asleep"))
		__atomic_add_fetch(&slot->hits, 1, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&slot->hits, __atomic_load_n(&slot->hits, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
	if (p->sleep_us)
		lose_time(p->sleep_us, 1);
	if (p->spin_us)
		lose_time(p->spin_us, 0);
	if (p->random_us)
		lose_some(p->random_us);
	errno = saved;
}
