/* tests/e2e/src/rows/rows.c: the harness of the rows: see rows.h. */
#include <dlfcn.h>
#include <pthread.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/timerfd.h>
#include "rows.h"

#define WATCHED 64

static const struct { const char *name; rows_family run; } families[] = {
	{ "opening", rows_opening }, { "sockets", rows_sockets }, { "pollers", rows_pollers }, { "ports", rows_ports }, { "duplicates", rows_duplicates },
	{ "closing", rows_closing }, { "streams", rows_streams }, { "processes", rows_processes }, { "execs", rows_execs },
	{ "threads", rows_threads }, { "ids", rows_ids }, { "input", rows_input }, { "output", rows_output }, { "devices", rows_devices },
	{ "attributes", rows_attributes }, { "at", rows_at }, { "syscalls", rows_syscalls },
};

const char *rows_dir, *rows_self, *rows_name = "";
static const char *out;

/* ---- plain system calls ------------------------------------------------------------------------------------------------------*/

long raw(long number, long a, long b, long c, long d, long e, long f)
{
	long r;
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;

	__asm__ volatile("syscall" : "=a"(r) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
}

static void say(const char *text, size_t n)
{
	long fd = raw(SYS_openat, AT_FDCWD, (long)out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666, 0, 0);

	if (fd < 0) { /* no number is left: the child of a case that took them all */
		struct rlimit was, all = { 4096, 20000 };
		raw(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&was, 0, 0);
		all.rlim_max = was.rlim_max;
		raw(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&all, 0, 0, 0);
		fd = raw(SYS_openat, AT_FDCWD, (long)out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666, 0, 0);
		raw(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&was, 0, 0, 0);
	}
	raw(SYS_write, fd, (long)text, n, 0, 0, 0);
	raw(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* ---- what is open -------------------------------------------------------------------------------------------------------------*/

struct number {
	int fd;   /* F_GETFD, -1: not open */
	int fl;   /* F_GETFL */
	unsigned mode;
};
static struct number before[WATCHED];

static void look(struct number *at)
{
	for (int n = 0; n < WATCHED; n++, at++) {
		struct stat st = { 0 };
		*at = (struct number){ (int)raw(SYS_fcntl, n, F_GETFD, 0, 0, 0, 0), 0, 0 };
		if (at->fd < 0) {
			at->fd = -1;
			continue;
		}
		/* As the program sees it: what was born close-on-exec is not marked for it. */
		at->fd = fcntl(n, F_GETFD);
		/* Without O_LARGEFILE, which is set or not by the kernel's way to the file and means nothing on 64 bits. */
		at->fl = (int)raw(SYS_fcntl, n, F_GETFL, 0, 0, 0, 0) & ~0100000;
		raw(SYS_fstat, n, (long)&st, 0, 0, 0, 0);
		at->mode = st.st_mode;
	}
}

/* "+5:1:02000:0100644" made: F_GETFD, F_GETFL, mode; "-5" gone; "~5..." other flags. */
static void changes(const struct number *now, char *text, size_t room)
{
	size_t n = 0;

	text[0] = 0;
	for (int i = 0; i < WATCHED && n + 64 < room; i++) {
		const struct number *a = &before[i], *b = &now[i];
		if (a->fd == b->fd && a->fl == b->fl && a->mode == b->mode)
			continue;
		if (b->fd < 0)
			n += (size_t)sprintf(text + n, "-%d ", i);
		else
			n += (size_t)sprintf(text + n, "%c%d:%d:0%o:0%o ", a->fd < 0 ? '+' : '~', i, b->fd, b->fl, b->mode);
	}
	if (n)
		text[n - 1] = 0;
}

/* ---- cases --------------------------------------------------------------------------------------------------------------------*/

static const char *making = "";

static void crashed(int sig)
{
	rows_note("%s: crashed with signal %d", making, sig);
	raw(SYS_exit_group, 128 + sig, 0, 0, 0, 0, 0);
}

void rows_before(const char *what)
{
	making = what;
	look(before);
	errno = 77;
}

void rows_print(const char *what, const char *result, int error)
{
	struct number now[WATCHED];
	char made[2048], line[4096];
	const char *name = strerrorname_np(error);

	look(now);
	changes(now, made, sizeof made);
	say(line, (size_t)snprintf(line, sizeof line, "%s\t%s\t%s\t%s\t%s\n", rows_name, what, result,
		error == 77 ? "-" : name ? name : "?", made));
}

static void close_what_is_new(void)
{
	for (int n = 0; n < WATCHED; n++)
		if (before[n].fd < 0 && raw(SYS_fcntl, n, F_GETFD, 0, 0, 0, 0) >= 0)
			close(n);
}

void rows_after(const char *what, long result, int kind, int error, int keep)
{
	char text[32];

	if (kind == 5) /* a pointer */
		strcpy(text, !result ? "null" : result == -1 ? "failed" : "pointer");
	else
		sprintf(text, "%ld", result);
	rows_print(what, kind ? text : "void", error);
	if (!keep)
		close_what_is_new();
}

void rows_forked(const char *what, pid_t pid, int error)
{
	char text[64];
	int status = -1;

	if (pid > 0) {
		while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
			;
		sprintf(text, "pid, %s %d", WIFEXITED(status) ? "exited" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	} else {
		sprintf(text, "%d", pid);
	}
	rows_print(what, text, error);
	close_what_is_new();
}

void rows_note(const char *format, ...)
{
	char text[2048], line[2200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (*p < ' ')
			*p = '?';
	say(line, (size_t)snprintf(line, sizeof line, "%s\t: %s\n", rows_name, text));
}

void *rows_symbol(const char *name)
{
	void *p = dlsym(RTLD_DEFAULT, name);

	return p ? p : dlvsym(RTLD_DEFAULT, name, "GLIBC_2.2.5"); /* names only old programs refer to */
}

int rows_find(struct rows_call *c)
{
	while ((rows_name = c->names[c->at])) {
		c->at++;
		if ((c->address = rows_symbol(rows_name)))
			return 1;
		rows_print("this C library has no such function", "absent", 77);
	}
	rows_name = "";
	return 0;
}

void rows_full(int spare)
{
	static struct rlimit was;
	struct rlimit tight;
	int n = 0;

	if (spare < 0) {
		setrlimit(RLIMIT_NOFILE, &was);
		return;
	}
	getrlimit(RLIMIT_NOFILE, &was);
	for (; n < WATCHED; n++)
		if (raw(SYS_fcntl, n, F_GETFD, 0, 0, 0, 0) < 0 && spare-- == 0)
			break;
	tight = (struct rlimit){ (rlim_t)n, was.rlim_max };
	setrlimit(RLIMIT_NOFILE, &tight);
}

pid_t rows_child(void)
{
	int status;
	pid_t pid = fork();

	if (pid <= 0)
		return pid;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		rows_note("the child was killed by signal %d", WTERMSIG(status));
	return pid;
}

int bad_number(int which, const char **what)
{
	static const char *const names[] = { "minus one", "a number that was never open", "a closed number" };
	int fd;

	*what = names[which];
	if (which < 2)
		return which ? NEVER : -1;
	fd = dup(F_NULL);
	close(fd);
	return fd;
}

const char *path(const char *name)
{
	static char paths[16][512];
	static unsigned at;
	char *p = paths[at++ % 16];

	snprintf(p, sizeof *paths, "%s/%s", rows_dir, name);
	return p;
}

const char *fresh(const char *name)
{
	const char *p = path(name);

	raw(SYS_unlink, (long)p, 0, 0, 0, 0, 0);
	raw(SYS_rmdir, (long)p, 0, 0, 0, 0, 0);
	return p;
}

/* ---- fixtures -------------------------------------------------------------------------------------------------------------------*/

static void put(int fd, int at)
{
	if (fd < 0)
		return;
	dup2(fd, at);
	close(fd);
}

static void put_two(const int *fd, int at)
{
	put(fd[0], at);
	put(fd[1], at + 1);
}

static void fixtures(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char page[4096];
	int two[2];

	memset(page, 'x', sizeof page);
	put(open(fresh("file"), O_RDWR | O_CREAT, 0644), F_FILE);
	if (write(F_FILE, page, sizeof page) != sizeof page || lseek(F_FILE, 0, SEEK_SET) != 0)
		exit(9);
	put(open(rows_dir, O_RDONLY | O_DIRECTORY), F_DIR);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, two) == 0)
		put_two(two, F_SOCK);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, two) == 0)
		put_two(two, F_DGRAM);
	if (pipe(two) == 0)
		put_two(two, F_IN);
	if (write(F_PEER, "hello", 5) != 5 || write(F_OUT, "hello", 5) != 5)
		exit(9);
	put(open("/dev/null", O_RDWR), F_NULL);
	put(epoll_create1(0), F_EPOLL);
	put(eventfd(3, EFD_NONBLOCK), F_EVENT);
	put(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), F_TIMER);
	if (openpty(&two[0], &two[1], NULL, NULL, NULL) == 0)
		put_two(two, F_MASTER);
	put(inotify_init1(IN_NONBLOCK), F_INOTIFY);
	put(memfd_create("rows", MFD_ALLOW_SEALING), F_MEMFD);
	put(pidfd_open(getpid(), 0), F_PIDFD);
	put(socket(AF_UNIX, SOCK_STREAM, 0), F_LISTEN);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", fresh("listen"));
	if (bind(F_LISTEN, (struct sockaddr *)&a, sizeof a) < 0 || listen(F_LISTEN, 50) < 0)
		exit(9);
	put(open(path("file"), O_PATH), F_PATH);
}

