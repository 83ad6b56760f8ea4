/* stale_stream [double-close, foreign-close]: the number of a FILE is closed, another file gets it, then fclose(f) closes the other file. Natively nobody
 * notices. Must find: exactly one error, about the close that hit the wrong file. The use of the victim is innocent.
 */
#include "program.h"

int main(void)
{
	FILE *f = fopen("/dev/null", "r");
	int fd, victim;

	need(f);
	fd = fileno(f);
	need(close(fd) == 0);
	victim = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	need(victim == fd);
	need(fclose(f) == 0);
	need(fcntl(victim, F_GETFD) == -1);
	puts("done");
	return 0;
}
