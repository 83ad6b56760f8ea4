/*
 * tests/programs/exec_self.h: programs that run themselves again as another program. The environment is small and ours: a number in the
 * caller's, whatever it means there, would ask for that descriptor.
 */
#ifndef EXEC_SELF_H
#define EXEC_SELF_H

#include "program.h"

/* Where the descriptor is that the next program shall, or shall not, have. Made by F_DUPFD, which is no request, as dup2 is. */
#define PASSED 50

static char *plain_environment[] = { (char *)"LANG=C", NULL };

static inline void exec_self(const char *what)
{
	execle("/proc/self/exe", "self", what, (char *)NULL, plain_environment);
	_exit(127);
}

static inline void exec_command(const char *command)
{
	execle("/bin/sh", "sh", "-c", command, (char *)NULL, plain_environment);
	_exit(127);
}

/* fd moves to PASSED, without close-on-exec. */
static inline int pass(int fd)
{
	int passed = fcntl(fd, F_DUPFD, PASSED);

	need(passed == PASSED && close(fd) == 0);
	return passed;
}

#endif
