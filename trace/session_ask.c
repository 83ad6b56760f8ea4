/*
 * trace/session_ask.c: the other side of a flight recorder's control socket: who records here, whom, and a snapshot of it.
 *
 * Context: any process of the same user, or root's. Directories in /tmp may be anybody's: a recorder is believed about processes of its own user only
 * (root's about all), and has a limit of time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "trace/session_private.h"

#define WHO_MS 3000
#define SNAPSHOT_S 30

ssize_t fdw_receive(int fd, struct fdw_message *m, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 ? recv(fd, m, sizeof *m, MSG_DONTWAIT) : -1;
}

static int reach(const char *control)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", control);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int ask(int fd, struct fdw_message *m, int ms)
{
	return send(fd, m, sizeof *m, MSG_NOSIGNAL) == (ssize_t)sizeof *m && fdw_receive(fd, m, ms) == (ssize_t)sizeof *m &&
	       memchr(m->text, 0, sizeof m->text) ? 0 : -1;
}

/* ---- who records whom --------------------------------------------------------------------------------------------------------------------*/

static int may_record(uid_t recorder, pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	return stat(path, &st) == 0 && (recorder == 0 || st.st_uid == recorder);
}

/* 0: none is there, or none that answers us. */
static int meet(const char *control, struct fdw_recorder *r)
{
	static struct fdw_message m;
	int fd = reach(control), met = 0;
	struct ucred who = { 0 };
	socklen_t len = sizeof who;
	char *at = m.text, *end;
	pid_t pid;

	m = (struct fdw_message){ .what = FDW_ASK_WHO };
	*r = (struct fdw_recorder){ .pid = 0 };
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && ask(fd, &m, WHO_MS) == 0 && m.what == FDW_ASK_WHO) {
		met = 1;
		snprintf(r->control, sizeof r->control, "%s", control);
		r->pid = m.daemon;
		for (; r->n < FDW_RECORDED_MAX && (pid = (pid_t)strtol(at, &end, 10)) > 0 && end != at; at = end)
			if (may_record(who.uid, pid))
				r->recorded[r->n++] = pid;
	}
	if (fd >= 0)
		close(fd);
	return met;
}

static int is_known(const struct fdw_recorder *list, size_t n, const char *control)
{
	struct stat a, b;

	for (size_t i = 0; i < n; i++)
		if (stat(control, &a) == 0 && stat(list[i].control, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return 1;
	return 0;
}

static size_t meet_all(struct fdw_recorder **list, size_t n, const char *place)
{
	char pattern[PATH_MAX];
	glob_t g;

	snprintf(pattern, sizeof pattern, "%s/fdwarden-*/" FDW_CONTROL, place);
	if (glob(pattern, GLOB_NOSORT, NULL, &g) != 0)
		return n;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct fdw_recorder *more;

		if (strlen(g.gl_pathv[i]) >= sizeof (*list)->control || is_known(*list, n, g.gl_pathv[i]))
			continue;
		more = realloc(*list, (n + 1) * sizeof *more);
		if (!more)
			break;
		*list = more;
		n += (size_t)meet(g.gl_pathv[i], &more[n]);
	}
	globfree(&g);
	return n;
}

/* Wherever make_private_dir() may have made its directory. */
size_t fdw_recorders(struct fdw_recorder **list)
{
	const char *const places[] = { "/run", "/run/user/*", "/tmp", "/dev/shm", getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR") };
	size_t n = 0;

	*list = NULL;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (places[i] && places[i][0] == '/')
			n = meet_all(list, n, places[i]);
	return n;
}

/* ---- a snapshot --------------------------------------------------------------------------------------------------------------------------*/

int fdw_snapshot(const struct fdw_recorder *r, const char *output, char *error, size_t n)
{
	static struct fdw_message m;
	int fd = reach(r->control), failed = 1;

	m = (struct fdw_message){ .what = FDW_ASK_SNAPSHOT };
	snprintf(m.text, sizeof m.text, "%s", output);
	if (fd < 0)
		snprintf(error, n, "cannot reach its recorder at %s: %s", r->control, strerror(errno));
	else if (ask(fd, &m, SNAPSHOT_S * 1000) != 0)
		snprintf(error, n, "its recorder did not answer within %d s, or ended", SNAPSHOT_S);
	else if (m.what != FDW_SAY_DONE)
		snprintf(error, n, "%s", m.text);
	else
		failed = 0;
	if (fd >= 0)
		close(fd);
	return failed ? -1 : 0;
}
