/* leak_growing [fd-leak]: one descriptor lost for each request. Must find: one fd-leak of severity error, with a count of 60. */
#include "program.h"

static void serve(int number)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	char c;

	need(fd >= 0 && read(fd, &c, 1) == 1);
	if (number % 2 == 0)
		return; /* the early return that forgets */
	close(fd);
}

int main(void)
{
	for (int i = 0; i < 120; i++)
		serve(i), next_request();
	puts("done");
	return 0;
}
