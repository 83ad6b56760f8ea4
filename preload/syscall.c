/*
 * preload/syscall.c: syscall(): libuv closes with it, jemalloc opens with it. A fast switch on the number; everything else goes
 * straight through.
 *
 * Every call ends in the plain system call, never in libc's function of that name: routes.h says why.
 *
 * Context: everywhere, also inside malloc. Calls that return twice on the caller's stack (vfork, clone with CLONE_VM, clone3) never come
 * here: syscall.S jumps to libc's own with the stack as it was.
 */
#include <sched.h>
#include "birth.h"
#include "close.h"
#include "event.h"
#include "env.h"
#include "exit.h"
#include "fork.h"
#include "gate.h"
#include "lists.h"
#include "reap.h"
#include "resolve.h"
#include "retire.h"
#include "routes.h"
#include "thread.h"
#include "sigstack.h"
#include "vforked.h"
#include "wanted.h"
#include "poison.h"

long fdw_syscall(long nr, long a, long b, long c, long d, long e, long f, uintptr_t pc);
long fdw_plain_syscall(long nr, long a, long b, long c, long d, long e, long f);
int fdw_syscall_gate(long nr, const uint64_t *a, size_t size);

/* clone3 that copies memory and goes on on the same stack: fork by another name. Its arguments: linux/sched.h, struct clone_args. */
static int is_fork(const uint64_t *a, size_t size)
{
	enum { FLAGS = 0, ADDRESS = 5, LAST = 7 }; /* in units of 8 bytes */

	return fdw_on() && !fdw_process.filtered && size >= (LAST + 1) * sizeof *a && !((uintptr_t)a & 7) &&
	       fdw_readable_bytes(a, (LAST + 1) * sizeof *a) && !(a[FLAGS] & (CLONE_VM | CLONE_SETTLS)) && !a[ADDRESS];
}

/* Before vfork, clone3 and clone with CLONE_VM, which go straight to libc's function. 1: it may go by fdw_syscall. */
int fdw_syscall_gate(long nr, const uint64_t *a, size_t size)
{
	if (nr == SYS_clone3 && is_fork(a, size))
		return 1;
	fdw_gate();
	return 0;
}

long fdw_plain_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	return fdw_errno_of(fdw_raw(nr, a, b, c, d, e, f));
}

static long plain(long nr, const long *a)
{
	return real_syscall ? real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]) : fdw_plain_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#define PERF_CLOEXEC 8 /* PERF_FLAG_FD_CLOEXEC; its header cannot be included beside ours */

/* openat2's struct open_how as it was first; its header cannot be included beside others. Larger ones are passed on as they are. */
struct how { uint64_t flags, mode, resolve; };
static const struct how *how_of(const long *a)
{
	return a[3] == sizeof(struct how) && fdw_readable_bytes((const void *)a[2], sizeof(struct how)) ? (const struct how *)a[2] : NULL;
}

