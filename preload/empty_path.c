/*
 * preload/empty_path.c: calls that mean the descriptor itself when their path is empty (AT_EMPTY_PATH). An O_PATH descriptor serves them, so
 * a tombstone (retire.h) would; with a path they are uses of a directory like others.
 *
 * Context: everywhere; the path may be unreadable, which the kernel is to tell.
 */
#include "birth.h"
#include "env.h"
#include "event.h"
#include "resolve.h"
#include "retire.h"
#include "poison.h"

int fdw_names_itself(const char *path, int flags)
{
	return flags & AT_EMPTY_PATH && (!path || (fdw_readable(path) && !*path));
}

#define ON_ITSELF(name, params, args)                                                                                  \
	FDW_EXPORT int name params                                                                                     \
	{                                                                                                              \
		int r;                                                                                                 \
		if (unlikely(!real_##name))                                                                            \
			return fdw_early_##name args;                                                                  \
		if (unlikely(fdw_process.retired) && fdw_names_itself(path, flags) &&                                  \
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
