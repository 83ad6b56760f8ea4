/*
 * trace/session_mark.c: the mark of a recording (schema.h), for fork children that LTTng does not know: who lives, and that it is over.
 *
 * Context: made and ended by the helper; looked at by the command. The lock is only asked for, never taken: nobody who starts at that moment is disturbed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "trace/schema.h"
#include "trace/session_private.h"

static struct fdw_mark *mark; /* the helper's view of it */

void *fdw_shared_make(const struct fdw_setup *s, const char *name, size_t size, mode_t mode)
{
	char path[sizeof s->dir + 48];
	void *p = MAP_FAILED;
	int fd;

	snprintf(path, sizeof path, "%s%s/%s", s->dir, fdw_sockets_below(s), name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return NULL;
	if (fchmod(fd, mode) == 0 && ftruncate(fd, (off_t)size) == 0)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		unlink(path);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* Where it cannot be made LTTng serves each fork child itself. */
void fdw_mark_make(const struct fdw_setup *s)
{
	struct stat space;

	mark = fdw_shared_make(s, FDW_MARK, sizeof *mark, 0644);
	if (mark && stat("/proc/self/ns/pid", &space) == 0)
		mark->pid_space = space.st_ino;
}

void fdw_mark_end(void)
{
	if (mark)
		atomic_store(&mark->ended, 1);
}

int fdw_mark_open(const char *sockets)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/" FDW_MARK, sockets);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int fdw_mark_is_held(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* ---- how many ------------------------------------------------------------------------------------------------------*/

static int holds(int proc, const char *pid, const struct stat *mark_is)
{
	char path[64], link[PATH_MAX];
	struct dirent *e;
	struct stat st;
	int found = 0, fd;
	DIR *d;

	snprintf(path, sizeof path, "%.20s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd >= 0 ? fdopendir(fd) : NULL;
	while (d && !found && (e = readdir(d))) {
		ssize_t n = readlinkat(fd, e->d_name, link, sizeof link);
		/* Asked about those alone that look like it: others may be on a server that does not answer. */
		found = n > (ssize_t)sizeof FDW_MARK && !memcmp(link + n - (sizeof FDW_MARK - 1), FDW_MARK, sizeof FDW_MARK - 1) &&
		        fstatat(fd, e->d_name, &st, 0) == 0 && st.st_dev == mark_is->st_dev && st.st_ino == mark_is->st_ino;
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return found;
}

/* The command and its helper have it open to look at it. */
int fdw_mark_holders(int fd, pid_t *pids, size_t max)
{
	struct stat mark_is;
	struct dirent *e;
	size_t n = 0;
	DIR *d = fstat(fd, &mark_is) == 0 ? opendir("/proc") : NULL;

	while (d && (e = readdir(d))) {
		pid_t pid = (pid_t)atoi(e->d_name);
		if (pid <= 0 || pid == getpid() || pid == getppid() || !holds(dirfd(d), e->d_name, &mark_is))
			continue;
		if (n < max)
			pids[n] = pid;
		n++;
	}
	if (d)
		closedir(d);
	return (int)n;
}

size_t fdw_mark_list(const struct fdw_setup *s, pid_t *pids, size_t max)
{
	char path[sizeof s->dir + 48];
	int fd, n;

	snprintf(path, sizeof path, "%s%s", s->dir, fdw_sockets_below(s));
	fd = fdw_mark_open(path);
	if (fd < 0)
		return 0;
	n = fdw_mark_holders(fd, pids, max);
	close(fd);
	return (size_t)n < max ? (size_t)n : max;
}
