/*
 * tests/e2e/src/odd.c: right programs, or wrong ones whose wrong call is beside the point, in circumstances that a library between them and
 * libc could spoil. `odd CASE` prints what it saw: the same with and without fdwarden.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A call that is logged: a close of what is closed, and not one of a loop. */
static void wrong(void)
{
	int fd = dup(0);

	close(fd);
	close(fd);
	close(1000);
}

/* ---- where the log goes ----------------------------------------------------------------------------------------------------------*/

/* Number 2 is a file of the program's by now. */
static void log_reused(void)
{
	int fd;

	close(2);
	fd = open("odd.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
	wrong();
	printf("number %d, %ld bytes\n", fd, (long)lseek(2, 0, SEEK_END));
}

/* The reader of our stderr is gone. */
static void log_no_reader(void)
{
	wrong();
	puts("alive");
}

/* A write to the pipe would never end. */
static void log_full(void)
{
	char page[4096] = "";

	fcntl(2, F_SETFL, O_NONBLOCK);
	while (write(2, page, sizeof page) > 0)
		;
	fcntl(2, F_SETFL, 0);
	alarm(10);
	wrong();
	puts("went on");
}

/* The same, and the reader at number 7 comes back. */
static void log_counted(void)
{
	char line[4096];
	ssize_t n;
	int fd = dup(0);

	log_full();
	fcntl(7, F_SETFL, O_NONBLOCK);
	while (read(7, line, sizeof line) > 0)
		;
	close(fd);
	if (write(fd, "x", 1) == 1)
		return;
	n = read(7, line, sizeof line);
	printf("%.*s", n > 0 ? (int)n : 0, line);
}

/* A file may not grow: SIGXFSZ. And a signal that was pending stays pending. */
static void log_limit(void)
{
	sigset_t s;

	setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 0, 0 });
	wrong();
	sigemptyset(&s);
	sigaddset(&s, SIGPIPE);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGPIPE);
	wrong();
	sigpending(&s);
	fprintf(stdout, "alive, pending %d\n", sigismember(&s, SIGPIPE));
	fflush(stdout);
}

static const struct { const char *name; void (*run)(void); } cases[] = {
	{ "log_reused", log_reused }, { "log_no_reader", log_no_reader }, { "log_full", log_full },
	{ "log_counted", log_counted }, { "log_limit", log_limit },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof *cases; i++)
		if (!strcmp(argv[1], cases[i].name)) {
			cases[i].run();
			return 0;
		}
	return 2;
}
