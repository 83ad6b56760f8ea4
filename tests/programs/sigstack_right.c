/* sigstack_right [silence]: alternate stacks as they should be: replaced and disabled before their memory goes, shared pages, SS_AUTODISARM, in handlers (EPERM),
 * over fork, in 2,200 threads that end; memory of its own that the program locks, up to the limit.
 * Must find: nothing. Locked memory must not grow, and what the program locks stays locked.
 */
#include "sigstack.h"
#include <sys/resource.h>
#include <sys/wait.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
static int in_handler, refused;

static void handler(int sig)
{
	stack_t now;

	in_handler = sigaltstack(NULL, &now) == 0 && now.ss_flags & SS_ONSTACK;
	refused = sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL) == -1 && errno == EPERM;
}

static void *short_life(void *unused)
{
	void *p = install_new();

	raise(SIGUSR1);
	disable();
	munmap(p, STACK_BYTES);
	return NULL;
}

/* Its memory goes after the thread. */
static void *leaves_it(void *p)
{
	install(p, STACK_BYTES);
	return NULL;
}

static void threads(void)
{
	pthread_t t[8];

	for (int round = 0; round < 250; round++) {
		for (int i = 0; i < 8; i++)
			need(pthread_create(&t[i], NULL, short_life, NULL) == 0);
		for (int i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
	}
	for (int i = 0; i < 8; i++) {
		void *p = pages(STACK_BYTES);
		need(pthread_create(&t[0], NULL, leaves_it, p) == 0);
		pthread_join(t[0], NULL);
		munmap(p, STACK_BYTES);
	}
}

/* All at once: they wait for each other where their stacks are remembered. */
static void burst(void)
{
	pthread_t t[200];

	for (int i = 0; i < 200; i++)
		need(pthread_create(&t[i], NULL, short_life, NULL) == 0);
	for (int i = 0; i < 200; i++)
		pthread_join(t[i], NULL);
}

static void own_locks(void)
{
	struct rlimit limit;
	char *p = install_new(), *own;
	size_t most;

	need(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	most = limit.rlim_cur > 8 << 20 ? 8 << 20 : limit.rlim_cur;
	own = pages(most);
	need(mlock(own, most) == 0);
	need(mlock(p, 4096) == 0); /* its own lock, on the stack's first page, if the limit leaves room */
	disable();
	need(locked() >= (long)(most >> 10));
	munlock(own, most);
	munmap(own, most);
	munmap(p, STACK_BYTES);
}

int main(void)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	long before = locked();
	char *p = install_new(), *q;
	int status;
	pid_t child;

	need(sigaction(SIGUSR1, &act, NULL) == 0);
	raise(SIGUSR1);
	need(in_handler && refused);
	q = install_new();
	munmap(p, STACK_BYTES);
	install(q + 100, 20000);
	install(q + 20100, 20000);
	raise(SIGUSR1);
	disable();
	need(locked() == before);
	need(sigaltstack(&(stack_t){ .ss_sp = q, .ss_size = STACK_BYTES, .ss_flags = (int)SS_AUTODISARM }, NULL) == 0);
	disable();
	munmap(q, STACK_BYTES);
	p = install_new();
	child = fork();
	need(child >= 0);
	if (child == 0) {
		raise(SIGUSR1);
		disable();
		munmap(p, STACK_BYTES);
		_exit(!in_handler);
	}
	need(waitpid(child, &status, 0) == child && status == 0);
	disable();
	munmap(p, STACK_BYTES);
	threads();
	burst();
	need(locked() == before);
	own_locks();
	puts("done");
	return 0;
}
