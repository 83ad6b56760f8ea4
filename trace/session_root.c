/*
 * trace/session_root.c: root's session daemon always lives in /run/lttng; this gives ours one of its own, out of everybody's way.
 *
 * Context: the helper, before it starts the daemon; one thread. A mount namespace of the helper's own, in which the private directory,
 * which the host sees too, is bound onto /run/lttng; a fresh /dev/shm keeps the daemon's wake-up file away from programs that wait for
 * the system's daemon, and its buffers out of a container's small one. Where that is refused: inside a user namespace; then the host's
 * /run/lttng if nobody uses it; then a sentence.
 *
 * /run/lttng itself may have to be made, as a mount point. The helper of every recording holds a shared lock on it; who made it marks it,
 * and the last command removes it, after its helper's end: removing it earlier would undo the mounts of the others.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "trace/session_private.h"

#define RUN_LTTNG "/run/lttng"
/* A daemon that comes to use the directory sets the mode it wants, and so takes the mark away. */
#define MARK S_ISVTX

/* Holds the lock, as long as the helper lives. */
static int mount_point = -1, made_it;

static int open_mount_point(void)
{
	struct stat st;

	for (int tries = 0; tries < 8; tries++) {
		int made = mkdir(RUN_LTTNG, 0755) == 0;
		int fd = open(RUN_LTTNG, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -1;
		if (made)
			made_it = fchmod(fd, 0755 | MARK) == 0;
		/* Without links: the last recording removed it in between. */
		if (flock(fd, LOCK_SH) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
			return mount_point = fd;
		close(fd);
	}
	return -1;
}

int fdw_session_remove_mount_point(void)
{
	int fd = open(RUN_LTTNG, O_RDONLY | O_DIRECTORY | O_CLOEXEC), held = 0;
	struct stat st;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && st.st_mode & MARK) {
		held = flock(fd, LOCK_EX | LOCK_NB) != 0;
		if (!held)
			rmdir(RUN_LTTNG);
	}
	close(fd);
	return held ? -1 : 0;
}

void fdw_session_leave_mount_point(void)
{
	if (mount_point < 0)
		return;
	umount2(RUN_LTTNG, MNT_DETACH);
	close(mount_point);
	fdw_session_remove_mount_point();
}

void fdw_session_leave_idle(void)
{
	if (made_it)
		rmdir(RUN_LTTNG);
}

static int mounts(const struct fdw_setup *s)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount(s->dir, RUN_LTTNG, NULL, MS_BIND, NULL) != 0)
		return -1;
	/* Not being able to is no failure: the host's serves, if less privately. Never over the trace. */
	if (strncmp(s->output, "/dev/shm/", 9))
		(void)!mount("fdwarden", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	return 0;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return r;
}

/* All users as they are, so that programs that gave up root can be served; that takes somebody outside the new namespace. */
static void map_everybody(pid_t who)
{
	static const char *const files[] = { "uid_map", "gid_map" };
	char path[64];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", (int)who, files[i]);
		if (write_file(path, "0 0 4294967295") != 0) {
			snprintf(path, sizeof path, "/proc/%d/setgroups", (int)who);
			if (i)
				write_file(path, "deny");
			snprintf(path, sizeof path, "/proc/%d/%s", (int)who, files[i]);
			write_file(path, "0 0 1");
		}
	}
}

static int user_namespace(void)
{
	int gate[2], r;
	pid_t self = getpid(), mapper;
	char c = 0;

	if (pipe2(gate, O_CLOEXEC) != 0)
		return -1;
	mapper = fork();
	if (mapper == 0) {
		close(gate[1]);
		if (read(gate[0], &c, 1) == 1)
			map_everybody(self);
		_exit(0);
	}
	close(gate[0]);
	r = mapper > 0 ? unshare(CLONE_NEWUSER | CLONE_NEWNS) : -1;
	if (r == 0)
		r = write(gate[1], &c, 1) == 1 ? 0 : -1;
	close(gate[1]);
	if (mapper > 0)
		while (waitpid(mapper, NULL, 0) < 0 && errno == EINTR)
			;
	return r == 0 && getuid() == 0 && setuid(0) == 0 ? 0 : -1;
}

/* Nobody answers on the socket of the host's daemon, and we may write there. */
static int is_idle(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = RUN_LTTNG "/client-lttng-sessiond" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return 0;
	r = connect(fd, (struct sockaddr *)&un, sizeof un);
	close(fd);
	return r != 0 && access(RUN_LTTNG, W_OK) == 0;
}

int fdw_session_isolate_root(struct fdw_setup *s, char *error, size_t n)
{
	s->place = FDW_PLACE_BOUND;
	if (open_mount_point() < 0) {
		snprintf(error, n, "cannot make %s: %s; make it, or run as another user", RUN_LTTNG, strerror(errno));
		return -1;
	}
	if (unshare(CLONE_NEWNS) == 0 && mounts(s) == 0)
		return 0;
	if (user_namespace() == 0 && mounts(s) == 0)
		return 0;
	s->place = FDW_PLACE_IDLE;
	if (is_idle())
		return 0;
	snprintf(error, n, "root needs a mount namespace for a session daemon of its own, which is refused here, and %s is in use; "
	         "record as an ordinary user, or give the container CAP_SYS_ADMIN", RUN_LTTNG);
	return -1;
}
