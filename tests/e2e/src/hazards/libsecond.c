/*
 * tests/e2e/src/hazards/libsecond.c: another interposer of open, close and fclose, written as most are: dlsym(RTLD_NEXT) at the first call.
 * libfirst.so is the same, linked with -z initfirst: loaded after ours, its constructor runs before ours.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int opens, closes, fcloses;

int open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	if (!real)
		real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	opens++;
	return real(path, flags, mode);
}

int close(int fd)
{
	static int (*real)(int);

	if (!real)
		real = (int (*)(int))dlsym(RTLD_NEXT, "close");
	closes++;
	return real(fd);
}

int fclose(FILE *f)
{
	static int (*real)(FILE *);

	if (!real)
		real = (int (*)(FILE *))dlsym(RTLD_NEXT, "fclose");
	fcloses++;
	return real(f);
}

/* Early: before anybody's constructor, perhaps. */
__attribute__((constructor)) static void first(void)
{
	int fd = open("/dev/null", O_RDONLY), other = dup(fd), p[2];

	if (fd < 0 || other < 0 || pipe(p) || close(p[0]) || close(p[1]) || close(other) || close(fd))
		abort();
}

__attribute__((destructor)) static void last(void)
{
	if (getenv("SECOND_SAYS"))
		dprintf(1, "second: %d opens, %d closes, %d fcloses\n", opens, closes, fcloses);
}
