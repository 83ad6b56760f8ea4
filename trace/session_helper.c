/*
 * trace/session_helper.c: the process between the command and LTTng: parent of the session daemon, the only one that calls liblttng-ctl.
 *
 * Context: forked from the command, in a session of its own so that Ctrl-C does not reach it or the daemon. Keeps none of the command's
 * descriptors but the socket. It is the subreaper of what the daemon leaves behind, never of the program, whose getppid() must not
 * change. Ends when asked, or when the command is gone: then the trace is written out all the same.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "trace/schema.h"
#include "trace/session_private.h"

/* LTTng's daemons close every possible descriptor when they start: 12 ms with 1024, seconds with 2^20. Raised again afterwards. */
#define NOFILE_START 1024u
#define NOFILE_RUN 65536u
#define DAEMON_START_S 5
/* When the command is gone nobody else limits the end. */
#define ORPHAN_STOP_S 20
/* Between two looks whether a call looked wrong. */
#define RING_LOOK_MS 200
#define REAP_MS 2000
#define TIDY_MS 1500

static pid_t daemon_pid;
static int daemon_status = -1;
/* The daemon's children once it records: its consumer, which writes the trace, and its workers. */
static pid_t workers[16];
static unsigned worker_count;

static void tell(int sock, const struct fdw_message *m)
{
	while (send(sock, m, sizeof *m, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* ---- the daemon ----------------------------------------------------------------------------------------------------*/

/* Root of a container most often may not: a limit that was lowered would stay so. */
static int may_raise(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &head, data) == 0 && data[0].effective & 1u << CAP_SYS_RESOURCE;
}

static void __attribute__((noreturn)) become_daemon(const struct fdw_setup *s, const char *path, pid_t parent, const struct rlimit *nofile)
{
	struct rlimit small = { nofile->rlim_cur < NOFILE_START ? nofile->rlim_cur : NOFILE_START, nofile->rlim_max };
	sigset_t none;
	char log[sizeof s->dir + 8];
	int fd;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	snprintf(log, sizeof log, "%s/log", s->dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0)
		dup2(fd, 2);
	if (fd > 2)
		close(fd);
	if (s->as_root && may_raise()) {
		/* LTTng's daemons raise root's limit themselves, before they close everything up to it: 40 ms more. */
		prctl(PR_CAPBSET_DROP, (long)CAP_SYS_RESOURCE);
		small.rlim_max = small.rlim_cur;
	}
	setrlimit(RLIMIT_NOFILE, &small);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Root's command socket is for root alone, not for the group "tracing". */
	execl(path, "lttng-sessiond", "--no-kernel", "--sig-parent", "--quiet", s->as_root ? "--group=root" : NULL, NULL);
	_exit(127);
}

/* LTTNG_SESSIOND_PATH is what LTTng's own tools obey. */
static int find_daemon(char path[PATH_MAX])
{
	const char *named = getenv("LTTNG_SESSIOND_PATH"), *p = getenv("PATH"), *next;

	if (named && *named)
		return snprintf(path, PATH_MAX, "%s", named) < PATH_MAX && access(path, X_OK) == 0 ? 0 : -1;
	for (p = p ? p : "/bin:/usr/bin"; p; p = next) {
		next = strchr(p, ':');
		int n = next ? (int)(next++ - p) : (int)strlen(p);
		if (snprintf(path, PATH_MAX, "%.*s/lttng-sessiond", n, p) < PATH_MAX && access(path, X_OK) == 0)
			return 0;
	}
	return -1;
}

static void last_log_line(const struct fdw_setup *s, char *line, size_t n)
{
	char path[sizeof s->dir + 8];
	FILE *f;

	*line = 0;
	snprintf(path, sizeof path, "%s/log", s->dir);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, (int)n, f))
		;
	line[strcspn(line, "\n")] = 0;
	fclose(f);
}

static void note_deaths(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == daemon_pid)
			daemon_status = status;
}

