/*
 * analyzer/at_once.h: a file to read of which nobody knows what it is: opened without waiting for anybody, and no terminal becomes ours.
 *
 * Whoever may write to the directory can have put a FIFO there.
 */
#ifndef FDW_AT_ONCE_H
#define FDW_AT_ONCE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* NULL, and errno; *st says what it is: no more than a regular file is for reading. */
static inline FILE *open_at_once(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error;
	FILE *f;

	if (fd < 0)
		return NULL;
	f = fstat(fd, st) == 0 ? fdopen(fd, "r") : NULL;
	if (!f) {
		error = errno;
		close(fd);
		errno = error;
	}
	return f;
}

#endif