/* What the call with arguments a makes; FDW_KIND_UNKNOWN: no descriptor. flags: what the program asks for. */
static uint8_t kind_made_by(long nr, const long *a, uint32_t *flags)
{
	*flags = 0;
	switch (nr) {
	case SYS_openat: *flags = fdw_oflags((int)a[2]); return FDW_KIND_FILE;
	case SYS_openat2: *flags = how_of(a) ? fdw_oflags((int)how_of(a)->flags) : FDW_F_CLOEXEC; return FDW_KIND_FILE;
	case SYS_signalfd4: *flags = fdw_oflags((int)a[3] & ~3); return (int)a[0] == -1 ? FDW_KIND_SIGNALFD : FDW_KIND_UNKNOWN;
	case SYS_socket: *flags = fdw_sflags((int)a[1]); return FDW_KIND_SOCKET;
	case SYS_accept: *flags = FDW_F_WRITABLE; return FDW_KIND_CONN;
	case SYS_accept4: *flags = fdw_sflags((int)a[3]); return FDW_KIND_CONN;
	case SYS_epoll_create1: *flags = a[0] & EPOLL_CLOEXEC ? FDW_F_CLOEXEC : 0; return FDW_KIND_EPOLL;
	case SYS_eventfd2: *flags = fdw_oflags((int)a[1] & ~3); return FDW_KIND_EVENTFD;
	case SYS_timerfd_create: *flags = fdw_oflags((int)a[1] & ~3); return FDW_KIND_TIMERFD;
	case SYS_inotify_init1: *flags = fdw_oflags((int)a[0] & ~3); return FDW_KIND_INOTIFY;
	case SYS_memfd_create: *flags = a[1] & MFD_CLOEXEC ? FDW_F_CLOEXEC : 0; return FDW_KIND_MEMFD;
	case SYS_pidfd_open: *flags = FDW_F_CLOEXEC; return FDW_KIND_PIDFD;
	case SYS_pidfd_getfd: *flags = FDW_F_CLOEXEC; return FDW_KIND_OTHER;
	case SYS_perf_event_open: *flags = a[4] & PERF_CLOEXEC ? FDW_F_CLOEXEC : 0; return FDW_KIND_PERF;
	case SYS_userfaultfd: *flags = fdw_oflags((int)a[0] & ~3); return FDW_KIND_USERFAULT;
	case SYS_io_uring_setup: *flags = FDW_F_CLOEXEC; return FDW_KIND_IO_URING;
	case SYS_fsopen: case SYS_fsmount: *flags = a[1] & 1 ? FDW_F_CLOEXEC : 0; return FDW_KIND_MOUNT;
	case SYS_fspick: *flags = a[2] & 1 ? FDW_F_CLOEXEC : 0; return FDW_KIND_MOUNT;
	case SYS_open_tree: *flags = fdw_oflags((int)a[2] & ~3); return FDW_KIND_MOUNT;
	case SYS_landlock_create_ruleset: *flags = FDW_F_CLOEXEC; return FDW_KIND_OTHER;
#if defined(SYS_memfd_secret)
	case SYS_memfd_secret: *flags = fdw_oflags((int)a[0] & ~3); return FDW_KIND_MEMFD;
#endif
#if defined(__x86_64__)
	case SYS_open: *flags = fdw_oflags((int)a[1]); return FDW_KIND_FILE;
	case SYS_creat: *flags = FDW_F_WRITABLE; return FDW_KIND_FILE;
	case SYS_epoll_create: return FDW_KIND_EPOLL;
	case SYS_eventfd: return FDW_KIND_EVENTFD;
	case SYS_inotify_init: return FDW_KIND_INOTIFY;
#endif
	}
	return FDW_KIND_UNKNOWN;
}

#define INTO(nr_, at, flag) (*nr = (nr_), a[at] |= (flag), 1)
/* Turns the call into its close-on-exec form. 0: it has none, or the call is wrong. */
static int cloexec_form(long *nr, long *a)
{
	switch (*nr) {
	case SYS_openat: case SYS_open_tree: return INTO(*nr, 2, O_CLOEXEC);
	case SYS_socket: return INTO(*nr, 1, SOCK_CLOEXEC);
	case SYS_accept: a[3] = 0; return INTO(SYS_accept4, 3, SOCK_CLOEXEC);
	case SYS_accept4: case SYS_signalfd4: return INTO(*nr, 3, SOCK_CLOEXEC);
	case SYS_eventfd2: case SYS_timerfd_create: return INTO(*nr, 1, O_CLOEXEC);
	case SYS_epoll_create1: case SYS_inotify_init1: case SYS_userfaultfd: return INTO(*nr, 0, O_CLOEXEC);
#if defined(SYS_memfd_secret)
	case SYS_memfd_secret: return INTO(*nr, 0, O_CLOEXEC);
#endif
	case SYS_memfd_create: case SYS_fsopen: case SYS_fsmount: return INTO(*nr, 1, 1);
	case SYS_fspick: return INTO(*nr, 2, 1);
	case SYS_perf_event_open: return INTO(*nr, 4, PERF_CLOEXEC);
#if defined(__x86_64__)
	case SYS_open: return INTO(*nr, 1, O_CLOEXEC);
	case SYS_creat: a[2] = a[1], a[1] = O_CREAT | O_WRONLY | O_TRUNC; return INTO(SYS_open, 1, O_CLOEXEC);
	case SYS_epoll_create: return (int)a[0] > 0 && (a[0] = 0, INTO(SYS_epoll_create1, 0, EPOLL_CLOEXEC));
	case SYS_eventfd: a[1] = 0; return INTO(SYS_eventfd2, 1, EFD_CLOEXEC);
	case SYS_inotify_init: a[0] = 0; return INTO(SYS_inotify_init1, 0, IN_CLOEXEC);
#endif
	}
	return 0;
}

