/* cancel_threads [silence]: threads are cancelled in read, close of a lingering socket, open of a FIFO and between. Each must end as
 * PTHREAD_CANCELED with its clean-up run, and the numbers are the program's again. Must find: nothing.
 */
#include "program.h"
#include <netinet/in.h>

static int pipes[2], cleaned;
static char fifo[64];

static void clean(void *arg) { cleaned++; }

static void *in_read(void *arg)
{
	char c;

	pthread_cleanup_push(clean, NULL);
	read(pipes[0], &c, 1);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *in_open(void *arg)
{
	pthread_cleanup_push(clean, NULL);
	open(fifo, O_RDONLY);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *in_loop(void *arg)
{
	pthread_cleanup_push(clean, NULL);
	for (;;) {
		usleep(10);
		pthread_testcancel();
	}
	pthread_cleanup_pop(0);
	return NULL;
}

int main(void)
{
	void *(*const bodies[])(void *) = { in_read, in_open, in_loop };
	pthread_t t;
	void *result;
	int fd;

	snprintf(fifo, sizeof fifo, "/tmp/fdw-cancel.%d", (int)getpid());
	need(mkfifo(fifo, 0600) == 0 && pipe(pipes) == 0);
	for (int i = 0; i < 30; i++) {
		need(pthread_create(&t, NULL, bodies[i % 3], NULL) == 0);
		usleep(500);
		need(pthread_cancel(t) == 0 && pthread_join(t, &result) == 0);
		need(result == PTHREAD_CANCELED && cleaned == i + 1);
	}
	need(unlink(fifo) == 0);
	fd = open_null();
	need(fd == pipes[1] + 1);
	need(close(fd) == 0 && close(pipes[0]) == 0 && close(pipes[1]) == 0);
	puts("done");
	return 0;
}
