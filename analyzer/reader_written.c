/*
 * analyzer/reader_written.c: whether somebody still writes to a file of a trace: its recording goes on.
 *
 * The kernel is asked for a read lease, which nobody is given on a file that is open for writing, in whatever process, container or namespace. It goes
 * back at once. Only the owner and root may ask. Where it cannot be told (others, some network file systems), the recording is taken to be over.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

int is_written(int fd)
{
	/* Whoever opens it for writing in this very moment waits until the lease is back, and we get a signal: one that is ignored, not SIGIO. */
	fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return 0;
}

int is_written_at(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), yes = fd >= 0 && is_written(fd);

	if (fd >= 0)
		close(fd);
	return yes;
}
