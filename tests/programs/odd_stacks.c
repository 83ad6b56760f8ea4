/* odd_stacks [silence]: calls from stacks nobody announced: at the very top of a mapping with nothing above, where a return address is missing and the
 * frame pointer points nowhere; and from coroutines that fork on 8 KiB. Must find: nothing.
 */
#include "program.h"
#include <sys/mman.h>
#include <ucontext.h>

static ucontext_t home, there;

static void plain(void)
{
	for (int i = 0; i < 20; i++)
		need(close(open_null()) == 0);
}

static void forks(void)
{
	pid_t pid = fork();

	need(pid >= 0);
	if (pid == 0)
		_exit(close(open_null()) ? 9 : 6);
	need(wait_for(pid) == 6);
}

static void run(void (*body)(void), size_t size)
{
	char *stack = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(stack != MAP_FAILED && mprotect(stack + 4096, size, PROT_READ | PROT_WRITE) == 0);
	need(getcontext(&there) == 0);
	there.uc_stack.ss_sp = stack + 4096;
	there.uc_stack.ss_size = size;
	there.uc_link = &home;
	makecontext(&there, body, 0);
#ifdef __x86_64__
	there.uc_mcontext.gregs[REG_RBP] = (greg_t)(stack + 4096 + size); /* one past the end */
#endif
	need(swapcontext(&home, &there) == 0);
	need(munmap(stack, size + 8192) == 0);
}

int main(void)
{
	run(plain, 16384);
	run(plain, 65536);
	run(forks, 8192 + 4096);
	run(forks, 65536);
	puts("done");
	return 0;
}