static const char *path_in(long nr, const long *a)
{
	if (nr == SYS_openat)
		return (const char *)a[1];
#if defined(__x86_64__)
	if (nr == SYS_open || nr == SYS_creat)
		return (const char *)a[0];
#endif
	return NULL;
}

/* A call that makes a descriptor. args: the program's, changed. */
static __attribute__((noinline)) long make(long nr, long *a, uint8_t kind, uint32_t flags, uintptr_t pc)
{
	uint32_t birth = fdw_birth(flags, pc);
	const char *path = path_in(nr, a);
	struct how how;
	long r;

	fdw_wanted(pc, 0);
	if (birth && nr == SYS_openat2 && how_of(a)) {
		how = *how_of(a);
		how.flags |= O_CLOEXEC;
		a[2] = (long)&how;
	} else if (birth && !cloexec_form(&nr, a)) {
		fdw_birth_failed(birth);
		birth = 0;
	}
	r = plain(nr, a);
	r = FDW_OR_AGAIN(r, plain(nr, a));
	if (r < 0) {
		fdw_birth_failed(birth);
		return r;
	}
	r = fdw_wanted_number((int)r);
	if (kind == FDW_KIND_FILE)
		r = fdw_opened((int)r, flags, &path);
	if (nr == SYS_io_uring_setup) {
		fdw_births_forbid(); /* a route that closes without us */
		fdw_emit_blind("io_uring", FDW_CALL_syscall, pc);
	}
	fdw_made((int)r, kind, flags | birth | FDW_F_SYSCALL, FDW_CALL_syscall, pc, -1, fdw_recording() ? fdw_text(path) : FDW_NO_DETAIL);
	fdw_listing_if((int)r, path);
	return r;
}

/* Uses worth knowing when they fail: the first argument is the descriptor. */
static int uses_descriptor(long nr)
{
	switch (nr) {
	case SYS_read: case SYS_write: case SYS_readv: case SYS_writev: case SYS_pread64: case SYS_pwrite64: case SYS_sendto:
	case SYS_recvfrom: case SYS_sendmsg: case SYS_recvmsg: case SYS_fsync: case SYS_fdatasync: case SYS_ftruncate:
	case SYS_getdents64: case SYS_lseek: case SYS_flock:
		return 1;
	}
	return 0;
}

/* A call on its first argument, a descriptor. */
static int is_call_on_first(long nr)
{
	switch (nr) {
	case SYS_fstat: case SYS_newfstatat: case SYS_statx: case SYS_ioctl: case SYS_openat: case SYS_openat2: case SYS_accept: case SYS_accept4:
	case SYS_bind: case SYS_listen: case SYS_connect: case SYS_getsockname: case SYS_getpeername: case SYS_getsockopt: case SYS_setsockopt:
	case SYS_shutdown: case SYS_recvmmsg: case SYS_sendmmsg: case SYS_epoll_pwait: case SYS_preadv: case SYS_pwritev: case SYS_preadv2:
	case SYS_pwritev2: case SYS_sendfile: case SYS_splice: case SYS_tee: case SYS_vmsplice: case SYS_copy_file_range: case SYS_fallocate:
	case SYS_fadvise64: case SYS_readahead: case SYS_sync_file_range: case SYS_syncfs: case SYS_fchmod: case SYS_fchown: case SYS_fchdir:
	case SYS_fstatfs: case SYS_readlinkat: case SYS_unlinkat: case SYS_mkdirat: case SYS_faccessat: case SYS_linkat: case SYS_symlinkat:
	case SYS_renameat2: case SYS_utimensat: case SYS_timerfd_settime: case SYS_timerfd_gettime: case SYS_inotify_add_watch:
	case SYS_inotify_rm_watch: case SYS_setns: case SYS_execveat: case SYS_pidfd_send_signal: case SYS_pidfd_getfd: case SYS_fsmount:
	case SYS_fsconfig: case SYS_fspick: case SYS_open_tree: case SYS_move_mount:
#if defined(__x86_64__)
	case SYS_getdents: case SYS_epoll_wait:
#endif
		return 1;
	}
	return uses_descriptor(nr);
}

