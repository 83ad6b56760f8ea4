/*
 * tests/forklock/calls.c: every call that makes a descriptor without close-on-exec, one function each. See forklock.h.
 *
 * A maker has all that its calls need, made close-on-exec before. Each function is called again and again by the same thread; what `end`
 * leaves is as before. A call is written out here, at one address: that is what a program's own call looks like.
 */
#include <linux/openat2.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include "forklock.h"

#define ONE(name, expression) static int name(struct maker *m, int *fd) { fd[0] = (expression); return fd[0] < 0 ? -1 : 1; }
#define TWO(name, expression) static int name(struct maker *m, int *fd) { return (expression) ? -1 : 2; }

/* ---- duplicates ---------------------------------------------------------------------------------------------------------------------*/
ONE(by_dup, dup(m->null))
ONE(by_dup2, dup2(m->null, m->number))
ONE(by_dup3, dup3(m->null, m->number, 0))
ONE(by_F_DUPFD, fcntl(m->null, F_DUPFD, 30))
ONE(by_sys_dup, (int)syscall(SYS_dup, m->null))
ONE(by_sys_fcntl, (int)syscall(SYS_fcntl, m->null, F_DUPFD, 30))
#if defined(SYS_dup2)
ONE(by_sys_dup2, (int)syscall(SYS_dup2, m->null, m->number))
#endif

/* Over a descriptor that is open: it has close-on-exec, the new one has not. */
static int by_dup2_over(struct maker *m, int *fd)
{
	if (fcntl(m->null, F_DUPFD_CLOEXEC, m->number) != m->number)
		return -1;
	fd[0] = dup2(m->null, m->number);
	return fd[0] < 0 ? -1 : 1;
}

/* ---- files --------------------------------------------------------------------------------------------------------------------------*/
ONE(by_open, open(m->path, O_RDONLY))
ONE(by_openat, openat(m->dir, "null", O_RDWR))
ONE(by_creat, creat(m->path, 0600))
ONE(by_sys_openat, (int)syscall(SYS_openat, m->dir, "null", O_RDWR))
#if defined(SYS_open)
ONE(by_sys_open, (int)syscall(SYS_open, m->path, O_RDONLY))
#endif
ONE(by_memfd_create, memfd_create("forklock", 0))
ONE(by_open_by_handle_at, open_by_handle_at(m->mount, m->handle, O_RDONLY))
ONE(by_fanotify_init, fanotify_init(FAN_CLASS_NOTIF, O_RDONLY))

static const char *template(struct maker *m)
{
	snprintf(m->made, sizeof m->made, "%.80sXXXXXX", m->path);
	return m->made;
}

ONE(by_mkstemp, mkstemp((char *)template(m)))
ONE(by_mkostemp, mkostemp((char *)template(m), O_APPEND))

static void end_file(struct maker *m, const int *fd, int n)
{
	need(n == 1 && close(fd[0]) == 0 && unlink(m->made) == 0);
}

/* ---- streams ------------------------------------------------------------------------------------------------------------------------*/
static int stream(struct maker *m, FILE *f, int *fd)
{
	m->stream = f;
	fd[0] = f ? fileno(f) : -1;
	return f ? 1 : -1;
}
#define STREAM(name, expression) static int name(struct maker *m, int *fd) { return stream(m, (expression), fd); }

STREAM(by_fopen, fopen(m->path, "r"))
STREAM(by_tmpfile, tmpfile())
STREAM(by_popen, popen(":", "r"))

static int by_freopen(struct maker *m, int *fd)
{
	FILE *f = fdopen(open(m->path, O_RDONLY | O_CLOEXEC), "r"); /* opened with "e", the stream would keep that */

	return stream(m, f ? freopen("/dev/null", "r", f) : NULL, fd);
}

static void end_stream(struct maker *m, const int *fd, int n) { need(fd && n == 1 && fclose(m->stream) == 0); }
static void end_popen(struct maker *m, const int *fd, int n) { need(fd && n == 1 && pclose(m->stream) == 0); }

/* ---- sockets, pipes -----------------------------------------------------------------------------------------------------------------*/
ONE(by_socket, socket(AF_UNIX, SOCK_STREAM, 0))
TWO(by_socketpair, socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
TWO(by_pipe, pipe(fd))
TWO(by_pipe2, pipe2(fd, O_NONBLOCK))
ONE(by_sys_socket, (int)syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0))
TWO(by_sys_pipe2, syscall(SYS_pipe2, fd, 0))
TWO(by_sys_socketpair, syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, fd))

static int caller(struct maker *m)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd >= 0 && connect(fd, (struct sockaddr *)&m->address, m->address_len) == 0);
	return fd;
}

/* The client is gone before the accepted descriptor is marked: its close is a call on another one. */
#define ACCEPT(name, expression) \
	static int name(struct maker *m, int *fd) \
	{ \
		int client = caller(m), saved; \
		fd[0] = (expression); \
		saved = errno; \
		close(client); \
		errno = saved; \
		return fd[0] < 0 ? -1 : 1; \
	}
