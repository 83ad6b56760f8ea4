/*
 * held: the new program of a child, statically linked so that nothing is loaded into it. Tells the test that started it which descriptors it
 * was given beyond those it was meant to have.
 *	held RESULT BASE [FD DEV INO]	writes a struct held_report to descriptor RESULT: how many descriptors from BASE on are open, and
 *					whether FD is open on that object
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "held.h"

static int base;

/* Calls see() for each descriptor from base on. -1: /proc is not there. */
static int each(void (*see)(int fd, void *arg), void *arg)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	if (!d)
		return -1;
	while ((e = readdir(d))) {
		int fd = atoi(e->d_name);
		if (e->d_name[0] != '.' && fd >= base && fd != dirfd(d))
			see(fd, arg);
	}
	closedir(d);
	return 0;
}

static void count(int fd, void *arg)
{
	struct held_report *r = arg;

	if (!r->held++)
		r->first = fd;
	if (fd - base < 64)
		r->map |= UINT64_C(1) << (fd - base);
}

static void tell(int fd)
{
	char path[32], to[256] = "";

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (readlink(path, to, sizeof to - 1) < 0)
		return;
	fprintf(stderr, "held: pid %d has %d -> %s\n", (int)getpid(), fd, to);
}

int main(int argc, char **argv)
{
	struct held_report r = { .pid = getpid(), .first = -1 };
	struct stat st;

	if (argc != 3 && argc != 6)
		return 2;
	base = atoi(argv[2]);
	if (each(count, &r))
		return 2;
	if (argc == 6 && fstat(atoi(argv[3]), &st) == 0)
		r.has = st.st_dev == strtoull(argv[4], NULL, 10) && st.st_ino == strtoull(argv[5], NULL, 10);
	if (r.held && getenv("FORKLOCK_VERBOSE"))
		tell(r.first);
	return write(atoi(argv[1]), &r, sizeof r) == sizeof r ? 0 : 3;
}
