/* tests/e2e/src/rows/attributes.c: what is asked of a descriptor and changed through it. Context and vocabulary: rows.h. */
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include "rows.h"

static void asking(void)
{
	struct stat st;
	struct statfs fs;
	struct statvfs vfs;

	CALLS(int, (int, struct stat *), "fstat", "fstat64") {
		CASE("a file", call(F_FILE, &st));
		rows_note("%#o %ld", st.st_mode, (long)st.st_size);
		CASE("a path", call(F_PATH, &st));
		CASE("bad address", call(F_FILE, NOWHERE));
		BADFD(call(fd, &st));
	}
	CALLS(int, (int, int, struct stat *), "__fxstat", "__fxstat64") {
		CASE("a file", call(1, F_FILE, &st));
		CASE("of another version", call(99, F_FILE, &st));
		BADFD(call(1, fd, &st));
	}
	CALLS(int, (int, struct statfs *), "fstatfs", "fstatfs64") {
		CASE("a file", call(F_FILE, &fs));
		CASE("bad address", call(F_FILE, NOWHERE));
		BADFD(call(fd, &fs));
	}
	CALLS(int, (int, struct statvfs *), "fstatvfs", "fstatvfs64") {
		CASE("a file", call(F_FILE, &vfs));
		BADFD(call(fd, &vfs));
	}
	CALLS(long, (int, int), "fpathconf") {
		CASE("longest name", call(F_DIR, _PC_NAME_MAX));
		CASE("pipe's room", call(F_OUT, _PC_PIPE_BUF));
		CASE("no such", call(F_DIR, 9999));
		BADFD(call(fd, _PC_LINK_MAX));
	}
}

static void changing(void)
{
	struct timespec ts[2] = { { 1, 2 }, { 3, 4 } }, wrong[2] = { { 0, -1 }, { 0, 0 } };
	struct timeval tv[2] = { { 1, 2 }, { 3, 4 } }, odd[2] = { { 0, -1 }, { 0, 0 } };

	CALLS(int, (int, mode_t), "fchmod") {
		CASE("a file", call(F_FILE, 0600));
		CASE("a path", call(F_PATH, 0600));
		BADFD(call(fd, 0600));
	}
	CALLS(int, (int, uid_t, gid_t), "fchown") {
		CASE("nobody new", call(F_FILE, -1, -1));
		CASE("a path", call(F_PATH, -1, -1));
		BADFD(call(fd, -1, -1));
	}
	CALLS(int, (int), "fchdir") {
		CASE("a directory", call(F_DIR));
		CASE("a file", call(F_FILE));
		BADFD(call(fd));
	}
	CALLS(int, (int, const struct timespec *), "futimens") {
		CASE("set", call(F_FILE, ts));
		CASE("now", call(F_FILE, NULL));
		CASE("bad time", call(F_FILE, wrong));
		BADFD(call(fd, ts));
	}
	CALLS(int, (int, const struct timeval *), "futimes") {
		CASE("set", call(F_FILE, tv));
		CASE("bad time", call(F_FILE, odd));
		BADFD(call(fd, tv));
	}
	CALLS(int, (int, const char *, const struct timeval *), "futimesat") {
		CASE("set", call(F_DIR, "file", tv));
		CASE("missing", call(F_DIR, "missing", tv));
		BADFD(call(fd, "file", tv));
	}
}

static void extended(void)
{
	char b[256];

	CALLS(int, (int, const char *, const void *, size_t, int), "fsetxattr") {
		CASE("one", call(F_FILE, "user.rows", "abc", 3, 0));
		CASE("exists", call(F_FILE, "user.rows", "abc", 3, 1));
		CASE("no such kind", call(F_FILE, "rows", "abc", 3, 0));
		BADFD(call(fd, "user.rows", "abc", 3, 0));
	}
	CALLS(ssize_t, (int, const char *, void *, size_t), "fgetxattr") {
		CASE("one", call(F_FILE, "user.rows", b, sizeof b));
		CASE("no room", call(F_FILE, "user.rows", b, 1));
		CASE("missing", call(F_FILE, "user.missing", b, sizeof b));
		BADFD(call(fd, "user.rows", b, sizeof b));
	}
	CALLS(ssize_t, (int, char *, size_t), "flistxattr") {
		CASE("all", call(F_FILE, b, sizeof b));
		CASE("no room", call(F_FILE, b, 1));
		BADFD(call(fd, b, sizeof b));
	}
	CALLS(int, (int, const char *), "fremovexattr") {
		CASE("one", call(F_FILE, "user.rows"));
		CASE("again", call(F_FILE, "user.rows"));
		BADFD(call(fd, "user.rows"));
	}
}

void rows_attributes(void)
{
	asking();
	changing();
	extended();
}