ACCEPT(by_accept, accept(m->listener, NULL, NULL))
ACCEPT(by_accept4, accept4(m->listener, NULL, NULL, 0))
ACCEPT(by_sys_accept4, (int)syscall(SYS_accept4, m->listener, NULL, NULL, 0))

/* ---- descriptors in messages --------------------------------------------------------------------------------------------------------*/
union control { struct cmsghdr head; char bytes[CMSG_SPACE(MADE_MAX * sizeof(int))]; };

static void message(struct msghdr *h, struct iovec *iov, char *byte, union control *c)
{
	*iov = (struct iovec){ byte, 1 };
	*h = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof *c };
}

static void send_null(struct maker *m, int n)
{
	char byte = 'x';
	struct iovec iov;
	struct msghdr h;
	union control c = { .bytes = { 0 } };

	message(&h, &iov, &byte, &c);
	h.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
	c.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN((size_t)n * sizeof(int)) };
	for (int i = 0; i < n; i++)
		memcpy(CMSG_DATA(&c.head) + (size_t)i * sizeof(int), &m->null, sizeof(int));
	need(sendmsg(m->sv[0], &h, 0) == 1);
}

/* The descriptors of a message as it came: its flags must be those that were asked for, not ours. */
static int taken(struct maker *m, struct msghdr *h, int *fd)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	int n = 0;

	if (h->msg_flags & MSG_CMSG_CLOEXEC)
		m->wrong++;
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -1;
	n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fd, CMSG_DATA(c), (size_t)n * sizeof(int));
	return n;
}

static int by_recvmsg(struct maker *m, int *fd)
{
	char byte;
	struct iovec iov;
	struct msghdr h;
	union control c;

	send_null(m, 2);
	message(&h, &iov, &byte, &c);
	return recvmsg(m->sv[1], &h, 0) == 1 ? taken(m, &h, fd) : -1;
}

typedef int recvmmsg_fn(int fd, struct mmsghdr *, unsigned n, int flags, struct timespec *);
static int two_messages(struct maker *m, int *fd, recvmmsg_fn *receive)
{
	char byte[2];
	struct iovec iov[2];
	struct mmsghdr h[2];
	union control c[2];

	send_null(m, 1);
	send_null(m, 1);
	for (int i = 0; i < 2; i++)
		message(&h[i].msg_hdr, &iov[i], &byte[i], &c[i]);
	if (receive(m->sv[1], h, 2, 0, NULL) != 2)
		return -1;
	if (taken(m, &h[0].msg_hdr, fd) != 1)
		return -1;
	return taken(m, &h[1].msg_hdr, fd + 1) == 1 ? 2 : 1;
}

static int by_recvmmsg(struct maker *m, int *fd) { return two_messages(m, fd, recvmmsg); }
static int sys_recvmmsg(int fd, struct mmsghdr *h, unsigned n, int flags, struct timespec *t)
{
	return (int)syscall(SYS_recvmmsg, fd, h, n, flags, t);
}
static int by_sys_recvmmsg(struct maker *m, int *fd) { return two_messages(m, fd, sys_recvmmsg); }

#if defined(SYS_recvmsg)
static int by_sys_recvmsg(struct maker *m, int *fd)
{
	char byte;
	struct iovec iov;
	struct msghdr h;
	union control c;

	send_null(m, 1);
	message(&h, &iov, &byte, &c);
	return syscall(SYS_recvmsg, m->sv[1], &h, 0) == 1 ? taken(m, &h, fd) : -1;
}
#endif

/* ---- event descriptors --------------------------------------------------------------------------------------------------------------*/
static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return signalfd(-1, &set, 0);
}

ONE(by_epoll_create, epoll_create(1))
ONE(by_epoll_create1, epoll_create1(0))
ONE(by_eventfd, eventfd(0, 0))
ONE(by_timerfd_create, timerfd_create(CLOCK_MONOTONIC, 0))
ONE(by_signalfd, signals())
ONE(by_inotify_init, inotify_init())
ONE(by_inotify_init1, inotify_init1(0))
ONE(by_sys_eventfd2, (int)syscall(SYS_eventfd2, 0, 0))
ONE(by_sys_epoll_create1, (int)syscall(SYS_epoll_create1, 0))
ONE(by_sys_memfd_create, (int)syscall(SYS_memfd_create, "forklock", 0))

ONE(by_sys_signalfd4, (int)syscall(SYS_signalfd4, -1, &(uint64_t){ 0 }, 8, 0))
ONE(by_sys_openat2, (int)syscall(SYS_openat2, m->dir, "null", &(struct open_how){ .flags = O_RDWR }, sizeof(struct open_how)))

/* ---- terminals ----------------------------------------------------------------------------------------------------------------------*/
ONE(by_posix_openpt, posix_openpt(O_RDWR | O_NOCTTY))
ONE(by_getpt, getpt())
TWO(by_openpty, openpty(&fd[0], &fd[1], NULL, NULL, NULL))

