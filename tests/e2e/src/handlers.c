/*
 * handlers: sets a handler without SA_ONSTACK by each way there is, reads back what it set by each way there is, and runs it. Prints a line "read ..." for
 * each, and last how many of the handlers ran on the alternate stack. Run by tests/e2e/sigstack.bats.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset */
#pragma GCC diagnostic ignored "-Wrestrict"

extern sighandler_t bsd_signal(int, sighandler_t), sysv_signal(int, sighandler_t);
static volatile sig_atomic_t ran, on;

static void handler(int sig)
{
	char here;
	stack_t now;

	ran++;
	if (sigaltstack(NULL, &now) == 0 && now.ss_flags & SS_ONSTACK && &here > (char *)now.ss_sp && &here < (char *)now.ss_sp + now.ss_size)
		on++;
}

struct kernel { sighandler_t handler; unsigned long flags; void *restorer; unsigned long mask; };

static void by_sigaction(int sig)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaddset(&act.sa_mask, SIGUSR2);
	if (sigaction(sig, &act, NULL))
		abort();
}

static void by_alias(int sig) /* what is read back lands where it was set from */
{
	struct sigaction act = { .sa_handler = handler };

	if (sigaction(sig, &act, &act) || act.sa_handler != SIG_DFL)
		abort();
}

/* Its restorer is libc's, which is known once libc set a handler. */
static void by_system_call(int sig)
{
	struct kernel act;

	by_sigaction(sig);
	if (syscall(SYS_rt_sigaction, sig, NULL, &act, 8L))
		abort();
	act.flags &= ~(unsigned long)SA_RESTART;
	if (syscall(SYS_rt_sigaction, sig, &act, &act, 8L) || !(act.flags & SA_RESTART) || act.flags & SA_ONSTACK)
		abort();
}
static void by_signal(int sig) { signal(sig, handler); }
static void by_bsd_signal(int sig) { bsd_signal(sig, handler); }
static void by_sysv_signal(int sig) { sysv_signal(sig, handler); }
static void by_sigset(int sig) { sigset(sig, handler); }
static void by_siginterrupt(int sig) { signal(sig, handler), siginterrupt(sig, 1); }

static const struct { const char *name; void (*set)(int); } ways[] = {
	{ "sigaction", by_sigaction }, { "sigaction over itself", by_alias }, { "syscall", by_system_call }, { "signal", by_signal },
	{ "bsd_signal", by_bsd_signal }, { "sysv_signal", by_sysv_signal }, { "sigset", by_sigset }, { "siginterrupt", by_siginterrupt },
};

static void read_back(const char *name, int sig)
{
	struct sigaction act;
	struct kernel raw;

	if (sigaction(sig, NULL, &act) || syscall(SYS_rt_sigaction, sig, NULL, &raw, 8L))
		abort();
	printf("read %s: flags %x, mask %lx, %s; the system call: flags %lx, mask %lx\n", name, act.sa_flags, *(unsigned long *)&act.sa_mask,
	       act.sa_handler == handler ? "handler" : "other", raw.flags & 0xf8ffffff, raw.mask);
}

int main(void)
{
	size_t n = 64 << 10;
	struct sigaction on_stack = { .sa_handler = handler, .sa_flags = SA_ONSTACK }, act;

	sigaltstack(&(stack_t){ .ss_sp = malloc(n), .ss_size = n }, NULL);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		int sig = SIGRTMIN + (int)i;

		ways[i].set(sig);
		read_back(ways[i].name, sig);
		raise(sig);
		read_back("afterwards", sig);
		/* What the program sets itself it gets back. */
		if (sigaction(sig, &on_stack, NULL) || sigaction(sig, NULL, &act) || !(act.sa_flags & SA_ONSTACK))
			abort();
		if (signal(sig, SIG_IGN) != handler || sigaction(sig, NULL, &act))
			abort();
		printf("read ignored: flags %x\n", act.sa_flags);
	}
	if (syscall(SYS_rt_sigaction, SIGUSR1, 1L, NULL, 8L) != -1 || errno != EFAULT)
		abort();
	printf("%d of %d on the alternate stack\n", (int)on, (int)ran);
	return 0;
}
