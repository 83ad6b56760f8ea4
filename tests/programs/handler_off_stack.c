/* handler_off_stack [handler-off-stack]: threads with alternate stacks, and handlers that do not run there: set by sigaction, signal, bsd_signal, sysv_signal, sigset and the
 * system call. Must find: handler-off-stack once, for these six; not for the ones that have SA_ONSTACK, nor for signals that are ignored or held.
 */
#include "sigstack.h"
#include <sys/syscall.h>
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset */

extern sighandler_t bsd_signal(int, sighandler_t), sysv_signal(int, sighandler_t);
static void handler(int sig) {}

/* As the kernel lays it out. */
static int set(int sig, unsigned long flags)
{
	struct { sighandler_t handler; unsigned long flags; void *restorer; unsigned long mask; } act = { handler, flags, NULL, 0 };
	return (int)syscall(SYS_rt_sigaction, sig, &act, NULL, 8L);
}

int main(void)
{
	struct sigaction off = { .sa_handler = handler }, on = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	install_new();
	need(sigaction(SIGUSR1, &off, NULL) == 0 && sigaction(SIGUSR2, &on, NULL) == 0);
	need(signal(SIGALRM, handler) != SIG_ERR && signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	need(bsd_signal(SIGHUP, handler) != SIG_ERR);
	need(sysv_signal(SIGURG, handler) != SIG_ERR);
	need(sigset(SIGWINCH, handler) != SIG_ERR && sigset(SIGCONT, SIG_HOLD) != SIG_ERR);
	need(set(SIGXCPU, 0) == 0 && set(SIGXFSZ, SA_ONSTACK) == 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	raise(SIGALRM);
	disable();
	puts("done");
	return 0;
}
