/*
 * tests/e2e/src/tells_signals.c: says "ready", then every signal it gets, by name. SIGTERM ends it with status 3. It takes its time after
 * SIGTERM, so that a signal that comes twice is seen twice.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(void)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGALRM, SIGWINCH };
	struct timespec rest = { 0, 300000000 };
	siginfo_t si;
	sigset_t set;
	int sig, ended = 0;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		sigaddset(&set, wanted[i]);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	for (;;) {
		sig = ended ? sigtimedwait(&set, &si, &rest) : sigwaitinfo(&set, &si);
		if (sig < 0 && errno == EINTR)
			continue; /* stopped and continued */
		if (sig < 0)
			break;
		if (sig == SIGRTMIN + 3)
			printf("RTMIN+3 %d\n", si.si_value.sival_int);
		else
			printf("%s\n", sigabbrev_np(sig));
		ended |= sig == SIGTERM;
	}
	return 3;
}
