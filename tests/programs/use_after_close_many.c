/* use_after_close_many [use-after-close]: several calls on a number closed before, each from a place of its own.
 * Must find: one use-after-close for each of the 10 calls.
 */
#include "program.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

int main(void)
{
	char c = 0;
	struct iovec iov = { &c, 1 };
	struct epoll_event event = { .events = EPOLLIN };
	int epfd = epoll_create1(EPOLL_CLOEXEC), number = 0, fd = open_null();

	need(epfd >= 0 && close(fd) == 0);
	need(lseek(fd, 0, SEEK_SET) == -1 && errno == EBADF);
	need(pread(fd, &c, 1, 0) == -1 && errno == EBADF);
	need(writev(fd, &iov, 1) == -1 && errno == EBADF);
	need(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) == -1 && errno == EBADF);
	need(send(fd, &c, 1, 0) == -1 && errno == EBADF);
	need(ioctl(fd, FIONREAD, &number) == -1 && errno == EBADF);
	need(ftruncate(fd, 0) == -1 && errno == EBADF);
	need(fsync(fd) == -1 && errno == EBADF);
	need(dup(fd) == -1 && errno == EBADF);
	need(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EBADF);
	need(close(epfd) == 0);
	puts("done");
	return 0;
}
