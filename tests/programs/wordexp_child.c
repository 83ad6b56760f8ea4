/* wordexp_child [silence]: in a program with threads a call makes a descriptor that is marked close-on-exec once, and once on purpose not, before wordexp(),
 * which starts a shell that reads from it. Must find: nothing.
 */
#include "program.h"
#include <wordexp.h>

static void *idles(void *unused) { return pause(), NULL; }

static int made(void)
{
	int fd = open("/etc/passwd", O_RDONLY);

	need(fd >= 0);
	return fd;
}

int main(void)
{
	char words[64];
	wordexp_t result;
	pthread_t t;
	int fd;

	need(pthread_create(&t, NULL, idles, NULL) == 0);
	fd = made();
	need(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && close(fd) == 0);
	fd = made();
	snprintf(words, sizeof words, "$(head -c 4 <&%d)", fd);
	need(wordexp(words, &result, 0) == 0 && result.we_wordc == 1);
	puts(result.we_wordv[0]);
	need(close(fd) == 0);
	return 0;
}
