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

/* Where it cannot be made LTTng serves each fork child itself. */
void fdw_mark_make(const struct fdw_setup *s)
{
	char path[sizeof s->dir + 48];
	struct stat space;
	void *p;
	int fd;

	snprintf(path, sizeof path, "%s%s/" FDW_MARK, s->dir, fdw_sockets_below(s));
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return;
	if (fchmod(fd, 0644) != 0 || ftruncate(fd, sizeof *mark) != 0 ||
	    (p = mmap(NULL, sizeof *mark, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED)
		unlink(path);
	else
		mark = p;
	if (mark && stat("/proc/self/ns/pid", &space) == 0)
		mark->pid_space = space.st_ino;
	close(fd);
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

int fdw_mark_holders(int fd)
{
	struct stat mark_is;
	struct dirent *e;
	char self[16];
	int n = 0;
	DIR *d = fstat(fd, &mark_is) == 0 ? opendir("/proc") : NULL;

	snprintf(self, sizeof self, "%d", (int)getpid());
	while (d && (e = readdir(d)))
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9' && strcmp(e->d_name, self) && holds(dirfd(d), e->d_name, &mark_is);
	if (d)
		closedir(d);
	return n;
}
