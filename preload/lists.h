/*
 * preload/lists.h: lists of the process's own numbers, by whatever path they are reached.
 *
 * Programs list their numbers to close what they find. In audit such a list shall show what it natively would: what is kept back (retire.h) goes
 * before it is read, and nothing more is kept while it is open. The common spellings are known before the call (fdw_path_asks). A list may as well
 * be opened below a directory, by a symbolic link, as another thread's: so in audit what was opened is looked at, too.
 *
 *   function         | any thread | handler | vfork child | waits
 *   all              |    yes     |   yes   |   nothing   | no more than a kept number's close
 */
#ifndef FDW_LISTS_H
#define FDW_LISTS_H

#include "retire.h"

/* How events name one that was found, so that the report knows it. */
extern const char fdw_own_list[];

/* Whether fd, just opened, is one. If so nothing is kept back any more. FDW_LIST_LATE: it was until now, so fd has another number than natively. */
#define FDW_LIST 1
#define FDW_LIST_LATE 2
int fdw_is_list_slow(int fd);
FDW_INLINE int fdw_is_list(int fd) { return unlikely(fdw_process.keeps) && fd >= 0 ? fdw_is_list_slow(fd) : 0; }

/*
 * Before the table is told of fd, which was opened (flags: FDW_F_*): its number from now on; a list's path becomes fdw_own_list. Keeps errno.
 * After it was told: fdw_listing, if that is its path.
 */
int fdw_opened_slow(int fd, const char **path);
FDW_INLINE int fdw_opened(int fd, uint32_t flags, const char **path)
{
	return unlikely(fdw_process.keeps) && fd >= 0 && !(flags & FDW_F_WRITABLE) ? fdw_opened_slow(fd, path) : fd;
}
void fdw_listing(int fd);
FDW_INLINE void fdw_listing_if(int fd, const char *path)
{
	if (unlikely(path == fdw_own_list))
		fdw_listing(fd);
}

#endif
