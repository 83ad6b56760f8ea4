/* jump_out [fd-leak]: a timer's handler leaves open, dup and close by siglongjmp, again and again, and the program forks in between. What it
 * loses of its own descriptors by that is its affair: the limit is high enough. May lose events: those it left. Must find: at most the leak of those.
 */
#include "program.h"
#include <setjmp.h>
#include <sys/time.h>

static sigjmp_buf back;
static volatile sig_atomic_t armed;

static void leave(int sig)
{
	if (armed) {
		armed = 0;
		siglongjmp(back, 1);
	}
}

int main(void)
{
	struct itimerval every = { { 0, 300 }, { 0, 300 } }, never = { { 0, 0 }, { 0, 0 } };
	volatile int jumps = 0;

	need(signal(SIGALRM, leave) != SIG_ERR && setitimer(ITIMER_REAL, &every, NULL) == 0);
	if (sigsetjmp(back, 1))
		jumps++;
	if (jumps % 50 == 49) {
		pid_t pid = fork();

		need(pid >= 0);
		if (pid == 0)
			_exit(3);
		need(wait_for(pid) == 3);
	}
	armed = 1;
	while (jumps < 200)
		close(dup(0));
	armed = 0;
	need(setitimer(ITIMER_REAL, &never, NULL) == 0);
	puts("done");
	return 0;
}
