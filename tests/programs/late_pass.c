/* late_pass [use-after-close]: closed numbers are handed on: in a message, by dup, by dup2, to a poller.
 * Must find: use-after-close for each.
 */
#include "poller.h"

static int pass(int over, int fd)
{
	char byte = 'x', room[CMSG_SPACE(sizeof fd)];
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	memset(room, 0, sizeof room);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return (int)sendmsg(over, &m, 0);
}

int main(void)
{
	int pair[2], fd, poller = epoll_create1(EPOLL_CLOEXEC);

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	fd = eventfd(0, EFD_CLOEXEC);
	close(fd);
	need(pass(pair[0], fd) == -1 && errno == EBADF);
	need(dup(fd) == -1 && errno == EBADF);
	need(dup2(fd, 50) == -1 && errno == EBADF);
	need(registers(poller, EPOLL_CTL_ADD, fd, EPOLLIN, 0) == -1 && errno == EBADF);
	close(pair[0]);
	close(pair[1]);
	close(poller);
	puts("done");
	return 0;
}
