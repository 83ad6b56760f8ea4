/*
 * tests/e2e/src/phases.c: work in phases with pauses, so that its recording has several packets. Recorded by damage.bats.
 *
 * In each of four phases a thread opens and closes 400 descriptors, and one is left open on purpose; in the second and the last, one is
 * closed twice; the descriptor `early` of the first is closed in the third: no leak, though whoever loses the third phase might think so.
 */
#include "program.h"

static int left[4];

static void *phase(void *which)
{
	int n = *(int *)which;

	for (int i = 0; i < 400; i++)
		close(open_null());
	left[n] = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	return NULL;
}

static void __attribute__((noinline)) twice(void)
{
	int fd = open_null();

	close(fd);
	close(fd);
}

int main(void)
{
	int early = open("/etc/passwd", O_RDONLY | O_CLOEXEC), fillers[2] = { open_null(), open_null() };
	pthread_t t;

	for (int n = 0; n < 4; n++) {
		need(pthread_create(&t, NULL, phase, &n) == 0);
		need(pthread_join(t, NULL) == 0);
		if (n % 2)
			twice();
		if (n == 2)
			close(early);
		usleep(900000);
	}
	close(fillers[0]);
	close(fillers[1]);
	puts("ok");
	return 0;
}
