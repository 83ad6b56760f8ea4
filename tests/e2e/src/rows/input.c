/* tests/e2e/src/rows/input.c: reading, seeking, mapping. Context and vocabulary: rows.h. */
#include <sys/mman.h>
#include "rows.h"

static char b[64];
static struct iovec v[2] = { { b, 4 }, { b + 8, 8 } };

static void reading(void)
{
	CALLS(ssize_t, (int, void *, size_t), "read", "__read") {
		CASE("a file", call(F_FILE, b, 10));
		CASE("nothing", call(F_FILE, b, 0));
		CASE("bad address", call(F_FILE, NOWHERE, 10));
		CASE("a directory", call(F_DIR, b, 10));
		CASE("a path", call(F_PATH, b, 10));
		CASE("not for reading", call(F_OUT, b, 10));
		CASE("nothing there", call(F_TIMER, b, 8));
		BADFD(call(fd, b, 10));
	}
	CALLS(ssize_t, (int, void *, size_t, size_t), "__read_chk") {
		CASE("a file", call(F_FILE, b, 10, sizeof b));
		BADFD(call(fd, b, 10, sizeof b));
	}
	CALLS(ssize_t, (int, void *, size_t, off_t), "pread", "pread64", "__pread64") {
		CASE("a file", call(F_FILE, b, 10, 4090));
		CASE("beyond", call(F_FILE, b, 10, 5000));
		CASE("before", call(F_FILE, b, 10, -1));
		CASE("a pipe", call(F_IN, b, 10, 0));
		BADFD(call(fd, b, 10, 0));
	}
	CALLS(ssize_t, (int, void *, size_t, off_t, size_t), "__pread_chk", "__pread64_chk") {
		CASE("a file", call(F_FILE, b, 10, 4090, sizeof b));
		BADFD(call(fd, b, 10, 0, sizeof b));
	}
	CALLS(ssize_t, (int, const struct iovec *, int), "readv") {
		CASE("a file", call(F_FILE, v, 2));
		CASE("too many", call(F_FILE, v, -1));
		CASE("bad address", call(F_FILE, NOWHERE, 1));
		BADFD(call(fd, v, 2));
	}
	CALLS(ssize_t, (int, const struct iovec *, int, off_t), "preadv", "preadv64") {
		CASE("a file", call(F_FILE, v, 2, 4090));
		CASE("a pipe", call(F_IN, v, 2, 0));
		BADFD(call(fd, v, 2, 0));
	}
	CALLS(ssize_t, (int, const struct iovec *, int, off_t, int), "preadv2", "preadv64v2") {
		CASE("a file", call(F_FILE, v, 2, 4090, 0));
		CASE("as read", call(F_FILE, v, 2, -1, 0));
		CASE("bad flags", call(F_FILE, v, 2, 0, 0x40000000));
		BADFD(call(fd, v, 2, 0, 0));
	}
}

