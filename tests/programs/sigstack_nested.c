/* sigstack_nested [silence]: alternate stacks used in each other: a handler on one is left by swapcontext and entered again, is interrupted by another handler on
 * the same, starts children by vfork, fork and clone (with the memory of all, and a signal stack of its own), disarms by SS_AUTODISARM and installs a
 * third inside. What the program reads back, where its handlers run and what descriptors it has are as natively. Must find: nothing.
 */
#include "sigstack.h"
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
static char *stack, *third;
static ucontext_t outside, inside;
static int steps;

static int on_stack(void)
{
	stack_t now;
	return sigaltstack(NULL, &now) == 0 && now.ss_flags & SS_ONSTACK;
}

static int installed(char *p)
{
	stack_t now;
	return sigaltstack(NULL, &now) == 0 && (p ? now.ss_sp == p && now.ss_size == STACK_BYTES : !!(now.ss_flags & SS_DISABLE));
}

static void use_descriptors(void)
{
	int fd = open_null(), copy = dup(fd);

	need(fd >= 0 && copy >= 0 && close(fd) == 0 && close(copy) == 0);
}

static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK | flags };
	need(sigaction(sig, &act, NULL) == 0);
}

/* ---- swapcontext out of a handler, and back into it --------------------------------------------------------------------------------------*/

static void elsewhere(void)
{
	need(!on_stack());
	use_descriptors();
	steps++;
}

static void leaves(int sig)
{
	need(on_stack());
	use_descriptors();
	need(swapcontext(&inside, &outside) == 0);
	need(on_stack());
	use_descriptors();
	steps++;
}

static void contexts(void)
{
	char *own = pages(STACK_BYTES);

	steps = 0;
	handle(SIGUSR1, leaves, 0);
	need(getcontext(&outside) == 0);
	outside.uc_stack = (stack_t){ .ss_sp = own, .ss_size = STACK_BYTES };
	outside.uc_link = &inside;
	makecontext(&outside, elsewhere, 0);
	raise(SIGUSR1);
	need(steps == 2 && !on_stack());
	use_descriptors();
	munmap(own, STACK_BYTES);
}

/* ---- one handler inside another ------------------------------------------------------------------------------------------------------------*/

static void inner(int sig)
{
	need(on_stack() && sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL) == -1 && errno == EPERM);
	use_descriptors();
	steps++;
}

static int child_of_clone(void *unused)
{
	need(installed(NULL)); /* it shares the memory, not the stack */
	need(syscall(SYS_sigaltstack, &(stack_t){ .ss_sp = third, .ss_size = STACK_BYTES }, NULL) == 0);
	need(installed(third));
	return 3;
}

static void clones(void)
{
	int status;
	char *own = pages(STACK_BYTES);
	pid_t pid = clone(child_of_clone, own + STACK_BYTES, CLONE_VM | CLONE_FS | SIGCHLD, NULL);

	need(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
	munmap(own, STACK_BYTES);
}

static void starts_children(void)
{
	static char *const argv[] = { (char *)"true", NULL };
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		execv("/bin/true", argv);
		_exit(1);
	}
	need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	pid = fork();
	if (pid == 0) {
		need(on_stack());
		use_descriptors();
		_exit(0);
	}
	need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	clones();
	need(on_stack());
}

static void outer(int sig)
{
	need(on_stack());
	raise(SIGUSR2);
	starts_children();
	use_descriptors();
	raise(SIGUSR2);
	steps++;
}

static void nested(void)
{
	steps = 0;
	handle(SIGUSR1, outer, 0);
	handle(SIGUSR2, inner, 0);
	raise(SIGUSR1);
	need(steps == 3 && installed(stack));
	clones();
	need(installed(stack));
	raise(SIGUSR1);
	need(steps == 6 && installed(stack));
}

/* ---- disarmed while a handler runs: it may install another --------------------------------------------------------------------------------*/

static void third_one(int sig)
{
	need(on_stack());
	use_descriptors();
	steps++;
}

static void disarmed(int sig)
{
	need(installed(NULL));
	install(third, STACK_BYTES);
	raise(SIGUSR2);
	disable();
	use_descriptors();
	steps++;
}

static void disarms(void)
{
	steps = 0;
	handle(SIGUSR1, disarmed, 0);
	handle(SIGUSR2, third_one, 0);
	need(sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = STACK_BYTES, .ss_flags = (int)SS_AUTODISARM }, NULL) == 0);
	for (int i = 0; i < 100; i++)
		raise(SIGUSR1);
	need(steps == 200);
	need(installed(stack)); /* armed again by the return */
	disable();
}

static void *thread(void *unused)
{
	stack = install_new();
	third = pages(STACK_BYTES);
	contexts();
	nested();
	disarms();
	munmap(stack, STACK_BYTES);
	munmap(third, STACK_BYTES);
	return NULL;
}

int main(void)
{
	long before = locked();
	pthread_t t;

	for (int i = 0; i < 3; i++)
		thread(NULL);
	need(locked() == before);
	need(pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0);
	need(locked() == before);
	puts("done");
	return 0;
}
