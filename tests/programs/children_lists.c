/* children_lists [silence]: a process that has closed a good deal forks and execs; its children see only what is open, close the rest, and get the lowest number.
 * Must find: nothing.
 */
#include "program.h"

/* How many numbers a child of ours finds open. */
static int in_child(void)
{
	FILE *f = popen("ls /proc/self/fd", "r");
	int n = 0, fd;

	need(f);
	while (fscanf(f, "%d", &fd) == 1)
		n += fd < 900; /* while it is recorded, there are high ones */
	need(pclose(f) == 0);
	return n;
}

int main(void)
{
	int fd[20], status, before = in_child();
	pid_t child;

	for (int i = 0; i < 20; i++)
		fd[i] = open_null();
	for (int i = 0; i < 20; i++)
		if (i % 3)
			close(fd[i]);
	child = fork();
	need(child >= 0);
	if (child == 0) {
		for (int i = 0; i < 20; i++)
			need((fcntl(fd[i], F_GETFD) >= 0) == (i % 3 == 0));
		for (int i = 3; i < 256; i++)
			close(i);
		need(open_null() == 3);
		_exit(0);
	}
	need(waitpid(child, &status, 0) == child && status == 0);
	need(in_child() == before);
	for (int i = 0; i < 20; i += 3)
		close(fd[i]);
	puts("done");
	return 0;
}
