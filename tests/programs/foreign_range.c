/* foreign_range [foreign-close]: a thread closes the numbers it has opened by close_range, and takes one too many, which another thread has open.
 * Must find: foreign-close, of the range, and nothing against the victim.
 */
#include "poller.h"

static struct turns turns[2];
static int first, last, file;

static void *batch(void *unused)
{
	await(&turns[0]);
	first = open_null();
	last = open_null();
	sem_post(&turns[0].done);
	await(&turns[0]);
	need(last == first + 1 && file == last + 1);
	need(close_range((unsigned)first, (unsigned)last + 1, 0) == 0); /* the end is not one past */
	sem_post(&turns[0].done);
	return NULL;
}

static void *victim(void *unused)
{
	await(&turns[1]);
	file = open("/dev/zero", O_RDWR | O_CLOEXEC);
	sem_post(&turns[1].done);
	await(&turns[1]);
	need(write(file, "x", 1) == -1 && errno == EBADF);
	sem_post(&turns[1].done);
	return NULL;
}

int main(void)
{
	static void *(*const runs[])(void *) = { batch, victim, NULL };

	play(turns, runs, "0101");
	puts("done");
	return 0;
}
