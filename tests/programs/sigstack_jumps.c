/*
 * sigstack_jumps: handlers leave by siglongjmp, and threads are cancelled, in the middle of setting their signal stack: afterwards another thread's
 * is locked as one was before. A stack of 1 GiB stays small, and one in main's stack, which grows, is not locked. tests/e2e/sigstack.bats runs it
 * unrecorded: a jump out of the middle of recording ends it.
 */
#include "sigstack.h"
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/time.h>

enum { JUMPS = 400, CANCELLED = 40 };
static sigjmp_buf again;
static char *shared;
static long usual; /* kB that a thread's stack has locked: 64, or 0 where nothing is */

static void jumps(int sig) { siglongjmp(again, 1); }

static void *measures(void *p)
{
	long before = locked();

	install(p, STACK_BYTES);
	*(long *)p = locked() - before;
	disable();
	return NULL;
}

static long locks_of_a_thread(void)
{
	long *p = pages(STACK_BYTES), n;
	pthread_t t;

	need(pthread_create(&t, NULL, measures, p) == 0);
	need(pthread_join(t, NULL) == 0);
	n = *p;
	munmap(p, STACK_BYTES);
	return n;
}

static void *sets_for_ever(void *unused)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;) {
		install(shared, STACK_BYTES);
		disable();
	}
	return NULL;
}

static void *sets_in_main(void *p)
{
	long before = locked();

	install(p, STACK_BYTES);
	need(locked() == before);
	disable();
	return NULL;
}

static void in_mains_stack(void)
{
	char p[STACK_BYTES];
	pthread_t t;

	memset(p, 0, sizeof p);
	need(pthread_create(&t, NULL, sets_in_main, p) == 0);
	need(pthread_join(t, NULL) == 0);
}

int main(void)
{
	volatile int n = 0;
	struct rusage use;
	pthread_t t;
	char *big;

	shared = pages(STACK_BYTES);
	usual = locks_of_a_thread();
	need(usual == 0 || usual == STACK_BYTES >> 10);
	need(signal(SIGALRM, jumps) != SIG_ERR);
	sigsetjmp(again, 1);
	while (n < JUMPS) {
		n++;
		need(setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 1 + n % 60 } }, NULL) == 0);
		for (;;) {
			install(shared, STACK_BYTES);
			disable();
		}
	}
	signal(SIGALRM, SIG_IGN);
	disable();
	need(locks_of_a_thread() == usual);
	for (int i = 0; i < CANCELLED; i++) {
		need(pthread_create(&t, NULL, sets_for_ever, NULL) == 0);
		usleep(300);
		pthread_cancel(t);
		need(pthread_join(t, NULL) == 0);
	}
	need(locks_of_a_thread() == usual);
	in_mains_stack();
	big = mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	need(big != MAP_FAILED);
	install(big, 1 << 30);
	need(getrusage(RUSAGE_SELF, &use) == 0 && use.ru_maxrss < 256 << 10);
	disable();
	puts("done");
	return 0;
}
