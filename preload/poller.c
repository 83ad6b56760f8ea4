/*
 * preload/poller.c: epoll_ctl, poll and select: arming holds the number in flux while the kernel call runs.
 *
 * Context: everywhere; epoll_ctl never blocks.
 */
#include "birth.h"
#include "close.h"
#include "env.h"
#include "event.h"
#include "fork.h"
#include "inside.h"
#include "last_use.h"
#include "protect.h"
#include "resolve.h"
#include "retire.h"
#include "routes.h"
#include "poison.h"

static __attribute__((noinline)) void tell_armed(int epfd, int op, int fd, uint64_t before, const struct epoll_event *event, int err, uint32_t stale,
                                                 uintptr_t pc)
{
	uint32_t events = event ? event->events : 0;

	fdw_send(&(struct fdw_event){ .op = FDW_OP_EPOLL_CTL, .call = FDW_CALL_epoll_ctl, .fd = epfd, .gen = fdw_gen(fdw_peek(epfd)), .fd2 = fd,
		.gen2 = fdw_gen(before), .ret = err ? -1 : 0, .err = err, .arg = event ? event->data.u64 : 0,
		.flags = stale | (uint32_t)(op & 0xff) << FDW_F_USER_SHIFT, .kind = FDW_KIND_EPOLL,
		.detail = (const uint8_t *)&events, .detail_len = sizeof events }, pc);
}

FDW_INLINE int epoll_ctl_by(fdw_epoll_ctl_fn *real, int epfd, int op, int fd, struct epoll_event *event, uintptr_t pc)
{
	int r, saved = errno, arms = op != EPOLL_CTL_DEL, refused = 0;
	uint64_t before;
	uint32_t stale = 0;

	/* How libport asks whether a number is still what it was: nobody's call, whatever the answer. */
	if (unlikely(fdw_tool_caller(pc)))
		return real(epfd, op, fd, event);
	fdw_passed_over(epfd, fd, FDW_CALL_epoll_ctl);
	fdw_flux_enter(fd, (uintptr_t)__builtin_frame_address(0));
	before = fdw_peek(fd);
	if (arms) {
		fdw_arming(epfd, fd, op);
		refused = fdw_is_closing(fd) || fdw_is_closing(epfd);
	}
	if (unlikely(refused)) {
		errno = EBADF;
		r = -1;
	} else {
		FDW_STEP(arm_kernel);
		r = real(epfd, op, fd, event);
	}
	fdw_flux_leave(fd);
	FDW_STEP(arm_done);
	if (unlikely(r < 0)) {
		saved = errno;
		/* a DEL of what is closed already, or in a poller that is, is how tidy programs close: no use after close. (The report is told, and excuses it.) */
		if (arms || fdw_recording())
			fdw_use_failed(epfd, FDW_CALL_epoll_ctl, pc);
		if (arms)
			stale = fdw_arming_failed(epfd, fd, before, refused, FDW_CALL_epoll_ctl, pc);
	} else {
		fdw_used(epfd, FDW_CALL_epoll_ctl, pc);
		fdw_used(fd, FDW_CALL_epoll_ctl, pc);
		if (arms)
			fdw_armed(fd, event->events); /* the kernel could read it */
	}
	if (op == EPOLL_CTL_DEL || (r < 0 && saved == EFAULT) || (unlikely(refused) && !fdw_readable_bytes(event, sizeof *event)))
		event = NULL; /* there is none, or it cannot be read */
	if (fdw_recording())
		tell_armed(epfd, op, fd, before, event, r < 0 ? saved : 0, stale, pc);
	errno = saved;
	return r;
}

int fdw_epoll_ctl_by(fdw_epoll_ctl_fn *real, int epfd, int op, int fd, struct epoll_event *event, uintptr_t pc)
{
	return epoll_ctl_by(real, epfd, op, fd, event, pc);
}

FDW_EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	if (unlikely(!fdw_on()))
		return FDW_LIBC(epoll_ctl)(epfd, op, fd, event);
	return epoll_ctl_by(real_epoll_ctl, epfd, op, fd, event, FDW_CALLER);
}

/* The thread waits for events: what is to be known of that before. */
FDW_INLINE void waits(uint16_t call)
{
	fdw_child_is_worker();
	fdw_passed_over(-1, -1, call);
}

