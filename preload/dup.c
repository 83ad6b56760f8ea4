/*
 * preload/dup.c: dup, dup2, dup3, fcntl, ioctl: duplicates, flags, and descriptors made by requests.
 *
 * Context: everywhere. dup2 over an open number is a claimed close plus a create, atomically (rule 6). The source is held in flux
 * while the kernel call runs, except for calls that can block (F_SETLKW; dup2, whose implicit close may linger).
 */
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include "birth.h"
#include "close.h"
#include "event.h"
#include "last_use.h"
#include "pending.h"
#include "protect.h"
#include "quick.h"
#include "resolve.h"
#include "retire.h"
#include "routes.h"
#include "stream.h"
#include "vforked.h"
#include "wanted.h"
#include "poison.h"

#define KERNEL_LARGEFILE 0100000 /* libc calls it 0 */
#define FRAME ((uintptr_t)__builtin_frame_address(0))

/* r is a duplicate that a vfork child made. */
static int placed(int r, int old, uint16_t call, uintptr_t pc)
{
	if (r >= 0)
		fdw_vforked_fd(FDW_CHILD_PLACED, r, old, call, pc);
	return r;
}

/* In a function of its own, so that the quick way saves no registers for it. */
static __attribute__((noinline)) int dup_slowly(int fd, uintptr_t pc)
{
	uint32_t birth;
	int r;

	if (unlikely(!fdw_on()))
		return fdw_refused(fd, FDW_CALL_dup, pc) ? -1 : placed(FDW_LIBC(dup)(fd), fd, FDW_CALL_dup, pc);
	if (unlikely(fdw_is_protected(fd)) && !fdw_tool_caller(pc)) {
		errno = EBADF;
		return -1;
	}
	if (fdw_refused(fd, FDW_CALL_dup, pc))
		return -1;
	birth = fdw_birth(0, pc);
	fdw_wanted(pc, 0);
	fdw_flux_enter(fd, FRAME);
	FDW_STEP(dup_kernel);
	r = birth ? real_fcntl(fd, F_DUPFD_CLOEXEC, 0) : real_dup(fd);
	r = FDW_OR_AGAIN(r, birth ? real_fcntl(fd, F_DUPFD_CLOEXEC, 0) : real_dup(fd));
	fdw_flux_leave(fd);
	if (likely(r >= 0))
		return fdw_made_dup(fdw_wanted_number(r), fd, birth, FDW_CALL_dup, pc);
	fdw_birth_failed(birth);
	fdw_use_failed(fd, FDW_CALL_dup, pc);
	return r;
}

FDW_EXPORT int dup(int fd)
{
	int r;

	if (!fdw_quick())
		return dup_slowly(fd, FDW_CALLER);
	/* Alone, nobody can close it meanwhile: no in-flux count. */
	r = (int)FDW_QUICK(SYS_dup, fd);
	if (unlikely(r < 0)) {
		errno = -r;
		fdw_use_failed(fd, FDW_CALL_dup, FDW_CALLER);
		return -1;
	}
	fdw_duplicated(fd);
	fdw_born_inline(r, fdw_word(fd) ? fdw_record(fd)->kind : FDW_KIND_UNKNOWN, FDW_BORN_DUP, FDW_CALL_dup, FDW_CALLER);
	fdw_shares_history(r, fd);
	return r;
}

/* A marker over a descriptor that somebody may hold an event for: he will act on the marker's number, also when that is closed in its turn. */
static void still_held(int fd, int marker, const struct fdw_record *was, uint64_t before)
{
	struct fdw_record *r = fdw_record(fd);

	r->poller = was->poller;
	r->poller_gen = was->poller_gen;
	r->arm = was->arm & (FDW_ARM_MANY_POLLERS | FDW_ARM_MANY_WAITERS);
	if (fdw_word(marker))
		r->kind = fdw_record(marker)->kind;
	atomic_fetch_or_explicit(fdw_word(fd), before & (FDW_W_REGISTERED | FDW_W_ONESHOT), memory_order_relaxed);
}

