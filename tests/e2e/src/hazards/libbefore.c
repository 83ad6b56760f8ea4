/*
 * tests/e2e/src/hazards/libbefore.c: an interposer of connect and open that looks for libc's at the first call of each thread, as fakechroot and
 * libeatmydata do.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	static __thread int (*real)(int, const struct sockaddr *, socklen_t);

	if (!real)
		real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
	return real(fd, addr, len);
}

/* Not as fcntl.h declares it: an argument that was not passed is passed on as what is there. */
int open(const char *path, int flags, unsigned mode)
{
	static __thread int (*real)(const char *, int, unsigned);

	if (!real)
		real = (int (*)(const char *, int, unsigned))dlsym(RTLD_NEXT, "open");
	return real(path, flags, mode);
}
