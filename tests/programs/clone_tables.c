/* clone_tables [silence]: children by clone() that share memory but not the table of descriptors, or the table but not memory: each closes what is its own.
 * Must find: nothing.
 */
#include "program.h"
#include <sched.h>
#include <sys/wait.h>

static char stack[1 << 16];
static int fd;

static int closes_its_own(void *unused)
{
	close(fd);
	return close(open("/dev/zero", O_RDONLY));
}

static int opens_for_its_parent(void *unused)
{
	int f = open("/etc/passwd", O_RDONLY);

	close(f);
	_exit(open("/etc/passwd", O_RDONLY));
}

static int child(int (*fn)(void *), int flags)
{
	pid_t pid = clone(fn, stack + sizeof stack, flags | SIGCHLD, NULL);
	int status;

	need(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

int main(void)
{
	char byte;

	fd = open("/etc/passwd", O_RDONLY);
	child(closes_its_own, CLONE_VM);
	need(read(fd, &byte, 1) == 1);
	need(close(fd) == 0);
	close(open("/dev/null", O_RDONLY));
	fd = child(opens_for_its_parent, CLONE_FILES);
	need(read(fd, &byte, 1) == 1);
	need(close(fd) == 0);
	puts("done");
	return 0;
}
