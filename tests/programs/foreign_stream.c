/* foreign_stream [double-close, foreign-close]: a thread's cleanup runs twice; in between its number was given to a stream of another thread, and to a directory.
 * Must find: recorded, foreign-close twice, and nothing against the streams' owner; in audit double-close, and the streams are whole.
 */
#include "poller.h"
#include <dirent.h>

static struct turns turns[2];
static int own = -1;
static FILE *file;
static DIR *dir;

static __attribute__((noinline)) void cleanup(void) { close(own); }

static void *culprit(void *unused)
{
	for (int i = 0; i < 2; i++) {
		await(&turns[0]);
		own = open_null();
		cleanup();
		sem_post(&turns[0].done);
		await(&turns[0]);
		cleanup();
		sem_post(&turns[0].done);
	}
	return NULL;
}

static void *victim(void *unused)
{
	int hit;

	await(&turns[1]);
	need((file = fopen("/dev/null", "w")) != NULL);
	sem_post(&turns[1].done);
	await(&turns[1]);
	hit = own == fileno(file);
	need(fclose(file) == (hit ? EOF : 0));
	sem_post(&turns[1].done);
	await(&turns[1]);
	need((dir = opendir("/")) != NULL);
	sem_post(&turns[1].done);
	await(&turns[1]);
	hit = own == dirfd(dir);
	need(closedir(dir) == (hit ? -1 : 0));
	sem_post(&turns[1].done);
	return NULL;
}

int main(void)
{
	static void *(*const runs[])(void *) = { culprit, victim, NULL };

	play(turns, runs, "01010101");
	puts("done");
	return 0;
}