/*
 * Waits on a poller: while a thread is inside one, or works on what it got, it may hold events of descriptors that others close.
 */
struct fdw_waiting { int notes, inside; };

FDW_INLINE struct fdw_waiting wait_begin(int fd, uint16_t call, uintptr_t pc)
{
	struct fdw_waiting w;

	waits(call);
	fdw_release_due();
	w.notes = fdw_process.births && fdw_on();
	if (w.notes)
		fdw_wait_begins(fd);
	w.inside = fdw_inside(fd, call, pc);
	return w;
}

FDW_INLINE int wait_end(struct fdw_waiting w, int fd, const struct epoll_event *ev, int r, uint16_t call, uintptr_t pc)
{
	fdw_left(w.inside);
	if (w.notes)
		fdw_wait_ended(fd);
	if (unlikely(r < 0))
		fdw_use_failed(fd, call, pc);
	else
		fdw_used(fd, call, pc);
	fdw_delivered(fd, ev, r, call, pc);
	return r;
}

long fdw_epoll_wait_by(fdw_plain_fn *plain, long nr, const long *args, uintptr_t pc)
{
	struct fdw_waiting w = wait_begin((int)args[0], FDW_CALL_syscall, pc);
	long r = plain(nr, args);

	return wait_end(w, (int)args[0], (const struct epoll_event *)args[1], (int)r, FDW_CALL_syscall, pc);
}

#define WAITING(name, params, args)                                                                                       \
	FDW_EXPORT int name params                                                                                     \
	{                                                                                                              \
		struct fdw_waiting w;                                                                                  \
		if (unlikely(!real_##name))                                                                            \
			return fdw_early_##name args;                                                                  \
		if (unlikely(fdw_tool_caller(FDW_CALLER))) /* libport's: port.c */                                      \
			return real_##name args;                                                                       \
		w = wait_begin(fd, FDW_CALL_##name, FDW_CALLER);                                                        \
		return wait_end(w, fd, ev, real_##name args, FDW_CALL_##name, FDW_CALLER);                              \
	}
WAITING(epoll_wait, (int fd, struct epoll_event *ev, int max, int timeout), (fd, ev, max, timeout))
WAITING(epoll_pwait, (int fd, struct epoll_event *ev, int max, int timeout, const sigset_t *mask), (fd, ev, max, timeout, mask))
WAITING(epoll_pwait2, (int fd, struct epoll_event *ev, int max, const struct timespec *timeout, const sigset_t *mask), (fd, ev, max, timeout, mask))

/*
 * poll only asks whether its numbers are open (POLLNVAL); what matters is that the process waits. Asking is a use of an inherited number. The
 * array can be read once the kernel has read it.
 */
static int polled(int r, const struct pollfd *fds, nfds_t n, uint16_t call, uintptr_t pc)
{
	int end;

	if (likely(!fdw_recording()) || (r < 0 && errno != EINTR))
		return r;
	fdw_last_use_polled(fds, n);
	end = atomic_load_explicit(&fdw_inherited_end, memory_order_relaxed);
	if (!end)
		return r;
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd > 2 && fds[i].fd < end)
			fdw_used(fds[i].fd, call, pc);
	return r;
}

FDW_EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	waits(FDW_CALL_poll);
	return polled(FDW_REAL(poll)(fds, n, timeout), fds, n, FDW_CALL_poll, FDW_CALLER);
}

FDW_EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	waits(FDW_CALL_ppoll);
	return polled(FDW_REAL(ppoll)(fds, n, timeout, mask), fds, n, FDW_CALL_ppoll, FDW_CALLER);
}

FDW_EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	waits(FDW_CALL___poll_chk);
	return polled(FDW_REAL(__poll_chk)(fds, n, timeout, size), fds, n, FDW_CALL_poll, FDW_CALLER);
}

FDW_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t size)
{
	waits(FDW_CALL___ppoll_chk);
	return polled(FDW_REAL(__ppoll_chk)(fds, n, timeout, mask, size), fds, n, FDW_CALL_ppoll, FDW_CALLER);
}

/*
 * select(getdtablesize(), …) with sets of FD_SETSIZE is right where few numbers are in use: the kernel reads and writes no more of a set than its table of
 * descriptors is long. A number of ours near the limit makes that table longer. So here the sets end where the table would without us: it doubles.
 */
