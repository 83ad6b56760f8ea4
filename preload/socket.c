/*
 * preload/socket.c: sockets: accepting, naming, and descriptors that travel in messages (SCM_RIGHTS).
 *
 * Context: everywhere. accept, connect, recvmsg block and are cancellation points: nothing is held over the real call.
 */
#include <sys/un.h>
#include "birth.h"
#include "close.h"
#include "event.h"
#include "fork.h"
#include "inside.h"
#include "protect.h"
#include "env.h"
#include "resolve.h"
#include "routes.h"
#include "wanted.h"
#include "poison.h"

#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

static struct fdw_detail address(const struct sockaddr *addr, socklen_t len)
{
	return (struct fdw_detail){ addr, addr ? len : 0 };
}

/* How much of a peer's name there is room for; 0 where that cannot be read, as the kernel does not when it fails for another reason. */
static socklen_t room_of(const struct sockaddr *addr, const socklen_t *len)
{
	return addr && fdw_is_there((const char *)len) && fdw_is_there((const char *)(len + 1) - 1) ? *len : 0;
}

/* The call is the program's own to the letter: a socket may have a peer without a name. It is asked for afterwards, and only while recording. */
static int accept_any(int fd, struct sockaddr *addr, socklen_t *len, int flags, uint16_t call, uintptr_t pc)
{
	struct sockaddr_storage own;
	socklen_t own_len = sizeof own, room = fdw_recording() ? room_of(addr, len) : 0;
	struct fdw_detail peer = FDW_NO_DETAIL;
	uint32_t birth;
	int r, was;

	fdw_child_is_worker();
	fdw_passed_over(fd, -1, call);
	birth = fdw_birth(fdw_sflags(flags), pc);
	fdw_wanted(pc, 0);
	was = fdw_inside(fd, call, pc);
	if (unlikely(birth))
		r = real_accept4(fd, addr, len, flags | SOCK_CLOEXEC);
	else
		r = call == FDW_CALL_accept ? FDW_LIBC(accept)(fd, addr, len) : FDW_LIBC(accept4)(fd, addr, len, flags);
	fdw_left(was);
	r = FDW_OR_AGAIN(r, real_accept4(fd, addr, len, birth ? flags | SOCK_CLOEXEC : flags));
	if (unlikely(r < 0)) {
		fdw_birth_failed(birth);
		fdw_use_failed(fd, call, pc);
		return r;
	}
	r = fdw_wanted_number(r);
	fdw_used(fd, call, pc);
	if (fdw_recording() && room)
		peer = address(addr, *len < room ? *len : room);
	else if (fdw_recording() && !fdw_process.filtered && fdw_raw(SYS_getpeername, (long)r, &own, &own_len) == 0)
		peer = address((struct sockaddr *)&own, own_len < sizeof own ? own_len : sizeof own);
	return fdw_made(r, FDW_KIND_CONN, fdw_sflags(flags) | FDW_F_PEER | FDW_F_WRITABLE | birth, call, pc, fd, peer);
}

FDW_EXPORT int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accept_any(fd, addr, len, 0, FDW_CALL_accept, FDW_CALLER);
}

FDW_EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return accept_any(fd, addr, len, flags, FDW_CALL_accept4, FDW_CALLER);
}

FDW_EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_un redirected;
	int r, redirect, was;

	fdw_passed_over(fd, -1, FDW_CALL_connect);
	redirect = unlikely(fdw_recording() || fdw_self.tool) && fdw_protect_connect(&redirected, addr, len, FDW_CALLER);
	was = fdw_inside(fd, FDW_CALL_connect, FDW_CALLER);
	r = redirect ? FDW_LIBC(connect)(fd, (struct sockaddr *)&redirected, sizeof redirected) : FDW_LIBC(connect)(fd, addr, len);
	fdw_left(was);
	if (unlikely(r < 0) && fdw_on() && errno != EINPROGRESS) {
		fdw_use_failed(fd, FDW_CALL_connect, FDW_CALLER);
		return r;
	}
	fdw_used(fd, FDW_CALL_connect, FDW_CALLER);
	fdw_object(fd, FDW_F_PEER, FDW_KIND_CONN, FDW_CALL_connect, FDW_CALLER, address(addr, len));
	return r;
}

