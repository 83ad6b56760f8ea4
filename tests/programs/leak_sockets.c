/* leak_sockets [fd-leak]: each request leaves its socket behind when it fails.
 * Must find: fd-leak, an error, for it grows.
 */
#include "program.h"

static int request(int i)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd >= 0);
	if (i % 2)
		return -1; /* an early return */
	close(fd);
	return 0;
}

int main(void)
{
	for (int i = 0; i < 100; i++)
		request(i), next_request();
	puts("done");
	return 0;
}
