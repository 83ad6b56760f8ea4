/*
 * tombstones: what a program sees of a descriptor that another thread may hold an event for, after its close: exactly what it sees of any closed
 * one. Prints a line a call, the same natively and under the interposer; tests/rearm/run compares them. With `kept`, prints instead whether the
 * number is given out again at once (natively: yes).
 */
#include <dirent.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/eventfd.h>
#include "tell.h"
#include "tests/programs/program.h"

static int epoll, base; /* base: the lowest free number there is */
static _Atomic int got, stopping;

static void *wait_for_events(void *arg)
{
	struct epoll_event e;

	while (!stopping)
		if (epoll_wait(epoll, &e, 1, 10) == 1)
			got = e.data.fd + 1;
	return arg;
}

/* A descriptor whose event another thread has, closed. Its number. */
static int closed_one(void)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

	need(fd >= 0);
	e.data.fd = fd;
	got = 0;
	need(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0);
	while (got != fd + 1)
		usleep(100);
	need(close(fd) == 0);
	return fd;
}

static void reading(int fd)
{
	char c[8];

	TELL(read(fd, c, 8));
	TELL(write(fd, c, 8));
	TELL(lseek(fd, 0, SEEK_SET));
	TELL(pread(fd, c, 1, 0));
	TELL(ftruncate(fd, 0));
	TELL(fsync(fd));
	TELL(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
	TELL(ioctl(fd, FIONREAD, c));
	TELL(ioctl(fd, FIOCLEX));
	TELL(recv(fd, c, 1, 0));
}

static void duplicating(int fd)
{
	TELL(dup(fd));
	TELL(dup2(fd, 77));
	TELL(dup2(fd, fd));
	TELL(dup3(fd, 77, O_CLOEXEC));
	TELL(fcntl(fd, F_GETFD));
	TELL(fcntl(fd, F_SETFD, FD_CLOEXEC));
	TELL(fcntl(fd, F_GETFL));
	TELL(fcntl(fd, F_SETFL, O_NONBLOCK));
	TELL(fcntl(fd, F_DUPFD, 0));
	TELL(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	TELL(syscall(SYS_dup, fd));
	TELL(syscall(SYS_fcntl, fd, F_GETFD));
	TELL(fdopen(fd, "r"));
	TELL(fdopendir(fd));
}

static void asking(int fd)
{
	char path[40];
	struct stat st;
	struct statfs fs;
	struct statx sx;

	TELL(fstat(fd, &st));
	TELL(fstatat(fd, "", &st, AT_EMPTY_PATH));
	TELL(fstatat(fd, "x", &st, 0));
	TELL(fstatat(fd, "/", &st, 0));
	TELL(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &sx));
	TELL(statx(fd, "/", 0, STATX_SIZE, &sx));
	TELL(fstatfs(fd, &fs));
	TELL(syscall(SYS_fstat, fd, &st));
	TELL(fchdir(fd));
	TELL(fchmod(fd, 0600));
	TELL(fchown(fd, 0, 0));
	TELL(futimens(fd, NULL));
	TELL(faccessat(fd, "x", R_OK, 0));
	TELL(unlinkat(fd, "x", 0));
	TELL(openat(fd, "x", O_RDONLY));
	TELL(close(openat(fd, "/dev/null", O_RDONLY)));
	TELL(isatty(fd));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	TELL(open(path, O_RDONLY));
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	TELL(open(path, O_RDONLY));
	TELL(fopen(path, "r"));
}

static void polling(int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = fd };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timeval none = { 0, 0 };
	fd_set set;

	TELL(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e));
	TELL(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
	TELL(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &e));
	TELL(poll(&p, 1, 0) * 1000 + p.revents);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	TELL(select(fd + 1, &set, NULL, NULL, &none));
}

