/*
 * routes: a worker holds an event while another thread closes its descriptor, by each of the ways there are, and opens the next one, which natively
 * gets the number; then the worker re-arms. Prints one line of NAME=NUMBER.
 *	routes close|syscall|close_range|closed_range|fclose|marker|peek
 * marker: another descriptor is put over the number, and then closed. peek: the reaper asks first whether its connection is idle.
 *	wrong	re-arms that reached the next descriptor	rounds	how often it was tried
 */
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include "tests/programs/program.h"

enum { ROUNDS = 100 };
static sem_t go, done;
static int poller, held, wrong, stop;

static void *worker(void *unused)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = 1 };

	for (;;) {
		while (sem_wait(&go) != 0)
			;
		if (stop)
			return NULL;
		wrong += epoll_ctl(poller, EPOLL_CTL_MOD, held, &e) == 0;
		sem_post(&done);
	}
}

/* Waits, and hands what it gets to the worker: so the poller has a waiter that is not the closer. */
static void *waiter(void *unused)
{
	struct epoll_event e;

	need(epoll_wait(poller, &e, 1, 10000) == 1);
	return NULL;
}

static void close_by(const char *way, int fd, FILE *stream)
{
	int marker[2];
	char byte;

	if (!strcmp(way, "syscall"))
		need(syscall(SYS_close, fd) == 0);
	else if (!strcmp(way, "close_range"))
		need(close_range((unsigned)fd, (unsigned)fd, 0) == 0);
	else if (!strcmp(way, "closed_range"))
		need(syscall(SYS_close_range, fd, fd, 0) == 0);
	else if (!strcmp(way, "fclose"))
		need(fclose(stream) == 0);
	else if (!strcmp(way, "marker")) {
		need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, marker) == 0 && dup2(marker[0], fd) == fd);
		close(marker[0]);
		close(marker[1]);
		need(close(fd) == 0);
	} else {
		if (!strcmp(way, "peek"))
			need(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
		need(close(fd) == 0);
	}
}

static void one_round(const char *way)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = 1 };
	int old[2], new[2];
	FILE *stream = NULL;
	pthread_t t;

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, old) == 0 && write(old[1], "x", 1) == 1);
	if (!strcmp(way, "fclose"))
		need((stream = fdopen(old[0], "r")));
	need(epoll_ctl(poller, EPOLL_CTL_ADD, old[0], &e) == 0);
	need(pthread_create(&t, NULL, waiter, NULL) == 0);
	pthread_join(t, NULL);
	close_by(way, old[0], stream);
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, new) == 0);
	e.data.u64 = 2;
	need(epoll_ctl(poller, EPOLL_CTL_ADD, new[0], &e) == 0);
	held = old[0];
	sem_post(&go);
	while (sem_wait(&done) != 0)
		;
	close(new[0]);
	close(new[1]);
	close(old[1]);
}

int main(int argc, char **argv)
{
	pthread_t t;

	need(argc == 2 && sem_init(&go, 0, 0) == 0 && sem_init(&done, 0, 0) == 0);
	poller = epoll_create1(EPOLL_CLOEXEC);
	need(pthread_create(&t, NULL, worker, NULL) == 0);
	for (int i = 0; i < ROUNDS; i++)
		one_round(argv[1]);
	stop = 1;
	sem_post(&go);
	pthread_join(t, NULL);
	printf("wrong=%d rounds=%d\n", wrong, ROUNDS);
	return 0;
}
