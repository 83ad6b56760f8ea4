/* tests/e2e/src/rows/duplicates.c: duplicates, flags and requests. Context and vocabulary: rows.h. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include "rows.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

static void duplicating(void)
{
	CALLS(int, (int), "dup", "__dup") {
		CASE("a file", call(F_FILE));
		CASE("standard output", call(1));
		CASE("a path", call(F_PATH));
		BADFD(call(fd));
		FULL(0, call(F_FILE));
	}
	CALLS(int, (int, int), "dup2", "__dup2") {
		CASE("to a free number", call(F_FILE, 10));
		CASE("over an open one", call(F_NULL, F_PATH));
		CASE("over itself", call(F_FILE, F_FILE));
		CASE("a closed one over itself", call(NEVER, NEVER));
		CASE("over minus one", call(F_FILE, -1));
		CASE("far", call(F_FILE, 1 << 30));
		BADFD(call(fd, F_PATH));
		FULL(0, call(F_FILE, 50));
		dup2(open(path("file"), O_PATH), F_PATH);
		close(3);
	}
	CALLS(int, (int, int, int), "dup3") {
		CASE("to a free number", call(F_FILE, 10, O_CLOEXEC));
		CASE("over an open one", call(F_NULL, F_PATH, 0));
		CASE("over itself", call(F_FILE, F_FILE, 0));
		CASE("bad flags", call(F_FILE, 10, O_APPEND));
		CASE("far", call(F_FILE, 1 << 30, 0));
		BADFD(call(fd, 10, 0));
		FULL(0, call(F_FILE, 50, 0));
		dup2(open(path("file"), O_PATH), F_PATH);
		close(3);
	}
}

static void controlling(void)
{
	CALLS(int, (int, int, ...), "fcntl", "fcntl64", "__fcntl") {
		struct flock lock = { .l_type = F_WRLCK };
		CASE("a duplicate", call(F_FILE, F_DUPFD, 0));
		CASE("a high one", call(F_FILE, F_DUPFD, 42));
		CASE("close-on-exec", call(F_FILE, F_DUPFD_CLOEXEC, 10));
		CASE("too far", call(F_FILE, F_DUPFD, 1 << 30));
		CASE("marked", call(F_FILE, F_SETFD, FD_CLOEXEC));
		CASE("is marked", call(F_FILE, F_GETFD));
		CASE("unmarked", call(F_FILE, F_SETFD, 0));
		CASE("other bits", call(F_FILE, F_SETFD, 0xf0));
		CASE("its flags", call(F_OUT, F_GETFL));
		CASE("new flags", call(F_OUT, F_SETFL, O_NONBLOCK));
		CASE("old flags", call(F_OUT, F_SETFL, 0));
		CASE("pipe's size", call(F_OUT, F_GETPIPE_SZ));
		CASE("pipe of a file", call(F_FILE, F_SETPIPE_SZ, 4096));
		CASE("owner", call(F_SOCK, F_SETOWN, 0));
		CASE("no such owner", call(F_SOCK, F_SETOWN, 0x3fffffff));
		CASE("owner asked", call(F_SOCK, F_GETOWN));
		CASE("a lock", call(F_FILE, F_SETLK, &lock));
		CASE("who locks", call(F_FILE, F_GETLK, &lock));
		CASE("waits for a lock", call(F_FILE, F_SETLKW, &lock));
		CASE("bad address", call(F_FILE, F_SETLK, NOWHERE));
		CASE("seals", call(F_MEMFD, F_GET_SEALS));
		CASE("a seal", call(F_MEMFD, F_ADD_SEALS, F_SEAL_SEAL));
		CASE("sealed", call(F_MEMFD, F_ADD_SEALS, F_SEAL_GROW));
		CASE("no such command", call(F_FILE, 9999, 0));
		CASE("a path", call(F_PATH, F_GETFL));
		CASE("not with a path", call(F_PATH, F_SETFL, O_APPEND));
		BADFD(call(fd, F_DUPFD, 0));
		BADFD(call(fd, F_GETFD));
		BADFD(call(fd, F_SETFD, 1));
		BADFD(call(fd, F_GETFL));
		FULL(0, call(F_FILE, F_DUPFD, 0));
		close(F_MEMFD);
		dup2(memfd_create("rows", MFD_ALLOW_SEALING), F_MEMFD);
		close(3);
	}
}

static void requesting(void)
{
	CALLS(int, (int, unsigned long, ...), "ioctl") {
		int n = 0, one = 1;
		struct winsize size = { 0 };
		struct termios t;
		CASE("bytes to read", call(F_IN, FIONREAD, &n));
		rows_note("%d", n);
		CASE("nonblocking", call(F_IN, FIONBIO, &one));
		one = 0;
		CASE("blocking", call(F_IN, FIONBIO, &one));
		CASE("marked", call(F_FILE, FIOCLEX));
		CASE("unmarked", call(F_FILE, FIONCLEX));
		CASE("terminal's other side", call(F_MASTER, TIOCGPTPEER, O_RDWR | O_NOCTTY));
		CASE("close-on-exec", call(F_MASTER, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
		CASE("terminal's size", call(F_SLAVE, TIOCGWINSZ, &size));
		CASE("its settings", call(F_SLAVE, TCGETS, &t));
		CASE("no terminal", call(F_FILE, TIOCGWINSZ, &size));
		CASE("not of a file", call(F_FILE, TIOCGPTPEER, O_RDWR));
		CASE("no such request", call(F_SOCK, 0xdeadbeefUL, &n));
		CASE("bad address", call(F_IN, FIONREAD, NOWHERE));
		BADFD(call(fd, FIONREAD, &n));
		BADFD(call(fd, FIOCLEX));
		FULL(0, call(F_MASTER, TIOCGPTPEER, O_RDWR));
	}
}

void rows_duplicates(void)
{
	duplicating();
	controlling();
	requesting();
}
