/* tests/e2e/src/rows/pollers.c: pollers, events, timers, watches, message queues. Context and vocabulary: rows.h. */
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include "rows.h"

static void making(void)
{
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	CALLS(int, (int), "epoll_create") {
		CASE("one", call(1));
		CASE("of no size", call(0));
		FULL(0, call(1));
	}
	CALLS(int, (int), "epoll_create1") {
		CASE("one", call(0));
		CASE("close-on-exec", call(EPOLL_CLOEXEC));
		CASE("bad flags", call(1));
		FULL(0, call(0));
	}
	CALLS(int, (unsigned, int), "eventfd") {
		CASE("one", call(0, 0));
		CASE("flags", call(7, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
		CASE("bad flags", call(0, 0x40000000));
		FULL(0, call(0, 0));
	}
	CALLS(int, (int, int), "timerfd_create") {
		CASE("one", call(CLOCK_MONOTONIC, 0));
		CASE("flags", call(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
		CASE("no such clock", call(99, 0));
		CASE("bad flags", call(CLOCK_MONOTONIC, 0x40000000));
		FULL(0, call(CLOCK_MONOTONIC, 0));
	}
	CALLS(int, (int, const sigset_t *, int), "signalfd") {
		int fd;
		CASE("one", call(-1, &usr1, 0));
		fd = KEEP("flags", call(-1, &usr1, SFD_CLOEXEC | SFD_NONBLOCK));
		CASE("the same", call(fd, &usr1, 0));
		close(fd);
		CASE("not one", call(F_FILE, &usr1, 0));
		CASE("bad flags", call(-1, &usr1, 0x40000000));
		CASE("bad address", call(-1, NOWHERE, 0));
		CASE("never open", call(NEVER, &usr1, 0));
		FULL(0, call(-1, &usr1, 0));
	}
	CALLS(int, (void), "inotify_init") {
		CASE("one", call());
		FULL(0, call());
	}
	CALLS(int, (int), "inotify_init1") {
		CASE("flags", call(IN_CLOEXEC | IN_NONBLOCK));
		CASE("bad flags", call(0x40000000));
		FULL(0, call(0));
	}
	CALLS(int, (unsigned, unsigned), "fanotify_init") {
		CASE("one", call(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY));
		CASE("flags", call(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY));
		CASE("bad flags", call(0x40000000, O_RDONLY));
	}
	CALLS(int, (const char *, unsigned), "memfd_create") {
		CASE("one", call("rows", 0));
		CASE("flags", call("rows", MFD_CLOEXEC | MFD_ALLOW_SEALING));
		CASE("bad flags", call("rows", 0x40000000));
		CASE("bad address", call(NOWHERE, 0));
		FULL(0, call("rows", 0));
	}
	CALLS(int, (pid_t, unsigned), "pidfd_open") {
		CASE("one", call(getpid(), 0));
		CASE("nonblocking", call(getpid(), O_NONBLOCK));
		CASE("no such process", call(0x3fffffff, 0));
		CASE("bad process", call(-1, 0));
		CASE("bad flags", call(getpid(), 0x40000000));
		FULL(0, call(getpid(), 0));
	}
	CALLS(int, (int, int, unsigned), "pidfd_getfd") {
		CASE("one of ours", call(F_PIDFD, F_FILE, 0));
		CASE("never open", call(F_PIDFD, NEVER, 0));
		CASE("bad flags", call(F_PIDFD, F_FILE, 1));
		CASE("no process", call(F_FILE, F_FILE, 0));
		BADFD(call(fd, F_FILE, 0));
	}
}

static void waiting(void)
{
	struct epoll_event in = { EPOLLIN, { .u64 = 42 } }, out[4];
	struct timespec zero = { 0, 0 }, negative = { -1, 0 };
	sigset_t none;

	sigemptyset(&none);
	CALLS(int, (int, int, int, struct epoll_event *), "epoll_ctl") {
		CASE("add", call(F_EPOLL, EPOLL_CTL_ADD, F_IN, &in));
		CASE("add again", call(F_EPOLL, EPOLL_CTL_ADD, F_IN, &in));
		CASE("change", call(F_EPOLL, EPOLL_CTL_MOD, F_IN, &in));
		CASE("change another", call(F_EPOLL, EPOLL_CTL_MOD, F_SOCK, &in));
		CASE("remove another", call(F_EPOLL, EPOLL_CTL_DEL, F_SOCK, NULL));
		CASE("add a file", call(F_EPOLL, EPOLL_CTL_ADD, F_FILE, &in));
		CASE("add itself", call(F_EPOLL, EPOLL_CTL_ADD, F_EPOLL, &in));
		CASE("no poller", call(F_FILE, EPOLL_CTL_ADD, F_IN, &in));
		CASE("no such operation", call(F_EPOLL, 99, F_IN, &in));
		CASE("bad address", call(F_EPOLL, EPOLL_CTL_ADD, F_SOCK, NOWHERE));
		CASE("no event", call(F_EPOLL, EPOLL_CTL_ADD, F_SOCK, NULL));
		BADFD(call(F_EPOLL, EPOLL_CTL_ADD, fd, &in));
		BADFD(call(F_EPOLL, EPOLL_CTL_DEL, fd, &in));
		BADFD(call(fd, EPOLL_CTL_ADD, F_IN, &in));
	}
	CALLS(int, (int, struct epoll_event *, int, int), "epoll_wait") {
		CASE("one", call(F_EPOLL, out, 4, 0));
		rows_note("%#x %llu", out[0].events, (unsigned long long)out[0].data.u64);
		CASE("of no size", call(F_EPOLL, out, 0, 0));
		CASE("bad address", call(F_EPOLL, NOWHERE, 4, 0));
		CASE("no poller", call(F_FILE, out, 4, 0));
		BADFD(call(fd, out, 4, 0));
	}
	CALLS(int, (int, struct epoll_event *, int, int, const sigset_t *), "epoll_pwait") {
		CASE("one", call(F_EPOLL, out, 4, 0, &none));
		CASE("no poller", call(F_FILE, out, 4, 0, NULL));
		BADFD(call(fd, out, 4, 0, NULL));
	}
	CALLS(int, (int, struct epoll_event *, int, const struct timespec *, const sigset_t *), "epoll_pwait2") {
		CASE("one", call(F_EPOLL, out, 4, &zero, &none));
		CASE("bad time", call(F_EPOLL, out, 4, &negative, NULL));
		BADFD(call(fd, out, 4, &zero, NULL));
	}
	epoll_ctl(F_EPOLL, EPOLL_CTL_DEL, F_IN, NULL);
}

/*
 * Never open, and below 64: the kernel's select does not look beyond its table of descriptors, which grows in steps with the highest number
 * that was ever open. A tracer's high numbers make it grow.
 */
#define LOW 62

static fd_set *set(int fd)
{
	static fd_set sets[2], *s;

	s = s == sets ? sets + 1 : sets; /* two of them in one call */
	FD_ZERO(s);
	if (fd >= 0)
		FD_SET(fd, s);
	return s;
}

static void selecting(void)
{
	struct timespec zero = { 0, 0 }, negative = { -1, 0 };
	struct timeval now = { 0, 0 }, before = { -1, 0 };
	struct pollfd p[2] = { { F_IN, POLLIN, 0 }, { NEVER, POLLIN, 0 } };
	sigset_t none;

	sigemptyset(&none);
	CALLS(int, (int, fd_set *, fd_set *, fd_set *, struct timeval *), "select", "__select") {
		CASE("one", call(F_IN + 1, set(F_IN), NULL, NULL, &now));
		CASE("none", call(0, NULL, NULL, NULL, &now));
		CASE("never open", call(LOW + 1, set(LOW), NULL, NULL, &now));
		CASE("negative", call(-1, set(F_IN), NULL, NULL, &now));
		CASE("bad time", call(0, NULL, NULL, NULL, &before));
		CASE("bad address", call(F_IN + 1, NOWHERE, NULL, NULL, &now));
		BADFD(call(F_IN + 1, set(F_IN), set(fd < F_IN ? fd : -1), NULL, &now));
	}
	CALLS(int, (int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *), "pselect") {
		CASE("one", call(F_IN + 1, set(F_IN), NULL, NULL, &zero, &none));
		CASE("never open", call(LOW + 1, NULL, set(LOW), NULL, &zero, NULL));
		CASE("bad time", call(0, NULL, NULL, NULL, &negative, NULL));
		CASE("bad address", call(F_IN + 1, NULL, NULL, NOWHERE, &zero, NULL));
	}
	CALLS(int, (struct pollfd *, nfds_t, int), "poll", "__poll") {
		CASE("one, and one that is not open", call(p, 2, 0));
		rows_note("%#x %#x", p[0].revents, p[1].revents);
		CASE("bad address", call(NOWHERE, 1, 0));
		CASE("too many", call(p, 1000000000, 0));
	}
	CALLS(int, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *), "ppoll") {
		CASE("two", call(p, 2, &zero, &none));
		CASE("bad time", call(p, 1, &negative, NULL));
		CASE("bad address", call(NOWHERE, 1, &zero, NULL));
	}
	CALLS(int, (struct pollfd *, nfds_t, int, size_t), "__poll_chk") {
		CASE("two", call(p, 2, 0, sizeof p));
		CASE("bad address", call(NOWHERE, 1, 0, 8));
	}
	CALLS(int, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t), "__ppoll_chk") {
		CASE("two", call(p, 2, &zero, NULL, sizeof p));
		CASE("bad time", call(p, 1, &negative, NULL, sizeof p));
	}
}

static void using(void)
{
	struct itimerspec at = { { 0, 0 }, { 1000, 0 } }, got, bad = { { 0, 0 }, { -1, 0 } };
	eventfd_t value = 0;

	CALLS(int, (int, int, const struct itimerspec *, struct itimerspec *), "timerfd_settime") {
		CASE("set", call(F_TIMER, 0, &at, &got));
		CASE("bad time", call(F_TIMER, 0, &bad, NULL));
		CASE("bad address", call(F_TIMER, 0, NOWHERE, NULL));
		CASE("no timer", call(F_FILE, 0, &at, NULL));
		BADFD(call(fd, 0, &at, NULL));
	}
	CALLS(int, (int, struct itimerspec *), "timerfd_gettime") {
		CASE("asked", call(F_TIMER, &got));
		CASE("bad address", call(F_TIMER, NOWHERE));
		CASE("no timer", call(F_FILE, &got));
		BADFD(call(fd, &got));
	}
	CALLS(int, (int, eventfd_t *), "eventfd_read") {
		CASE("three", call(F_EVENT, &value));
		rows_note("%llu", (unsigned long long)value);
		CASE("nothing", call(F_EVENT, &value));
		BADFD(call(fd, &value));
	}
	CALLS(int, (int, eventfd_t), "eventfd_write") {
		CASE("five", call(F_EVENT, 5));
		CASE("too much", call(F_EVENT, UINT64_MAX));
		BADFD(call(fd, 1));
	}
	CALLS(int, (int, const char *, uint32_t), "inotify_add_watch") {
		CASE("a file", call(F_INOTIFY, path("file"), IN_MODIFY));
		CASE("missing", call(F_INOTIFY, path("missing"), IN_MODIFY));
		CASE("no watcher", call(F_FILE, path("file"), IN_MODIFY));
		BADFD(call(fd, path("file"), IN_MODIFY));
	}
	CALLS(int, (int, int), "inotify_rm_watch") {
		CASE("the first", call(F_INOTIFY, 1));
		CASE("no such", call(F_INOTIFY, 99));
		BADFD(call(fd, 1));
	}
	CALLS(int, (int, unsigned, uint64_t, int, const char *), "fanotify_mark") {
		int f = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY);
		CASE("a file", call(f, FAN_MARK_ADD, FAN_OPEN, F_DIR, "file"));
		CASE("missing", call(f, FAN_MARK_ADD, FAN_OPEN, F_DIR, "missing"));
		BADFD(call(f, FAN_MARK_ADD, FAN_OPEN, fd, "file"));
		close(f);
		CASE("no watcher", call(F_FILE, FAN_MARK_ADD, FAN_OPEN, F_DIR, "file"));
		BADFD(call(fd, FAN_MARK_ADD, FAN_OPEN, F_DIR, "file"));
	}
	CALLS(int, (int, int, siginfo_t *, unsigned), "pidfd_send_signal") {
		CASE("none", call(F_PIDFD, 0, NULL, 0));
		CASE("bad signal", call(F_PIDFD, 999, NULL, 0));
		CASE("no process", call(F_FILE, 0, NULL, 0));
		BADFD(call(fd, 0, NULL, 0));
	}
	CALLS(ssize_t, (int, const struct iovec *, size_t, int, unsigned), "process_madvise") {
		void *m = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct iovec v = { m, 4096 };
		CASE("cold", call(F_PIDFD, &v, 1, 20, 0));
		CASE("no such advice", call(F_PIDFD, &v, 1, 999, 0));
		BADFD(call(fd, &v, 1, 20, 0));
		munmap(m, 4096);
	}
	CALLS(int, (int, unsigned), "process_mrelease") {
		CASE("lives", call(F_PIDFD, 0));
		CASE("bad flags", call(F_PIDFD, 1));
		BADFD(call(fd, 0));
	}
}

static void queues(void)
{
	char name[64], b[16];
	struct mq_attr small = { .mq_maxmsg = 2, .mq_msgsize = 8 }, huge = { .mq_maxmsg = 1 << 30, .mq_msgsize = 8 }, got;
	struct timespec past = { 1, 0 }, bad = { 0, -1 };
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	unsigned prio;
	mqd_t q;

	sprintf(name, "/fdw-rows-%d", (int)getpid());
	CALLS(mqd_t, (const char *, int, ...), "mq_open") {
		CASE("missing", call(name, O_RDWR));
		CASE("too large", call(name, O_RDWR | O_CREAT, 0600, &huge));
		CASE("new", call(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &small));
		CASE("again", call(name, O_RDONLY));
		CASE("exists", call(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
		CASE("bad name", call("none", O_RDWR));
		FULL(0, call(name, O_RDWR));
	}
	CALLS(mqd_t, (const char *, int), "__mq_open_2") {
		CASE("again", call(name, O_RDWR));
		CASE("missing", call("/fdw-rows-missing", O_RDWR));
	}
	q = mq_open(name, O_RDWR | O_NONBLOCK);
	CALLS(int, (mqd_t, const char *, size_t, unsigned), "mq_send") {
		CASE("one", call(q, "one", 3, 1));
		CASE("too long", call(q, "one", 300, 1));
		BADFD(call(fd, "one", 3, 1));
	}
	CALLS(int, (mqd_t, const char *, size_t, unsigned, const struct timespec *), "mq_timedsend") {
		CASE("two", call(q, "two", 3, 2, &past));
		CASE("full", call(q, "three", 3, 2, &past));
		CASE("bad time", call(q, "three", 3, 2, &bad));
		BADFD(call(fd, "two", 3, 2, &past));
	}
	CALLS(ssize_t, (mqd_t, char *, size_t, unsigned *), "mq_receive") {
		CASE("two", call(q, b, sizeof b, &prio));
		rows_note("%u", prio);
		CASE("too short", call(q, b, 1, &prio));
		BADFD(call(fd, b, sizeof b, &prio));
	}
	CALLS(ssize_t, (mqd_t, char *, size_t, unsigned *, const struct timespec *), "mq_timedreceive") {
		CASE("one", call(q, b, sizeof b, NULL, &past));
		CASE("nothing", call(q, b, sizeof b, NULL, &past));
		BADFD(call(fd, b, sizeof b, NULL, &past));
	}
	CALLS(int, (mqd_t, struct mq_attr *), "mq_getattr") {
		CASE("asked", call(q, &got));
		rows_note("%ld %ld %ld", got.mq_flags, got.mq_maxmsg, got.mq_curmsgs);
		CASE("no queue", call(F_FILE, &got));
		BADFD(call(fd, &got));
	}
	CALLS(int, (mqd_t, const struct mq_attr *, struct mq_attr *), "mq_setattr") {
		CASE("changed", call(q, &small, &got));
		CASE("bad address", call(q, NOWHERE, NULL));
		BADFD(call(fd, &small, NULL));
	}
	CALLS(int, (mqd_t, const struct sigevent *), "mq_notify") {
		CASE("set", call(q, &event));
		CASE("twice", call(q, &event));
		CASE("taken back", call(q, NULL));
		CASE("no queue", call(F_FILE, &event));
		BADFD(call(fd, &event));
	}
	CALLS(int, (mqd_t), "mq_close") {
		CASE("closed", call(q));
		CASE("twice", call(q));
		BADFD(call(fd));
	}
	mq_unlink(name);
}

void rows_pollers(void)
{
	making();
	waiting();
	selecting();
	using();
	queues();
}
