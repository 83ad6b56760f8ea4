/*
 * handler_off_stack: threads with alternate stacks, and handlers that do not run there: set by sigaction, by signal.
 * Must find: handler-off-stack for these two; not for the one that has SA_ONSTACK, nor for signals that are ignored.
 */
#include "sigstack.h"

static void handler(int sig) {}

int main(void)
{
	struct sigaction off = { .sa_handler = handler }, on = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	install_new();
	need(sigaction(SIGUSR1, &off, NULL) == 0 && sigaction(SIGUSR2, &on, NULL) == 0);
	need(signal(SIGALRM, handler) != SIG_ERR && signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	raise(SIGUSR1);
	raise(SIGUSR2);
	raise(SIGALRM);
	disable();
	puts("done");
	return 0;
}
