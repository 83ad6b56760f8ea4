/*
 * inherit: what a child of each way inherits is exactly what the program asked for, descriptor by descriptor, in a process with threads: made,
 * marked, cleared, duplicated, replaced, by this thread and by another one, decided and undecided.
 *	inherit --way=NAME
 * Prints one line a descriptor that was not as asked. Exit status: 0 all were; 1.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "forklock.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

static struct starter starter;
static const struct way *way;
static struct { const char *what; int fd, inherited, undecided; } all[64];
static int n, null;
static pthread_barrier_t made_by_another;

/* Descriptors stand in a row from base on, in the order of their making. */
static int is(const char *what, int fd, int inherited)
{
	need(fd == starter.base + n && n < 64);
	all[n].what = what;
	all[n].fd = fd;
	all[n++].inherited = inherited;
	return fd;
}

static void move_on(void) { need(write(null, "x", 1) == 1); }

static void *by_another(void *arg)
{
	int fd;

	is("another thread's, passed over", dup(null), 1);
	move_on();
	is("another thread's, marked", fd = dup(null), 0);
	mark(fd, 0);
	is("another thread's, undecided", dup(null), 1);
	pthread_barrier_wait(&made_by_another);
	pause();
	return arg;
}

static void before_threads(int *marked_later)
{
	is("made before there were threads", dup(null), 1);
	is("made and marked before there were threads", fcntl(null, F_DUPFD_CLOEXEC, 0), 0);
	*marked_later = is("made before, marked while there are threads", dup(null), 0);
}

static void made_and_asked(void)
{
	int fd;

	is("dup, passed over", dup(null), 1);
	move_on();
	is("dup, F_SETFD 1", fd = dup(null), 0);
	mark(fd, 0);
	is("dup, FIOCLEX", fd = dup(null), 0);
	mark(fd, 1);
	is("dup, F_SETFD 1, F_SETFD 0", fd = dup(null), 1);
	mark(fd, 0);
	need(fcntl(fd, F_SETFD, 0) == 0);
	is("dup, FIOCLEX, FIONCLEX", fd = dup(null), 1);
	mark(fd, 1);
	need(ioctl(fd, FIONCLEX) == 0);
	is("dup, F_SETFD 0", fd = dup(null), 1);
	need(fcntl(fd, F_SETFD, 0) == 0);
	is("dup, passed over, F_SETFD 1", fd = dup(null), 0);
	move_on();
	mark(fd, 0);
	is("O_CLOEXEC", open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	is("O_CLOEXEC, F_SETFD 0", fd = open("/dev/null", O_RDONLY | O_CLOEXEC), 1);
	need(fcntl(fd, F_SETFD, 0) == 0);
	is("F_SETFD with a flag that does not exist", fd = dup(null), 1);
	need(fcntl(fd, F_SETFD, 2) == 0);
}

static void duplicated(void)
{
	int fd, pair[2];

	is("a marked one", fd = dup(null), 0);
	mark(fd, 0);
	is("dup of a marked one", dup(fd), 1);
	is("dup2 over a marked one", fd = dup(null), 1);
	mark(fd, 0);
	need(dup2(null, fd) == fd);
	is("dup2 over one that is undecided", fd = dup(null), 1);
	need(dup2(null, fd) == fd);
	is("dup3 with O_CLOEXEC over a plain one", fd = dup(null), 0);
	need(dup3(null, fd, O_CLOEXEC) == fd);
	is("dup2 onto itself of one that is undecided", fd = dup(null), 1);
	need(dup2(fd, fd) == fd);
	is("dup2 onto itself of a marked one", fd = dup(null), 0);
	mark(fd, 0);
	need(dup2(fd, fd) == fd);
	need(pipe(pair) == 0);
	is("pipe, passed over", pair[0], 1);
	is("pipe, the other end marked", pair[1], 0);
	mark(pair[1], 1);
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	is("socketpair, the other marked", pair[0], 1);
	is("socketpair, marked", pair[1], 0);
	mark(pair[1], 0);
}

static void ranges_and_streams(void)
{
	int fd;
	FILE *f;

	is("close_range with CLOSE_RANGE_CLOEXEC", fd = dup(null), 0);
	need(close_range((unsigned)fd, (unsigned)fd, CLOSE_RANGE_CLOEXEC) == 0);
	need((f = fopen("/dev/null", "r")));
	is("fopen", fileno(f), 1);
	need((f = fopen("/dev/null", "re")));
	is("fopen with e", fileno(f), 0);
	need((f = freopen("/dev/zero", "r", f))); /* a stream opened with e keeps it */
	is("syscall(SYS_dup), passed over", (int)syscall(SYS_dup, null), 1);
	is("syscall(SYS_dup), marked by syscall", fd = (int)syscall(SYS_dup, null), 0);
	need(syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC) == 0);
	is("syscall(SYS_ioctl, FIOCLEX)", fd = dup(null), 0);
	need(syscall(SYS_ioctl, fd, FIOCLEX) == 0);
}

static void make_all(void)
{
	pthread_t t;
	int later;

	before_threads(&later);
	pthread_barrier_init(&made_by_another, NULL, 2);
	need(pthread_create(&t, NULL, by_another, NULL) == 0);
	pthread_barrier_wait(&made_by_another);
	mark(later, 0);
	made_and_asked();
	duplicated();
	ranges_and_streams();
	is("undecided, the last before the child", dup(null), 1);
}

/* A forker that nobody can see decides nothing: what the kernel still has as born may be missing in its child. */
static void note_undecided(void)
{
	for (int i = 0; i < n; i++)
		all[i].undecided = all[i].inherited && kernel_flag(all[i].fd) == FD_CLOEXEC;
}
static int may_miss(int i) { return !strcmp(way->name, "unseen") && all[i].undecided; }

static int judge(uint64_t map)
{
	int bad = 0;

	for (int i = 0; i < n; i++) {
		int got = (int)(map >> i & 1);
		if (got == all[i].inherited || (!got && may_miss(i)))
			continue;
		bad++;
		printf("%s: %s: %s\n", way->name, all[i].what, got ? "the child has it" : "the child has it not");
	}
	return bad;
}

/* Where the way ends the process, the process is a child; it tells what it made through memory that both have. */
static int in_a_child(struct held_report *r)
{
	int status, p[2];
	pid_t pid;

	need(pipe2(p, O_CLOEXEC) == 0);
	p[0] = quiet(p[0]);
	p[1] = quiet(p[1]);
	need((pid = fork()) >= 0);
	if (pid == 0) {
		make_all();
		need(write(p[1], &n, sizeof n) == sizeof n && write(p[1], all, sizeof all) == sizeof all);
		way->start(&starter);
		_exit(72);
	}
	need(read(p[0], &n, sizeof n) == sizeof n && read(p[0], all, sizeof all) == sizeof all);
	return waitpid(pid, &status, 0) == pid && status == 0 ? starter_result(&starter, r) : -1;
}

int main(int argc, char **argv)
{
	struct held_report r = { 0 };

	options_known(argc, argv, "way");
	alarm(30); /* bounded, whatever happens */
	clean_start();
	need((way = way_named(option(argc, argv, "way", "vfork"))));
	starters_begin(&starter, 1);
	null = quiet(open("/dev/null", O_RDWR | O_CLOEXEC));
	if (way->whole) {
		need(in_a_child(&r) == 0);
	} else {
		make_all();
		note_undecided();
		need(starter_child(&starter, way, &r) == 0);
	}
	printf("way=%s descriptors=%d\n", way->name, n);
	return judge(r.map) != 0;
}
