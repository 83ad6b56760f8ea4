/* array_twice [double-close]: two passes over the same few descriptors, by one place, which says something to a log of its own between two closes: in order, from
 * one place, with other calls between, and no loop over everything, for it comes by nothing that never was. Must find: each of the three.
 */
#include "program.h"

static int own[3];
static volatile int owns = 3; /* else the loop may be three places */

static __attribute__((noinline)) void say(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	need(fd >= 0 && write(fd, "closed\n", 7) == 7);
	need(close(fd) == 0);
}

static __attribute__((noinline)) void close_own(void)
{
	for (int i = 0; i < owns; i++) {
		close(own[i]);
		say();
	}
}

int main(void)
{
	int low[8];

	for (int i = 0; i < 8; i++) /* the log's numbers are lower */
		low[i] = open_null();
	for (int i = 0; i < 3; i++)
		own[i] = open_null();
	need(close(low[0]) == 0);
	close_own();
	next_request();
	close_own();
	for (int i = 1; i < 8; i++)
		need(close(low[i]) == 0);
	puts("done");
	return 0;
}
