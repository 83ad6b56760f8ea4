/* kept_load [fd-leak]: a pool made in one go and used until the end; a load that rises and falls in waves, and exit comes at the height of one; descriptors that
 * main holds for the whole run.
 * Must find: notes about what is left, and nothing at warning or above.
 */
#include "program.h"
#include <sys/eventfd.h>

enum { POOL = 120, WAVES = 3, HEIGHT = 48 };

static int one_more(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd >= 0);
	return fd;
}

int main(void)
{
	int wave[HEIGHT];

	for (int i = 0; i < 3; i++)
		need(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
	for (int i = 0; i < POOL; i++)
		need(eventfd(0, EFD_CLOEXEC) >= 0);
	for (int w = 0; w < WAVES; w++) {
		for (int i = 0; i < HEIGHT; i++)
			wave[i] = one_more(), next_request();
		for (int i = 0; i < HEIGHT && w + 1 < WAVES; i++)
			close(wave[i]), usleep(2000);
	}
	puts("done");
	return 0;
}