static void raise_children(pid_t pid, const struct rlimit *r)
{
	char path[64], text[512];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof path, "%.20s/children", e->d_name);
		int fd = openat(dirfd(d), path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
		if (fd >= 0)
			close(fd);
		text[n > 0 ? n : 0] = 0;
		for (char *at = text, *end; (pid = (pid_t)strtol(at, &end, 10)) > 0 && end != at; at = end) {
			prlimit(pid, RLIMIT_NOFILE, r, NULL);
			if (worker_count < sizeof workers / sizeof *workers)
				workers[worker_count++] = pid;
		}
	}
	if (d)
		closedir(d);
}

/* Each program served costs the daemon and its consumer descriptors. Only now: both have done with closing them all. */
static void give_room(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max < NOFILE_RUN ? r.rlim_max : NOFILE_RUN;
	prlimit(daemon_pid, RLIMIT_NOFILE, &r, NULL);
	raise_children(daemon_pid, &r);
}

/* For the programs: with buffers of its own each waits for the consumer. */
static void name_consumer(const struct fdw_setup *s)
{
	char path[sizeof s->dir + 48], comm[32];
	FILE *f;

	for (unsigned i = 0; i < worker_count; i++) {
		snprintf(path, sizeof path, "/proc/%d/comm", (int)workers[i]);
		f = fopen(path, "re");
		if (!f || !fgets(comm, sizeof comm, f))
			*comm = 0;
		if (f)
			fclose(f);
		if (strncmp(comm, "lttng-consumer", 14))
			continue;
		snprintf(path, sizeof path, "%s%s/" FDW_CONSUMER_PID, s->dir, fdw_sockets_below(s));
		f = fopen(path, "we");
		if (f) {
			fprintf(f, "%d\n", (int)workers[i]);
			fchmod(fileno(f), 0644);
			fclose(f);
		}
	}
}

static int daemon_ended(void)
{
	note_deaths();
	return daemon_status != -1;
}

/* It is the daemon who reaps them: one that is dead may be a zombie. */
static int worker_ended(void)
{
	char path[32], state;

	for (unsigned i = 0; i < worker_count; i++) {
		snprintf(path, sizeof path, "/proc/%d/stat", (int)workers[i]);
		FILE *f = fopen(path, "re");
		int parent = 0, n = f ? fscanf(f, "%*d (%*[^)]) %c %d", &state, &parent) : 0;

		if (f)
			fclose(f);
		if (n != 2 || state == 'Z' || state == 'X' || parent != (int)daemon_pid)
			return 1;
	}
	return 0;
}

/* SIGUSR1: ready. SIGCHLD: it ended, or somebody else did. */
static int wait_for_daemon(const struct fdw_setup *s, char *error, size_t n)
{
	struct timespec limit = { DAEMON_START_S, 0 };
	char line[256];
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	do
		sig = sigtimedwait(&set, NULL, &limit);
	while ((sig < 0 && errno == EINTR) || (sig == SIGCHLD && !daemon_ended()));
	if (sig == SIGUSR1)
		return 0;
	last_log_line(s, line, sizeof line);
	if (sig == SIGCHLD)
		snprintf(error, n, "the LTTng session daemon ended at once%s%s; fdwarden doctor tells more", *line ? ": " : "", line);
	else
		snprintf(error, n, "the LTTng session daemon was not ready within %d s; fdwarden doctor tells more", DAEMON_START_S);
	return -1;
}

static int start_daemon(const struct fdw_setup *s, int sock, char *error, size_t n)
{
	struct fdw_message m = { .what = FDW_SAY_DAEMON };
	struct rlimit nofile;
	char path[PATH_MAX];
	pid_t self = getpid();

	if (find_daemon(path) != 0) {
		snprintf(error, n, "lttng-sessiond was not found; install it (Debian: apt-get install lttng-tools), put it into PATH or "
		         "name it in LTTNG_SESSIOND_PATH");
		return -1;
	}
	getrlimit(RLIMIT_NOFILE, &nofile);
	daemon_pid = fork();
	if (daemon_pid == 0)
		become_daemon(s, path, self, &nofile);
	if (daemon_pid < 0) {
		snprintf(error, n, "cannot start the session daemon: %s", strerror(errno));
		return -1;
	}
	setpgid(daemon_pid, daemon_pid); /* whoever is first: the command kills by this group */
	m.daemon = daemon_pid;
	tell(sock, &m);
	return wait_for_daemon(s, error, n);
}