FDW_EXPORT int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	int r = FDW_LIBC(bind)(fd, addr, len);

	if (unlikely(r < 0)) {
		fdw_use_failed(fd, FDW_CALL_bind, FDW_CALLER);
		return r;
	}
	fdw_used(fd, FDW_CALL_bind, FDW_CALLER);
	fdw_object(fd, FDW_F_LOCAL, FDW_KIND_SOCKET, FDW_CALL_bind, FDW_CALLER, address(addr, len));
	return r;
}

FDW_EXPORT int listen(int fd, int backlog)
{
	int r = FDW_LIBC(listen)(fd, backlog);

	if (unlikely(r < 0)) {
		fdw_use_failed(fd, FDW_CALL_listen, FDW_CALLER);
		return r;
	}
	fdw_used(fd, FDW_CALL_listen, FDW_CALLER);
	fdw_object(fd, 0, FDW_KIND_LISTENER, FDW_CALL_listen, FDW_CALLER, FDW_NO_DETAIL);
	return r;
}

/* ---- descriptors in messages -------------------------------------------------------------------------------------------------------*/

/* Descriptors that come are born in the call that receives them. */
struct receipt {
	int born;       /* the kernel was asked for close-on-exec and the program did not */
	uint32_t birth; /* the place for the next one; 0: none is reserved */
};

static struct receipt receives(int flags, uintptr_t pc)
{
	uint32_t birth = fdw_birth(flags & MSG_CMSG_CLOEXEC ? FDW_F_CLOEXEC : 0, pc);
	return (struct receipt){ birth != 0, birth };
}

/* The kernel's answer is untrusted only in as far as the buffer is the program's: another thread may scribble over it. */
static void received(int sock, struct msghdr *m, int flags, struct receipt *in, uint16_t call, uintptr_t pc)
{
	struct cmsghdr *c;

	if (in->born)
		m->msg_flags &= ~MSG_CMSG_CLOEXEC; /* the kernel tells of it, and the program did not ask for it */

	if (!m->msg_control || m->msg_controllen < sizeof(struct cmsghdr))
		return;
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR((struct msghdr *)m, c)) {
		const unsigned char *p = CMSG_DATA(c);
		size_t n = c->cmsg_len < CMSG_LEN(0) ? 0 : (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || (c->cmsg_type != SCM_RIGHTS && c->cmsg_type != SCM_PIDFD))
			continue;
		for (size_t i = 0; i < n && i < 253; i++) { /* SCM_MAX_FD */
			int fd;
			memcpy(&fd, p + i * sizeof fd, sizeof fd);
			if (fd < 0)
				continue;
			/* The first takes the place that was reserved; each further one needs a place of its own. */
			if (in->born && !in->birth && !(in->birth = fdw_birth(0, pc)))
				fdw_birth_plain(fd);
			fdw_received(fd, sock, (flags & MSG_CMSG_CLOEXEC ? FDW_F_CLOEXEC : 0) | in->birth, call, pc);
			in->birth = 0;
		}
	}
}

/* The kernel would send a tombstone. */
static int sends_tombstone(const struct msghdr *m, uint16_t call, uintptr_t pc)
{
	struct cmsghdr *c;

	if (!fdw_hides() || !fdw_readable_bytes(m, sizeof *m) || !m->msg_control || m->msg_controllen < sizeof(struct cmsghdr) ||
	    !fdw_readable_bytes(m->msg_control, sizeof(struct cmsghdr)))
		return 0;
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR((struct msghdr *)m, c)) {
		size_t n = c->cmsg_len < CMSG_LEN(0) ? 0 : (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && i < n && i < 253; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (fdw_tombstone_met(fd, call, pc))
				return 1;
		}
	}
	return 0;
}