/* An O_PATH descriptor would serve: a tombstone must not (retire.h). */
static int serves_tombstone(long nr, const long *a)
{
	switch (nr) {
	case SYS_fstat: case SYS_fstatfs: return 1;
	case SYS_newfstatat: case SYS_faccessat2: return fdw_names_itself((const char *)a[1], (int)a[3]);
	case SYS_statx: return fdw_names_itself((const char *)a[1], (int)a[2]);
	case SYS_linkat: case SYS_fchownat: case SYS_execveat: case SYS_name_to_handle_at: return fdw_names_itself((const char *)a[1], (int)a[4]);
	case SYS_readlinkat: return fdw_names_itself((const char *)a[1], AT_EMPTY_PATH);
	}
	return 0;
}

static int path_asks(long nr, const long *a)
{
#if defined(__x86_64__)
	if (nr == SYS_open || nr == SYS_creat)
		return fdw_path_asks((const char *)a[0]);
#endif
	return nr == SYS_openat ? fdw_path_asks((const char *)a[1]) : 0;
}

static void used_by(long nr, long a, long e, uintptr_t pc)
{
	if (is_call_on_first(nr))
		fdw_used((int)a, FDW_CALL_syscall, pc);
	else if (nr == SYS_mmap)
		fdw_used((int)e, FDW_CALL_syscall, pc);
}

/* ---- calls with a protocol, made as system calls: routes.h --------------------------------------------------------------------------*/

#define CALL(nr, ...) CALL_6(nr, __VA_ARGS__, 0, 0, 0, 0, 0)
#define CALL_6(nr, a, b, c, d, e, ...) \
	(real_syscall ? real_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0L) : \
	                fdw_plain_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0))

static int by_close(int fd) { return (int)CALL(SYS_close, fd); }
static int by_dup3(int old, int new, int flags) { return (int)CALL(SYS_dup3, old, new, flags); }
#if defined(__x86_64__)
static int by_dup2(int old, int new, int flags) { return (int)CALL(SYS_dup2, old, new); }
#endif
static int by_fcntl(int fd, int cmd, long arg) { return (int)CALL(SYS_fcntl, fd, cmd, arg); }
static ssize_t by_recvmsg(int fd, struct msghdr *m, int flags) { return CALL(SYS_recvmsg, fd, (uintptr_t)m, flags); }
static int by_recvmmsg(int fd, struct mmsghdr *m, unsigned int n, int flags, struct timespec *t)
{
	return (int)CALL(SYS_recvmmsg, fd, (uintptr_t)m, n, flags, (uintptr_t)t);
}
static int by_madvise(void *addr, size_t n, int advice) { return (int)CALL(SYS_madvise, addr, n, advice); }
static int by_ioctl(int fd, unsigned long request) { return (int)CALL(SYS_ioctl, fd, request); }
static int by_close_range(unsigned first, unsigned last, int flags) { return (int)CALL(SYS_close_range, first, last, flags); }
static int by_epoll_ctl(int epfd, int op, int fd, struct epoll_event *e) { return (int)CALL(SYS_epoll_ctl, epfd, op, fd, (uintptr_t)e); }

