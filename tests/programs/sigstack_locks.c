/* sigstack_locks [silence]: memory that the program locks itself, in whole or in part a signal stack: before it is installed, while it is, when pages are
 * shared with another stack, by mlock, syscall(), mlockall. What the program locked stays locked when the stack goes, and nothing else does: advice
 * that the kernel refuses for locked pages tells. Must find: nothing.
 */
#include "sigstack.h"
#include <sys/resource.h>
#include <sys/syscall.h>

enum { PAGE = 4096 };
#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif

static int is_locked(char *p) { return madvise(p, PAGE, MADV_DONTNEED) == -1 && errno == EINVAL; }

/* Of a stack that was: the pages from first on, n of them, are locked, and no others. */
static void only(char *p, int first, int n)
{
	for (int i = 0; i < STACK_BYTES / PAGE; i++)
		need(is_locked(p + i * PAGE) == (i >= first && i < first + n));
}

static void locked_before(void)
{
	char *p = pages(STACK_BYTES);

	need(mlock(p + 2 * PAGE, 3 * PAGE) == 0);
	install(p, STACK_BYTES);
	disable();
	only(p, 2, 3);
	install(p, STACK_BYTES);
	need(munlock(p + 2 * PAGE, PAGE) == 0);
	disable();
	only(p, 3, 2);
	munmap(p, STACK_BYTES);
}

static void locked_meanwhile(void)
{
	char *p = install_new();

	need(mlock(p, PAGE) == 0);
	disable();
	only(p, 0, 1);
	install(p, STACK_BYTES);
	need(syscall(SYS_munlock, p, PAGE) == 0);
	disable();
	only(p, 0, 0);
	install(p, STACK_BYTES);
	need(syscall(SYS_mlock, p + PAGE, 2 * PAGE) == 0);
	disable();
	only(p, 1, 2);
	munmap(p, STACK_BYTES);
}

/* The page between two stacks, of which this thread has one and another thread the other. */
static char *both;
static pthread_barrier_t turn;
static void *other_half(void *unused)
{
	install(both + STACK_BYTES / 2 + 100, STACK_BYTES / 2 - 100);
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	disable();
	return NULL;
}

static void shared(int locks)
{
	pthread_t t;

	both = pages(STACK_BYTES);
	pthread_barrier_init(&turn, NULL, 2);
	need(pthread_create(&t, NULL, other_half, NULL) == 0);
	pthread_barrier_wait(&turn);
	if (locks)
		need(mlock(both + STACK_BYTES / 2, PAGE) == 0);
	install(both, STACK_BYTES / 2 + 100);
	disable();
	pthread_barrier_wait(&turn);
	pthread_join(t, NULL);
	only(both, STACK_BYTES / 2 / PAGE, locks);
	munmap(both, STACK_BYTES);
}

static void everything(void)
{
	char *p = install_new(), *q;

	if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0) { /* who may lock only so much cannot */
		disable();
		only(p, 0, STACK_BYTES / PAGE);
		q = install_new();
		disable();
		only(q, 0, STACK_BYTES / PAGE);
		need(munlockall() == 0);
		install(q, STACK_BYTES);
		munmap(p, STACK_BYTES);
		p = q;
	}
	disable();
	only(p, 0, 0);
	munmap(p, STACK_BYTES);
}

/* Advice that takes nothing away: what is installed is natively not locked. */
static void advised(void)
{
	char *p = install_new(), *own = pages(PAGE);

	if (madvise(own, PAGE, MADV_PAGEOUT) == 0) {
		need(madvise(p, STACK_BYTES, MADV_PAGEOUT) == 0);
		need(syscall(SYS_madvise, p, (size_t)STACK_BYTES, MADV_COLD) == 0);
	}
	munmap(own, PAGE);
	disable();
	munmap(p, STACK_BYTES);
}

/* The limit leaves room for one or the other: it is the program's. */
static void up_to_the_limit(void)
{
	struct rlimit was, small = { 128 << 10, 128 << 10 };
	char *p, *own = pages(128 << 10);

	need(getrlimit(RLIMIT_MEMLOCK, &was) == 0);
	small.rlim_max = was.rlim_max;
	if (was.rlim_max < small.rlim_cur || setrlimit(RLIMIT_MEMLOCK, &small) != 0)
		return;
	p = install_new();
	need(mlock(own, 128 << 10) == 0);
	need(munlock(own, 128 << 10) == 0);
	disable();
	only(p, 0, 0);
	need(setrlimit(RLIMIT_MEMLOCK, &was) == 0);
	munmap(p, STACK_BYTES);
	munmap(own, 128 << 10);
}

int main(void)
{
	long before = locked();

	advised();
	locked_before();
	locked_meanwhile();
	shared(0);
	shared(1);
	everything();
	up_to_the_limit();
	need(locked() == before);
	puts("done");
	return 0;
}
