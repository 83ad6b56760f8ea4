/* sigstack_filter [silence]: a thread installs its signal stack, and then a filter that kills for whatever it does not call itself: munlock, mlock, mincore,
 * tgkill, sysinfo, pread64, sched_getaffinity. Then it disables the stack, and closes, and ends.
 * Must find: nothing, and live.
 */
#include "sigstack.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define DEADLY(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void filter(void)
{
	static struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		DEADLY(SYS_munlock), DEADLY(SYS_mlock), DEADLY(SYS_mincore), DEADLY(SYS_tgkill), DEADLY(SYS_sysinfo),
		DEADLY(SYS_pread64), DEADLY(SYS_sched_getaffinity), DEADLY(SYS_sched_yield), DEADLY(SYS_dup3),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { sizeof code / sizeof *code, code };

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void *thread(void *leaves)
{
	void *p = install_new();
	int pair[2], poller = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && epoll_ctl(poller, EPOLL_CTL_ADD, pair[0], &e) == 0);
	close(pair[0]);
	filter();
	if (!leaves) {
		disable();
		munmap(p, STACK_BYTES);
	}
	close(pair[1]);
	close(poller);
	for (int i = 0; i < 20; i++)
		close(open_null());
	return NULL;
}

int main(void)
{
	pthread_t t;

	need(pthread_create(&t, NULL, thread, "leaves it") == 0);
	usleep(200000); /* it ends meanwhile; joining is no call of the filter's */
	pthread_join(t, NULL);
	thread(NULL);
	puts("done");
	return 0;
}
