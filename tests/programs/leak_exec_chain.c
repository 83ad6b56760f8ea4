/* leak_exec_chain [fd-leak-exec]: a socket goes through sh, env, nice and timeout to a program that does not use it: each of them only passes it on.
 * Must find: one fd-leak-exec, warning, with a count of one.
 */
#include "exec_self.h"

int main(int argc, char **argv)
{
	char self[512], command[1024];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int fd;
	pid_t pid;

	need(n > 0);
	self[n] = 0;
	if (argc > 1)
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	need(fd >= 0);
	snprintf(command, sizeof command, "env A=b nice timeout 60 sh -c '%s idle; :'; :", self);
	pid = fork();
	if (pid == 0)
		exec_command(command);
	need(wait_for(pid) == 0 && close(fd) == 0);
	puts("done");
	return 0;
}
