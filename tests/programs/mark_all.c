/* mark_all [silence]: marks every number close-on-exec, as event loop libraries do before a child: by F_SETFD upwards, by FIOCLEX downwards. Some
 * of the numbers were open once. Must find: nothing.
 */
#include "program.h"
#include <sys/ioctl.h>

int main(void)
{
	int fds[12], marked = 0;

	for (int i = 0; i < 12; i++)
		fds[i] = open_null();
	for (int i = 0; i < 12; i += 3)
		need(close(fds[i]) == 0);
	for (int fd = 3; fd < 100; fd++)
		marked += fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
	need(marked >= 8);
	for (int fd = 99; fd > 2; fd--)
		marked -= ioctl(fd, FIOCLEX) == 0;
	need(marked == 0);
	for (int i = 0; i < 12; i++)
		if (i % 3)
			need(close(fds[i]) == 0);
	puts("done");
	return 0;
}
