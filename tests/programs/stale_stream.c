/* stale_stream [double-close, foreign-close]: the number of a FILE is closed, another file gets it, then fclose(f) closes the other file, whose own reader
 * fails. Must find: exactly one error, about the close that hit the wrong file. The use and the close of the victim are innocent.
 */
#include "program.h"

int main(void)
{
	FILE *f = fopen("/dev/null", "r");
	int fd, victim;
	char byte;

	need(f);
	fd = fileno(f);
	need(close(fd) == 0);
	victim = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	need(victim == fd);
	need(fclose(f) == 0);
	need(read(victim, &byte, 1) == -1 && errno == EBADF);
	need(close(victim) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
