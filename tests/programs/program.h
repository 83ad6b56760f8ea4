/*
 * tests/programs/program.h: what the small programs share. A program prints one line on stdout when all that it checks itself
 * was as the manual says, and exits 0; `need` says where it was not. Each program's head says what a report must and must
 * not find; expect.tsv holds the same for the runner.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define need(condition) \
	((condition) ? (void)0 : (fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno), _exit(9)))

static inline int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	need(fd >= 0);
	return fd;
}

/* One request after the other comes, not all at once. */
static inline void next_request(void) { usleep(10000); }

static inline int wait_for(pid_t pid)
{
	int status = 0;

	need(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
