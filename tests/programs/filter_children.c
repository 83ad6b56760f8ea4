/* filter_children [silence]: children that install a filter soon after their fork, while the tracer's threads are still being served, as sshd's do: each must end as it
 * would alone. Must find: nothing.
 */
#include "program.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static void install(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = { 1, &allow };

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static void works(void)
{
	for (int i = 0; i < 50; i++) {
		close(open_null());
		usleep(200);
	}
}

int main(void)
{
	enum { CHILDREN = 40 };

	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			usleep((useconds_t)(i * 53 % 1500));
			install();
			works();
			_exit(7);
		}
		need(wait_for(pid) == 7);
	}
	puts("done");
	return 0;
}
