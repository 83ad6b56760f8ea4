/* leak_exec_vfork [fd-leak-exec]: children of vfork, from two places, inherit a file open for writing. Each tells of its exec in its parent's memory.
 * Must find: one fd-leak-exec, error, for each place.
 */
#include "exec_self.h"

static __attribute__((noinline)) void run_first(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		close(0);
		exec_self("idle");
	}
	need(wait_for(pid) == 0);
}

static __attribute__((noinline)) void run_second(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		close(0);
		exec_self("idle");
	}
	need(wait_for(pid) == 0);
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/leak_exec_vfork-XXXXXX";
	int file;

	if (argc > 1)
		return 0;
	file = mkstemp(path);
	need(file >= 0 && unlink(path) == 0);
	for (int i = 0; i < 3; i++) {
		run_first();
		run_second();
	}
	need(close(file) == 0);
	puts("done");
	return 0;
}