/* Rule 6. `call` is made between claim and create; a number of the tracer's cannot be had (as if above the limit). */
int fdw_dup_over(fdw_over_fn *real, int old, int new, int flags, uint16_t call, uintptr_t pc)
{
	struct fdw_claim c;
	struct fdw_record was = { 0 };
	uint32_t ended, gen, birth;
	uintptr_t stream;
	int r, err, saved = errno;

	if (unlikely(fdw_is_protected(new) || fdw_is_protected(old)) && !fdw_tool_caller(pc)) {
		errno = EBADF;
		return -1;
	}
	if (fdw_refused(old, call, pc))
		return -1;
	FDW_STEP(over_before);
	fdw_claim_as(&c, new, FDW_W_REPLACED);
	FDW_STEP(over_claimed);
	ended = c.owner ? fdw_gen(c.before) : 0;
	if (c.owner)
		was = *fdw_record(new);
	stream = c.owner && c.before & FDW_W_STREAM ? fdw_record(new)->stream : 0;
	c.refused = 0; /* a marker put over a number that another thread is closing is the program's affair */
	/* Standard input, output and error are put in place to be inherited. */
	birth = new > 2 ? fdw_birth(flags & O_CLOEXEC ? FDW_F_CLOEXEC : 0, pc) : 0;
	r = birth ? real_dup3(old, new, flags | O_CLOEXEC) : real(old, new, flags);
	err = errno;
	if (unlikely(r < 0)) {
		fdw_birth_failed(birth);
		fdw_claim_end(&c, FDW_CLOSE_UNDO, call, pc);
		errno = err;
		if ((uint32_t)new < FDW_TABLE_MAX)
			fdw_use_failed(old, call, pc);
		return r;
	}
	fdw_claim_end(&c, FDW_CLOSE_DONE, call, pc);
	fdw_pending_placed(new);
	flags = flags & O_CLOEXEC ? FDW_F_CLOEXEC : 0;
	fdw_duplicated(old);
	if (unlikely(fdw_process.keeps))
		fdw_self.made = 1;
	gen = fdw_born(new, FDW_KIND_UNKNOWN, (uint32_t)flags | birth | FDW_BORN_DUP, call, pc);
	fdw_shares_history(new, old);
	if (unlikely(c.before & FDW_W_REGISTERED) && ended && fdw_process.births)
		still_held(new, old, &was, c.before);
	if (birth)
		fdw_birth_made(new, birth);
	if (unlikely(stream)) {
		fdw_stream_rebind((void *)stream, new, gen);
		fdw_record(new)->stream = stream;
		atomic_fetch_or_explicit(fdw_word(new), FDW_W_STREAM, memory_order_relaxed);
	}
	if (fdw_recording()) {
		fdw_last_use_made(new);
		fdw_send(&(struct fdw_event){ .op = FDW_OP_REPLACE, .call = call, .fd = new, .gen = gen, .fd2 = old,
			.gen2 = fdw_gen(fdw_peek(old)), .ret = r, .flags = (uint32_t)flags, .arg = ended }, pc);
	}
	errno = saved;
	return r;
}

static int by_dup2(int old, int new, int flags) { return real_dup2(old, new); }

FDW_EXPORT int dup2(int old, int new)
{
	if (unlikely(!fdw_on()) && fdw_refused(old, FDW_CALL_dup2, FDW_CALLER))
		return -1;
	if (unlikely(!fdw_on()))
		return fdw_vforked_keeps(new) ? (int)fdw_errno_of(-EBADF) : placed(FDW_LIBC(dup2)(old, new), old, FDW_CALL_dup2, FDW_CALLER);
	if (old == new) { /* changes nothing */
		int r = fdw_refused(old, FDW_CALL_dup2, FDW_CALLER) ? -1 : real_dup2(old, new);
		if (r < 0)
			fdw_use_failed(old, FDW_CALL_dup2, FDW_CALLER);
		else
			fdw_used(old, FDW_CALL_dup2, FDW_CALLER);
		return r;
	}
	return fdw_dup_over(by_dup2, old, new, 0, FDW_CALL_dup2, FDW_CALLER);
}