static void sending(int fd)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } c = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	int sv[2];

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	need(dup2(sv[0], 90) == 90 && close(sv[0]) == 0); /* natively its number may be the closed one's */
	sv[0] = 90;
	memcpy(CMSG_DATA(&c.head), &fd, sizeof fd);
	if (sv[1] != fd)
		TELL(sendmsg(sv[0], &m, MSG_NOSIGNAL));
	close(sv[1]);
	close(90);
}

static void closing(int fd)
{
	TELL(syscall(SYS_close, fd));
	TELL(close_range((unsigned)fd, (unsigned)fd, 0));
	TELL(close(fd));
}

/* In a child: closed too, and the lowest number is its own. */
static void in_a_child(int fd)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int closed = fcntl(fd, F_GETFD) == -1 && errno == EBADF;
		int lowest = open("/dev/null", O_RDONLY);
		_exit(closed * 2 + (lowest == base));
	}
	need(waitpid(pid, &status, 0) == pid);
	printf("a child: closed %d, lowest %d\n", WEXITSTATUS(status) / 2, WEXITSTATUS(status) % 2);
}

/* No number left but those that are kept: they are the program's. */
static void to_the_limit(void)
{
	struct rlimit rl;
	int made = 0, fd, first, closed[4];

	for (int i = 0; i < 4; i++)
		closed[i] = closed_one();
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = 60;
	setrlimit(RLIMIT_NOFILE, &rl);
	first = closed[0];
	while ((fd = dup(epoll)) >= 0)
		made++;
	printf("to the limit: %s, all below it %d\n", strerrorname_np(errno), fcntl(first, F_GETFD) >= 0);
	for (int i = base; i < 60; i++)
		close(i);
	(void)made;
}

/* It takes an event of what is registered to be told again, and ends: nobody holds it any more. */
static void *takes_one(void *poller)
{
	struct epoll_event e;

	need(epoll_wait((int)(intptr_t)poller, &e, 1, -1) == 1);
	if (epoll) /* or it works on */
		sleep(1);
	return NULL;
}

/* How long its number is kept. */
static void held_by(int works_on)
{
	struct epoll_event e = { .events = EPOLLIN };
	int poller = epoll_create1(EPOLL_CLOEXEC), fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), again, ms = 0;
	pthread_t t;

	epoll = works_on;
	need(pthread_create(&t, NULL, takes_one, (void *)(intptr_t)poller) == 0);
	usleep(20000);
	need(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) == 0);
	usleep(20000);
	if (!works_on)
		pthread_join(t, NULL);
	need(close(fd) == 0);
	while ((again = open("/dev/null", O_RDONLY | O_CLOEXEC)) != fd && ms < 2000) {
		close(again);
		usleep(20000);
		ms += 20;
	}
	printf("%s: given again %s\n", works_on ? "its holder works" : "its holder ended", !ms ? "at once" : ms < 700 ? "soon" : "late");
	if (works_on)
		pthread_join(t, NULL);
	close(again);
	close(poller);
}

int main(int argc, char **argv)
{
	pthread_t t;
	int fd;

	alarm(30);
	if (argc > 1 && !strcmp(argv[1], "ended")) {
		held_by(0);
		held_by(1);
		return 0;
	}
	need((epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0);
	need(pthread_create(&t, NULL, wait_for_events, NULL) == 0);
	usleep(20000); /* it waits */
	need((base = dup(epoll)) >= 0 && close(base) == 0);
	if (argc > 1) {
		fd = closed_one();
		printf("given again at once: %s\n", open("/dev/null", O_RDONLY) == fd ? "yes" : "no");
		return 0;
	}
	fd = closed_one();
	reading(fd);
	polling(closed_one());
	asking(closed_one());
	duplicating(closed_one());
	closing(closed_one());
	in_a_child(closed_one());
	usleep(150000);
	sending(closed_one());
	usleep(150000);
	to_the_limit();
	usleep(150000);
	closed_one();
	usleep(1200000); /* the longest time that a number is kept */
	printf("given again later: %d\n", open("/dev/null", O_RDONLY) == base);
	stopping = 1;
	pthread_join(t, NULL);
	return 0;
}
