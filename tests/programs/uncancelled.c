/* uncancelled [silence]: calls that are no cancellation points, in threads that are cancelled while they hold a lock over such calls: none ends in one of
 * them, so that the lock is free afterwards. Must find: nothing.
 */
#include "program.h"
#include <mqueue.h>
#include <sys/eventfd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *works(void *unused)
{
	for (;;) {
		pthread_mutex_lock(&lock);
		for (int i = 0; i < 50; i++)
			dup2(0, 50 + i % 8);
		pthread_mutex_unlock(&lock);
		pthread_testcancel();
	}
	return NULL;
}

static void *closes_queue(void *queue)
{
	pthread_mutex_lock(&lock);
	pthread_cancel(pthread_self());
	mq_close((mqd_t)(intptr_t)queue);
	dup2(0, 50);
	pthread_mutex_unlock(&lock);
	pthread_testcancel();
	return NULL;
}

static void cancelled(void *(*what)(void *), void *arg)
{
	pthread_t t;
	void *end;

	need(pthread_create(&t, NULL, what, arg) == 0);
	if (what == works)
		usleep(2000);
	pthread_cancel(t);
	need(pthread_join(t, &end) == 0 && end == PTHREAD_CANCELED);
	need(pthread_mutex_trylock(&lock) == 0);
	pthread_mutex_unlock(&lock);
}

int main(void)
{
	char name[32];
	mqd_t queue;

	for (int i = 0; i < 300; i++)
		cancelled(works, NULL);
	for (int i = 50; i < 58; i++)
		close(i);
	snprintf(name, sizeof name, "/uncancelled-%d", (int)getpid());
	queue = mq_open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600, NULL);
	if (queue != (mqd_t)-1) {
		need(mq_unlink(name) == 0);
		cancelled(closes_queue, (void *)(intptr_t)queue);
		close(50);
	}
	puts("done");
	return 0;
}
