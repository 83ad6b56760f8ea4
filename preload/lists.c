/*
 * preload/lists.c: see lists.h.
 *
 * What a directory is, is asked of the kernel by its descriptor: a path says little. Other files cost one statx, which asks no server.
 *
 * Context: any thread, handlers; what walks calls the program back, and nothing of ours is held then. System calls: statx; for read-only directories on file systems without a device fstatfs, fcntl, and the release of
 * what is kept. Only in audit, and only where substitutes are allowed: never under a filter. Locks: none.
 */
#include <linux/magic.h>
#include <sys/statfs.h>
#include "aside.h"
#include "birth.h"
#include "lists.h"
#include "pending.h"
#include "proc.h"
#include "resolve.h"
#include "poison.h"

const char fdw_own_list[] = "/proc/self/fd";

struct place { uint64_t ino; uint32_t mode, major, minor; };

/* "" is dir itself. Links are followed. */
static int look(int dir, const char *path, struct place *p)
{
	struct statx st;

	if (fdw_raw(SYS_statx, (long)dir, path, (long)(AT_EMPTY_PATH | AT_STATX_DONT_SYNC), (long)(STATX_TYPE | STATX_MODE | STATX_INO), &st) != 0)
		return 0;
	*p = (struct place){ st.stx_ino, st.stx_mode, st.stx_dev_major, st.stx_dev_minor };
	return 1;
}

static int is(int dir, const char *path, const struct place *p)
{
	struct place q;

	return look(dir, path, &q) && q.ino == p->ino && q.major == p->major && q.minor == p->minor;
}

/* As the lists are: a directory that nobody writes, on no device. */
static int looks_like_one(int dir, const char *path, struct place *p)
{
	return look(dir, path, p) && S_ISDIR(p->mode) && !(p->mode & 0222) && !p->major;
}

static int is_in_proc(int fd)
{
	struct statfs fs;

	return fdw_raw(SYS_fstatfs, (long)fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/*
 * It is the directory fd or fdinfo beside it, and of the one whose number fd leads here: ourselves, under whatever pid that /proc has for us. An
 * O_PATH descriptor cannot be read.
 */
static int lists(int fd)
{
	char entry[32];
	struct place p;

	if (!looks_like_one(fd, "", &p) || !is_in_proc(fd) || (!is(fd, "../fd", &p) && !is(fd, "../fdinfo", &p)))
		return 0;
	*fdw_put_number(fdw_put(entry, "../fd/"), (unsigned long)fd) = 0;
	return is(fd, entry, &p) && !(fdw_raw(SYS_fcntl, (long)fd, (long)F_GETFL) & O_PATH);
}

struct asked { int fd, lists; };
static __attribute__((noinline)) void ask(void *arg, uintptr_t unused)
{
	struct asked *a = arg;
	uint64_t began;

	a->lists = fdw_own_call_begins(&began) && lists(a->fd);
	fdw_own_call_ends(began);
}

int fdw_is_list_slow(int fd)
{
	struct asked a = { fd, 0 };
	int saved = errno, kept;

	if (!fdw_on() || fdw_self.tool || fdw_process.filtered || !fdw_deep(ask, &a, 0) || !a.lists)
		return 0;
	kept = atomic_load(&fdw_process.retired) != 0;
	fdw_pending_prepares();
	fdw_nothing_kept();
	errno = saved;
	return kept ? FDW_LIST_LATE : FDW_LIST;
}

/* The number that it natively would have, as far as that is free now. */
static int to_lowest(int fd)
{
	long flags = fdw_raw(SYS_fcntl, (long)fd, (long)F_GETFD), low, other;

	low = fdw_raw(SYS_fcntl, (long)fd, (long)(flags & FD_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD), 0L);
	if (low < 0)
		return fd;
	other = low < fd ? fd : low;
	fdw_raw(SYS_close, other);
	return (int)(low < fd ? low : fd);
}

int fdw_opened_slow(int fd, const char **path)
{
	int is_list = fdw_is_list_slow(fd);

	if (is_list)
		*path = fdw_own_list;
	return is_list == FDW_LIST_LATE ? to_lowest(fd) : fd;
}

void fdw_listing(int fd)
{
	if (fd >= 0 && fdw_word(fd))
		atomic_store(&fdw_process.listing, (uint64_t)fdw_gen(fdw_peek(fd)) << 32 | (uint32_t)(fd + 1));
}

/* ---- what libc opens itself ------------------------------------------------------------------------------------------------------------------- */

/* Before the call: which path it is going to open, is all there is to ask about. Another thread's list is not known. */
static int leads_to_list(const char *path)
{
	static const char *const places[] = { "/proc/self/fd", "/proc/self/fdinfo", "/proc/thread-self/fd", "/proc/thread-self/fdinfo" };
	struct place p;

	if (!looks_like_one(AT_FDCWD, path, &p))
		return 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (is(AT_FDCWD, places[i], &p))
			return 1;
	return 0;
}

static __attribute__((noinline)) void ask_path(void *arg, uintptr_t path)
{
	uint64_t began;

	*(int *)arg = fdw_own_call_begins(&began) && leads_to_list((const char *)path);
	fdw_own_call_ends(began);
}

static void before_walk(const char *path)
{
	int is_list = 0, saved = errno;

	if (likely(!fdw_process.keeps) || !fdw_on() || fdw_self.tool || fdw_process.filtered)
		return;
	if (fdw_deep(ask_path, &is_list, (uintptr_t)path) && is_list)
		fdw_nothing_kept();
	errno = saved;
}

/* Its first directory that is searched. */
static void before_glob(const char *pattern)
{
	char path[128];
	size_t n = strcspn(pattern, "*?[\\{~");

	while (n && pattern[n - 1] != '/')
		n--;
	if (!n || n >= sizeof path)
		return;
	memcpy(path, pattern, n);
	path[n] = 0;
	before_walk(path);
}

FDW_EXPORT int scandir(const char *path, struct dirent ***names, int (*select)(const struct dirent *), int (*compare)(const struct dirent **, const struct dirent **))
{
	before_walk(path);
	return FDW_REAL(scandir)(path, names, select, compare);
}

FDW_EXPORT int nftw(const char *path, __nftw_func_t each, int most, int flags)
{
	before_walk(path);
	return FDW_REAL(nftw)(path, each, most, flags);
}

FDW_EXPORT int glob(const char *pattern, int flags, int (*failed)(const char *, int), glob_t *found)
{
	if (unlikely(fdw_process.keeps))
		before_glob(pattern);
	return FDW_REAL(glob)(pattern, flags, failed, found);
}
