/* signal_stack [handler-off-stack]: handlers on an alternate stack of the usual size and on the normal one open and close, in the middle of the main program doing the
 * same. Must find: nothing.
 */
#include "program.h"
#include <sys/auxv.h>
#include <sys/time.h>

static volatile sig_atomic_t ticks;

static void tick(int sig)
{
	int saved = errno, fd = open("/dev/null", O_RDONLY);

	if (fd >= 0 && close(fd) != 0)
		_exit(8);
	ticks++;
	errno = saved;
}

static void run(int flags)
{
	struct sigaction action = { .sa_handler = tick, .sa_flags = flags | SA_RESTART };
	struct itimerval every = { { 0, 300 }, { 0, 300 } }, never = { { 0, 0 }, { 0, 0 } };

	ticks = 0;
	need(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &every, NULL) == 0);
	while (ticks < 300) {
		int fd = open_null();

		errno = 77;
		need(close(fd) == 0 && errno == 77);
	}
	need(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

int main(void)
{
	size_t size = getauxval(AT_MINSIGSTKSZ) + 8192;
	stack_t stack = { .ss_sp = malloc(size), .ss_size = size };

	need(stack.ss_sp && sigaltstack(&stack, NULL) == 0);
	run(SA_ONSTACK);
	run(0);
	puts("done");
	return 0;
}