FDW_EXPORT int dup3(int old, int new, int flags)
{
	if (unlikely(!fdw_on()) && fdw_refused(old, FDW_CALL_dup3, FDW_CALLER))
		return -1;
	if (unlikely(!fdw_on()) || old == new) {
		int r = old != new && fdw_vforked_keeps(new) ? (int)fdw_errno_of(-EBADF) : FDW_LIBC(dup3)(old, new, flags);
		return flags & O_CLOEXEC ? r : placed(r, old, FDW_CALL_dup3, FDW_CALLER);
	}
	return fdw_dup_over(real_dup3, old, new, flags, FDW_CALL_dup3, FDW_CALLER);
}

/* ---- fcntl ----------------------------------------------------------------------------------------------------------------------------*/

void fdw_note_setfd(int fd, int on, uint16_t call, uintptr_t pc)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v;

	if (w) {
		v = atomic_load_explicit(w, memory_order_relaxed);
		while (fdw_state(v) == FDW_OPEN && (!(v & FDW_W_CLOEXEC) == !!on || v & FDW_W_LATE) &&
		       !fdw_cas(w, &v, (on ? v | FDW_W_CLOEXEC : v & ~FDW_W_CLOEXEC) & ~FDW_W_LATE))
			;
	}
	if (fdw_recording())
		fdw_send(&(struct fdw_event){ .op = FDW_OP_SETFD, .call = call, .fd = fd, .gen = fdw_gen(fdw_peek(fd)),
			.fd2 = -1, .arg = (uint64_t)on }, pc);
}

/* A shell looks whether there is something on a number that its user wrote, and moves it out of the way: to ten or above, all of them. */
#define SAVED_FROM 10
static int saves(int cmd, long arg) { return (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) && arg >= SAVED_FROM; }

static int fcntl_done(int fd, int cmd, long arg, int r, uintptr_t pc)
{
	if (unlikely(r < 0)) {
		/* F_GETFD and F_GETFL only ask whether a number is open */
		if (cmd == F_SETFD && errno == EBADF)
			fdw_marked(fd, 1, FDW_CALL_fcntl, pc);
		else if (cmd != F_GETFD && cmd != F_GETFL && !saves(cmd, arg))
			fdw_use_failed(fd, FDW_CALL_fcntl, pc);
		return r;
	}
	fdw_used(fd, FDW_CALL_fcntl, pc);
	if (cmd == F_SETLK || cmd == F_SETLKW || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW)
		fdw_locked(fd, FDW_CALL_fcntl, pc);
	if (cmd == F_SETFD) {
		fdw_marked(fd, 0, FDW_CALL_fcntl, pc);
		fdw_note_setfd(fd, (arg & FD_CLOEXEC) != 0, FDW_CALL_fcntl, pc);
	}
	return r;
}

/* The number is in flux while the kernel call runs, which does not block. Alone, nobody can close it meanwhile. */
FDW_INLINE int fcntl_in_flux(fdw_fcntl_fn *real, int fd, int cmd, long arg)
{
	int r;

	if (fdw_single_threaded())
		return real(fd, cmd, arg);
	fdw_flux_enter(fd, FRAME);
	r = real(fd, cmd, arg);
	fdw_flux_leave(fd);
	return r;
}

/* Which number F_DUPFD gives natively: its argument, or the first that is not open behind it. */
static int number_from(int fd)
{
	while (fdw_word(fd) && fdw_state(fdw_peek(fd)) == FDW_OPEN)
		fd++;
	return fd;
}

