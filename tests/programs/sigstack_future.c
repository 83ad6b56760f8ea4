/*
 * sigstack_future: mlockall(MCL_FUTURE) after a signal stack was set, with a limit that what libc maps by itself just fits into. tests/e2e/sigstack.bats.
 */
#include "sigstack.h"

static char stack[STACK_BYTES];

static void *nothing(void *unused) { return NULL; }

int main(void)
{
	pthread_attr_t small;
	pthread_t t;
	void *volatile p;

	p = malloc(1); /* the heap is there */
	need(p);
	free((void *)p);
	install(stack, sizeof stack);
	need(mlockall(MCL_FUTURE) == 0);
	need((p = malloc(200 << 10)));
	free(p);
	need(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 16 << 10) == 0);
	need(pthread_create(&t, &small, nothing, NULL) == 0);
	need(pthread_join(t, NULL) == 0);
	disable();
	install(stack, sizeof stack);
	puts("done");
	return 0;
}
