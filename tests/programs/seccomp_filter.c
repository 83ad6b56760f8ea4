/* seccomp_filter [silence]: installs a filter that kills at every system call it does not make itself, then goes on working: opens, closes, forks a
 * child, ends. Must find: nothing.
 */
#include "program.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read), ALLOW(SYS_write), ALLOW(SYS_openat), ALLOW(SYS_close), ALLOW(SYS_dup), ALLOW(SYS_exit_group),
		ALLOW(SYS_wait4), ALLOW(SYS_clone), ALLOW(SYS_set_robust_list), ALLOW(SYS_rt_sigprocmask), ALLOW(SYS_newfstatat),
		ALLOW(SYS_brk), ALLOW(SYS_mmap), ALLOW(SYS_munmap), ALLOW(SYS_gettid), ALLOW(SYS_futex), ALLOW(SYS_rseq), ALLOW(SYS_getrandom), ALLOW(SYS_fstat), ALLOW(SYS_ioctl),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

int main(void)
{
	pid_t pid;

	filter();
	for (int i = 0; i < 100; i++) {
		int fd = open_null(), copy = dup(fd);

		need(copy >= 0 && close(fd) == 0 && close(copy) == 0);
	}
	pid = fork();
	need(pid >= 0);
	if (pid == 0)
		_exit(close(open_null()) == 0 ? 4 : 9);
	need(wait_for(pid) == 4);
	puts("done");
	return 0;
}