void fdw_sent(int sock, const struct msghdr *m, uint16_t call, uintptr_t pc)
{
	struct cmsghdr *c;

	if (!m->msg_control || m->msg_controllen < sizeof(struct cmsghdr))
		return;
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR((struct msghdr *)m, c)) {
		size_t n = c->cmsg_len < CMSG_LEN(0) ? 0 : (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n && i < 253; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (fdw_word(fd))
				atomic_fetch_or_explicit(fdw_word(fd), FDW_W_SENT, memory_order_relaxed);
			if (fdw_recording())
				fdw_send(&(struct fdw_event){ .op = FDW_OP_SEND, .call = call, .fd = fd, .gen = fdw_gen(fdw_peek(fd)),
					.fd2 = sock, .gen2 = fdw_gen(fdw_peek(sock)) }, pc);
		}
	}
}

ssize_t fdw_recvmsg_by(fdw_recvmsg_fn *real, int fd, struct msghdr *msg, int flags, uintptr_t pc)
{
	struct receipt in;
	ssize_t r;
	int was;

	fdw_passed_over(fd, -1, FDW_CALL_recvmsg);
	in = receives(flags, pc);
	was = fdw_inside(fd, FDW_CALL_recvmsg, pc);
	r = real(fd, msg, in.born ? flags | MSG_CMSG_CLOEXEC : flags);
	fdw_left(was);
	if (unlikely(r < 0)) {
		fdw_birth_failed(in.birth);
		fdw_use_failed(fd, FDW_CALL_recvmsg, pc);
		return r;
	}
	fdw_used(fd, FDW_CALL_recvmsg, pc);
	if (fdw_on())
		received(fd, msg, flags, &in, FDW_CALL_recvmsg, pc);
	fdw_birth_failed(in.birth);
	return r;
}

FDW_EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return fdw_recvmsg_by(FDW_LIBC(recvmsg), fd, msg, flags, FDW_CALLER);
}

int fdw_recvmmsg_by(fdw_recvmmsg_fn *real, int fd, struct mmsghdr *msgs, unsigned int n, int flags, struct timespec *timeout, uintptr_t pc)
{
	struct receipt in;
	int r, was;

	fdw_passed_over(fd, -1, FDW_CALL_recvmmsg);
	in = receives(flags, pc);
	was = fdw_inside(fd, FDW_CALL_recvmmsg, pc);
	r = real(fd, msgs, n, in.born ? flags | MSG_CMSG_CLOEXEC : flags, timeout);
	fdw_left(was);
	if (unlikely(r < 0))
		fdw_use_failed(fd, FDW_CALL_recvmmsg, pc);
	else
		fdw_used(fd, FDW_CALL_recvmmsg, pc);
	for (int i = 0; i < r && fdw_on(); i++)
		received(fd, &msgs[i].msg_hdr, flags, &in, FDW_CALL_recvmmsg, pc);
	fdw_birth_failed(in.birth);
	return r;
}

FDW_EXPORT int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags, struct timespec *timeout)
{
	return fdw_recvmmsg_by(FDW_LIBC(recvmmsg), fd, msgs, n, flags, timeout, FDW_CALLER);
}

FDW_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t r;
	int was;

	fdw_passed_over(fd, -1, FDW_CALL_sendmsg);
	if (sends_tombstone(msg, FDW_CALL_sendmsg, FDW_CALLER))
		return -1;
	was = fdw_inside(fd, FDW_CALL_sendmsg, FDW_CALLER);
	r = FDW_LIBC(sendmsg)(fd, msg, flags);
	fdw_left(was);
	if (unlikely(r < 0)) {
		fdw_use_failed(fd, FDW_CALL_sendmsg, FDW_CALLER);
		return r;
	}
	fdw_used(fd, FDW_CALL_sendmsg, FDW_CALLER);
	fdw_sent(fd, msg, FDW_CALL_sendmsg, FDW_CALLER);
	return r;
}

FDW_EXPORT int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	int r;

	fdw_passed_over(fd, -1, FDW_CALL_sendmmsg);
	r = FDW_LIBC(sendmmsg)(fd, msgs, n, flags);
	if (unlikely(r < 0))
		fdw_use_failed(fd, FDW_CALL_sendmmsg, FDW_CALLER);
	else
		fdw_used(fd, FDW_CALL_sendmmsg, FDW_CALLER);
	for (int i = 0; i < r; i++)
		fdw_sent(fd, &msgs[i].msg_hdr, FDW_CALL_sendmmsg, FDW_CALLER);
	return r;
}
