/* limits_threads [silence]: a process with threads closes what others may hold events for, near a small limit: what libc opens for itself, and a message with many
 * descriptors, still find numbers; F_DUPFD from a number that was just closed gets that number; and no number reaches FD_SETSIZE while fewer are open.
 * Must find: nothing.
 */
#include "poller.h"
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

enum { FEW = 10 };
static int poller;

static void *waits(void *unused)
{
	struct epoll_event e;

	for (int i = 0; i < 40; i++)
		epoll_wait(poller, &e, 1, 10);
	return NULL;
}

static int registered(void)
{
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

	need(fd >= 0 && registers(poller, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, (uint64_t)fd) == 0);
	return fd;
}

static void message(int n)
{
	char room[CMSG_SPACE(sizeof(int) * FEW)], byte = 'x';
	int way[2], null = open_null(), got[FEW];
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	memset(room, 0, sizeof room);
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, way) == 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
	for (int i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + (size_t)i * sizeof null, &null, sizeof null);
	need(sendmsg(way[0], &m, 0) == 1 && recvmsg(way[1], &m, MSG_CMSG_CLOEXEC) == 1 && !(m.msg_flags & MSG_CTRUNC));
	memcpy(got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int) * (size_t)n);
	for (int i = 0; i < n; i++)
		close(got[i]);
	close(null);
	close(way[0]);
	close(way[1]);
}

static void near_limit(rlim_t limit, int open)
{
	struct rlimit was, small;
	int fd[256];

	need(getrlimit(RLIMIT_NOFILE, &was) == 0);
	small = (struct rlimit){ limit, was.rlim_max };
	need(setrlimit(RLIMIT_NOFILE, &small) == 0);
	for (int i = 0; i < open; i++)
		fd[i] = registered();
	for (int i = 0; i < FEW + 4; i++)
		close(fd[--open]);
	need(getpwnam("root") != NULL);
	message(FEW);
	while (open > 0)
		close(fd[--open]);
	need(setrlimit(RLIMIT_NOFILE, &was) == 0);
}

static void below_arrays(void)
{
	static int fd[850];

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 850; i++)
			need((fd[i] = registered()) < 1024);
		for (int i = 0; i < 850; i++)
			close(fd[i]);
	}
}

int main(void)
{
	pthread_t t[2];
	int fd;

	poller = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < 2; i++)
		need(pthread_create(&t[i], NULL, waits, NULL) == 0);
	usleep(20000);
	near_limit(64, 44);
	near_limit(128, 100);
	near_limit(256, 220);
	fd = registered();
	close(fd);
	need(fcntl(poller, F_DUPFD_CLOEXEC, fd) == fd);
	close(fd);
	below_arrays();
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	close(poller);
	puts("done");
	return 0;
}