static __attribute__((noinline)) long duplicate(int fd, uintptr_t pc)
{
	uint32_t birth;
	long r;

	if (unlikely(fdw_is_protected(fd))) {
		errno = EBADF;
		return -1;
	}
	if (fdw_refused(fd, FDW_CALL_dup, pc))
		return -1;
	birth = fdw_birth(0, pc);
	fdw_wanted(pc, 0);
	fdw_flux_enter(fd, (uintptr_t)__builtin_frame_address(0));
	r = birth ? by_fcntl(fd, F_DUPFD_CLOEXEC, 0) : CALL(SYS_dup, fd);
	r = FDW_OR_AGAIN(r, birth ? by_fcntl(fd, F_DUPFD_CLOEXEC, 0) : CALL(SYS_dup, fd));
	fdw_flux_leave(fd);
	if (r >= 0)
		return fdw_made_dup(fdw_wanted_number((int)r), fd, birth, FDW_CALL_dup, pc);
	fdw_birth_failed(birth);
	fdw_use_failed(fd, FDW_CALL_dup, pc);
	return r;
}

/* pipe, pipe2, socketpair. flag_at: which argument takes flags; fd_at: which points to the two numbers. */
static __attribute__((noinline)) long pair(long nr, long *a, int flag_at, int fd_at, uint32_t flags, uintptr_t pc)
{
	int pipes = nr != SYS_socketpair;
	const int *fd = (const int *)a[fd_at];
	uint32_t birth[2];
	long r;

	fdw_birth_pair(birth, flags, pc);
	if (birth[0]) {
#if defined(__x86_64__)
		if (nr == SYS_pipe)
			nr = SYS_pipe2, a[1] = 0;
#endif
		a[flag_at] |= O_CLOEXEC;
	}
	r = plain(nr, a);
	r = FDW_OR_AGAIN(r, plain(nr, a));
	if (r != 0) {
		fdw_birth_failed(birth[0]);
		fdw_birth_failed(birth[1]);
		return r;
	}
	flags |= FDW_F_SYSCALL;
	fdw_made_plain(fd[0], pipes ? FDW_KIND_PIPE_R : FDW_KIND_SOCKET, flags | birth[0], FDW_CALL_syscall, pc, -1);
	fdw_made_plain(fd[1], pipes ? FDW_KIND_PIPE_W : FDW_KIND_SOCKET, flags | birth[1] | FDW_F_WRITABLE, FDW_CALL_syscall, pc, -1);
	return r;
}

static __attribute__((noinline)) long wait_for(long pid, long status, long options, long usage, uintptr_t pc)
{
	int own = 0, *where = status || !fdw_recording() ? (int *)status : &own;
	long r = CALL(SYS_wait4, pid, (uintptr_t)where, options, usage);

	if (r > 0 && where)
		fdw_reaped((pid_t)r, *where, FDW_CALL_syscall, pc);
	return r;
}

static __attribute__((noinline)) long wait_for_id(long type, long id, long info, long options, long usage, uintptr_t pc)
{
	siginfo_t own, *where = info || !fdw_recording() ? (siginfo_t *)info : &own;
	long r;

	own.si_signo = 0;
	r = CALL(SYS_waitid, type, id, (uintptr_t)where, options, usage);
	if (r == 0 && where && fdw_recording())
		fdw_reaped_info(where, (int)options, FDW_CALL_syscall, pc);
	return r;
}

/* A vfork child's calls pass through, but for what would take the tracer's numbers from under its feet: vforked.h. */
static int refused_to_vfork_child(long nr, long a, long b, uintptr_t pc)
{
	if (likely(!fdw_self.vforked))
		return 0;
	if (nr == SYS_exit_group || nr == SYS_exit)
		fdw_ending((int)a, FDW_CALL_syscall, pc);
#if defined(__x86_64__)
	if (nr == SYS_dup2 && a != b)
		return fdw_vforked_keeps((int)b);
#endif
	return (nr == SYS_close && fdw_vforked_keeps((int)a)) || (nr == SYS_dup3 && a != b && fdw_vforked_keeps((int)b));
}

