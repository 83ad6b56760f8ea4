/* ghost_served [silence]: a registered description moves to another number, and the old one is closed: its events go on, and are served there. epoll(7) has
 * it. And a few events that come late for what a child still had, which the program drops and is rid of.
 * Must find: nothing. Every event must come, in every mode.
 */
#include "poller.h"
#include <sys/wait.h>

static void moved(int poller)
{
	int pair[2], high;
	char byte;

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	need(registers(poller, EPOLL_CTL_ADD, pair[0], EPOLLIN, 1) == 0);
	high = fcntl(pair[0], F_DUPFD_CLOEXEC, 100);
	need(high >= 100);
	close(pair[0]);
	for (int i = 0; i < 50; i++) {
		need(write(pair[1], "x", 1) == 1 && next_event(poller) == 1);
		need(read(high, &byte, 1) == 1);
	}
	close(high);
	close(pair[1]);
}

/* By SCM_RIGHTS to itself. */
static void sent(int poller)
{
	int pair[2], way[2], got;
	char byte = 'x', room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };
	struct cmsghdr *c;

	memset(room, 0, sizeof room);
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, way) == 0);
	need(registers(poller, EPOLL_CTL_ADD, pair[0], EPOLLIN, 2) == 0);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pair[0], sizeof(int));
	need(sendmsg(way[0], &m, 0) == 1);
	close(pair[0]);
	need(recvmsg(way[1], &m, 0) == 1);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
	for (int i = 0; i < 50; i++) {
		need(write(pair[1], "x", 1) == 1 && next_event(poller) == 2);
		need(read(got, &byte, 1) == 1);
	}
	close(got);
	close(pair[1]);
	close(way[0]);
	close(way[1]);
}

/* The child waits on the poller it inherited: what its parent closes is still to be served, by the child. */
static void shared(void)
{
	int pair[2], poller = epoll_create1(EPOLL_CLOEXEC), status;
	char byte;
	pid_t child;

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	need(registers(poller, EPOLL_CTL_ADD, pair[0], EPOLLIN, (uint64_t)pair[0]) == 0);
	child = fork();
	need(child >= 0);
	if (child == 0) {
		need((int)next_event(poller) == pair[0] && read(pair[0], &byte, 1) == 1);
		_exit(0);
	}
	close(pair[0]);
	need(write(pair[1], "x", 1) == 1);
	need(waitpid(child, &status, 0) == child && status == 0);
	close(pair[1]);
	close(poller);
}

int main(void)
{
	int poller = epoll_create1(EPOLL_CLOEXEC);

	moved(poller);
	sent(poller);
	shared();
	close(poller);
	puts("done");
	return 0;
}
