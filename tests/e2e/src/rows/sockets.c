/* tests/e2e/src/rows/sockets.c: sockets, pipes, what they carry, and what can be asked of them. Context and vocabulary: rows.h. */
#include <netinet/in.h>
#include "rows.h"

static struct sockaddr_un unix_at(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof a.sun_path, "%s", name);
	return a;
}

/* Somebody waits at F_LISTEN; stays open until the end of the family, as number 50 and up. */
static void knock(void)
{
	static int at = 40;
	struct sockaddr_un a = unix_at(path("listen"));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		dup2(fd, at++);
	close(fd);
	if (at == 60)
		at = 40;
}

static void making(void)
{
	CALLS(int, (int, int, int), "socket", "__socket") {
		CASE("stream", call(AF_UNIX, SOCK_STREAM, 0));
		CASE("flags", call(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
		CASE("no such family", call(99, SOCK_STREAM, 0));
		CASE("no such type", call(AF_UNIX, 99, 0));
		FULL(0, call(AF_UNIX, SOCK_STREAM, 0));
	}
	CALLS(int, (int, int, int, int *), "socketpair") {
		int sv[2] = { 0, 0 };
		CASE("a pair", call(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
		rows_note("%d %d", sv[0], sv[1]);
		CASE("not of this family", call(AF_INET, SOCK_STREAM, 0, sv));
		CASE("bad address", call(AF_UNIX, SOCK_STREAM, 0, NOWHERE));
		FULL(0, call(AF_UNIX, SOCK_STREAM, 0, sv));
		FULL(1, call(AF_UNIX, SOCK_STREAM, 0, sv));
	}
	CALLS(int, (int *), "pipe", "__pipe") {
		int p[2] = { 0, 0 };
		CASE("a pipe", call(p));
		rows_note("%d %d", p[0], p[1]);
		CASE("bad address", call(NOWHERE));
		FULL(0, call(p));
		FULL(1, call(p));
	}
	CALLS(int, (int *, int), "pipe2") {
		int p[2] = { 0, 0 };
		CASE("flags", call(p, O_CLOEXEC | O_NONBLOCK));
		CASE("none", call(p, 0));
		CASE("bad flags", call(p, 1));
		CASE("bad address", call(NOWHERE, 0));
		FULL(1, call(p, 0));
	}
}

static void connecting(void)
{
	struct sockaddr_un from;
	socklen_t len;

	CALLS(int, (int, struct sockaddr *, socklen_t *), "accept") {
		len = sizeof from;
		knock();
		CASE("a connection", call(F_LISTEN, NULL, NULL));
		knock();
		CASE("its address", call(F_LISTEN, (struct sockaddr *)&from, &len));
		rows_note("%d %u", from.sun_family, len);
		knock();
		CASE("bad address", call(F_LISTEN, NOWHERE, &len));
		knock();
		CASE("no length", call(F_LISTEN, (struct sockaddr *)&from, NULL));
		knock();
		FULL(0, call(F_LISTEN, NULL, NULL));
		CASE("after that", call(F_LISTEN, NULL, NULL));
		CASE("does not listen", call(F_SOCK, NULL, NULL));
		CASE("no socket", call(F_FILE, NULL, NULL));
		BADFD(call(fd, NULL, NULL));
	}
	CALLS(int, (int, struct sockaddr *, socklen_t *, int), "accept4") {
		knock();
		CASE("flags", call(F_LISTEN, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
		knock();
		CASE("none", call(F_LISTEN, NULL, NULL, 0));
		CASE("bad flags", call(F_LISTEN, NULL, NULL, 1));
		fcntl(F_LISTEN, F_SETFL, O_NONBLOCK);
		CASE("nobody there", call(F_LISTEN, NULL, NULL, 0));
		fcntl(F_LISTEN, F_SETFL, 0);
		CASE("no socket", call(F_FILE, NULL, NULL, 0));
		BADFD(call(fd, NULL, NULL, 0));
	}
	CALLS(int, (int, const struct sockaddr *, socklen_t), "connect", "__connect") {
		struct sockaddr_un to = unix_at(path("listen")), nobody = unix_at(path("nobody")), file = unix_at(path("file"));
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CASE("missing", call(fd, (struct sockaddr *)&nobody, sizeof nobody));
		CASE("nobody listens", call(fd, (struct sockaddr *)&file, sizeof file));
		CASE("bad address", call(fd, NOWHERE, sizeof to));
		CASE("short", call(fd, (struct sockaddr *)&to, 1));
		CASE("no address", call(fd, NULL, 0));
		CASE("there", call(fd, (struct sockaddr *)&to, sizeof to));
		CASE("twice", call(fd, (struct sockaddr *)&to, sizeof to));
		close(fd);
		close(accept(F_LISTEN, NULL, NULL));
		CASE("no socket", call(F_FILE, (struct sockaddr *)&to, sizeof to));
		BADFD(call(fd, (struct sockaddr *)&to, sizeof to));
	}
	CALLS(int, (int, const struct sockaddr *, socklen_t), "bind") {
		struct sockaddr_un at = unix_at(fresh("bound"));
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CASE("bad address", call(fd, NOWHERE, sizeof at));
		CASE("a name", call(fd, (struct sockaddr *)&at, sizeof at));
		CASE("twice", call(fd, (struct sockaddr *)&at, sizeof at));
		close(fd);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CASE("in use", call(fd, (struct sockaddr *)&at, sizeof at));
		close(fd);
		CASE("no socket", call(F_FILE, (struct sockaddr *)&at, sizeof at));
		BADFD(call(fd, (struct sockaddr *)&at, sizeof at));
	}
	CALLS(int, (int, int), "listen") {
		CASE("again", call(F_LISTEN, 50));
		CASE("cannot", call(F_DGRAM, 5));
		CASE("no name", call(F_SOCK, 5));
		CASE("no socket", call(F_FILE, 5));
		BADFD(call(fd, 5));
	}
}

/* A message of five bytes, with a descriptor when `pass` is one. */
struct message {
	struct mmsghdr m;
	struct iovec v;
	char bytes[16];
	union { struct cmsghdr h; char room[CMSG_SPACE(4 * sizeof(int))]; } control;
};

static struct message *message(int pass)
{
	static struct message m;

	memset(&m, 0, sizeof m);
	m.v = (struct iovec){ m.bytes, 5 };
	m.m.msg_hdr.msg_iov = &m.v;
	m.m.msg_hdr.msg_iovlen = 1;
	m.m.msg_hdr.msg_control = m.control.room;
	m.m.msg_hdr.msg_controllen = sizeof m.control;
	if (pass != -2) {
		m.m.msg_hdr.msg_controllen = CMSG_LEN(sizeof pass);
		m.control.h = (struct cmsghdr){ CMSG_LEN(sizeof pass), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&m.control.h), &pass, sizeof pass);
	}
	return &m;
}

static struct msghdr *one(int pass) { return &message(pass)->m.msg_hdr; }
static struct mmsghdr *some(int pass) { return &message(pass)->m; }

static void receiving(void)
{
	CALLS(ssize_t, (int, const struct msghdr *, int), "sendmsg") {
		CASE("with a descriptor", call(F_DGRAM, one(F_FILE), 0));
		CASE("with a closed one", call(F_DGRAM, one(NEVER), 0));
		CASE("bad address", call(F_DGRAM, NOWHERE, 0));
		CASE("no socket", call(F_FILE, one(F_FILE), 0));
		BADFD(call(fd, one(F_FILE), 0));
	}
	CALLS(ssize_t, (int, struct msghdr *, int), "recvmsg") {
		CASE("with a descriptor", call(F_DPEER, one(-2), 0));
		rows_note("%zu %d", message(-2)->m.msg_hdr.msg_controllen, 0);
		sendmsg(F_DGRAM, one(F_NULL), 0);
		CASE("close-on-exec", call(F_DPEER, one(-2), MSG_CMSG_CLOEXEC));
		sendmsg(F_DGRAM, one(F_NULL), 0);
		FULL(0, call(F_DPEER, one(-2), 0));
		sendmsg(F_DGRAM, one(F_NULL), 0);
		CASE("bad control", ({ struct msghdr *m = one(-2); m->msg_control = NOWHERE; call(F_DPEER, m, 0); }));
		CASE("nothing there", call(F_DPEER, one(-2), MSG_DONTWAIT));
		CASE("bad address", call(F_DPEER, NOWHERE, MSG_DONTWAIT));
		CASE("no socket", call(F_FILE, one(-2), 0));
		BADFD(call(fd, one(-2), 0));
	}
	CALLS(int, (int, struct mmsghdr *, unsigned, int), "sendmmsg", "__sendmmsg") {
		CASE("one", call(F_DGRAM, some(F_NULL), 1, 0));
		CASE("none", call(F_DGRAM, some(F_NULL), 0, 0));
		CASE("bad address", call(F_DGRAM, NOWHERE, 1, 0));
		CASE("no socket", call(F_FILE, some(-2), 1, 0));
		BADFD(call(fd, some(F_NULL), 1, 0));
	}
	CALLS(int, (int, struct mmsghdr *, unsigned, int, struct timespec *), "recvmmsg") {
		struct timespec soon = { 0, 1000000 }, never = { -1, 0 };
		CASE("one", call(F_DPEER, some(-2), 1, MSG_CMSG_CLOEXEC, NULL));
		CASE("another", call(F_DPEER, some(-2), 1, MSG_DONTWAIT, &soon));
		CASE("nothing there", call(F_DPEER, some(-2), 1, MSG_DONTWAIT, NULL));
		CASE("bad time", call(F_DPEER, some(-2), 1, MSG_DONTWAIT, &never));
		CASE("bad address", call(F_DPEER, NOWHERE, 1, MSG_DONTWAIT, NULL));
		BADFD(call(fd, some(-2), 1, 0, NULL));
	}
}

static void talking(void)
{
	struct sockaddr_un a = unix_at(path("listen"));
	char b[16];
	socklen_t len;

	CALLS(ssize_t, (int, const void *, size_t, int), "send", "__send") {
		CASE("five bytes", call(F_DGRAM, "hello", 5, 0));
		CASE("bad address", call(F_DGRAM, NOWHERE, 5, 0));
		CASE("no socket", call(F_FILE, "hello", 5, 0));
		BADFD(call(fd, "hello", 5, 0));
	}
	CALLS(ssize_t, (int, const void *, size_t, int, const struct sockaddr *, socklen_t), "sendto") {
		CASE("five bytes", call(F_DGRAM, "hello", 5, 0, NULL, 0));
		CASE("to a stream", call(F_DGRAM, "hello", 5, 0, (struct sockaddr *)&a, sizeof a));
		CASE("bad address", call(F_DGRAM, "hello", 5, 0, NOWHERE, sizeof a));
		BADFD(call(fd, "hello", 5, 0, NULL, 0));
	}
	send(F_DGRAM, "hello", 5, 0);
	CALLS(ssize_t, (int, void *, size_t, int), "recv") {
		CASE("five bytes", call(F_DPEER, b, sizeof b, 0));
		CASE("bad address", call(F_DPEER, NOWHERE, 5, MSG_DONTWAIT));
		BADFD(call(fd, b, sizeof b, 0));
	}
	CALLS(ssize_t, (int, void *, size_t, size_t, int), "__recv_chk") {
		CASE("looks", call(F_DPEER, b, sizeof b, sizeof b, MSG_PEEK));
		BADFD(call(fd, b, sizeof b, sizeof b, 0));
	}
	CALLS(ssize_t, (int, void *, size_t, int, struct sockaddr *, socklen_t *), "recvfrom") {
		len = sizeof a;
		CASE("looks", call(F_DPEER, b, sizeof b, MSG_PEEK, (struct sockaddr *)&a, &len));
		CASE("takes", call(F_DPEER, b, 2, MSG_TRUNC, NULL, NULL));
		CASE("nothing there", call(F_DPEER, b, sizeof b, MSG_DONTWAIT | MSG_OOB, NULL, NULL));
		BADFD(call(fd, b, sizeof b, 0, NULL, NULL));
	}
	CALLS(ssize_t, (int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *), "__recvfrom_chk") {
		send(F_DGRAM, "hello", 5, 0);
		CASE("takes", call(F_DPEER, b, sizeof b, sizeof b, 0, NULL, NULL));
		BADFD(call(fd, b, sizeof b, sizeof b, 0, NULL, NULL));
	}
}

static void asking(void)
{
	struct sockaddr_un a;
	socklen_t len = sizeof a;
	int value = 0;

	CALLS(int, (int, struct sockaddr *, socklen_t *), "getsockname", "getpeername") {
		len = sizeof a;
		CASE("a pair", call(F_SOCK, (struct sockaddr *)&a, &len));
		len = sizeof a;
		CASE("a listener", call(F_LISTEN, (struct sockaddr *)&a, &len));
		CASE("bad address", call(F_SOCK, NOWHERE, &len));
		CASE("no socket", call(F_FILE, (struct sockaddr *)&a, &len));
		BADFD(call(fd, (struct sockaddr *)&a, &len));
	}
	CALLS(int, (int, int, int, void *, socklen_t *), "getsockopt") {
		len = sizeof value;
		CASE("type", call(F_SOCK, SOL_SOCKET, SO_TYPE, &value, &len));
		CASE("peer's pidfd", call(F_SOCK, SOL_SOCKET, 77, &value, &len));
		CASE("no such", call(F_SOCK, SOL_SOCKET, 9999, &value, &len));
		CASE("bad address", call(F_SOCK, SOL_SOCKET, SO_TYPE, NOWHERE, &len));
		CASE("no socket", call(F_FILE, SOL_SOCKET, SO_TYPE, &value, &len));
		BADFD(call(fd, SOL_SOCKET, SO_TYPE, &value, &len));
	}
	CALLS(int, (int, int, int, const void *, socklen_t), "setsockopt") {
		value = 1;
		CASE("keep alive", call(F_SOCK, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value));
		CASE("no such", call(F_SOCK, SOL_SOCKET, 9999, &value, sizeof value));
		CASE("short", call(F_SOCK, SOL_SOCKET, SO_KEEPALIVE, &value, 1));
		BADFD(call(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value));
	}
	CALLS(int, (int, int), "shutdown") {
		CASE("both", call(F_DGRAM, SHUT_RDWR));
		CASE("bad way", call(F_SOCK, 99));
		CASE("no socket", call(F_FILE, SHUT_RD));
		BADFD(call(fd, SHUT_RDWR));
	}
	CALLS(int, (int), "sockatmark") {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		CASE("a socket", call(fd));
		close(fd);
		CASE("a file", call(F_FILE));
		BADFD(call(fd));
	}
	CALLS(int, (int, int), "isfdtype") {
		CASE("is", call(F_SOCK, S_IFSOCK));
		CASE("is not", call(F_FILE, S_IFSOCK));
		BADFD(call(fd, S_IFSOCK));
	}
}

void rows_sockets(void)
{
	making();
	connecting();
	receiving();
	talking();
	asking();
}
