/* accept_workers [silence]: one thread accepts and queues, four serve and close; numbers are used again all the time, by right.
 * Must find: nothing.
 */
#include "program.h"
#include <arpa/inet.h>
#include <netinet/in.h>

enum { WORKERS = 4, CONNECTIONS = 600, SLOTS = 8 };
static int queue[SLOTS], head, tail;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;

static void put(int fd)
{
	pthread_mutex_lock(&lock);
	while (head - tail == SLOTS)
		pthread_cond_wait(&change, &lock);
	queue[head++ % SLOTS] = fd;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
}

static int take(void)
{
	int fd;

	pthread_mutex_lock(&lock);
	while (head == tail)
		pthread_cond_wait(&change, &lock);
	fd = queue[tail++ % SLOTS];
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
	return fd;
}

static void *worker(void *unused)
{
	int fd;
	char c;

	while ((fd = take()) >= 0)
		need(read(fd, &c, 1) == 1 && write(fd, &c, 1) == 1 && close(fd) == 0);
	return NULL;
}

static void *acceptor(void *listener)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = accept4(*(int *)listener, NULL, NULL, SOCK_CLOEXEC);

		need(fd >= 0);
		put(fd);
	}
	for (int i = 0; i < WORKERS; i++)
		put(-1);
	return NULL;
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	pthread_t thread[WORKERS + 1];
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(listener >= 0 && bind(listener, (void *)&address, size) == 0 && listen(listener, 50) == 0);
	need(getsockname(listener, (void *)&address, &size) == 0);
	need(pthread_create(&thread[WORKERS], NULL, acceptor, &listener) == 0);
	for (int i = 0; i < WORKERS; i++)
		need(pthread_create(&thread[i], NULL, worker, NULL) == 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char c = 'c';

		need(fd >= 0 && connect(fd, (void *)&address, size) == 0);
		need(write(fd, &c, 1) == 1 && read(fd, &c, 1) == 1 && close(fd) == 0);
	}
	for (int i = 0; i <= WORKERS; i++)
		pthread_join(thread[i], NULL);
	need(close(listener) == 0);
	printf("served %d\n", CONNECTIONS);
	return 0;
}