static void reap_all(int ms)
{
	struct timespec one = { 0, 1000000 };

	while (ms-- > 0) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0 && errno == ECHILD)
			return;
		if (pid == 0)
			nanosleep(&one, NULL);
	}
}

/* All are killed and reaped: nothing of ours outlives the recording. In the host's /run/lttng the daemon may tidy up first. */
static void end_daemon(const struct fdw_setup *s)
{
	if (daemon_pid <= 0)
		return;
	if (s->place == FDW_PLACE_IDLE) {
		kill(daemon_pid, SIGTERM);
		reap_all(TIDY_MS);
	}
	kill(-daemon_pid, SIGKILL);
	reap_all(REAP_MS);
	if (s->place == FDW_PLACE_IDLE)
		fdw_session_leave_idle();
}

/* ---- the helper ----------------------------------------------------------------------------------------------------*/

static void close_all_but(int keep)
{
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	/* The socket was moved up to be out of the way of 0-2. */
	if (keep > 3)
		close_range(3, (unsigned)keep - 1, 0);
	close_range((unsigned)keep + 1, ~0u, 0);
}

static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* Inherited as ignored they would not be sent: --sig-parent and deaths are waited for. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
}

/*
 * Short: LTTNG_HOME/.lttng/ustconsumerd64/command has to fit a socket address of 108 bytes. Made here, and not by the command, so that nothing is
 * left when that is killed: we hear of it.
 */
static int make_private_dir(struct fdw_setup *s, char *error, size_t n)
{
	const char *const places[] = { s->as_root ? "/run" : getenv("XDG_RUNTIME_DIR"), "/tmp", getenv("TMPDIR"), "/dev/shm" };

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (!places[i] || places[i][0] != '/' || strlen(places[i]) > sizeof s->dir - sizeof "/fdwarden-XXXXXX")
			continue;
		snprintf(s->dir, sizeof s->dir, "%s/fdwarden-XXXXXX", places[i]);
		if (!mkdtemp(s->dir))
			continue;
		/* Whoever the program becomes may pass through, and connect; only root may look. */
		if (s->as_root)
			chmod(s->dir, 0711);
		return 0;
	}
	snprintf(error, n, "cannot make a directory for the session daemon in $XDG_RUNTIME_DIR, /tmp or $TMPDIR: %s", strerror(errno));
	return -1;
}

static int begin(struct fdw_setup *s, int sock, char *error, size_t n)
{
	struct fdw_message m = { .what = FDW_SAY_DIR };

	if (make_private_dir(s, error, n) != 0)
		return -1;
	snprintf(m.text, sizeof m.text, "%s", s->dir);
	tell(sock, &m);
	if (s->as_root) {
		if (fdw_session_isolate_root(s, error, n) != 0)
			return -1;
	} else {
		setenv("LTTNG_HOME", s->dir, 1);
	}
	/* Inside a recording, or with somebody's preloaded library: LTTng's daemons are neither observed nor disturbed. */
	setenv("FDWARDEN_DISABLE", "1", 1);
	unsetenv("LD_PRELOAD");
	unsetenv(FDW_ENV_RECORD);
	unsetenv("LTTNG_UST_DEBUG");
	if (start_daemon(s, sock, error, n) != 0 || fdw_lttng_start(s, error, n) != 0 || (s->ring && fdw_ring_start(s, error, n) != 0))
		return -1;
	give_room();
	fdw_watch_make(s);
	if (s->isolate)
		name_consumer(s);
	else
		fdw_mark_make(s);
	return s->provider ? fdw_session_hello(s, error, n) : 0;
}

/* Until the command asks for the end (1) or is gone (0). */
static int serve(const struct fdw_setup *s, int sock)
{
	struct fdw_message m;
	struct pollfd p[3] = { { .fd = sock, .events = POLLIN }, { .fd = fdw_ring_socket(), .events = POLLIN },
		{ .fd = fdw_watch_bell(), .events = POLLIN } };

	for (;;) {
		int r = poll(p, 3, s->ring ? RING_LOOK_MS : -1);
		ssize_t n;
		if (r < 0 && errno == EINTR)
			continue;
		if (s->ring && fdw_watch_look(s, &m))
			tell(sock, &m);
		if (p[1].revents)
			fdw_ring_answer(s, daemon_pid);
		if (r <= 0 || !p[0].revents)
			continue;
		n = recv(sock, &m, sizeof m, 0);
		if (n == (ssize_t)sizeof m && m.what == FDW_ASK_STOP)
			return 1;
		if (n == (ssize_t)sizeof m && (m.what == FDW_ASK_KEEP || m.what == FDW_ASK_DROP))
			fdw_watch_judged(m.what == FDW_ASK_KEEP);
		if (n <= 0 && errno != EINTR)
			return 0;
	}
}

