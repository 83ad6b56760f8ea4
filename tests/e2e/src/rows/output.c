/* tests/e2e/src/rows/output.c: writing, sizes, locks. Context and vocabulary: rows.h. */
#include <sys/file.h>
#include "rows.h"

static void writing(void)
{
	static struct iovec v[2] = { { (char *)"abc", 3 }, { (char *)"defg", 4 } };

	CALLS(ssize_t, (int, const void *, size_t), "write", "__write") {
		CASE("a file", call(F_FILE, "0123456789", 10));
		CASE("nothing", call(F_FILE, "", 0));
		CASE("bad address", call(F_FILE, NOWHERE, 10));
		CASE("not for writing", call(F_IN, "x", 1));
		CASE("a path", call(F_PATH, "x", 1));
		close(F_SOCK);
		CASE("nobody reads", call(F_PEER, "x", 1));
		BADFD(call(fd, "x", 1));
	}
	CALLS(ssize_t, (int, const void *, size_t, off_t), "pwrite", "pwrite64", "__pwrite64") {
		CASE("a file", call(F_FILE, "0123456789", 10, 4090));
		CASE("before", call(F_FILE, "x", 1, -1));
		CASE("a pipe", call(F_OUT, "x", 1, 0));
		BADFD(call(fd, "x", 1, 0));
	}
	CALLS(ssize_t, (int, const struct iovec *, int), "writev") {
		CASE("a file", call(F_FILE, v, 2));
		CASE("too many", call(F_FILE, v, 5000));
		BADFD(call(fd, v, 2));
	}
	CALLS(ssize_t, (int, const struct iovec *, int, off_t), "pwritev", "pwritev64") {
		CASE("a file", call(F_FILE, v, 2, 10));
		CASE("a pipe", call(F_OUT, v, 2, 0));
		BADFD(call(fd, v, 2, 0));
	}
	CALLS(ssize_t, (int, const struct iovec *, int, off_t, int), "pwritev2", "pwritev64v2") {
		CASE("a file", call(F_FILE, v, 2, 10, 0));
		CASE("as write", call(F_FILE, v, 2, -1, 0));
		CASE("bad flags", call(F_FILE, v, 2, 0, 0x40000000));
		BADFD(call(fd, v, 2, 0, 0));
	}
}

static int listed(int (*call)(int, const char *, va_list), int fd, ...)
{
	va_list ap;
	int r;

	va_start(ap, fd);
	r = call(fd, "%s %d", ap);
	va_end(ap);
	return r;
}

static int listed_checked(int (*call)(int, int, const char *, va_list), int fd, ...)
{
	va_list ap;
	int r;

	va_start(ap, fd);
	r = call(fd, 1, "%s %d", ap);
	va_end(ap);
	return r;
}

static void printing(void)
{
	CALLS(int, (int, const char *, ...), "dprintf") {
		CASE("a file", call(F_FILE, "%s %d", "rows", 1));
		CASE("with a real number", call(F_FILE, "%.3f", 0.5));
		CASE("not for writing", call(F_IN, "%s", "rows"));
		BADFD(call(fd, "%s", "rows"));
	}
	CALLS(int, (int, const char *, va_list), "vdprintf") {
		CASE("a file", listed(call, F_FILE, "rows", 2));
		BADFD(listed(call, fd, "rows", 2));
	}
	CALLS(int, (int, int, const char *, ...), "__dprintf_chk") {
		CASE("a file", call(F_FILE, 1, "%s %d %.1f", "rows", 1, 2.5));
		BADFD(call(fd, 1, "%s", "rows"));
	}
	CALLS(int, (int, int, const char *, va_list), "__vdprintf_chk") {
		CASE("a file", listed_checked(call, F_FILE, "rows", 2));
		BADFD(listed_checked(call, fd, "rows", 2));
	}
}

static void sizes(void)
{
	CALLS(int, (int), "fsync", "fdatasync", "syncfs") {
		CASE("a file", call(F_FILE));
		CASE("a pipe", call(F_OUT));
		CASE("a path", call(F_PATH));
		BADFD(call(fd));
	}
	CALLS(int, (int, off64_t, off64_t, unsigned), "sync_file_range") {
		CASE("a file", call(F_FILE, 0, 4096, 7));
		CASE("bad flags", call(F_FILE, 0, 4096, 99));
		CASE("a pipe", call(F_OUT, 0, 4096, 7));
		BADFD(call(fd, 0, 4096, 7));
	}
	CALLS(int, (int, off_t), "ftruncate", "ftruncate64") {
		CASE("a file", call(F_FILE, 5000));
		CASE("negative", call(F_FILE, -1));
		CASE("a pipe", call(F_OUT, 0));
		BADFD(call(fd, 0));
	}
	CALLS(int, (int, int, off_t, off_t), "fallocate", "fallocate64") {
		CASE("a file", call(F_FILE, 0, 0, 8192));
		CASE("nothing", call(F_FILE, 0, 0, 0));
		CASE("a pipe", call(F_OUT, 0, 0, 4096));
		BADFD(call(fd, 0, 0, 4096));
	}
	CALLS(int, (int, off_t, off_t), "posix_fallocate", "posix_fallocate64") {
		CASE("a file", call(F_FILE, 0, 9000));
		CASE("negative", call(F_FILE, -1, 1));
		CASE("a pipe", call(F_OUT, 0, 4096));
		BADFD(call(fd, 0, 4096));
	}
	CALLS(int, (int, off_t, off_t, int), "posix_fadvise", "posix_fadvise64") {
		CASE("a file", call(F_FILE, 0, 0, POSIX_FADV_RANDOM));
		CASE("no such advice", call(F_FILE, 0, 0, 99));
		CASE("a pipe", call(F_OUT, 0, 0, 0));
		BADFD(call(fd, 0, 0, 0));
	}
}

static void locks(void)
{
	CALLS(int, (int, int), "flock") {
		int other = open(path("file"), O_RDONLY | O_CLOEXEC);
		CASE("locked", call(F_FILE, LOCK_EX));
		CASE("by another", call(other, LOCK_SH | LOCK_NB));
		CASE("unlocked", call(F_FILE, LOCK_UN));
		CASE("no such operation", call(F_FILE, 99));
		close(other);
		BADFD(call(fd, LOCK_SH));
	}
	CALLS(int, (int, int, off_t), "lockf", "lockf64") {
		CASE("locked", call(F_FILE, F_TLOCK, 10));
		CASE("asked", call(F_FILE, F_TEST, 10));
		CASE("unlocked", call(F_FILE, F_ULOCK, 0));
		CASE("no such operation", call(F_FILE, 99, 0));
		BADFD(call(fd, F_TLOCK, 0));
	}
}

void rows_output(void)
{
	writing();
	printing();
	sizes();
	locks();
}
