/* double_close_syscall [double-close]: the second close goes through syscall(). Must find: one double-close. */
#include "program.h"
#include <sys/syscall.h>

int main(void)
{
	int fd = open_null();

	need(close(fd) == 0);
	need(syscall(SYS_close, fd) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
