/* close_against_open [double-close]: a close that lingers has freed its number already; a second thread closes the same number in that time, and a third is given it.
 * Must find: double-close; in mode enforce it tells what the second close would have taken.
 */
#include "program.h"
#include <arpa/inet.h>
#include <semaphore.h>
#include <netinet/in.h>

static int lingering, listener, given = -1;
static sem_t begun, done;

static void *closes_first(void *unused)
{
	sem_post(&begun);
	close(lingering);
	return NULL;
}

static void *closes_second(void *unused)
{
	usleep(20000); /* the first is inside */
	sem_post(&begun);
	close(lingering);
	return NULL;
}

static void *opens(void *unused)
{
	sem_wait(&begun);
	sem_wait(&begun);
	usleep(10000);
	given = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	sem_post(&done);
	return NULL;
}

/* Its peer never reads, so what is written does not get away. The listener stays open: the lowest free number is that of the lingering one. */
static int connected(int *peer)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger linger = { 1, 1 };
	socklen_t n = sizeof address;
	int fd;
	static char data[1 << 16];

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	need(bind(listener, (struct sockaddr *)&address, n) == 0 && listen(listener, 1) == 0 &&
	     getsockname(listener, (struct sockaddr *)&address, &n) == 0);
	need(connect(fd, (struct sockaddr *)&address, n) == 0 || errno == EINPROGRESS);
	*peer = accept(listener, NULL, NULL);
	need(*peer >= 0);
	while (write(fd, data, sizeof data) > 0)
		;
	need(errno == EAGAIN && fcntl(fd, F_SETFL, 0) == 0);
	need(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	return fd;
}

int main(void)
{
	void *(*const runs[])(void *) = { closes_first, closes_second, opens };
	pthread_t thread[3];
	char zero;
	int peer;

	sem_init(&begun, 0, 0);
	sem_init(&done, 0, 0);
	lingering = connected(&peer);
	for (int i = 0; i < 3; i++)
		need(pthread_create(&thread[i], NULL, runs[i], NULL) == 0);
	sem_wait(&done);
	need(given >= 0);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	need(read(given, &zero, 1) == 1 && close(given) == 0);
	close(peer);
	close(listener);
	puts("done");
	return 0;
}
