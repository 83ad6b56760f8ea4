/* sigstack_stale [handler-off-stack]: a handler on a stack that is no longer the one last set: it sets another while it runs on an SS_AUTODISARM one; a handler off the
 * stack sets another, which the kernel takes back when it returns; and stacks that are set and disabled with `old` in the same place. It must not
 * get deeper there than on a stack that is set plainly, but for what a handler's stack has to spare.
 * Must find: nothing.
 */
#include "sigstack.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
enum { PAINT = 0xa5, SPARE = 512 };
static char *stack, *other;
static int sets_another;
static volatile sig_atomic_t ran;

static void handler(int sig)
{
	int saved = errno;

	if (sets_another)
		install(other, STACK_BYTES);
	close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	ran = 1;
	errno = saved;
}

static void sets(int sig) { install(other, STACK_BYTES); }

static size_t depth(void)
{
	size_t i = 0;

	memset(stack, PAINT, STACK_BYTES);
	ran = 0;
	raise(SIGUSR1);
	need(ran);
	while (i < STACK_BYTES && (unsigned char)stack[i] == PAINT)
		i++;
	return STACK_BYTES - i;
}

int main(void)
{
	struct sigaction on = { .sa_handler = handler, .sa_flags = SA_ONSTACK }, off = { .sa_handler = sets };
	stack_t same;
	size_t usual;

	stack = pages(STACK_BYTES);
	other = pages(STACK_BYTES);
	install(stack, STACK_BYTES);
	need(sigaction(SIGUSR1, &on, NULL) == 0);
	depth();
	usual = depth();
	need(usual > 0 && usual < STACK_BYTES);
	disable();

	same = (stack_t){ .ss_sp = stack, .ss_size = STACK_BYTES };
	need(set_in_place(&same) == 0 && same.ss_flags & SS_DISABLE);
	need(depth() <= usual + SPARE);
	same = (stack_t){ .ss_flags = SS_DISABLE };
	need(set_in_place(&same) == 0 && same.ss_sp == stack);

	install(stack, STACK_BYTES);
	need(sigaction(SIGUSR2, &off, NULL) == 0);
	raise(SIGUSR2);
	need(sigaction(SIGUSR2, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL) == 0);
	need(sigaltstack(NULL, &same) == 0 && same.ss_sp == stack);
	need(depth() <= usual + SPARE);
	disable();

	sets_another = 1;
	need(sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = STACK_BYTES, .ss_flags = (int)SS_AUTODISARM }, NULL) == 0);
	need(depth() <= usual + SPARE);
	sets_another = 0;
	disable();
	puts("done");
	return 0;
}
