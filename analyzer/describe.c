/*
 * analyzer/describe.c: see describe.h. What it reads was written by the observed program: lengths and bytes are not trusted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/say.h"

/* Length of the valid UTF-8 sequence at s that is fit for a terminal, 0: none. */
static size_t printable(const unsigned char *s, size_t n)
{
	uint32_t c;
	size_t len;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	len = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : 0;
	if (!len || len > n)
		return 0;
	c = s[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < 0xa0 || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff || (len == 3 && c < 0x800) || (len == 4 && c < 0x10000))
		return 0;
	/* Marks that change the direction of what follows on the line. */
	if ((c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return 0;
	return len;
}

char *clean_text(const void *bytes, size_t n)
{
	const unsigned char *s = bytes;
	char *out = xmalloc(n * 4 + 1), *o = out;

	for (size_t i = 0; i < n;) {
		size_t len = printable(s + i, n - i);

		if (len) {
			memcpy(o, s + i, len);
			o += len;
			i += len;
		} else {
			o += sprintf(o, "\\x%02x", s[i]);
			i++;
		}
	}
	*o = 0;
	return xrealloc(out, (size_t)(o - out) + 1);
}

char *clean_sentence(const char *format, va_list args)
{
	char *s, *clean;

	if (vasprintf(&s, format, args) < 0)
		out_of_memory();
	clean = clean_text(s, strlen(s));
	free(s);
	return clean;
}

/* ---- addresses ------------------------------------------------------------------------------------------------------------------*/

static char *inet4(const void *p, size_t n)
{
	struct sockaddr_in a;
	char text[INET_ADDRSTRLEN];

	if (n < offsetof(struct sockaddr_in, sin_zero))
		return NULL;
	memset(&a, 0, sizeof a);
	memcpy(&a, p, n < sizeof a ? n : sizeof a);
	inet_ntop(AF_INET, &a.sin_addr, text, sizeof text);
	return xasprintf("%s:%u", text, ntohs(a.sin_port));
}

static char *inet6(const void *p, size_t n)
{
	struct sockaddr_in6 a;
	char text[INET6_ADDRSTRLEN];

	if (n < offsetof(struct sockaddr_in6, sin6_scope_id))
		return NULL;
	memset(&a, 0, sizeof a);
	memcpy(&a, p, n < sizeof a ? n : sizeof a);
	if (IN6_IS_ADDR_V4MAPPED(&a.sin6_addr))
		inet_ntop(AF_INET, &a.sin6_addr.s6_addr[12], text, sizeof text);
	else
		inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof text);
	return IN6_IS_ADDR_V4MAPPED(&a.sin6_addr) ? xasprintf("%s:%u", text, ntohs(a.sin6_port))
	                                          : xasprintf("[%s]:%u", text, ntohs(a.sin6_port));
}

static char *local_path(const void *p, size_t n)
{
	const char *path = (const char *)p + offsetof(struct sockaddr_un, sun_path);
	size_t len = n > offsetof(struct sockaddr_un, sun_path) ? n - offsetof(struct sockaddr_un, sun_path) : 0;
	char *name, *s;

	if (!len)
		return NULL; /* unnamed */
	if (*path)
		return clean_text(path, strnlen(path, len));
	name = clean_text(path + 1, len - 1);
	s = xasprintf("@%s", name);
	free(name);
	return s;
}

char *describe_address(const void *sockaddr, size_t n, uint8_t *inet)
{
	sa_family_t family;

	*inet = 0;
	if (n < sizeof family)
		return NULL;
	memcpy(&family, sockaddr, sizeof family);
	switch (family) {
	case AF_INET: *inet = 1; return inet4(sockaddr, n);
	case AF_INET6: *inet = 1; return inet6(sockaddr, n);
	case AF_UNIX: return local_path(sockaddr, n);
	case AF_NETLINK: return xstrdup("netlink");
	case AF_UNSPEC: return NULL;
	}
	return xasprintf("address family %u", family);
}

/* ---- objects ------------------------------------------------------------------------------------------------------------------------*/

static const char *kind_name(uint8_t kind)
{
	static const char *const names[] = {
#define KIND_NAME(name, value, text) [value] = text,
		FDW_KINDS(KIND_NAME)
#undef KIND_NAME
	};
	return kind < sizeof names / sizeof *names ? names[kind] : names[0];
}

/* Only accept() proves a stream: a socket that was connected or bound may as well be a datagram one. */
static const char *protocol(const struct description *d)
{
	if (!d->inet)
		return d->local || d->peer ? "unix" : "socket";
	return d->accepted || d->kind == FDW_KIND_LISTENER ? "TCP" : "IP";
}

char *describe_object(const struct description *d)
{
	if (!d)
		return xstrdup(kind_name(0));
	if (d->accepted && (d->local || d->peer))
		return xasprintf("%s %s <- %s", protocol(d), d->local ? d->local : "?", d->peer ? d->peer : "unnamed client");
	if (d->kind == FDW_KIND_LISTENER && d->local)
		return xasprintf("%s listening on %s", protocol(d), d->local);
	if (d->peer)
		return xasprintf("%s %s%s-> %s", protocol(d), d->local ? d->local : "", d->local ? " " : "", d->peer);
	if (d->local)
		return xasprintf("%s %s", protocol(d), d->local);
	if (d->path && *d->path)
		return d->kind == FDW_KIND_POPEN ? xasprintf("popen(\"%s\")", d->path)
		     : d->kind == FDW_KIND_MEMFD && *d->path != '/' ? xasprintf("memfd:%s", d->path) : xstrdup(d->path);
	return xstrdup(d->accepted ? "accepted connection" : kind_name(d->kind));
}

/* ---- times ----------------------------------------------------------------------------------------------------------------------------*/

char *text_since(uint64_t time, uint64_t first, int decimals, char buf[SINCE_TEXT])
{
	uint64_t ns = time > first ? time - first : 0, unit = 1000000000;

	for (int i = 0; i < decimals; i++)
		unit /= 10;
	snprintf(buf, SINCE_TEXT, "+%llu.%0*llu s", (unsigned long long)(ns / 1000000000), decimals, (unsigned long long)(ns % 1000000000 / unit));
	return buf;
}

/* ---- calls ----------------------------------------------------------------------------------------------------------------------------*/

static const char *errno_name(int err)
{
	const char *s = strerrorname_np(err);
	return s ? s : "error";
}

static const char *operation_name(const struct moment *m)
{
	static const char *const names[] = { "?", "EPOLL_CTL_ADD", "EPOLL_CTL_DEL", "EPOLL_CTL_MOD" };
	unsigned op = m->flags >> FDW_F_USER_SHIFT;

	if (m->call && !strncmp(m->call, "port_", 5))
		return "PORT_SOURCE_FD";
	return names[op < 4 ? op : 0];
}

static char *arguments(const struct moment *m, const struct description *d)
{
	char name[24];

	switch (m->op) {
	case FDW_OP_CREATE: case FDW_OP_RECV: case FDW_OP_STATE:
		if (d && d->path && *d->path && m->op == FDW_OP_CREATE)
			return m->fd2 >= 0 ? xasprintf("%d, \"%s\"", m->fd2, d->path) : xasprintf("\"%s\"", d->path);
		return m->fd2 >= 0 ? xasprintf("%d", m->fd2) : xstrdup("");
	case FDW_OP_DUP:
		return xasprintf("%d", m->fd2);
	case FDW_OP_REPLACE:
		return m->fd2 >= 0 ? xasprintf("%d, %d", m->fd2, m->fd) : xasprintf("FILE of %d", m->fd);
	case FDW_OP_SETFD:
		return m->call && !strcmp(m->call, "ioctl") ? xasprintf("%d, FIOCLEX", m->fd) : xasprintf("%d, F_SETFD, FD_CLOEXEC", m->fd);
	case FDW_OP_FORK: case FDW_OP_EXEC:
		return xstrdup("");
	case FDW_OP_CLOSE_RANGE:
		return m->fd2 == -1 ? xasprintf("%d, ~0U", m->fd) : xasprintf("%d, %d", m->fd, m->fd2);
	case FDW_OP_STALE_STREAM:
		return xasprintf("stream of %d", m->fd);
	case FDW_OP_SIGSTACK:
		return xasprintf("%lld bytes", (long long)m->ret);
	case FDW_OP_SIGSTACK_LOST:
		return xasprintf("%lld bytes of thread %d", (long long)m->ret, m->fd2);
	case FDW_OP_SIGNAL_HANDLER:
		return xstrdup(text_signal(m->fd, name, sizeof name));
	case FDW_OP_EPOLL_CTL:
		return xasprintf("%d, %s, %d", m->fd, operation_name(m), m->fd2);
	}
	if (m->op == FDW_OP_CLOSE && m->call && (!strcmp(m->call, "fclose") || !strcmp(m->call, "pclose") ||
	                                         !strcmp(m->call, "closedir")))
		return xasprintf("stream of %d", m->fd);
	if (m->call && !strcmp(m->call, "syscall"))
		return xasprintf("%sfd %d", m->op == FDW_OP_CLOSE ? "SYS_close, " : "", m->fd);
	return xasprintf("%d", m->fd);
}

static int makes(const struct moment *m)
{
	return m->op == FDW_OP_CREATE || m->op == FDW_OP_DUP || m->op == FDW_OP_RECV || m->op == FDW_OP_REPLACE;
}

char *describe_call(const struct moment *m, const struct description *d)
{
	const char *call = m->call && *m->call && strcmp(m->call, "none") ? m->call : "?";
	char *args, *s;

	if (m->op == FDW_OP_STATE)
		return xasprintf("open when the program started: %d", m->fd);
	args = arguments(m, d);
	if (m->err)
		s = xasprintf("%s(%s) = -1 %s", call, args, errno_name(m->err));
	else if (m->op == FDW_OP_STALE_STREAM || m->op == FDW_OP_IN_USE || m->op >= FDW_OP_SIGSTACK || m->op == FDW_OP_EXEC || (m->op == FDW_OP_FORK && !strstr(call, "ork")))
		s = xasprintf("%s(%s)", call, args);
	else
		s = xasprintf("%s(%s) = %lld", call, args, (long long)(makes(m) ? m->fd : m->ret));
	free(args);
	return s;
}