static int fcntl_dup(fdw_fcntl_fn *real, int fd, int cmd, long arg, uintptr_t pc)
{
	uint32_t asks = cmd == F_DUPFD_CLOEXEC ? FDW_F_CLOEXEC : 0, birth = fdw_birth(asks, pc);
	int r;

	if (unlikely(arg >= SAVED_FROM) && !fdw_process.names) {
		fdw_process.names = 1;
		fdw_release_all();
	}
	/* Who says 3 or less has no number in mind: none of the standard streams', or none in particular. */
	if (unlikely(fdw_process.retired) && arg > 3)
		fdw_give_back(number_from((int)arg));
	else
		fdw_wanted(pc, (int)arg);
	r = fcntl_in_flux(real, fd, birth ? F_DUPFD_CLOEXEC : cmd, arg);
	r = FDW_OR_AGAIN(r, fcntl_in_flux(real, fd, birth ? F_DUPFD_CLOEXEC : cmd, arg));
	if (unlikely(r < 0))
		fdw_birth_failed(birth);
	r = fcntl_done(fd, cmd, arg, r, pc);
	fdw_pending_placed(r);
	return r < 0 ? r : fdw_made_dup(fdw_wanted_number(r), fd, asks | birth, FDW_CALL_fcntl, pc);
}

/* Here the program decides what was born close-on-exec. */
static int fcntl_setfd(fdw_fcntl_fn *real, int fd, long arg, uintptr_t pc)
{
	int r, marks = (arg & FD_CLOEXEC) != 0, clears;

	if (marks && fdw_birth_marked(fd))
		return fcntl_done(fd, F_SETFD, arg, 0, pc);
	clears = !marks && fdw_birth_clear_begin(fd);
	r = fcntl_in_flux(real, fd, F_SETFD, arg);
	if (clears)
		fdw_birth_clear_end(fd);
	if (r == 0 && marks && fdw_process.births)
		fdw_birth_marked_late(fd);
	return fcntl_done(fd, F_SETFD, arg, r, pc);
}

FDW_INLINE int fcntl_by(fdw_fcntl_fn *real, int fd, int cmd, long arg, uintptr_t pc)
{
	uint64_t before = fdw_peek(fd);
	int saved = errno, r;

	if (unlikely(fdw_state(before) == FDW_PROTECTED) && !fdw_tool_caller(pc)) {
		errno = EBADF;
		return -1;
	}
	if (unlikely(fdw_is_tombstone(before)) && (cmd == F_GETFD || cmd == F_GETFL || cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)) {
		errno = EBADF; /* only asked; shells do so by F_DUPFD, to save what is there */
		return -1;
	}
	if (fdw_refused(fd, FDW_CALL_fcntl, pc))
		return -1;
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) {
		r = fcntl_dup(real, fd, cmd, arg, pc);
	} else if (cmd == F_SETFD) {
		r = fcntl_setfd(real, fd, arg, pc);
	} else {
		if (cmd == F_SETLK || cmd == F_SETLKW)
			fdw_lock_taken();
		r = real(fd, cmd, arg); /* may block: F_SETLKW */
		r = fcntl_done(fd, cmd, arg, r, pc);
		if (cmd == F_GETFD && r > 0 && fdw_birth_hidden(before))
			r &= ~FD_CLOEXEC;
		/* Born by open(), which says O_LARGEFILE, where libc's way does not (open.c). */
		if (cmd == F_GETFL && r > 0 && fdw_state(before) == FDW_OPEN && unlikely(fdw_record(fd)->arm & FDW_ARM_NOT_LARGE))
			r &= ~KERNEL_LARGEFILE;
	}
	if (r >= 0)
		errno = saved;
	return r;
}

int fdw_fcntl_by(fdw_fcntl_fn *real, int fd, int cmd, long arg, uintptr_t pc) { return fcntl_by(real, fd, cmd, arg, pc); }

FDW_INLINE int by_fcntl(int fd, int cmd, long arg) { return real_fcntl(fd, cmd, arg); }