static void places(void)
{
	CALLS(off_t, (int, off_t, int), "lseek", "lseek64", "__lseek", "llseek") {
		CASE("to", call(F_FILE, 100, SEEK_SET));
		CASE("on", call(F_FILE, 10, SEEK_CUR));
		CASE("from the end", call(F_FILE, -1, SEEK_END));
		CASE("before", call(F_FILE, -1, SEEK_SET));
		CASE("bad way", call(F_FILE, 0, 99));
		CASE("a pipe", call(F_IN, 0, SEEK_SET));
		CASE("back", call(F_FILE, 0, SEEK_SET));
		BADFD(call(fd, 0, SEEK_SET));
	}
	CALLS(void *, (void *, size_t, int, int, int, off_t), "mmap", "mmap64") {
		CASE("a file", call(NULL, 4096, PROT_READ, MAP_PRIVATE, F_FILE, 0));
		CASE("anonymous", call(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		CASE("anonymous with a number", call(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NEVER, 0));
		CASE("of no size", call(NULL, 0, PROT_READ, MAP_PRIVATE, F_FILE, 0));
		CASE("not at a page", call(NULL, 4096, PROT_READ, MAP_PRIVATE, F_FILE, 1));
		CASE("a pipe", call(NULL, 4096, PROT_READ, MAP_PRIVATE, F_IN, 0));
		BADFD(call(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
	}
	CALLS(ssize_t, (int, void *, size_t), "getdents64") {
		static char room[8192];
		CASE("a directory", call(F_DIR, room, sizeof room) > 0);
		CASE("its end", call(F_DIR, room, sizeof room));
		lseek(F_DIR, 0, SEEK_SET);
		CASE("no room", call(F_DIR, room, 1));
		CASE("a file", call(F_FILE, room, sizeof room));
		BADFD(call(fd, room, sizeof room));
	}
	CALLS(ssize_t, (int, off64_t, size_t), "readahead") {
		CASE("a file", call(F_FILE, 0, 4096));
		CASE("a pipe", call(F_IN, 0, 4096));
		BADFD(call(fd, 0, 4096));
	}
}

static void moving(void)
{
	int into = memfd_create("into", 0);

	dup2(into, 45);
	close(into);
	CALLS(ssize_t, (int, int, off_t *, size_t), "sendfile", "sendfile64") {
		off_t at = 10;
		CASE("a file", call(45, F_FILE, &at, 100));
		rows_note("%ld", (long)at);
		CASE("bad address", call(45, F_FILE, NOWHERE, 100));
		CASE("from a socket", call(45, F_SOCK, NULL, 100));
		BADFD(call(45, fd, NULL, 100));
		BADFD(call(fd, F_FILE, NULL, 100));
	}
	CALLS(ssize_t, (int, off64_t *, int, off64_t *, size_t, unsigned), "splice") {
		off64_t at = 0;
		CASE("into a pipe", call(F_FILE, &at, F_OUT, NULL, 3, 0));
		CASE("out of it", call(F_IN, NULL, F_NULL, NULL, 3, SPLICE_F_NONBLOCK));
		CASE("no pipe", call(F_FILE, NULL, 45, NULL, 3, 0));
		BADFD(call(fd, NULL, F_OUT, NULL, 3, 0));
		BADFD(call(F_IN, NULL, fd, NULL, 3, 0));
	}
	CALLS(ssize_t, (int, int, size_t, unsigned), "tee") {
		int p[2];
		if (pipe(p) < 0)
			break;
		CASE("into another", call(F_IN, p[1], 3, SPLICE_F_NONBLOCK));
		CASE("no pipe", call(F_IN, F_FILE, 3, 0));
		BADFD(call(fd, p[1], 3, 0));
		BADFD(call(F_IN, fd, 3, 0));
		close(p[0]);
		close(p[1]);
	}
	CALLS(ssize_t, (int, const struct iovec *, size_t, unsigned), "vmsplice") {
		CASE("into a pipe", call(F_OUT, v, 1, 0));
		CASE("no pipe", call(F_FILE, v, 1, 0));
		BADFD(call(fd, v, 1, 0));
	}
	CALLS(ssize_t, (int, off64_t *, int, off64_t *, size_t, unsigned), "copy_file_range") {
		off64_t from = 0, to = 0;
		int copy = open(path("copy"), O_RDWR | O_CREAT, 0600);
		CASE("a file", call(F_FILE, &from, copy, &to, 100, 0));
		CASE("bad flags", call(F_FILE, &from, copy, &to, 100, 1));
		CASE("a pipe", call(F_IN, NULL, copy, NULL, 100, 0));
		BADFD(call(fd, NULL, copy, NULL, 100, 0));
		BADFD(call(F_FILE, NULL, fd, NULL, 100, 0));
		close(copy);
	}
	close(45);
}

void rows_input(void)
{
	reading();
	places();
	moving();
}
