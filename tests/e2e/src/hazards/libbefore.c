/*
 * tests/e2e/src/hazards/libbefore.c: an interposer of connect that stands before ours and looks for libc's at the first call, as fakechroot does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	static int (*real)(int, const struct sockaddr *, socklen_t);

	if (!real)
		real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
	return real(fd, addr, len);
}
