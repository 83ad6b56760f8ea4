/*
 * preload/open.c: creating calls whose arguments the table cannot describe: variadic ones, and those that make two descriptors.
 *
 * Context: everywhere; open is async-signal-safe, may block (FIFO, network file systems) and is a cancellation point: no state of
 * ours is held over the kernel call.
 */
#include "birth.h"
#include "event.h"
#include "lists.h"
#include "resolve.h"
#include "table.h"
#include "wanted.h"
#include "poison.h"

/* "/dev/pts/" and a number. */
#define PTY_NAME_MAX 24

/* The third argument is passed only when there is one, but reading a register too many is harmless, and as libc does it. */
#define MODE_OF(flags, last)                                                                                           \
	__extension__({                                                                                                \
		mode_t mode_ = 0;                                                                                      \
		if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) {                                          \
			va_list ap_;                                                                                   \
			va_start(ap_, last);                                                                           \
			mode_ = va_arg(ap_, mode_t);                                                                   \
			va_end(ap_);                                                                                   \
		}                                                                                                      \
		mode_;                                                                                                 \
	})

static uint8_t kind_of(int flags) { return flags & O_DIRECTORY ? FDW_KIND_DIR : FDW_KIND_FILE; }

static struct fdw_detail path_of(const char *path) { return fdw_recording() ? fdw_text(path) : FDW_NO_DETAIL; }

FDW_EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = MODE_OF(flags, flags);
	uint32_t birth = fdw_birth(fdw_oflags(flags), FDW_CALLER);
	int real_flags = birth ? flags | O_CLOEXEC : flags, asks = fdw_path_asks(path);
	int r;

	fdw_wanted(FDW_CALLER, 0);
	r = unlikely(asks == FDW_PATH_REFUSED) ? -1 : likely(real_open) ? real_open(path, real_flags, mode)
	                          : (int)fdw_early_result(fdw_raw(SYS_openat, (long)AT_FDCWD, path, (long)flags, (long)mode));

	r = FDW_OR_AGAIN(r, real_open(path, real_flags, mode));
	if (likely(r >= 0)) {
		r = fdw_opened(fdw_wanted_number(r), fdw_oflags(flags), &path);
		fdw_made(r, kind_of(flags), fdw_oflags(flags) | birth, FDW_CALL_open, FDW_CALLER, -1, path_of(path));
		fdw_listing_if(r, path);
	} else {
		fdw_birth_failed(birth);
	}
	return r;
}

FDW_EXPORT int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = MODE_OF(flags, flags);
	uint32_t birth = fdw_birth(fdw_oflags(flags), FDW_CALLER);
	int real_flags = birth ? flags | O_CLOEXEC : flags, asks = fdw_path_asks(path);
	int r;

	fdw_wanted(FDW_CALLER, 0);
	r = unlikely(asks == FDW_PATH_REFUSED) ? -1 : likely(real_openat) ? real_openat(dir, path, real_flags, mode)
	                            : (int)fdw_early_result(fdw_raw(SYS_openat, (long)dir, path, (long)flags, (long)mode));

	r = FDW_OR_AGAIN(r, real_openat(dir, path, real_flags, mode));
	if (likely(r >= 0)) {
		r = fdw_opened(fdw_wanted_number(r), fdw_oflags(flags), &path);
		fdw_made(r, kind_of(flags), fdw_oflags(flags) | birth, FDW_CALL_openat, FDW_CALLER, dir, path_of(path));
		fdw_listing_if(r, path);
	} else {
		fdw_birth_failed(birth);
		fdw_use_failed(dir, FDW_CALL_openat, FDW_CALLER);
	}
	return r;
}

FDW_EXPORT mqd_t mq_open(const char *name, int flags, ...)
{
	mode_t mode = 0;
	struct mq_attr *attr = NULL;
	mqd_t r;

	if (flags & O_CREAT) {
		va_list ap;
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		attr = va_arg(ap, struct mq_attr *);
		va_end(ap);
	}
	r = FDW_REAL(mq_open)(name, flags, mode, attr);
	r = FDW_OR_AGAIN(r, real_mq_open(name, flags, mode, attr));
	if (likely(r >= 0))
		fdw_made(r, FDW_KIND_MQ, fdw_oflags(flags) | FDW_F_CLOEXEC, FDW_CALL_mq_open, FDW_CALLER, -1, path_of(name));
	return r;
}

/* r: what the call that made them returned. */
static int made_pair(int r, int *fd, uint8_t kind0, uint8_t kind1, uint32_t flags, const uint32_t birth[2], uint16_t call, uintptr_t pc)
{
	if (unlikely(r != 0)) {
		fdw_birth_failed(birth[0]);
		fdw_birth_failed(birth[1]);
		return r;
	}
	fdw_wanted_numbers(fd);
	fdw_made_plain(fd[0], kind0, flags | birth[0], call, pc, -1);
	fdw_made_plain(fd[1], kind1, flags | birth[1] | FDW_F_WRITABLE, call, pc, -1);
	return r;
}

FDW_EXPORT int pipe(int pfd[2])
{
	uint32_t birth[2];
	int r;

	fdw_birth_pair(birth, 0, FDW_CALLER);
	fdw_wanted_pair(FDW_CALLER, pfd, FDW_CALLERS_FRAME);
	r = birth[0] ? real_pipe2(pfd, O_CLOEXEC) : FDW_LIBC(pipe)(pfd);
	r = FDW_OR_AGAIN(r, birth[0] ? real_pipe2(pfd, O_CLOEXEC) : real_pipe(pfd));
	return made_pair(r, pfd, FDW_KIND_PIPE_R, FDW_KIND_PIPE_W, 0, birth, FDW_CALL_pipe, FDW_CALLER);
}