/* Calls that say something about the process. */
static long of_process(long r, long nr, long a, uintptr_t pc)
{
	if (nr == SYS_unshare) {
		if (r == 0 && a & CLONE_FILES)
			fdw_unshared("unshare(CLONE_FILES)", FDW_CALL_syscall, pc);
	} else if (r == 0) {
		fdw_forked_child(FDW_FORK_CLONE, FDW_CALL_syscall, pc);
	}
	return r;
}

/* fork, clone without CLONE_VM (see syscall.S): the child comes back here. */
static __attribute__((noinline)) long forks(long nr, const long *a, uintptr_t pc)
{
	long r;

	if ((nr == SYS_clone3 ? *(const uint64_t *)a[0] : nr == SYS_clone ? (uint64_t)a[0] : 0) & CLONE_FILES)
		atomic_store(&fdw_raw_threads, 1);
	fdw_gate();
	fdw_forking();
	r = plain(nr, a);
	if (r != 0)
		fdw_forked_parent((pid_t)r, FDW_FORK_CLONE, FDW_CALL_syscall, pc);
	return of_process(r, nr, a[0], pc);
}

static __attribute__((noinline)) long other(long nr, long a, long b, long c, long d, long e, long f, uintptr_t pc)
{
	long args[6] = { a, b, c, d, e, f }, r;
	uint32_t flags;
	uint8_t kind;
	int asks;

	if (unlikely(!fdw_on()) || fdw_from_below(pc)) {
		r = refused_to_vfork_child(nr, a, b, pc) ? fdw_errno_of(-EBADF) : plain(nr, args);
		if (fdw_vforked_recording())
			fdw_vforked_syscall(nr, args, r, pc);
		return r;
	}
	if (unlikely(nr == SYS_futex && fdw_self.tool))
		return fdw_tool_futex(args);
	switch (nr) {
	case SYS_dup3: return a == b ? plain(nr, args) : fdw_dup_over(by_dup3, (int)a, (int)b, (int)c, FDW_CALL_dup3, pc);
#if defined(__x86_64__)
	case SYS_dup2: return a == b ? plain(nr, args) : fdw_dup_over(by_dup2, (int)a, (int)b, 0, FDW_CALL_dup2, pc);
	case SYS_pipe: return pair(nr, args, 1, 0, 0, pc);
#endif
	case SYS_pipe2: return pair(nr, args, 1, 0, fdw_oflags((int)b & ~3), pc);
	case SYS_socketpair: return pair(nr, args, 1, 3, fdw_sflags((int)b), pc);
	case SYS_recvmsg: return fdw_recvmsg_by(by_recvmsg, (int)a, (struct msghdr *)b, (int)c, pc);
	case SYS_recvmmsg: return fdw_recvmmsg_by(by_recvmmsg, (int)a, (struct mmsghdr *)b, (unsigned)c, (int)d, (struct timespec *)e, pc);
	case SYS_ioctl:
		if ((unsigned long)b == FIOCLEX || (unsigned long)b == FIONCLEX)
			return fdw_ioctl_mark(by_ioctl, (int)a, (unsigned long)b, pc);
		break;
#if defined(__x86_64__)
	case SYS_epoll_wait:
#endif
	case SYS_epoll_pwait: case SYS_epoll_pwait2: return fdw_epoll_wait_by(plain, nr, args, pc);
#if defined(__x86_64__)
	case SYS_select:
#endif
	case SYS_pselect6:
		args[0] = fdw_set_end((int)a);
		return plain(nr, args);
	case SYS_exit: /* ends this thread, and with the last one the process: the tracer's threads would go on */
		if (!fdw_recording() || atomic_load(&fdw_process.threads))
			return plain(nr, args);
		nr = SYS_exit_group;
		/* fall through */
	case SYS_exit_group:
		fdw_ending((int)a, FDW_CALL_syscall, pc);
		return plain(nr, args);
	case SYS_wait4: return wait_for(a, b, c, d, pc);
	case SYS_waitid: return wait_for_id(a, b, c, d, e, pc);
	case SYS_seccomp: case SYS_prctl: return fdw_prctl_by(plain, nr, args, pc);
#if defined(__x86_64__)
	case SYS_fork:
#endif
	case SYS_clone:
		if (nr == SYS_clone && a & CLONE_SETTLS) /* the child's thread pointer is the program's affair: nothing of ours is behind it */
			return plain(nr, args);
		return forks(nr, args, pc);
	case SYS_clone3: /* a fork: see fdw_syscall_gate */
		return forks(nr, args, pc);
	case SYS_execve: case SYS_execveat:
		if (nr == SYS_execveat && fdw_hides() && serves_tombstone(nr, args) && fdw_tombstone_met((int)a, FDW_CALL_syscall, pc))
			return -1;
		fdw_gate_and_tell(FDW_CALL_syscall, pc);
		return plain(nr, args);
	case SYS_sigaltstack: return fdw_sigaltstack_by(plain, nr, args, pc);
	case SYS_rt_sigaction: return fdw_rt_sigaction_by(plain, nr, args, pc);
	case SYS_madvise: return fdw_madvise_by(by_madvise, (void *)a, (size_t)b, (int)c, FDW_CALL_syscall, pc);
	case SYS_mlock: case SYS_mlock2: case SYS_mlockall: case SYS_munlock: case SYS_munlockall: return fdw_mlock_by(plain, nr, args);
	case SYS_io_uring_setup:
		if (fdw_process.no_uring)
			return fdw_errno_of(-ENOSYS);
		break;
	case SYS_unshare:
		fdw_syscall_rights(nr, a, pc);
		return of_process(plain(nr, args), nr, a, pc);
	default:
		fdw_syscall_rights(nr, a, pc);
	}
	if (unlikely(fdw_process.uses))
		used_by(nr, a, e, pc);
	if (fdw_hides() && serves_tombstone(nr, args) && fdw_tombstone_met((int)a, FDW_CALL_syscall, pc))
		return -1;
	kind = kind_made_by(nr, args, &flags);
	if (kind != FDW_KIND_UNKNOWN) {
		asks = path_asks(nr, args);
		r = unlikely(asks == FDW_PATH_REFUSED) ? -1 : make(nr, args, kind, flags, pc);
		if (unlikely(r < 0 && fdw_hides()) && is_call_on_first(nr))
			fdw_no_directory((int)a);
		return r;
	}
	if (uses_descriptor(nr))
		fdw_passed_over((int)a, -1, FDW_CALL_syscall);
	r = plain(nr, args);
	if (unlikely(r < 0) && uses_descriptor(nr))
		fdw_use_failed((int)a, FDW_CALL_syscall, pc);
	else if (unlikely(r < 0 && fdw_hides()) && is_call_on_first(nr))
		fdw_no_directory((int)a);
	if (r >= 0 && nr == SYS_sendmsg)
		fdw_sent((int)a, (const struct msghdr *)b, FDW_CALL_syscall, pc);
	return r;
}

/* What is called most, and in handlers, leaves its frame to who does it. */
long fdw_syscall(long nr, long a, long b, long c, long d, long e, long f, uintptr_t pc)
{
	if (likely(fdw_on()) && !fdw_from_below(pc))
		switch (nr) {
		case SYS_close: return fdw_close_by(by_close, (int)a, FDW_CALL_syscall, pc, FDW_F_SYSCALL);
		case SYS_dup: return duplicate((int)a, pc);
		case SYS_fcntl: return fdw_fcntl_by(by_fcntl, (int)a, (int)b, c, pc);
		case SYS_close_range: return fdw_close_range_by(by_close_range, (unsigned)a, (unsigned)b, (int)c, pc);
		case SYS_epoll_ctl: return fdw_epoll_ctl_by(by_epoll_ctl, (int)a, (int)b, (int)c, (struct epoll_event *)d, pc);
		}
	return other(nr, a, b, c, d, e, f, pc);
}
