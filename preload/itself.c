/*
 * preload/itself.c: paths that mean a descriptor itself: the empty one (AT_EMPTY_PATH), /dev/fd/N and /proc/self/fd/N. An O_PATH descriptor
 * serves them, so a tombstone (retire.h) would; any other path is a use of a directory, or of none.
 *
 * Context: everywhere; the path may be unreadable, which the kernel is to tell.
 */
#include "birth.h"
#include "env.h"
#include "proc.h"
#include "event.h"
#include "resolve.h"
#include "retire.h"
#include "poison.h"

int fdw_names_itself(const char *path, int flags)
{
	return flags & AT_EMPTY_PATH && (!path || (fdw_readable(path) && !*path));
}

/* What stands behind the prefix, or NULL. */
static const char *after(const char *path, const char *prefix)
{
	for (; *prefix; path++, prefix++)
		if ((((uintptr_t)path & 4095) == 0 && !fdw_readable(path)) || *path != *prefix)
			return NULL;
	return path;
}

/* "", or "/". */
static int ends(const char *p) { return p && (!*p || (*p == '/' && !p[1])); }

void fdw_listing(int fd)
{
	if (fd >= 0 && fdw_word(fd))
		atomic_store(&fdw_process.listing, (uint64_t)fdw_gen(fdw_peek(fd)) << 32 | (uint32_t)(fd + 1));
}

int fdw_path_lists(const char *path)
{
	static const char *const places[] = { "/dev/fd", "/proc/self/fd", "/proc/self/fdinfo", "/proc/thread-self/fd" };
	const char *p;

	if (likely(!fdw_process.protects) || !path || !fdw_readable(path) || *path != '/')
		return 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (ends(after(path, places[i])))
			return fdw_nothing_kept(), 1;
	p = after(path, "/proc/");
	if (!p || fdw_number(p) != fdw_process.pid)
		return 0;
	while (*p >= '0' && *p <= '9')
		p++;
	return (ends(after(p, "/fd")) || ends(after(p, "/fdinfo"))) && (fdw_nothing_kept(), 1);
}

int fdw_path_refused(const char *path)
{
	static const char *const prefixes[] = { "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/" };
	const char *p = NULL;
	int fd = 0;

	if (!path || !fdw_readable(path))
		return 0;
	for (size_t i = 0; !p && i < sizeof prefixes / sizeof *prefixes; i++)
		p = after(path, prefixes[i]);
	for (; p && *p >= '0' && *p <= '9' && fd < (int)FDW_TABLE_MAX; p++)
		fd = fd * 10 + *p - '0';
	if (!p || *p || !fdw_on() || fdw_self.tool || (!fdw_is_tombstone(fdw_peek(fd)) && !fdw_is_protected(fd)))
		return 0;
	errno = ENOENT;
	return 1;
}

#define ON_ITSELF(name, params, args)                                                                                  \
	FDW_EXPORT int name params                                                                                     \
	{                                                                                                              \
		int r;                                                                                                 \
		if (unlikely(!real_##name))                                                                            \
			return fdw_early_##name args;                                                                  \
		if (fdw_hides() && fdw_names_itself(path, flags) &&                                  \
		    fdw_tombstone_met(dir, FDW_CALL_##name, FDW_CALLER))                                                \
			return -1;                                                                                     \
		fdw_passed_over(dir, -1, FDW_CALL_##name);                                                              \
		r = real_##name args;                                                                                  \
		if (unlikely(r < 0))                                                                                   \
			fdw_use_failed(dir, FDW_CALL_##name, FDW_CALLER);                                               \
		else                                                                                                   \
			fdw_used(dir, FDW_CALL_##name, FDW_CALLER);                                                     \
		return r;                                                                                              \
	}
ON_ITSELF(fstatat, (int dir, const char *path, struct stat *st, int flags), (dir, path, st, flags))
ON_ITSELF(statx, (int dir, const char *path, int flags, unsigned int mask, struct statx *st), (dir, path, flags, mask, st))
ON_ITSELF(fchownat, (int dir, const char *path, uid_t uid, gid_t gid, int flags), (dir, path, uid, gid, flags))
ON_ITSELF(utimensat, (int dir, const char *path, const struct timespec ts[2], int flags), (dir, path, ts, flags))
ON_ITSELF(name_to_handle_at, (int dir, const char *path, struct file_handle *handle, int *mount, int flags), (dir, path, handle, mount, flags))
