/* epoll_no_del [silence]: an event loop in libev's manner: descriptors are closed without EPOLL_CTL_DEL, a later EPOLL_CTL_MOD for the
 * number is answered ENOENT and made an ADD by the same thread; a DEL of a closed number is ignored. Must find: nothing.
 */
#include "program.h"
#include <sys/epoll.h>

static void arm(int epfd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &event) == 0)
		return;
	need(errno == ENOENT);
	need(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) == 0);
}

int main(void)
{
	int epfd = epoll_create1(EPOLL_CLOEXEC), served = 0;
	struct epoll_event event;

	need(epfd >= 0);
	for (int i = 0; i < 50; i++) {
		int pair[2];
		char c = 'x';

		need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		arm(epfd, pair[0]);
		need(write(pair[1], &c, 1) == 1);
		need(epoll_wait(epfd, &event, 1, 1000) == 1 && event.data.fd == pair[0]);
		need(read(pair[0], &c, 1) == 1);
		served++;
		close(pair[1]);
		close(pair[0]);
		need(epoll_ctl(epfd, EPOLL_CTL_DEL, pair[0], NULL) == -1);
	}
	need(epoll_wait(epfd, &event, 1, 0) == 0);
	close(epfd);
	printf("served %d\n", served);
	return 0;
}
