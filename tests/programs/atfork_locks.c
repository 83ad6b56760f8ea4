/* atfork_locks [silence]: atfork handlers take the program's lock, as allocators and libraries do, while another thread holds it until a thread that it
 * starts has made its first call on a descriptor. Nobody may wait for ever. Must find: nothing.
 */
#include "program.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int fd;

static void take(void) { pthread_mutex_lock(&lock); }
static void give(void) { pthread_mutex_unlock(&lock); }

static void *closer(void *arg)
{
	need(close(fd) == 0);
	return arg;
}

static void *holder(void *arg)
{
	pthread_t t;

	take();
	usleep(100000);
	need(pthread_create(&t, NULL, closer, NULL) == 0 && pthread_join(t, NULL) == 0);
	give();
	return arg;
}

int main(void)
{
	pthread_t t;
	pid_t pid;

	fd = open_null();
	need(pthread_atfork(take, give, give) == 0 && pthread_create(&t, NULL, holder, NULL) == 0);
	usleep(30000);
	pid = fork();
	need(pid >= 0);
	if (pid == 0)
		_exit(close(open_null()));
	need(wait_for(pid) == 0 && pthread_join(t, NULL) == 0);
	puts("done");
	return 0;
}
