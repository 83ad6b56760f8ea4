/* closes_listed [silence]: a child closes all that a list of its numbers named, one by one, when the list itself is closed; another closes the list
 * while it reads it, and then once more with the rest. As gevent, twisted and mono do before an exec. Must find: nothing.
 */
#include "program.h"
#include <dirent.h>

static int close_listed(int in_between)
{
	int fds[100], n = 0, own;
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	need(d != NULL);
	own = dirfd(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && n < 100)
			fds[n++] = atoi(e->d_name);
	if (in_between)
		close(own);
	closedir(d);
	for (int i = 0; i < n; i++)
		if (fds[i] > 2)
			close(fds[i]);
	return execl("/bin/true", "true", (char *)NULL);
}

int main(void)
{
	for (int i = 0; i < 4; i++) {
		pid_t pid;

		need(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
		if ((pid = fork()) == 0)
			_exit(close_listed(i & 1));
		need(pid > 0 && wait_for(pid) == 0);
	}
	close_range(3, 100, 0);
	puts("done");
	return 0;
}
