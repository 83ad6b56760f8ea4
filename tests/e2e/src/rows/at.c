/* tests/e2e/src/rows/at.c: names relative to a descriptor. Context and vocabulary: rows.h. */
#include <sys/stat.h>
#include "rows.h"

static void asking(void)
{
	struct stat st;
	struct statx sx;
	char b[64];
	union { struct file_handle h; char room[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } u = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount;

	CALLS(int, (int, const char *, struct stat *, int), "fstatat", "fstatat64") {
		CASE("a file", call(F_DIR, "file", &st, 0));
		CASE("itself", call(F_FILE, "", &st, AT_EMPTY_PATH));
		CASE("missing", call(F_DIR, "missing", &st, 0));
		CASE("bad flags", call(F_DIR, "file", &st, 0x40000000));
		CASE("bad address", call(F_DIR, NOWHERE, &st, 0));
		BADFD(call(fd, "file", &st, 0));
	}
	CALLS(int, (int, const char *, int, unsigned, struct statx *), "statx") {
		CASE("a file", call(F_DIR, "file", 0, STATX_BASIC_STATS, &sx));
		CASE("missing", call(F_DIR, "missing", 0, STATX_BASIC_STATS, &sx));
		CASE("bad flags", call(F_DIR, "file", 0x40000000, STATX_BASIC_STATS, &sx));
		BADFD(call(fd, "file", 0, STATX_BASIC_STATS, &sx));
	}
	CALLS(int, (int, const char *, int, int), "faccessat") {
		CASE("a file", call(F_DIR, "file", R_OK, 0));
		CASE("as effective", call(F_DIR, "file", W_OK, AT_EACCESS));
		CASE("missing", call(F_DIR, "missing", F_OK, 0));
		CASE("bad mode", call(F_DIR, "file", 99, 0));
		BADFD(call(fd, "file", F_OK, 0));
	}
	CALLS(int, (int, const char *, struct file_handle *, int *, int), "name_to_handle_at") {
		CASE("a file", call(F_DIR, "file", &u.h, &mount, 0));
		CASE("missing", call(F_DIR, "missing", &u.h, &mount, 0));
		u.h.handle_bytes = 0;
		CASE("no room", call(F_DIR, "file", &u.h, &mount, 0));
		BADFD(call(fd, "file", &u.h, &mount, 0));
	}
	symlinkat("file", F_DIR, "link");
	CALLS(ssize_t, (int, const char *, char *, size_t), "readlinkat") {
		CASE("a link", call(F_DIR, "link", b, sizeof b));
		CASE("a file", call(F_DIR, "file", b, sizeof b));
		CASE("missing", call(F_DIR, "missing", b, sizeof b));
		BADFD(call(fd, "link", b, sizeof b));
	}
	CALLS(ssize_t, (int, const char *, char *, size_t, size_t), "__readlinkat_chk") {
		CASE("a link", call(F_DIR, "link", b, sizeof b, sizeof b));
		CASE("missing", call(F_DIR, "missing", b, sizeof b, sizeof b));
		BADFD(call(fd, "link", b, sizeof b, sizeof b));
	}
	unlinkat(F_DIR, "link", 0);
}

static void changing(void)
{
	struct timespec ts[2] = { { 1, 2 }, { 3, 4 } }, wrong[2] = { { 0, -1 }, { 0, 0 } };

	CALLS(int, (int, const char *, mode_t, int), "fchmodat") {
		CASE("a file", call(F_DIR, "file", 0600, 0));
		CASE("missing", call(F_DIR, "missing", 0600, 0));
		CASE("not of a link", call(F_DIR, "file", 0600, AT_SYMLINK_NOFOLLOW));
		CASE("bad flags", call(F_DIR, "file", 0600, 0x40000000));
		BADFD(call(fd, "file", 0600, 0));
	}
	CALLS(int, (int, const char *, uid_t, gid_t, int), "fchownat") {
		CASE("nobody new", call(F_DIR, "file", -1, -1, 0));
		CASE("missing", call(F_DIR, "missing", -1, -1, 0));
		BADFD(call(fd, "file", -1, -1, 0));
	}
	CALLS(int, (int, const char *, const struct timespec *, int), "utimensat") {
		CASE("set", call(F_DIR, "file", ts, 0));
		CASE("missing", call(F_DIR, "missing", ts, 0));
		CASE("bad time", call(F_DIR, "file", wrong, 0));
		BADFD(call(fd, "file", ts, 0));
	}
}

static void making(void)
{
	CALLS(int, (int, const char *, mode_t), "mkdirat", "mkfifoat") {
		fresh("made");
		CASE("one", call(F_DIR, "made", 0700));
		CASE("exists", call(F_DIR, "made", 0700));
		CASE("nowhere", call(F_DIR, "missing/made", 0700));
		BADFD(call(fd, "made", 0700));
		fresh("made");
	}
	CALLS(int, (int, const char *, mode_t, dev_t), "mknodat") {
		CASE("a fifo", call(F_DIR, "made", S_IFIFO | 0600, 0));
		CASE("exists", call(F_DIR, "made", S_IFIFO | 0600, 0));
		CASE("bad kind", call(F_DIR, "other", S_IFDIR | 0600, 0));
		BADFD(call(fd, "made", S_IFIFO | 0600, 0));
	}
	CALLS(int, (int, const char *, struct dirent ***, int (*)(const struct dirent *), int (*)(const struct dirent **, const struct dirent **)),
	      "scandirat", "scandirat64") {
		struct dirent **names;
		CASE("a directory", call(F_DIR, ".", &names, NULL, alphasort) > 2);
		CASE("missing", call(F_DIR, "missing", &names, NULL, alphasort));
		BADFD(call(fd, ".", &names, NULL, alphasort));
	}
	CALLS(int, (int, const char *, int), "unlinkat") {
		CASE("one", call(F_DIR, "made", 0));
		CASE("again", call(F_DIR, "made", 0));
		CASE("no directory", call(F_DIR, "file", AT_REMOVEDIR));
		CASE("bad flags", call(F_DIR, "file", 1));
		BADFD(call(fd, "made", 0));
	}
	CALLS(int, (int, const char *, int, const char *, int), "linkat") {
		CASE("one", call(F_DIR, "file", F_DIR, "second", 0));
		CASE("exists", call(F_DIR, "file", F_DIR, "second", 0));
		CASE("missing", call(F_DIR, "missing", F_DIR, "third", 0));
		BADFD(call(fd, "file", F_DIR, "third", 0));
		BADFD(call(F_DIR, "file", fd, "third", 0));
	}
	CALLS(int, (const char *, int, const char *), "symlinkat") {
		CASE("one", call("file", F_DIR, "third"));
		CASE("exists", call("file", F_DIR, "third"));
		CASE("no target", call("", F_DIR, "fourth"));
		BADFD(call("file", fd, "third"));
	}
	CALLS(int, (int, const char *, int, const char *), "renameat") {
		CASE("one", call(F_DIR, "second", F_DIR, "other"));
		CASE("missing", call(F_DIR, "second", F_DIR, "other"));
		BADFD(call(fd, "other", F_DIR, "second"));
		BADFD(call(F_DIR, "other", fd, "second"));
	}
	CALLS(int, (int, const char *, int, const char *, unsigned), "renameat2") {
		CASE("not over another", call(F_DIR, "other", F_DIR, "third", 1));
		CASE("exchanged", call(F_DIR, "other", F_DIR, "third", 2));
		CASE("bad flags", call(F_DIR, "other", F_DIR, "third", 0x40000000));
		BADFD(call(fd, "other", F_DIR, "second", 0));
		BADFD(call(F_DIR, "other", fd, "second", 0));
	}
	fresh("other");
	fresh("third");
}

void rows_at(void)
{
	asking();
	changing();
	making();
}
