/* tests/e2e/src/rows/closing.c: every way of closing. What is closed on purpose is opened again for the next case. Context and vocabulary: rows.h. */
#include <linux/close_range.h>
#include <mqueue.h>
#include "rows.h"

/* Five descriptors at 44 to 48. */
static void five(void)
{
	for (int n = 44; n < 49; n++)
		dup2(F_NULL, n);
}

static void single(void)
{
	CALLS(int, (int), "close", "__close") {
		dup2(F_FILE, 44);
		CASE("a file", call(44));
		CASE("twice", call(44));
		dup2(F_PATH, 44);
		CASE("a path", call(44));
		dup2(F_SOCK, 44);
		CASE("a socket", call(44));
		dup2(F_EPOLL, 44);
		CASE("a poller", call(44));
		CASE("huge", call(INT_MAX));
		CASE("smallest", call(INT_MIN));
		BADFD(call(fd));
		for (int n = 44; n < 60; n++)
			CASE("in a row", call(n));
	}
}

static void ranges(void)
{
	CALLS(int, (unsigned, unsigned, int), "close_range") {
		five();
		CASE("three of five", call(45, 47, 0));
		CASE("again", call(45, 47, 0));
		CASE("to the end", call(44, ~0u, 0));
		five();
		CASE("marked only", call(45, 47, CLOSE_RANGE_CLOEXEC));
		CASE("the wrong way round", call(47, 45, 0));
		CASE("bad flags", call(45, 47, 0x40));
		CASE("the rest", call(44, 60, CLOSE_RANGE_UNSHARE));
		CASE("none there", call(1 << 20, 1 << 21, 0));
	}
	CALLS(void, (int), "closefrom") {
		five();
		VOID("two of five", call(47));
		VOID("all of them", call(44));
		VOID("none there", call(NEVER));
		IN_CHILD {
			VOID("all but three", call(3));
			CASE("and goes on", open(path("file"), O_RDONLY));
			VOID("from minus one", call(-1));
			CASE("and goes on", open(path("file"), O_RDONLY));
		}
	}
}

void rows_closing(void)
{
	single();
	ranges();
}
