/*
 * preload/routes.h: calls that come to us by two routes, libc's function and syscall(2): one protocol, and the caller says what makes the
 * call. For syscall() that is the plain system call, never libc's function: it is no cancellation point, and whoever stands below us may
 * have written his close with syscall().
 */
#ifndef FDW_ROUTES_H
#define FDW_ROUTES_H

#include "table.h"

typedef int fdw_close_fn(int fd);
typedef int fdw_over_fn(int old, int new, int flags);
typedef int fdw_fcntl_fn(int fd, int cmd, long arg);
typedef int fdw_mark_fn(int fd, unsigned long request);
typedef ssize_t fdw_recvmsg_fn(int fd, struct msghdr *, int flags);
typedef int fdw_recvmmsg_fn(int fd, struct mmsghdr *, unsigned int n, int flags, struct timespec *);
typedef int fdw_range_fn(unsigned int first, unsigned int last, int flags);
typedef long fdw_plain_fn(long nr, const long *args);
typedef int fdw_madvise_fn(void *addr, size_t n, int advice);
typedef int fdw_epoll_ctl_fn(int epfd, int op, int fd, struct epoll_event *);

int fdw_close_by(fdw_close_fn *, int fd, uint16_t call, uintptr_t pc, uint32_t extra);
int fdw_dup_over(fdw_over_fn *, int old, int new, int flags, uint16_t call, uintptr_t pc); /* old is not new */
int fdw_fcntl_by(fdw_fcntl_fn *, int fd, int cmd, long arg, uintptr_t pc);
int fdw_ioctl_mark(fdw_mark_fn *, int fd, unsigned long request, uintptr_t pc); /* FIOCLEX, FIONCLEX */
ssize_t fdw_recvmsg_by(fdw_recvmsg_fn *, int fd, struct msghdr *, int flags, uintptr_t pc);
int fdw_recvmmsg_by(fdw_recvmmsg_fn *, int fd, struct mmsghdr *, unsigned int n, int flags, struct timespec *, uintptr_t pc);
int fdw_close_range_by(fdw_range_fn *, unsigned int first, unsigned int last, int flags, uintptr_t pc);
int fdw_epoll_ctl_by(fdw_epoll_ctl_fn *, int epfd, int op, int fd, struct epoll_event *, uintptr_t pc);
int fdw_set_end(int n); /* for select */
long fdw_epoll_wait_by(fdw_plain_fn *, long nr, const long *args, uintptr_t pc); /* epoll_wait, epoll_pwait, epoll_pwait2 */
int fdw_madvise_by(fdw_madvise_fn *, void *addr, size_t n, int advice, uint16_t call, uintptr_t pc);
long fdw_mlock_by(fdw_plain_fn *, long nr, const long *args); /* mlock, mlock2, mlockall, munlock, munlockall */
long fdw_sigaltstack_by(fdw_plain_fn *, long nr, const long *args, uintptr_t pc);
long fdw_rt_sigaction_by(fdw_plain_fn *, long nr, const long *args, uintptr_t pc);
void fdw_sent(int sock, const struct msghdr *, uint16_t call, uintptr_t pc); /* it was */
int fdw_openpty(int fd[2], char *name, const struct termios *, const struct winsize *, uint16_t call, uintptr_t pc); /* open.c */
void fdw_lock_taken(void); /* a POSIX record lock is about to be taken (target.c) */
int fdw_may_be_locked(int fd); /* this process may hold one on its file, by another number */
long fdw_prctl_by(fdw_plain_fn *, long nr, const long *args, uintptr_t pc); /* prctl, seccomp */
void fdw_syscall_rights(long nr, long a, uintptr_t pc); /* before calls that change what this thread may do, or where it is */
void fdw_unshared(const char *by, uint16_t call, uintptr_t pc); /* this thread has a table of its own now */

#endif
