/* sigstack_others [handler-off-stack]: threads take memory that was another thread's signal stack, and is one no longer: disabled by what a handler returned to, by a
 * call with `old` in the same place, by the end of its thread behind libc's back; or that lies between two stacks which a thread uses in turns.
 * Must find: nothing. Nothing stays locked.
 */
#include "sigstack.h"
#include <sys/syscall.h>
#include <ucontext.h>

enum { TURNS = 20000 };
static _Atomic int over;
static char *area;
static const size_t area_bytes = 1 << 20;

static void disables(int sig, siginfo_t *info, void *context) { ((ucontext_t *)context)->uc_stack.ss_flags = SS_DISABLE; }

static void *unmaps(void *p)
{
	need(munmap(p, STACK_BYTES) == 0);
	return NULL;
}

static void *ends(void *p)
{
	install(p, STACK_BYTES);
	syscall(SYS_exit, 0);
	return NULL;
}

static void *alternates(void *unused)
{
	for (int i = 0; i < TURNS; i++) {
		install(area, 16384);
		install(area + area_bytes - 16384, 16384);
	}
	disable();
	over = 1;
	return NULL;
}

static void *protects(void *unused)
{
	while (!over)
		need(mprotect(area + area_bytes / 2, 4096, PROT_READ) == 0);
	return NULL;
}

static void run(void *(*body)(void *), void *arg)
{
	pthread_t t;

	need(pthread_create(&t, NULL, body, arg) == 0);
	need(pthread_join(t, NULL) == 0);
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = disables, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t same = { .ss_flags = SS_DISABLE };
	long before = locked();
	pthread_t t[3];
	char *p = install_new();

	need(set_in_place(&same) == 0);
	run(unmaps, p);
	need(locked() == before);

	/* Off the stack: what a handler on it returns to is not taken for its setting. */
	act.sa_flags = SA_SIGINFO;
	need(sigaction(SIGUSR1, &act, NULL) == 0);
	raise(SIGUSR1);
	p = install_new();
	raise(SIGUSR1);
	need(sigaltstack(NULL, &same) == 0 && same.ss_flags & SS_DISABLE);
	run(unmaps, p);

	for (int i = 0; i < 200; i++) {
		p = pages(STACK_BYTES);
		run(ends, p);
		munmap(p, STACK_BYTES);
	}

	area = pages(area_bytes);
	need(pthread_create(&t[0], NULL, alternates, NULL) == 0);
	need(pthread_create(&t[1], NULL, protects, NULL) == 0 && pthread_create(&t[2], NULL, protects, NULL) == 0);
	for (int i = 0; i < 3; i++)
		need(pthread_join(t[i], NULL) == 0);
	need(locked() == before);
	puts("done");
	return 0;
}
