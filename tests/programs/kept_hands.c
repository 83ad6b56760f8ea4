/* kept_hands [fd-leak]: 40 threads open, read and close the same file all the time, and hold it for a moment; the process ends in the middle of that, as
 * CPython's own tests do. Must find: at most notes about what they had in their hands.
 */
#include "program.h"

static void *reads(void *unused)
{
	char bytes[200];

	for (;;) {
		int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

		need(fd >= 0 && read(fd, bytes, sizeof bytes) > 0);
		usleep(3000);
		close(fd);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;

	for (int i = 0; i < 40; i++)
		need(pthread_create(&thread, NULL, reads, NULL) == 0);
	usleep(700000);
	puts("done");
	fflush(stdout);
	_exit(0);
}
