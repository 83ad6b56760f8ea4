/* tests/e2e/src/hazards/libraw.c: an interposer that makes its calls by syscall(), as those do that cannot use dlsym. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>
#include <unistd.h>

int close(int fd) { return (int)syscall(SYS_close, fd); }
int dup(int fd) { return (int)syscall(SYS_dup, fd); }
int dup2(int old, int new) { return (int)syscall(SYS_dup2, old, new); }
int dup3(int old, int new, int flags) { return (int)syscall(SYS_dup3, old, new, flags); }
int pipe(int p[2]) { return (int)syscall(SYS_pipe, p); }
int pipe2(int p[2], int flags) { return (int)syscall(SYS_pipe2, p, flags); }
int close_range(unsigned first, unsigned last, int flags) { return (int)syscall(SYS_close_range, first, last, flags); }

int fcntl(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return (int)syscall(SYS_fcntl, fd, command, arg);
}
