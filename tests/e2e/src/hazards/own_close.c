/* tests/e2e/src/hazards/own_close.c: a program that exports a close of its own, as Chromium does. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int own;

int close(int fd)
{
	own++;
	return (int)syscall(SYS_close, fd);
}

int main(int argc, char **argv)
{
	int a = open("/dev/null", O_RDONLY), b, p[2];
	DIR *d = opendir("/");
	FILE *f = fopen("/dev/null", "r");

	if (close(a) || closedir(d) || fclose(f) || pipe(p) || close(p[0]) || close(p[1]))
		return 9;
	b = open("/dev/null", O_RDONLY);
	/* counted: how often it was called, by libraries too */
	printf("%d %d, own close %d times\n", a, b, argc > 1 ? own : own > 2);
	return 0;
}
