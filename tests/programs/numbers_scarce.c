/* numbers_scarce [silence]: a program at its limit of open files closes a few and makes as many again, in every way there is: what is held back of closed numbers must
 * not be missed. Must find: nothing.
 */
#include "exec_self.h"
#include <dirent.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

enum { LIMIT = 256, CLOSED = 4 };

static int by_pipe(void) { int p[2]; return pipe(p); }
static int by_pipe2(void) { int p[2]; return pipe2(p, O_CLOEXEC); }
static int by_socketpair(void) { int p[2]; return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p); }
static int by_openpty(void) { int a, b; return openpty(&a, &b, NULL, NULL, NULL); }
static int by_syscall_pipe2(void) { int p[2]; return (int)syscall(SYS_pipe2, p, O_CLOEXEC); }
static int by_popen(void) { return popen("exit 0", "re") ? 0 : -1; }
static int by_open(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }
static int by_dup(void) { return dup(0); }
static int by_fopen(void) { return fopen("/dev/null", "re") ? 0 : -1; }
static int by_tmpfile(void) { return tmpfile() ? 0 : -1; }
static int by_opendir(void) { return opendir("/") ? 0 : -1; }
static int by_signalfd(void) { sigset_t none; return sigemptyset(&none) || signalfd(-1, &none, SFD_CLOEXEC) < 0 ? -1 : 0; }
static int by_syscall_openat(void) { return (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC); }
static int by_syscall_dup(void) { return (int)syscall(SYS_dup, 0); }

/* How often with so many numbers; popen needs two for a moment, and keeps one. */
static const struct way { int (*make)(void); int times; } ways[] = {
	{ by_pipe, CLOSED / 2 }, { by_pipe2, CLOSED / 2 }, { by_socketpair, CLOSED / 2 }, { by_openpty, CLOSED / 2 },
	{ by_syscall_pipe2, CLOSED / 2 }, { by_popen, CLOSED - 1 }, { by_open, CLOSED }, { by_dup, CLOSED }, { by_fopen, CLOSED },
	{ by_tmpfile, CLOSED }, { by_opendir, CLOSED }, { by_signalfd, CLOSED }, { by_syscall_openat, CLOSED }, { by_syscall_dup, CLOSED },
};
enum { WAYS = sizeof ways / sizeof *ways };

static int a_socket(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

static void is_scarce(const struct way *w)
{
	struct rlimit limit = { LIMIT, LIMIT };

	need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (int i = 0; i < 3; i++)
		close(a_socket());
	while (a_socket() >= 0)
		;
	need(errno == EMFILE);
	for (int i = 0; i < CLOSED; i++)
		close(20 + 7 * i);
	for (int i = 0; i < w->times; i++)
		need(w->make() >= 0);
	need(close_range(3, ~0U, 0) == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		is_scarce(&ways[atoi(argv[1])]);
		_exit(7);
	}
	for (int i = 0; i < WAYS; i++) {
		char way[16];
		pid_t pid = fork();

		snprintf(way, sizeof way, "%d", i);
		if (pid == 0)
			exec_self(way);
		need(wait_for(pid) == 7);
	}
	puts("done");
	return 0;
}
