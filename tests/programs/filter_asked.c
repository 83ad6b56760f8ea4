/* filter_asked [double-close]: a program that asks the kernel for filters in the ways in which browsers and systemd do, and installs none, is watched after that
 * as before.
 */
#include "program.h"
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

int main(void)
{
	int fd;

	need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 && errno == EFAULT);
	need(syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 && errno == EFAULT);
	need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1 && errno == EFAULT);
	fd = open_null();
	need(close(fd) == 0 && close(fd) == -1 && errno == EBADF);
	puts("done");
	return 0;
}
