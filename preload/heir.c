/*
 * preload/heir.c: see heir.h.
 *
 * System calls: at the start openat, fcntl, mmap, fstatat; in the child close, fstatat. Not under a seccomp filter: nothing is recorded there.
 */
#include "event.h"
#include "exit.h"
#include "heir.h"
#include "killed.h"
#include "options.h"
#include "proc.h"
#include "protect.h"
#include "table.h"
#include "thread.h"
#include "poison.h"

const struct fdw_mark *fdw_mark;
struct fdw_watch *fdw_watch;
_Atomic uint32_t *fdw_unfinished;

/* LTTng has two connections to its daemon, and two threads that may be making new ones. */
#define CONNECTIONS 4
static _Atomic int connections[CONNECTIONS]; /* number + 1; 0: free */

static int change(int from, int to)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int was = from;
		if (atomic_compare_exchange_strong(&connections[i], &was, to))
			return 1;
	}
	return 0;
}

/* One too many is one that a child keeps open: then LTTng begins anew in each. */
void fdw_connection_made(int fd)
{
	socklen_t n = sizeof(int);
	int type;

	if (fdw_raw(SYS_getsockopt, (long)fd, (long)SOL_SOCKET, (long)SO_TYPE, &type, &n) == 0 && !change(0, fd + 1) &&
	    !fdw_process.heir)
		fdw_mark = NULL;
}

void fdw_connection_ends(int fd) { change(fd + 1, 0); }

static long open_beside(const char *name, int how)
{
	char path[FDW_PATH_MAX + 32];

	*fdw_put(fdw_put(fdw_put(path, fdw_options.record), "/"), name) = 0;
	return fdw_raw(SYS_openat, (long)AT_FDCWD, path, (long)(how | O_CLOEXEC), 0L);
}

void fdw_watch_find(void)
{
	long fd = open_beside(FDW_WATCH, O_RDWR), p;
	struct fdw_watch *watch;

	if (fd < 0)
		return;
	p = fdw_raw(SYS_mmap, NULL, sizeof *fdw_watch, (long)(PROT_READ | PROT_WRITE), (long)MAP_SHARED, fd, 0L);
	fdw_raw(SYS_close, fd);
	if (p < 0)
		return;
	watch = (struct fdw_watch *)p;
	fdw_unfinished = &watch->unfinished;
	fdw_killed = &watch->killed;
	fdw_watch = watch->ring ? watch : NULL;
}

void fdw_mark_hold(void)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	long fd = open_beside(FDW_MARK, O_RDONLY), p;

	if (fd < 0)
		return;
	fd = fdw_park((int)fd);
	p = fdw_raw(SYS_fcntl, fd, (long)F_OFD_SETLK, &lock);
	if (p == 0)
		p = fdw_raw(SYS_mmap, NULL, sizeof *fdw_mark, (long)PROT_READ, (long)MAP_SHARED, fd, 0L);
	if (p < 0) {
		fdw_raw(SYS_close, fd);
		return;
	}
	fdw_protect((int)fd);
	fdw_mark = (const struct fdw_mark *)p;
	fdw_find_space();
}

/*
 * Where /proc does not tell (a chroot), a first process has a namespace of its own all the same; so by when it began. What it execs is then another's, but
 * that would not find the session's directory either.
 */
void fdw_find_space(void)
{
	struct stat st;

	fdw_process.leads = 0;
	if (!fdw_mark || !fdw_mark->pid_space || fdw_process.filtered)
		return;
	if (fdw_raw(SYS_newfstatat, (long)AT_FDCWD, "/proc/self/ns/pid", &st, 0L) != 0) {
		if (fdw_process.pid != 1)
			return;
		st.st_ino = (ino_t)fdw_boottime();
	}
	fdw_process.who = st.st_ino == fdw_mark->pid_space ? fdw_process.pid
	                                                   : fdw_pid_beside(FDW_PID_SPACE(st.st_ino), fdw_process.pid);
}

static void hang_up(void)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = atomic_exchange(&connections[i], 0) - 1;
		if (fd < 0)
			continue;
		fdw_unprotect(fd);
		fdw_raw(SYS_close, (long)fd);
	}
	atomic_store(&fdw_process.no_fini, 1);
	fdw_process.heir = fdw_mark != NULL;
}

void fdw_inherit(void *mask)
{
	fdw_ops->after_fork_heir(mask);
	hang_up();
}

void fdw_own_heir(const char *why)
{
	if (!fdw_on() || fdw_self.tool || fdw_process.filtered)
		return;
	if (!fdw_mark && fdw_recording())
		fdw_stop_recording(why);
	else if (fdw_tool_threads_end())
		hang_up(); /* one that is in the middle of something would abort the process; it ends soon after */
}
