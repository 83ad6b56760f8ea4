/* sigstack_old_size [silence]: 10,000 signals on an alternate stack of 8192 bytes, SIGSTKSZ as headers had it until glibc 2.34, above a page nobody may touch. It is
 * enough as long as the process has not asked for registers as large as AMX's, which AT_MINSIGSTKSZ counts.
 * Must find: nothing.
 */
#include "sigstack.h"

static volatile sig_atomic_t handled;

static void handler(int sig)
{
	close(open("/dev/null", O_RDONLY));
	handled++;
}

int main(void)
{
	char *p = pages(3 * 4096);

	need(mprotect(p, 4096, PROT_NONE) == 0);
	install(p + 4096, 8192);
	need(sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler, .sa_flags = SA_ONSTACK }, NULL) == 0);
	for (int i = 0; i < 10000; i++)
		raise(SIGUSR1);
	need(handled == 10000);
	disable();
	puts("done");
	return 0;
}
