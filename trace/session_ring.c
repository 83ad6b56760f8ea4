/*
 * trace/session_ring.c: the flight recorder. A second session in LTTng's snapshot mode has the frequent events, in buffers that are written over
 * when they are full; the rare events without which nothing can be understood (processes, threads, stacks, modules) go to the disk as in every
 * recording. A snapshot is both: DIR/ring from LTTng's buffers, DIR/ust a copy of what is on disk, and a mark that says so.
 *
 * Written when somebody asks through the control socket, when a call looked wrong (session_watch.c), and at the end.
 *
 * Context: the helper only. Calls to LTTng may block: the command kills the helper when it does not answer, and whoever asks for a snapshot has a limit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lttng/lttng.h>
#include <lttng/snapshot.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "trace/schema.h"
#include "trace/session_private.h"

/* Whoever asks says what at once. */
#define ASK_MS 1000
/* What is on its way to the disk gets there: one period of the timer, and a little. */
#define SETTLE_NS (1000 * FDW_TIMER_US + 100000000L)

static int control = -1;

/* ---- the session -----------------------------------------------------------------------------------------------------------------------*/

static int create(const struct fdw_setup *s, char *error, size_t n)
{
	struct lttng_session_descriptor *d = lttng_session_descriptor_snapshot_create(FDW_RING_SESSION);
	struct lttng_domain domain = { .type = LTTNG_DOMAIN_UST, .buf_type = LTTNG_BUFFER_PER_UID };
	enum lttng_error_code created = d ? lttng_create_session_ext(d) : LTTNG_ERR_NOMEM;
	struct lttng_handle *h = created == LTTNG_OK ? lttng_create_handle(FDW_RING_SESSION, &domain) : NULL;
	int code = h ? fdw_lttng_channel(h, "fds", s->fds_subbuf, s->fds_count, 0, 1) : -LTTNG_ERR_NOMEM;

	if (code >= 0)
		code = fdw_lttng_enable(h, "fdwarden:op", "fds");
	if (code >= 0)
		code = lttng_start_tracing(FDW_RING_SESSION);
	lttng_session_descriptor_destroy(d);
	lttng_destroy_handle(h);
	return code < 0 ? fdw_lttng_failed(created == LTTNG_OK ? code : (int)created, "make a ring", error, n) : 0;
}

/* ---- writing it out ----------------------------------------------------------------------------------------------------------------------*/

int fdw_ring_write(const char *dir, char *error, size_t n)
{
	struct lttng_snapshot_output *o = lttng_snapshot_output_create();
	char path[PATH_MAX];
	int code = -LTTNG_ERR_NOMEM;

	if (snprintf(path, sizeof path, "%s/ring", dir) >= (int)sizeof path || mkdir(path, 0770) != 0) {
		snprintf(error, n, "cannot make %.400s/ring: %s", dir, strerror(errno));
		lttng_snapshot_output_destroy(o);
		return -1;
	}
	if (o && lttng_snapshot_output_set_local_path(path, o) == 0 && lttng_snapshot_output_set_name("ring", o) == 0)
		code = lttng_snapshot_record(FDW_RING_SESSION, o, 0);
	lttng_snapshot_output_destroy(o);
	return code < 0 ? fdw_lttng_failed(code, "write its ring", error, n) : 0;
}

static int mark(const char *dir, const struct fdw_setup *s, char *error, size_t n)
{
	char path[PATH_MAX], text[64];
	int fd, len = snprintf(text, sizeof text, "%llu bytes of events on each CPU\n", (unsigned long long)(s->fds_count * s->fds_subbuf));

	if (snprintf(path, sizeof path, "%s/" FDW_RING_MARK, dir) >= (int)sizeof path)
		fd = -1, errno = ENAMETOOLONG;
	else
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd >= 0 && write(fd, text, (size_t)len) == len && close(fd) == 0)
		return 0;
	snprintf(error, n, "cannot write to %.400s: %s", dir, strerror(errno));
	return -1;
}

