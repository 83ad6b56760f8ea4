/*
 * trace/session_connected.c: how many programs are connected to the session daemon, and which.
 *
 * The daemon itself is no witness: it may notice the end of a program only 200 ms later (its consumer sleeps while metadata is under
 * way). The kernel knows at once which of the daemon's connections have lost their other end.
 *
 * Context: the command, or the helper. All recordings of root have the same path for the socket, so the daemon's own descriptors tell whose a
 * connection is.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "trace/session_private.h"

/* A registered program holds two connections. */
#define PER_PROGRAM 2
#define SOCKETS_MAX 32768
#define ANSWER 32768

struct counting {
	unsigned long inodes[SOCKETS_MAX];
	size_t n;
	int connections;
};

static void learn_sockets(struct counting *c, pid_t daemon)
{
	char path[64], link[64];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)daemon);
	d = opendir(path);
	while (d && c->n < SOCKETS_MAX && (e = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
		link[len > 0 ? len : 0] = 0;
		c->n += sscanf(link, "socket:[%lu]", &c->inodes[c->n]) == 1;
	}
	if (d)
		closedir(d);
}

static int is_daemons(const struct counting *c, unsigned long inode)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->inodes[i] == inode)
			return 1;
	return 0;
}

static int is_application_socket(const char *path, size_t n)
{
	static const char name[] = "/lttng-ust-sock-8";

	return memmem(path, n, name, sizeof name - 1) != NULL;
}

/* ---- by the kernel's socket diagnostics ----------------------------------------------------------------------------*/

static int ask_kernel(void)
{
	struct { struct nlmsghdr head; struct unix_diag_req req; } ask = {
		.head = { .nlmsg_len = sizeof ask, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.req = { .sdiag_family = AF_UNIX, .udiag_states = 1u << TCP_ESTABLISHED, .udiag_show = UDIAG_SHOW_NAME },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd >= 0 && send(fd, &ask, sizeof ask, 0) != (ssize_t)sizeof ask) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void count_one(struct counting *c, const struct nlmsghdr *h)
{
	const struct unix_diag_msg *m = NLMSG_DATA(h);
	int named = 0, alive = 1, left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof *m));

	for (const struct rtattr *a = (const struct rtattr *)(m + 1); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == UNIX_DIAG_NAME)
			named = is_application_socket(RTA_DATA(a), RTA_PAYLOAD(a));
		else if (a->rta_type == UNIX_DIAG_SHUTDOWN)
			alive = *(const unsigned char *)RTA_DATA(a) == 0;
	}
	c->connections += named && alive && is_daemons(c, m->udiag_ino);
}

/* 0: all read. -1: the kernel does not offer it. */
static int count_by_kernel(struct counting *c)
{
	_Alignas(8) static char answer[ANSWER];
	int fd = ask_kernel(), done = fd < 0 ? -1 : 1;

	while (done > 0) {
		ssize_t n = recv(fd, answer, sizeof answer, 0);
		if (n <= 0)
			done = n < 0 && errno == EINTR ? 1 : -1;
		for (struct nlmsghdr *h = (struct nlmsghdr *)answer; n > 0 && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				done = 0;
			else if (h->nlmsg_type == NLMSG_ERROR)
				done = -1;
			else if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
				count_one(c, h);
		}
	}
	if (fd >= 0)
		close(fd);
	return done;
}

/* ---- by /proc: sees a connection until the daemon closes it --------------------------------------------------------*/

static int count_by_proc(struct counting *c)
{
	FILE *f = fopen("/proc/net/unix", "re");
	unsigned long inode;
	unsigned state;
	char line[512];

	if (!f)
		return -1;
	while (fgets(line, sizeof line, f))
		if (is_application_socket(line, strlen(line)) && sscanf(line, "%*s %*s %*s %*s %*s %x %lu", &state, &inode) == 2 && state == 3)
			c->connections += is_daemons(c, inode);
	fclose(f);
	return 0;
}

int fdw_count_connected(pid_t daemon)
{
	static struct counting c;

	c.n = 0;
	c.connections = 0;
	learn_sockets(&c, daemon);
	if (!c.n)
		return -1;
	if (count_by_kernel(&c) != 0) {
		c.connections = 0;
		if (count_by_proc(&c) != 0)
			return -1;
	}
	return (c.connections + PER_PROGRAM - 1) / PER_PROGRAM;
}

/* ---- who they are --------------------------------------------------------------------------------------------------*/

/* The other end of a connection of the daemon's; 0: none, or not to be told. */
static pid_t peer_of(int daemon, int number)
{
	struct sockaddr_un un;
	socklen_t len = sizeof un;
	struct ucred who = { 0 };
	int fd = (int)syscall(SYS_pidfd_getfd, daemon, number, 0);

	if (fd < 0)
		return 0;
	if (getsockname(fd, (struct sockaddr *)&un, &len) != 0 || len <= sizeof un.sun_family || un.sun_family != AF_UNIX ||
	    !is_application_socket(un.sun_path, len - sizeof un.sun_family) ||
	    (len = sizeof who, getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len)) != 0)
		who.pid = 0;
	close(fd);
	return who.pid;
}

static size_t add_pid(pid_t *pids, size_t n, size_t max, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return n;
	if (pid > 0 && n < max)
		pids[n++] = pid;
	return n;
}

size_t fdw_list_connected(pid_t daemon, pid_t *pids, size_t max)
{
	int pidfd = (int)syscall(SYS_pidfd_open, daemon, 0);
	char path[64], link[64];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)daemon);
	d = pidfd >= 0 ? opendir(path) : NULL;
	while (d && (e = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
		link[len > 0 ? len : 0] = 0;
		if (!strncmp(link, "socket:", 7))
			n = add_pid(pids, n, max, peer_of(pidfd, atoi(e->d_name)));
	}
	if (d)
		closedir(d);
	if (pidfd >= 0)
		close(pidfd);
	return n;
}
