/*
 * trace/session.c: see session.h. The command's side: directories, buffers sized, the helper started, asked, and killed when it does
 * not answer in time.
 *
 * Context: the command, which is about to become the parent of the program: nothing here changes its signals, limits or environment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "trace/session_private.h"

/* A start takes 0.15 s; on a machine that swaps, seconds. */
#define START_LIMIT_MS 15000
/* The end may take as long as the trace grows; without growth, this long. */
#define STOP_QUIET_MS 6000
#define STEP_MS 200
#define HELPER_END_MS 3000
#define DYING_MS 300

#define BUDGET (32u << 20)
/* A process of its own set of buffers gets this share of the budget. */
#define ISOLATED_SHARE 8u
/* The largest event, a module with a path of 4 KiB, has to fit a sub-buffer. */
#define SUBBUF_MIN (16u << 10)
#define FDS_COUNT 8u
#define META_COUNT 4u
/* Room that a recording leaves in /dev/shm: it takes at most 1/SHM_SHARE of what is free. */
#define SHM_SHARE 2u

/* Less than a packet of each stream: the consumer cannot have written all. */
#define DISK_FULL_BYTES (64u << 10)

struct fdw_session {
	struct fdw_setup setup;
	pid_t helper, daemon;
	int sock;
	int made_output;
	int mark;                /* -1: there is none */
	sigset_t stopping;
	char sockets[80];
};

/* ---- before the start ----------------------------------------------------------------------------------------------*/

static uint64_t power_of_two_below(uint64_t v)
{
	return v ? UINT64_C(1) << (63 - __builtin_clzll(v)) : 0;
}

static uint64_t at_least(uint64_t v, uint64_t min) { return v < min ? min : v; }

/*
 * Three quarters for the frequent events, one for the rare ones that must not be lost; rounded down to powers of two. A ring's size is that of
 * what it keeps: the frequent ones alone.
 */
static int size_buffers(struct fdw_setup *s, uint64_t budget, char *error, size_t n)
{
	uint64_t cpus = (uint64_t)at_least((uint64_t)sysconf(_SC_NPROCESSORS_CONF), 1), per_cpu, need;
	struct statvfs shm;

	if (!budget)
		budget = BUDGET;
	/* Root's daemon has a /dev/shm of its own. */
	if (statvfs("/dev/shm", &shm) == 0 && (uint64_t)shm.f_bavail * shm.f_frsize / SHM_SHARE < budget && !s->as_root)
		budget = (uint64_t)shm.f_bavail * shm.f_frsize / SHM_SHARE;
	if (s->isolate)
		budget /= ISOLATED_SHARE;
	per_cpu = budget / cpus;
	s->fds_count = FDS_COUNT;
	s->meta_count = META_COUNT;
	s->fds_subbuf = at_least(power_of_two_below(per_cpu * (s->ring ? 4 : 3) / 4 / FDS_COUNT), SUBBUF_MIN);
	s->meta_subbuf = at_least(power_of_two_below((s->ring ? BUDGET / cpus : per_cpu) / 4 / META_COUNT), SUBBUF_MIN);
	if (access("/dev/shm", W_OK) != 0) {
		snprintf(error, n, "/dev/shm is missing or cannot be written to, which programs that are recorded need: %s", strerror(errno));
		return -1;
	}
	need = cpus * (s->fds_count * s->fds_subbuf + s->meta_count * s->meta_subbuf);
	if (s->as_root || (statvfs("/dev/shm", &shm) == 0 && (uint64_t)shm.f_bavail * shm.f_frsize > need))
		return 0;
	snprintf(error, n, "/dev/shm is missing or has less than %llu KiB free; make room there, or remount it larger",
	         (unsigned long long)(need >> 10));
	return -1;
}

/* ---- the helper ----------------------------------------------------------------------------------------------------*/

static int make_sockets(int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		int high = fcntl(pair[i], F_DUPFD_CLOEXEC, 10);
		if (high < 0)
			return -1;
		close(pair[i]);
		pair[i] = high;
	}
	return 0;
}

static int start_helper(struct fdw_session *s, char *error, size_t n)
{
	int pair[2];

	if (make_sockets(pair) != 0) {
		snprintf(error, n, "cannot make a socket pair: %s", strerror(errno));
		return -1;
	}
	s->helper = fork();
	if (s->helper == 0)
		fdw_session_helper(&s->setup, pair[1]);
	close(pair[1]);
	s->sock = pair[0];
	if (s->helper > 0)
		return 0;
	snprintf(error, n, "cannot start a process: %s", strerror(errno));
	return -1;
}