FDW_EXPORT int pipe2(int pfd[2], int flags)
{
	uint32_t birth[2], asks = fdw_oflags(flags & ~3);
	int r;

	fdw_birth_pair(birth, asks, FDW_CALLER);
	fdw_wanted_pair(FDW_CALLER, pfd, FDW_CALLERS_FRAME);
	flags |= birth[0] ? O_CLOEXEC : 0;
	r = FDW_LIBC(pipe2)(pfd, flags);
	r = FDW_OR_AGAIN(r, real_pipe2(pfd, flags));
	return made_pair(r, pfd, FDW_KIND_PIPE_R, FDW_KIND_PIPE_W, asks, birth, FDW_CALL_pipe2, FDW_CALLER);
}

FDW_EXPORT int socketpair(int domain, int type, int protocol, int sv[2])
{
	uint32_t birth[2], asks = fdw_sflags(type);
	int r;

	fdw_birth_pair(birth, asks, FDW_CALLER);
	fdw_wanted_pair(FDW_CALLER, sv, FDW_CALLERS_FRAME);
	type |= birth[0] ? SOCK_CLOEXEC : 0;
	r = FDW_LIBC(socketpair)(domain, type, protocol, sv);
	r = FDW_OR_AGAIN(r, real_socketpair(domain, type, protocol, sv));
	return made_pair(r, sv, FDW_KIND_SOCKET, FDW_KIND_SOCKET, asks, birth, FDW_CALL_socketpair, FDW_CALLER);
}

/*
 * libc has no close-on-exec form of it: its own steps, with the flag. The other end by its name: TIOCGPTPEER would leave O_CLOEXEC among the
 * flags that F_GETFL shows. The name is right because the kernel finds what /dev/ptmx belongs to by the same path.
 */
static int openpty_cloexec(int fd[2], char *name, const struct termios *t, const struct winsize *w)
{
	char own[PTY_NAME_MAX];

	fd[0] = real_posix_openpt(O_RDWR | O_CLOEXEC);
	if (fd[0] < 0)
		return -1;
	if (real_grantpt(fd[0]) != 0 || real_unlockpt(fd[0]) != 0 || real_ptsname_r(fd[0], own, sizeof own) != 0 ||
	    (fd[1] = real_open(own, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
		fdw_raw(SYS_close, (long)fd[0]);
		return -1;
	}
	if (t)
		real_tcsetattr(fd[1], TCSAFLUSH, t);
	if (w)
		real_ioctl(fd[1], TIOCSWINSZ, w);
	if (name)
		memcpy(name, own, strlen(own) + 1);
	return 0;
}

int fdw_openpty(int fd[2], char *name, const struct termios *t, const struct winsize *w, uint16_t call, uintptr_t pc)
{
	uint32_t birth[2];
	int saved = errno, r = -1;

	fdw_birth_pair(birth, 0, pc);
	if (birth[0])
		r = openpty_cloexec(fd, name, t, w);
	if (r != 0) { /* also where those steps did not work: libc knows others, and tells why not */
		fdw_birth_failed(birth[0]);
		fdw_birth_failed(birth[1]);
		errno = saved;
		r = FDW_REAL(openpty)(&fd[0], &fd[1], name, t, w);
		r = FDW_OR_AGAIN(r, real_openpty(&fd[0], &fd[1], name, t, w));
		birth[0] = birth[1] = 0;
	}
	if (r != 0)
		return r;
	fdw_made_plain(fd[0], FDW_KIND_PTY, FDW_F_WRITABLE | birth[0], call, pc, -1);
	fdw_made_plain(fd[1], FDW_KIND_PTY, FDW_F_WRITABLE | birth[1], call, pc, -1);
	if (birth[1] && fdw_word(fd[1]))
		fdw_record(fd[1])->arm |= FDW_ARM_NOT_LARGE;
	return r;
}

FDW_EXPORT int openpty(int *master, int *slave, char *name, const struct termios *t, const struct winsize *w)
{
	int fd[2], r = fdw_openpty(fd, name, t, w, FDW_CALL_openpty, FDW_CALLER);

	if (r == 0) {
		*master = fd[0];
		*slave = fd[1];
	}
	return r;
}

/* fd -1 makes a descriptor; anything else changes the mask of that one. */
FDW_EXPORT int signalfd(int fd, const sigset_t *mask, int flags)
{
	uint32_t asks = fdw_oflags(flags & ~3), birth = fd == -1 ? fdw_birth(asks, FDW_CALLER) : 0;
	int r;

	if (fd == -1)
		fdw_wanted(FDW_CALLER, 0);
	r = FDW_REAL(signalfd)(fd, mask, birth ? flags | SFD_CLOEXEC : flags);
	r = FDW_OR_AGAIN(r, real_signalfd(fd, mask, birth ? flags | SFD_CLOEXEC : flags));
	if (unlikely(r < 0)) {
		fdw_birth_failed(birth);
		fdw_use_failed(fd, FDW_CALL_signalfd, FDW_CALLER);
	} else if (fd == -1) {
		fdw_made_plain(r = fdw_wanted_number(r), FDW_KIND_SIGNALFD, asks | birth, FDW_CALL_signalfd, FDW_CALLER, -1);
	} else {
		fdw_used(fd, FDW_CALL_signalfd, FDW_CALLER);
	}
	return r;
}