static void *idle(void *nothing)
{
	pause();
	return nothing;
}

/* SETTING: alone; threads: an idle thread beside; child: in a fork child, which is observed only. */
static int in_setting(const char *setting)
{
	pthread_t thread;
	int status;
	pid_t pid;

	if (!strcmp(setting, "threads"))
		return pthread_create(&thread, NULL, idle, NULL);
	if (strcmp(setting, "child"))
		return 0;
	pid = fork();
	if (pid == 0)
		return 0;
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		rows_name = "the family's process";
		rows_note("ended with status %#x", status);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	static char self[PATH_MAX];

	if (argc > 1 && !strcmp(argv[1], "--said")) /* what rows_execs starts: tells its arguments and what it has open */
		return rows_execs(), 0;
	if (argc != 5) {
		fprintf(stderr, "usage: rows OUT DIR alone|threads|child FAMILY\n");
		return 2;
	}
	alarm(60);
	umask(022);
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return 9;
	out = argv[1], rows_dir = argv[2], rows_self = self;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGSEGV, crashed);
	signal(SIGABRT, crashed);
	fixtures();
	if (in_setting(argv[3]))
		return 9;
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (!strcmp(families[i].name, argv[4])) {
			families[i].run();
			rows_name = "the end";
			rows_before("the end");
			rows_note("of %s", argv[4]);
			_exit(0);
		}
	return 2;
}