int fdw_set_end(int n)
{
	uint32_t end = FD_SETSIZE, made = atomic_load_explicit(&fdw_process.made_end, memory_order_relaxed);

	if (likely(!fdw_process.beyond_sets || n <= (int)fdw_process.beyond_sets))
		return n;
	while (end < made)
		end *= 2;
	return n < (int)end ? n : (int)end;
}

/*
 * Looks at the numbers in the sets below end, before the kernel overwrites them, where they can be read. One word at a time. 1: see() said so
 * of one.
 */
static int in_each_set(int end, const fd_set *const *sets, int (*see)(int fd, uint16_t call, uintptr_t pc), uint16_t call, uintptr_t pc)
{
	for (int s = 0; s < 3; s++)
		for (int fd = 0; sets[s] && fd < end; fd += NFDBITS) {
			const unsigned long *word = (const unsigned long *)(const void *)sets[s] + fd / NFDBITS;
			for (unsigned long bits = fdw_readable_bytes(word, sizeof *word) ? *word : 0; bits; bits &= bits - 1)
				if (fd + __builtin_ctzl(bits) < end && see(fd + __builtin_ctzl(bits), call, pc))
					return 1;
		}
	return 0;
}

static int waits_for(int fd, uint16_t call, uintptr_t pc)
{
	fdw_last_use(fd);
	return 0;
}

static int uses(int fd, uint16_t call, uintptr_t pc)
{
	if (fd > 2)
		fdw_used(fd, call, pc);
	return 0;
}

static void selecting(int n, const fd_set *const *sets, uint16_t call, uintptr_t pc)
{
	static _Atomic uint32_t seen;
	int end;

	if (likely(!fdw_recording()))
		return;
	end = atomic_load_explicit(&fdw_inherited_end, memory_order_relaxed);
	if (end)
		in_each_set(n < end ? n : end, sets, uses, call, pc);
	/* To read a set takes system calls: once for each descriptor that is made meanwhile. */
	if (n <= FD_SETSIZE && atomic_exchange_explicit(&seen, atomic_load(&fdw_made_so_far), memory_order_relaxed) != atomic_load(&fdw_made_so_far))
		in_each_set(n, sets, waits_for, call, pc);
}

/* A tombstone in the sets: the kernel would call it ready. */
static int tombstone_in(int n, const fd_set *const *sets, uint16_t call, uintptr_t pc)
{
	return fdw_hides() && in_each_set(n, sets, fdw_tombstone_met, call, pc);
}

static int failed(int fd, uint16_t call, uintptr_t pc)
{
	fdw_use_failed(fd, call, pc);
	return 0;
}

/* EBADF does not say which: every number in the sets whose close we saw is one. */
static void sets_failed(int n, const fd_set *const *sets, uint16_t call, uintptr_t pc)
{
	if (errno == EBADF && n <= FD_SETSIZE)
		in_each_set(n, sets, failed, call, pc);
}

FDW_EXPORT int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout)
{
	const fd_set *const sets[] = { r, w, e };
	int result;

	n = fdw_set_end(n);
	waits(FDW_CALL_select);
	selecting(n, sets, FDW_CALL_select, FDW_CALLER);
	if (tombstone_in(n, sets, FDW_CALL_select, FDW_CALLER))
		return -1;
	result = FDW_REAL(select)(n, r, w, e, timeout);
	if (unlikely(result < 0)) /* on failure the kernel leaves the sets as they were */
		sets_failed(n, sets, FDW_CALL_select, FDW_CALLER);
	return result;
}

FDW_EXPORT int pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *timeout, const sigset_t *mask)
{
	const fd_set *const sets[] = { r, w, e };
	int result;

	n = fdw_set_end(n);
	waits(FDW_CALL_pselect);
	selecting(n, sets, FDW_CALL_pselect, FDW_CALLER);
	if (tombstone_in(n, sets, FDW_CALL_pselect, FDW_CALLER))
		return -1;
	result = FDW_REAL(pselect)(n, r, w, e, timeout, mask);
	if (unlikely(result < 0))
		sets_failed(n, sets, FDW_CALL_pselect, FDW_CALLER);
	return result;
}
