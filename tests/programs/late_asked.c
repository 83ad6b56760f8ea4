/* late_asked [use-after-close]: the place that makes descriptors asks about the order of numbers, about the standard streams and about errors, as servers do, and
 * counts on none. A late write to a closed one must meet nobody's.
 * Must find: one use-after-close, certain; in audit the file that came next is whole.
 */
#include "program.h"

static int highest, last = -1;

static int make(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd == -1)
		return -1;
	if (fd > highest)
		highest = fd;
	if (fd == STDERR_FILENO || fd >= FD_SETSIZE)
		return -1;
	return fd;
}

int main(void)
{
	int stale, next;

	for (int i = 0; i < 50; i++) {
		int fd = make();
		need(fd >= 0 && close(fd) == 0);
		last = fd;
	}
	stale = make();
	need(close(stale) == 0);
	next = make();
	if (write(stale, "x", 1) == 1)
		need(stale == next); /* natively nobody notices */
	need(close(next) == 0);
	puts("done");
	return last < 0;
}
