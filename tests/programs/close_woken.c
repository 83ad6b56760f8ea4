/* close_woken [silence]: the right ways to close what another thread sleeps in a call on: woken by shutdown, by a marker put over the number, by a byte, and
 * joined. And a thread that left its read by a jump, long before.
 * Must find: nothing.
 */
#include "poller.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>

static int end[2];
static _Atomic pid_t reader;
static struct turns turns;
static sigjmp_buf back;

static void *reads(void *unused)
{
	char byte;

	reader = gettid();
	while (read(end[0], &byte, 1) > 0)
		;
	return NULL;
}

/* Until it is inside read: one that came too late would read from a closed number. */
static void asleep(void)
{
	char path[64], text[32] = "";
	int tries = 200; /* where that cannot be read */

	do {
		usleep(5000);
		snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)reader);
		FILE *f = reader ? fopen(path, "re") : NULL;
		if (f && !fgets(text, sizeof text, f))
			*text = 0;
		if (f)
			fclose(f);
	} while ((atol(text) != SYS_read || !*text || *text == 'r') && --tries);
}

static pthread_t sleeper(void)
{
	pthread_t t;

	reader = 0;
	need(pthread_create(&t, NULL, reads, NULL) == 0);
	asleep();
	return t;
}

static void jumps(int sig) { siglongjmp(back, 1); }

static void *jumper(void *unused)
{
	char byte;

	reader = gettid();
	if (sigsetjmp(back, 1) == 0)
		read(end[0], &byte, 1);
	sem_post(&turns.done);
	await(&turns);
	return NULL;
}

int main(void)
{
	struct sigaction act = { .sa_handler = jumps };
	int marker[2];
	pthread_t t;

	turns_init(&turns);
	need(sigaction(SIGUSR1, &act, NULL) == 0);

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, end) == 0);
	t = sleeper();
	shutdown(end[0], SHUT_RDWR);
	close(end[0]);
	pthread_join(t, NULL);
	close(end[1]);

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, end) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, marker) == 0);
	close(marker[1]);
	t = sleeper();
	need(dup2(marker[0], end[0]) == end[0]);
	close(end[0]);
	close(end[1]);
	pthread_join(t, NULL);
	close(marker[0]);

	need(pipe(end) == 0);
	t = sleeper();
	close(end[1]);
	pthread_join(t, NULL);
	close(end[0]);

	need(pipe(end) == 0);
	reader = 0;
	need(pthread_create(&t, NULL, jumper, NULL) == 0);
	asleep();
	pthread_kill(t, SIGUSR1);
	while (sem_wait(&turns.done) != 0)
		;
	close(end[0]);
	close(end[1]);
	sem_post(&turns.go);
	pthread_join(t, NULL);
	puts("done");
	return 0;
}