int fdw_ring_complete(const struct fdw_setup *s, const char *dir, char *error, size_t n)
{
	struct timespec settle = { SETTLE_NS / 1000000000, SETTLE_NS % 1000000000 };
	char from[PATH_MAX + 8], to[PATH_MAX + 8];
	int failed;

	/* First the ring, then the stacks: every stack it names is there. */
	nanosleep(&settle, NULL);
	snprintf(from, sizeof from, "%s/ust", s->output);
	snprintf(to, sizeof to, "%s/ust", dir);
	failed = fdw_copy_trace(from, to);
	if (failed)
		snprintf(error, n, "cannot copy the trace to %.400s: %s", dir, strerror(failed));
	return failed ? -1 : mark(dir, s, error, n);
}

static int snapshot(const struct fdw_setup *s, const char *output, char *error, size_t n)
{
	char dir[PATH_MAX], part[PATH_MAX + 8];
	int made;

	if (s->place == FDW_PLACE_BOUND && !strncmp(output, "/dev/shm/", 9) && strncmp(s->output, "/dev/shm/", 9)) {
		snprintf(error, n, "the recorder cannot write below /dev/shm; name another place with -o");
		return -1;
	}
	if (fdw_make_output(output, dir, &made, error, n) != 0)
		return -1;
	if (fdw_probe_disk(dir, error, n) == 0 && fdw_ring_write(dir, error, n) == 0 && fdw_ring_complete(s, dir, error, n) == 0)
		return 0;
	snprintf(part, sizeof part, "%s/ring", dir);
	fdw_remove_tree(part);
	snprintf(part, sizeof part, "%s/ust", dir);
	fdw_remove_tree(part);
	if (made)
		rmdir(dir);
	return -1;
}

/* ---- the control socket ------------------------------------------------------------------------------------------------------------------*/

static int listen_for_asks(const struct fdw_setup *s, char *error, size_t n)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	mode_t before = umask(0177);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%.64s/" FDW_CONTROL, s->dir);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof un) != 0 || listen(fd, 4) != 0) {
		snprintf(error, n, "cannot make the socket %s: %s", un.sun_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	umask(before);
	control = fd;
	return fd < 0 ? -1 : 0;
}

static int may_ask(int fd)
{
	struct ucred who;
	socklen_t len = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == 0 || who.uid == getuid());
}

/* Who holds the mark; where there is none, what LTTng takes for a connected program; the rehearsal and the like are gone. */
static void answer_who(const struct fdw_setup *s, struct fdw_message *m, pid_t daemon)
{
	pid_t pids[FDW_RECORDED_MAX];
	size_t n = fdw_mark_list(s, pids, FDW_RECORDED_MAX), at = 0;

	if (!n)
		n = fdw_list_connected(daemon, pids, FDW_RECORDED_MAX);
	m->what = FDW_ASK_WHO;
	m->daemon = getppid();
	m->text[0] = 0;
	for (size_t i = 0; i < n && at < sizeof m->text - 16; i++)
		at += (size_t)snprintf(m->text + at, sizeof m->text - at, "%d ", (int)pids[i]);
}

void fdw_ring_answer(const struct fdw_setup *s, pid_t daemon)
{
	static struct fdw_message m;
	int fd = accept4(control, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (may_ask(fd) && fdw_receive(fd, &m, ASK_MS) == (ssize_t)sizeof m && memchr(m.text, 0, sizeof m.text)) {
		char output[PATH_MAX];

		snprintf(output, sizeof output, "%s", m.text);
		if (m.what == FDW_ASK_SNAPSHOT)
			m.what = snapshot(s, output, m.text, sizeof m.text) == 0 ? FDW_SAY_DONE : FDW_SAY_FAILED;
		else
			answer_who(s, &m, daemon);
		(void)!send(fd, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	close(fd);
}

/* ---- for the helper ----------------------------------------------------------------------------------------------------------------------*/

int fdw_ring_start(const struct fdw_setup *s, char *error, size_t n)
{
	if (create(s, error, n) != 0 || listen_for_asks(s, error, n) != 0)
		return -1;
	fdw_watch_start(s);
	return 0;
}

int fdw_ring_socket(void) { return control; }

int fdw_ring_finish(const struct fdw_setup *s, char *error, size_t n)
{
	int code = lttng_stop_tracing_no_wait(FDW_RING_SESSION);

	if (code < 0)
		return fdw_lttng_failed(code, "stop its ring", error, n);
	return fdw_ring_write(s->output, error, n) != 0 || mark(s->output, s, error, n) != 0 ? -1 : 0;
}