FDW_EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long); /* whatever it is: commands without one ignore it */
	va_end(ap);
	if (unlikely(!fdw_on())) {
		int r = fdw_refused(fd, FDW_CALL_fcntl, FDW_CALLER) ? -1 : likely(real_fcntl) ? real_fcntl(fd, cmd, arg) : (int)fdw_early_result(fdw_raw(SYS_fcntl, (long)fd, (long)cmd, arg));
		if (fdw_vforked_recording())
			fdw_vforked_fcntl(fd, cmd, arg, r, FDW_CALLER);
		return r;
	}
	return fcntl_by(by_fcntl, fd, cmd, arg, FDW_CALLER);
}

/* ---- ioctl ----------------------------------------------------------------------------------------------------------------------------*/

/* Requests whose result is a new descriptor: by number, since few of their headers can be included side by side. */
static int makes_descriptor(unsigned long request, uint8_t *kind)
{
	*kind = FDW_KIND_OTHER;
	switch (request) {
	case TIOCGPTPEER: *kind = FDW_KIND_PTY; return 1;
	case 0xae01: /* KVM_CREATE_VM */
	case 0xae41: /* KVM_CREATE_VCPU */
	case 0xaa00: /* USERFAULTFD_IOC_NEW */
	case 0xb701: /* NS_GET_USERNS */
	case 0xb702: /* NS_GET_PARENT */
	case 0x3b6a: /* VFIO_GROUP_GET_DEVICE_FD */
		return 1;
	}
	return 0;
}

int fdw_ioctl_mark(fdw_mark_fn *real, int fd, unsigned long request, uintptr_t pc)
{
	int marks = request == FIOCLEX, undecided = marks && fdw_birth_hidden(fdw_peek(fd)), clears = !marks && fdw_birth_clear_begin(fd);
	int r = real(fd, request), saved = errno;

	/* O_PATH: an ioctl is refused, and nothing decided. */
	if (clears && r < 0)
		fdw_birth_plain(fd);
	if (clears)
		fdw_birth_clear_end(fd);
	/* If whoever starts a child cleared the flag meanwhile: once more. */
	if (r == 0 && undecided && !fdw_birth_marked(fd))
		r = real(fd, request);
	if (r == 0 && marks && !undecided && fdw_process.births)
		fdw_birth_marked_late(fd);
	errno = saved;
	if (unlikely(r < 0)) {
		if (errno == EBADF)
			fdw_marked(fd, 1, FDW_CALL_ioctl, pc);
		else
			fdw_use_failed(fd, FDW_CALL_ioctl, pc);
		return r;
	}
	fdw_used(fd, FDW_CALL_ioctl, pc);
	fdw_marked(fd, 0, FDW_CALL_ioctl, pc);
	fdw_note_setfd(fd, marks, FDW_CALL_ioctl, pc);
	return r;
}

static int by_ioctl(int fd, unsigned long request) { return real_ioctl(fd, request, NULL); }

FDW_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	uint8_t kind;
	int r;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (unlikely(!real_ioctl))
		return (int)fdw_early_result(fdw_raw(SYS_ioctl, (long)fd, request, arg));
	if (unlikely(!fdw_on())) {
		r = real_ioctl(fd, request, arg);
		if (fdw_vforked_recording())
			fdw_vforked_ioctl(fd, request, r, FDW_CALLER);
		return r;
	}
	if (request == FIOCLEX || request == FIONCLEX)
		return fdw_ioctl_mark(by_ioctl, fd, request, FDW_CALLER);
	r = real_ioctl(fd, request, arg);
	if (unlikely(r < 0)) {
		fdw_use_failed(fd, FDW_CALL_ioctl, FDW_CALLER);
		return r;
	}
	fdw_used(fd, FDW_CALL_ioctl, FDW_CALLER);
	/* TIOCGPTPEER takes the flags of an open, but F_GETFL would show close-on-exec: none is born here. */
	if (makes_descriptor(request, &kind))
		fdw_made_plain(r, kind, request == TIOCGPTPEER ? fdw_oflags((int)(uintptr_t)arg) : 0, FDW_CALL_ioctl, FDW_CALLER, fd);
	return r;
}
