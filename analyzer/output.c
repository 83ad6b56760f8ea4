/*
 * analyzer/output.c: see output.h. A file is written beside its place and renamed. What is no regular file (a pipe) is written to directly; so is what
 * is open already (/dev/stdout, /proc/self/fd/1, and links to them): who has it open would not see the new one, and a link to what was deleted would be
 * replaced itself.
 *
 * Context: the command.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>
#include "analyzer/memory.h"
#include "analyzer/output.h"

static int open_beside(struct output *o)
{
	mode_t mask = umask(0);
	struct stat st;
	int fd, exists = stat(o->path, &st) == 0;

	umask(mask);
	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0)
		out_of_memory();
	fd = mkostemp(o->temporary, O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fchmod(fd, exists ? st.st_mode & 0777 : 0666 & ~mask) != 0 || !(o->out = fdopen(fd, "w"))) {
		close(fd);
		unlink(o->temporary);
		return -1;
	}
	return 0;
}

/* One of our standard descriptors is open on it. */
static int standard_number(const struct stat *st)
{
	struct stat own;

	for (int i = 0; i < 3; i++)
		if (fstat(i, &own) == 0 && own.st_dev == st->st_dev && own.st_ino == st->st_ino)
			return i;
	return -1;
}

/* Neither emptied nor replaced. */
static int open_as_it_is(struct output *o, int number)
{
	int fd = number >= 0 ? fcntl(number, F_DUPFD_CLOEXEC, 3) : open(o->path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd >= 0 && number >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
		close(fd);
		fd = open(o->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	}
	o->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	return o->out ? 0 : -1;
}

int output_open(struct output *o, const char *path)
{
	char *whole = realpath(path, NULL);
	struct stat st;
	int exists, number;

	*o = (struct output){ stdout, NULL, NULL };
	if (!path)
		return 0;
	o->path = whole ? whole : xstrdup(path);
	exists = stat(path, &st) == 0;
	number = exists && S_ISREG(st.st_mode) ? standard_number(&st) : -1;
	/* There, and without a name: it was deleted. */
	if (number >= 0 || (exists && S_ISREG(st.st_mode) && !whole))
		return open_as_it_is(o, number);
	if (exists && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (!exists && lstat(path, &st) == 0) { /* a link to what is not there yet: it shall be made, and the link stay */
		o->out = fopen(path, "we");
		return o->out ? 0 : -1;
	}
	if (exists && S_ISREG(st.st_mode) && access(path, W_OK) != 0)
		return -1;
	if ((!exists || S_ISREG(st.st_mode)) && open_beside(o) == 0)
		return 0;
	/* No new file can be made there, or it is no file: write into what is there. */
	free(o->temporary);
	o->temporary = NULL;
	if (!exists)
		return -1;
	o->out = fopen(o->path, "we");
	return o->out ? 0 : -1;
}

int output_close(struct output *o)
{
	int bad = fflush(o->out) != 0 || ferror(o->out), err = errno;

	if (!o->path) {
		errno = err ? err : EIO;
		return bad ? -1 : 0;
	}
	if (fclose(o->out) != 0 && !bad) {
		bad = 1;
		err = errno;
	}
	if (!bad && o->temporary && rename(o->temporary, o->path) != 0) {
		bad = 1;
		err = errno;
	}
	if (bad && o->temporary)
		unlink(o->temporary);
	free(o->temporary);
	free(o->path);
	errno = err ? err : EIO;
	return bad ? -1 : 0;
}

int output_check(const char *path)
{
	struct stat st;
	char *copy;
	int r;

	if (!path)
		return 0;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (access(path, F_OK) == 0)
		return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
	copy = xstrdup(path);
	r = faccessat(AT_FDCWD, dirname(copy), W_OK | X_OK, AT_EACCESS);
	free(copy);
	return r;
}