/* Its child ends at once; the master is what is made. */
static int by_forkpty(struct maker *m, int *fd)
{
	pid_t pid = forkpty(&fd[0], NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	m->pid = pid;
	return pid < 0 ? -1 : 1;
}
static void end_forkpty(struct maker *m, const int *fd, int n)
{
	need(n == 1 && waitpid(m->pid, NULL, 0) == m->pid && close(fd[0]) == 0);
}
#define CALL(name) { #name, by_##name, NULL, 1 }
const struct call calls[] = {
	CALL(dup), CALL(dup2), { "dup2-over", by_dup2_over, NULL, 1 }, CALL(dup3), CALL(F_DUPFD), CALL(open), CALL(openat), CALL(creat),
	CALL(socket), CALL(socketpair), CALL(accept), CALL(accept4), CALL(pipe), CALL(pipe2), CALL(epoll_create), CALL(epoll_create1),
	CALL(eventfd), CALL(timerfd_create), CALL(signalfd), { "inotify_init", by_inotify_init, NULL, 20 },
	{ "inotify_init1", by_inotify_init1, NULL, 20 }, CALL(memfd_create), CALL(recvmsg), CALL(recvmmsg),
	{ "fopen", by_fopen, end_stream, 1 }, { "freopen", by_freopen, end_stream, 1 }, { "mkstemp", by_mkstemp, end_file, 2 },
	{ "mkostemp", by_mkostemp, end_file, 2 }, { "tmpfile", by_tmpfile, end_stream, 2 }, { "popen", by_popen, end_popen, 20 },
	{ "posix_openpt", by_posix_openpt, NULL, 5 }, { "getpt", by_getpt, NULL, 5 },
	{ "openpty", by_openpty, NULL, 5 }, CALL(open_by_handle_at), { "fanotify_init", by_fanotify_init, NULL, 20 },
	CALL(sys_dup), CALL(sys_fcntl), CALL(sys_openat), CALL(sys_socket), CALL(sys_socketpair), CALL(sys_pipe2), CALL(sys_accept4),
	CALL(sys_eventfd2), CALL(sys_epoll_create1), CALL(sys_memfd_create), CALL(sys_signalfd4), CALL(sys_openat2), CALL(sys_recvmmsg),
	{ "forkpty", by_forkpty, end_forkpty, 5 },
#if defined(SYS_dup2)
	CALL(sys_dup2),
#endif
#if defined(SYS_open)
	CALL(sys_open),
#endif
#if defined(SYS_recvmsg)
	CALL(sys_recvmsg),
#endif
};
const size_t calls_count = COUNT(calls);

const struct call *call_named(const char *name)
{
	for (size_t i = 0; i < calls_count; i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	return NULL;
}

/* ---- makers -------------------------------------------------------------------------------------------------------------------------*/
static void listen_somewhere(struct maker *m)
{
	m->address.sun_family = AF_UNIX; /* without a path: the kernel chooses an abstract name */
	m->address_len = sizeof m->address.sun_family;
	m->listener = quiet(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	need(bind(m->listener, (struct sockaddr *)&m->address, m->address_len) == 0 && listen(m->listener, 16) == 0);
	m->address_len = sizeof m->address;
	need(getsockname(m->listener, (struct sockaddr *)&m->address, &m->address_len) == 0);
}

static void take_handle(struct maker *m)
{
	static _Alignas(struct file_handle) char room[64][sizeof(struct file_handle) + MAX_HANDLE_SZ];

	m->handle = (struct file_handle *)room[m->index % 64];
	m->handle->handle_bytes = MAX_HANDLE_SZ;
	m->mount = quiet(open(scratch(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (name_to_handle_at(AT_FDCWD, m->path, m->handle, &(int){ 0 }, 0))
		m->handle->handle_bytes = 0;
}

void maker_begin(struct maker *m, int index)
{
	int sv[2];

	*m = (struct maker){ .index = index, .number = 300 + index };
	m->null = quiet(open("/dev/null", O_RDWR | O_CLOEXEC));
	m->dir = quiet(open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	need(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sv) == 0);
	m->sv[0] = quiet(sv[0]);
	m->sv[1] = quiet(sv[1]);
	listen_somewhere(m);
	snprintf(m->path, sizeof m->path, "%s/forklock.%d.%d", scratch(), (int)getpid(), index);
	close(quiet(open(m->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)));
	take_handle(m);
}

int call_allowed(const struct call *c, struct maker *m)
{
	int fd[MADE_MAX], n = c->make(m, fd);

	if (n < 0) {
		need(errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL || errno == EMFILE);
		return 0;
	}
	call_end(c, m, fd, n);
	return 1;
}

void call_end(const struct call *c, struct maker *m, const int *fd, int n)
{
	if (c->end) {
		c->end(m, fd, n);
		return;
	}
	for (int i = 0; i < n; i++)
		need(close(fd[i]) == 0);
}
