/*
 * tests/e2e/src/rows/syscalls.c: syscall(): the calls that have a function of their own, and those that have none. Context and vocabulary:
 * rows.h.
 */
#include <linux/futex.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/epoll.h>
#include <time.h>
#include "rows.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static long (*call)(long, ...);

static void makers(void)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
	struct perf_event_attr perf = { .type = PERF_TYPE_SOFTWARE, .size = sizeof perf, .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1 };
	char ring[256] = "", rules[8] = { 1 };
	int two[2] = { 0, 0 };

	CASE("open", call(SYS_open, path("file"), O_RDONLY));
	CASE("open: missing", call(SYS_open, path("missing"), O_RDONLY));
	CASE("openat", call(SYS_openat, F_DIR, "new", O_RDWR | O_CREAT | O_CLOEXEC, 0640));
	CASE("openat: bad address", call(SYS_openat, F_DIR, NOWHERE, O_RDONLY));
	CASE("openat2", call(SYS_openat2, F_DIR, "file", &how, sizeof how));
	CASE("openat2: bad size", call(SYS_openat2, F_DIR, "file", &how, 1));
	CASE("creat", call(SYS_creat, path("new"), 0600));
	CASE("socket", call(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
	CASE("socketpair", call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, two));
	CASE("pipe", call(SYS_pipe, two));
	CASE("pipe2", call(SYS_pipe2, two, O_CLOEXEC));
	CASE("pipe2: bad address", call(SYS_pipe2, NOWHERE, 0));
	rows_note("%d %d", two[0], two[1]);
	CASE("epoll_create1", call(SYS_epoll_create1, EPOLL_CLOEXEC));
	CASE("eventfd2", call(SYS_eventfd2, 0, 0));
	CASE("eventfd", call(SYS_eventfd, 0));
	CASE("timerfd_create", call(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
	CASE("inotify_init1", call(SYS_inotify_init1, 0));
	CASE("memfd_create", call(SYS_memfd_create, "rows", 0));
	CASE("memfd_create: bad address", call(SYS_memfd_create, NOWHERE, 0));
	CASE("memfd_secret", call(SYS_memfd_secret, 0));
	CASE("userfaultfd", call(SYS_userfaultfd, O_CLOEXEC | 1));
	CASE("userfaultfd: bad flags", call(SYS_userfaultfd, 0x40000000));
	CASE("perf_event_open", call(SYS_perf_event_open, &perf, 0, -1, -1, 8));
	CASE("perf_event_open: bad address", call(SYS_perf_event_open, NOWHERE, 0, -1, -1, 0));
	CASE("bpf: bad command", call(SYS_bpf, 9999, NOWHERE, 8));
	CASE("io_uring_setup", call(SYS_io_uring_setup, 4, ring));
	CASE("io_uring_setup: bad address", call(SYS_io_uring_setup, 4, NOWHERE));
	CASE("landlock_create_ruleset", call(444, rules, sizeof rules, 0));
	CASE("pidfd_open", call(SYS_pidfd_open, getpid(), 0));
	CASE("signalfd4", call(SYS_signalfd4, -1, rules, 8, O_CLOEXEC));
	FULL(0, call(SYS_openat, F_DIR, "file", O_RDONLY, 0));
	FULL(1, call(SYS_pipe2, two, 0));
}

static void changers(void)
{
	struct epoll_event e = { EPOLLIN, { .fd = 1 } };

	CASE("dup", call(SYS_dup, F_FILE));
	CASE("dup2", call(SYS_dup2, F_FILE, 50));
	CASE("dup3", call(SYS_dup3, F_FILE, 50, O_CLOEXEC));
	CASE("dup3: over itself", call(SYS_dup3, F_FILE, F_FILE, 0));
	CASE("fcntl", call(SYS_fcntl, F_FILE, F_DUPFD_CLOEXEC, 40));
	CASE("fcntl: marked", call(SYS_fcntl, F_FILE, F_SETFD, 1));
	CASE("fcntl: unmarked", call(SYS_fcntl, F_FILE, F_SETFD, 0));
	dup2(F_FILE, 50);
	CASE("close", call(SYS_close, 50));
	CASE("close: again", call(SYS_close, 50));
	dup2(F_FILE, 50);
	CASE("close_range: marked", call(SYS_close_range, 50, 55, 4));
	CASE("close_range", call(SYS_close_range, 50, 55, 0));
	CASE("close_range: bad flags", call(SYS_close_range, 50, 55, 0x40));
	CASE("epoll_ctl", call(SYS_epoll_ctl, F_EPOLL, EPOLL_CTL_ADD, F_IN, &e));
	CASE("epoll_ctl: again", call(SYS_epoll_ctl, F_EPOLL, EPOLL_CTL_ADD, F_IN, &e));
	CASE("epoll_ctl: bad address", call(SYS_epoll_ctl, F_EPOLL, EPOLL_CTL_ADD, F_SOCK, NOWHERE));
	CASE("read", call(SYS_read, F_FILE, NOWHERE, 0));
	CASE("all six", call(SYS_mmap, 0, 4096, 1, 2, F_FILE, 0) > 0);
	CASE("all six: bad address", call(SYS_futex, NOWHERE, FUTEX_WAKE, 1, NULL, NULL, 0));
	BADFD(call(SYS_read, fd, NULL, 0));
	BADFD(call(SYS_close, fd));
	BADFD(call(SYS_dup, fd));
	CASE("no such call", call(99999));
	CASE("minus one", call(-1));
}

static pid_t after(long pid) { return (pid_t)pid; }

static void forks(void)
{
	struct { uint64_t flags, pidfd, child, parent, exit, stack, size, tls, set, n, cgroup; } args = { .exit = SIGCHLD };
	char *const argv[] = { (char *)"true", NULL };
	int pidfd = -1;

	FORK("fork", after(call(SYS_fork)));
	FORK("clone", after(call(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)));
	FORK("clone: bad flags", after(call(SYS_clone, CLONE_THREAD, NULL, NULL, NULL, NULL)));
	FORK("clone3", after(call(SYS_clone3, &args, sizeof args)));
	args.flags = CLONE_PIDFD;
	args.pidfd = (uintptr_t)&pidfd;
	FORK("clone3: with a pidfd", after(call(SYS_clone3, &args, sizeof args)));
	rows_note("%d", pidfd);
	FORK("clone3: bad size", after(call(SYS_clone3, &args, 1)));
	FORK("clone3: bad address", after(call(SYS_clone3, NOWHERE, sizeof args)));
	FORK("exit_group", ({ pid_t p = fork(); if (p == 0) call(SYS_exit_group, 5); p; }));
	FORK("execve", ({ pid_t p = fork(); if (p == 0) call(SYS_execve, "/bin/true", argv, environ); p; }));
	CASE("execve: missing", call(SYS_execve, path("missing"), argv, environ));
	CASE("execve: bad address", call(SYS_execve, NOWHERE, argv, environ));
	CASE("unshare", call(SYS_unshare, CLONE_FS));
}

void rows_syscalls(void)
{
	rows_name = "syscall";
	call = (long (*)(long, ...))rows_symbol(rows_name);
	makers();
	changers();
	forks();
}
