/* handler_alone [silence]: handlers without SA_ONSTACK, set when no thread has an alternate stack any more: this one disabled its own, another one has ended.
 * Must find: nothing.
 */
#include "sigstack.h"

static void handler(int sig) {}

static void *ends(void *unused)
{
	void *p = install_new();

	disable();
	munmap(p, STACK_BYTES);
	install_new();
	return NULL;
}

int main(void)
{
	struct sigaction off = { .sa_handler = handler };
	void *p = install_new();
	pthread_t t;

	disable();
	munmap(p, STACK_BYTES);
	need(sigaction(SIGUSR1, &off, NULL) == 0);
	raise(SIGUSR1);
	off.sa_handler = SIG_DFL;
	need(sigaction(SIGUSR1, &off, NULL) == 0);
	need(pthread_create(&t, NULL, ends, NULL) == 0 && pthread_join(t, NULL) == 0);
	need(signal(SIGTERM, handler) == SIG_DFL);
	puts("done");
	return 0;
}