static void finish(const struct fdw_setup *s, struct fdw_message *m)
{
	char error[FDW_TEXT];
	int crippled = worker_ended();

	fdw_mark_end();
	/* Somebody may have stopped them: what is in the buffers is there all the same. */
	kill(-daemon_pid, SIGCONT);
	m->what = FDW_SAY_DONE;
	if (daemon_ended()) {
		snprintf(m->text, sizeof m->text, "the session daemon was gone before the end (%s %d): the last events may be missing",
		         WIFSIGNALED(daemon_status) ? "killed by signal" : "status",
		         WIFSIGNALED(daemon_status) ? WTERMSIG(daemon_status) : WEXITSTATUS(daemon_status));
	} else if (s->ring && fdw_ring_finish(s, error, sizeof error) != 0) {
		snprintf(m->text, sizeof m->text, "%.400s: the events of the ring are missing", error);
		(void)fdw_lttng_stop(&m->lost, error, sizeof error);
	} else if (fdw_lttng_stop(&m->lost, error, sizeof error) != 0) {
		snprintf(m->text, sizeof m->text, "%.400s: the last events may be missing", error);
	} else if (crippled) {
		snprintf(m->text, sizeof m->text, "LTTng's consumer daemon, which writes the trace, was gone before the end: the last events are missing");
	} else {
		m->complete = 1;
	}
	m->unfinished = fdw_watch_unfinished(s);
}

/* The kernel's own is the alarm's end; the others say that nobody waits for us. */
static void at_alarm(int sig, siginfo_t *info, void *context)
{
	if (info->si_code == SI_KERNEL)
		kill(-daemon_pid, SIGKILL); /* what hangs in a call to it returns */
	else
		alarm(ORPHAN_STOP_S);
}

/* The command waits for us, and ends us if need be. When it is gone, before or meanwhile, what hangs may do so only so long. */
static void finish_bounded(const struct fdw_setup *s, struct fdw_message *m, pid_t command, int asked)
{
	struct sigaction act = { .sa_sigaction = at_alarm, .sa_flags = SA_SIGINFO };
	sigset_t alarms;

	sigaction(SIGALRM, &act, NULL);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarms, NULL);
	prctl(PR_SET_PDEATHSIG, SIGALRM);
	if (!asked || getppid() != command)
		raise(SIGALRM);
	finish(s, m);
	alarm(0);
	signal(SIGALRM, SIG_IGN);
}

/* Not left to the command: it may be killed in the meantime. */
static void leave(const struct fdw_setup *s)
{
	if (s->dir[0])
		fdw_remove_tree(s->dir);
	if (s->place == FDW_PLACE_BOUND)
		fdw_session_leave_mount_point();
}

void fdw_session_helper(struct fdw_setup *s, int sock)
{
	struct fdw_message m = { .what = FDW_SAY_FAILED };
	pid_t command = getppid();
	int asked;

	setsid();
	close_all_but(sock);
	(void)!chdir("/");
	block_signals();
	prctl(PR_SET_CHILD_SUBREAPER, 1L);
	prctl(PR_SET_NAME, "fdwarden-helper");
	if (begin(s, sock, m.text, sizeof m.text) != 0) {
		end_daemon(s);
		leave(s);
		tell(sock, &m);
		_exit(1);
	}
	m.what = FDW_SAY_READY;
	m.place = s->place;
	tell(sock, &m);
	asked = serve(s, sock);
	memset(&m, 0, sizeof m);
	finish_bounded(s, &m, command, asked);
	end_daemon(s);
	fdw_watch_end();
	leave(s);
	if (asked)
		tell(sock, &m);
	_exit(0);
}
