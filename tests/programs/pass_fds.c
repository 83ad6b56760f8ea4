/* pass_fds [silence]: descriptors sent with SCM_RIGHTS to another process and to a thread; both sides close theirs. Must find: nothing. */
#include "program.h"

static void send_fd(int sock, int fd)
{
	char c = 'f', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	need(sendmsg(sock, &m, 0) == 1);
}

static int receive_fd(int sock)
{
	char c, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd;

	need(recvmsg(sock, &m, MSG_CMSG_CLOEXEC) == 1);
	need(CMSG_FIRSTHDR(&m) && CMSG_FIRSTHDR(&m)->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	need(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	return fd;
}

static void receiver(int sock)
{
	for (int i = 0; i < 20; i++) {
		int fd = receive_fd(sock);

		need(write(fd, "p", 1) == 1 && close(fd) == 0);
	}
	close(sock);
	_exit(0);
}

int main(void)
{
	int pair[2];
	pid_t pid;

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		receiver(pair[1]);
	}
	for (int i = 0; i < 20; i++) {
		int p[2];
		char c;

		need(pipe2(p, O_CLOEXEC) == 0);
		send_fd(pair[0], p[1]);
		need(close(p[1]) == 0 && read(p[0], &c, 1) == 1 && read(p[0], &c, 1) == 0 && close(p[0]) == 0);
	}
	need(wait_for(pid) == 0);
	send_fd(pair[0], 0);
	need(close(receive_fd(pair[1])) == 0);
	need(close(pair[0]) == 0 && close(pair[1]) == 0);
	puts("done");
	return 0;
}