/* 1: a message. 0: not within the time. -1: the helper is gone. */
static int listen_to(const struct fdw_session *s, struct fdw_message *m, int ms)
{
	struct pollfd p = { .fd = s->sock, .events = POLLIN };
	int r = poll(&p, 1, ms);
	ssize_t n;

	if (r < 0)
		return errno == EINTR ? 0 : -1;
	if (r == 0)
		return 0;
	n = recv(s->sock, m, sizeof *m, MSG_DONTWAIT);
	if (n == (ssize_t)sizeof *m)
		return 1;
	return n < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : -1;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void end_helper(struct fdw_session *s, int patient)
{
	struct timespec ms = { 0, 1000000 };
	pid_t r = 0;

	for (int i = 0; patient && i < HELPER_END_MS && (r = waitpid(s->helper, NULL, WNOHANG)) == 0; i++)
		nanosleep(&ms, NULL);
	if (r == 0) {
		if (s->daemon > 0)
			kill(-s->daemon, SIGKILL);
		kill(s->helper, SIGKILL);
		while (waitpid(s->helper, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (s->sock >= 0)
		close(s->sock);
	if (s->mark >= 0)
		close(s->mark);
	if (s->setup.dir[0])
		fdw_remove_tree(s->setup.dir);
	/* What a killed helper had started dies a moment after it, and holds the place until then; longer, and it is another recording that does. */
	for (int i = 0; s->setup.as_root && fdw_session_remove_mount_point() != 0 && r == 0 && i < DYING_MS; i++)
		nanosleep(&ms, NULL);
}

/*
 * The command may have blocked its signals already; the user who asks to stop is heard all the same. Not every signal that is pending asks: a blocked one
 * is pending also when it is ignored.
 */
static int asked_to_stop(const struct fdw_session *s)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigandset(&set, &set, &s->stopping) == 0 && !sigisemptyset(&set);
}

static int wait_until_ready(struct fdw_session *s, char *error, size_t n)
{
	long limit = now_ms() + START_LIMIT_MS;
	struct fdw_message m;
	int r = 0;

	while (now_ms() < limit && !asked_to_stop(s) && (r = listen_to(s, &m, STEP_MS)) >= 0) {
		if (r == 0)
			continue;
		if (m.what == FDW_SAY_DIR) {
			snprintf(s->setup.dir, sizeof s->setup.dir, "%.63s", m.text);
		} else if (m.what == FDW_SAY_DAEMON) {
			s->daemon = m.daemon;
		} else if (m.what == FDW_SAY_READY) {
			/* What came while we listened: the program would be started only to end of it. */
			if (asked_to_stop(s))
				break;
			s->setup.place = m.place;
			return 0;
		} else {
			snprintf(error, n, "%s", m.text);
			end_helper(s, 1);
			return -1;
		}
	}
	if (r < 0)
		snprintf(error, n, "the process that talks to LTTng ended unexpectedly; fdwarden doctor tells more");
	else if (asked_to_stop(s))
		snprintf(error, n, "interrupted");
	else
		snprintf(error, n, "LTTng did not answer within %d s; fdwarden doctor tells more", START_LIMIT_MS / 1000);
	end_helper(s, 0);
	return -1;
}

/* ---- interface -----------------------------------------------------------------------------------------------------*/

static void remove_output(struct fdw_session *s)
{
	char ust[PATH_MAX + 8];

	snprintf(ust, sizeof ust, "%s/ust", s->setup.output);
	fdw_remove_tree(ust);
	if (s->made_output)
		rmdir(s->setup.output);
}

/* LTTng's daemons end with an assertion where they cannot have what they need. Measured: 96 are enough on 2 CPUs, 64 are not. */
static int check_limit(char *error, size_t n)
{
	unsigned long need = 64 + 16 * (unsigned long)sysconf(_SC_NPROCESSORS_CONF);
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_max >= need)
		return 0;
	snprintf(error, n, "the limit of open files is %lu; recording needs at least %lu: raise it with ulimit -n", (unsigned long)r.rlim_max, need);
	return -1;
}

static int prepare(struct fdw_session *s, const struct fdw_session_options *o, char *error, size_t n)
{
	if (check_limit(error, n) != 0 || fdw_make_output(o->output, s->setup.output, &s->made_output, error, n) != 0)
		return -1;
	if (size_buffers(&s->setup, o->buffer_bytes, error, n) != 0 || fdw_probe_disk(s->setup.output, error, n) != 0) {
		if (s->made_output)
			rmdir(s->setup.output);
		return -1;
	}
	return 0;
}

struct fdw_session *fdw_session_start(const struct fdw_session_options *o, char *error, size_t n)
{
	struct fdw_session *s = calloc(1, sizeof *s);

	if (!s) {
		snprintf(error, n, "out of memory");
		return NULL;
	}
	s->sock = s->mark = -1;
	s->setup.as_root = getuid() == 0;
	s->setup.isolate = o->isolate;
	s->setup.ring = o->ring;
	s->setup.provider = o->provider;
	s->stopping = o->stopping;
	if (prepare(s, o, error, n) != 0) {
		free(s);
		return NULL;
	}
	if (start_helper(s, error, n) != 0 || wait_until_ready(s, error, n) != 0) {
		remove_output(s);
		free(s);
		return NULL;
	}
	/* In an idle /run/lttng programs find the daemon by themselves; the directory we name has no socket, or they would register twice. */
	snprintf(s->sockets, sizeof s->sockets, "%s%s", s->setup.dir, fdw_sockets_below(&s->setup));
	s->mark = fdw_mark_open(s->sockets);
	return s;
}

const char *fdw_session_socket_dir(const struct fdw_session *s) { return s->sockets; }
const char *fdw_session_output(const struct fdw_session *s) { return s->setup.output; }

const char *fdw_session_candidate(struct fdw_session *s)
{
	static struct fdw_message m;

	return listen_to(s, &m, 0) > 0 && m.what == FDW_SAY_CANDIDATE ? m.text : NULL;
}

void fdw_session_judge(struct fdw_session *s, int keep)
{
	struct fdw_message m = { .what = keep ? FDW_ASK_KEEP : FDW_ASK_DROP };

	(void)!send(s->sock, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int fdw_session_records(const struct fdw_session *s) { return fdw_mark_is_held(s->mark) ? 1 : fdw_count_connected(s->daemon); }

int fdw_session_recorded(const struct fdw_session *s)
{
	int connected = fdw_count_connected(s->daemon), hold = s->mark >= 0 ? fdw_mark_holders(s->mark, NULL, 0) : 0;

	return hold > connected ? hold : connected;
}

/* As long as the trace grows, the helper has its time. */
static int wait_until_done(struct fdw_session *s, struct fdw_message *m)
{
	uint64_t size = fdw_tree_bytes(s->setup.output), next;
	int quiet = 0, r;

	while (quiet < STOP_QUIET_MS) {
		r = listen_to(s, m, STEP_MS);
		if (r < 0)
			return -1;
		if (r > 0 && m->what == FDW_SAY_DONE)
			return 1;
		next = fdw_tree_bytes(s->setup.output);
		quiet = next != size ? 0 : quiet + STEP_MS;
		size = next;
	}
	return 0;
}

/* With buffers for each process the rehearsal has its own directory; nothing is in it. */
static void remove_hello(const struct fdw_session *s)
{
	char pattern[PATH_MAX + 64];
	glob_t g;

	snprintf(pattern, sizeof pattern, "%s/ust/pid/" FDW_HELLO_NAME "-*", s->setup.output);
	if (!s->setup.isolate || glob(pattern, GLOB_NOSORT, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		fdw_remove_tree(g.gl_pathv[i]);
	globfree(&g);
}

/* LTTng does not say when it could not write: "0 discarded", and a trace that ends early. */
static void note_full_disk(const struct fdw_session *s, struct fdw_session_result *r)
{
	struct statvfs fs;

	if (statvfs(s->setup.output, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= DISK_FULL_BYTES)
		return;
	r->complete = 0;
	snprintf(r->why, sizeof r->why, "no space is left on the disk of the trace: what was recorded last is missing");
}

void fdw_session_stop(struct fdw_session *s, struct fdw_session_result *r)
{
	struct fdw_message m = { .what = FDW_ASK_STOP }, answer = { 0 };
	char streams[PATH_MAX + 8];
	uint64_t discarded;
	int done;

	memset(r, 0, sizeof *r);
	kill(s->helper, SIGCONT);
	(void)!send(s->sock, &m, sizeof m, MSG_NOSIGNAL);
	done = wait_until_done(s, &answer);
	end_helper(s, done > 0);
	r->complete = done > 0 && answer.complete;
	if (done > 0)
		snprintf(r->why, sizeof r->why, "%.250s", answer.text);
	else
		snprintf(r->why, sizeof r->why, done ? "the process that talks to LTTng ended unexpectedly: the last events may be missing"
		         : "LTTng did not answer and was killed: the last events may be missing");
	remove_hello(s);
	/* Not the ring's: what it has not is older than what it has, or was never meant to be kept. */
	snprintf(streams, sizeof streams, "%s/ust", s->setup.output);
	fdw_scan_packets(streams, &r->heard, &discarded);
	r->lost = answer.lost > discarded ? answer.lost : discarded;
	r->unfinished = answer.unfinished;
	r->bytes = fdw_tree_bytes(s->setup.output);
	note_full_disk(s, r);
	free(s);
}

void fdw_session_abandon(struct fdw_session *s)
{
	end_helper(s, 0);
	remove_output(s);
	free(s);
}

void fdw_session_remove_trace(const char *dir) { fdw_remove_tree(dir); }
