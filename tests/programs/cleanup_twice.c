/* cleanup_twice [double-close, foreign-close]: a thread's cleanup runs twice; in between its number was given to another thread, which loses its file by that.
 * Must find: recorded, foreign-close, and nothing against the victim; in audit, where the number is kept back, double-close, and the victim has its file.
 */
#include "poller.h"

static struct turns turns[2];
static int own = -1, shared;

static __attribute__((noinline)) void cleanup(void) { close(own); }

static void *culprit(void *unused)
{
	await(&turns[0]);
	own = open_null();
	cleanup();
	sem_post(&turns[0].done);
	await(&turns[0]);
	cleanup();
	sem_post(&turns[0].done);
	return NULL;
}

static void *victim(void *unused)
{
	await(&turns[1]);
	shared = open("/dev/zero", O_RDWR | O_CLOEXEC);
	sem_post(&turns[1].done);
	await(&turns[1]);
	/* natively it is gone, and he closed nothing */
	need(write(shared, "x", 1) == (shared == own ? -1 : 1));
	if (shared != own)
		close(shared);
	sem_post(&turns[1].done);
	return NULL;
}

int main(void)
{
	static void *(*const runs[])(void *) = { culprit, victim, NULL };

	play(turns, runs, "0101");
	puts("done");
	return 0;
}
