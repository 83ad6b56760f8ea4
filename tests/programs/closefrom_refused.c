/* closefrom_refused [silence]: where a filter that was inherited knows no close_range, as in containers of old, closefrom closes everything all the same, also numbers
 * far above the others. Must find: nothing.
 */
#include "exec_self.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void refuse_close_range(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof code / sizeof *code, code };

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	int high;

	if (argc == 1) {
		refuse_close_range();
		exec_self("refused");
	}
	need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	high = limit.rlim_cur > 16000 ? 15999 : (int)limit.rlim_cur - 1;
	need(dup2(1, 4) == 4 && dup2(1, high) == high);
	closefrom(3);
	need(fcntl(4, F_GETFD) < 0 && errno == EBADF && fcntl(high, F_GETFD) < 0 && errno == EBADF);
	puts("done");
	return 0;
}
