/*
 * tests/e2e/src/hazards/libbefore.c: an interposer of connect and open that looks for libc's at the first call of each thread, as fakechroot and
 * libeatmydata do.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/types.h>

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	static __thread int (*real)(int, const struct sockaddr *, socklen_t);

	if (!real)
		real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
	return real(fd, addr, len);
}

int open(const char *path, int flags, ...)
{
	static __thread int (*real)(const char *, int, ...);
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	if (!real)
		real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	return real(path, flags, mode);
}
