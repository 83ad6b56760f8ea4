/*
 * preload/handler.c: signal handlers: whether they run on alternate stacks.
 *
 * A handler without SA_ONSTACK runs on whatever stack its thread is on: of a thread with small ones (goroutines, coroutines) that is a crash. It is
 * told; with FDWARDEN_SIGNAL_REPAIR=onstack the flag is added, and what the program reads back is what it set.
 *
 * Context: everywhere; sigaction is async-signal-safe. errno as libc leaves it.
 */
#include "env.h"
#include "event.h"
#include "options.h"
#include "resolve.h"
#include "routes.h"
#include "poison.h"

#define SIGNALS 65
static _Atomic uint8_t added[SIGNALS]; /* SA_ONSTACK is ours */

static int is_handler(sighandler_t h) { return h != SIG_DFL && h != SIG_IGN && h != SIG_ERR && h != SIG_HOLD; }

static void say(int sig, sighandler_t handler, int onstack, uint16_t call, uintptr_t pc)
{
	if (fdw_recording() && !fdw_self.vforked && !fdw_self.tool)
		fdw_send(&(struct fdw_event){ .op = FDW_OP_SIGNAL_HANDLER, .call = call, .fd = sig, .fd2 = -1,
			.arg = is_handler(handler) ? (uintptr_t)handler : 0, .flags = (uint32_t)onstack << FDW_F_USER_SHIFT }, pc);
}

static int repairs(void) { return fdw_process.onstack && fdw_on(); }

/* Adds the flag to what is installed already, by a call that takes no flags. */
static void repair(int sig)
{
	struct sigaction act;
	int saved = errno;

	if (sig > 0 && sig < SIGNALS && real_sigaction(sig, NULL, &act) == 0 && is_handler(act.sa_handler) && !(act.sa_flags & SA_ONSTACK)) {
		act.sa_flags |= SA_ONSTACK;
		if (real_sigaction(sig, &act, NULL) == 0)
			atomic_store(&added[sig], 1);
	}
	errno = saved;
}

FDW_EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction with = { 0 };
	int r, adds = 0, was = sig > 0 && sig < SIGNALS && atomic_load(&added[sig]);

	if (unlikely(!real_sigaction))
		return fdw_early_sigaction(sig, act, old);
	if (unlikely(act && (repairs() || fdw_recording())))
		with = *act; /* libc would read it as we do; old may be the same */
	if (unlikely(act && repairs() && sig > 0 && sig < SIGNALS)) {
		adds = is_handler(with.sa_handler) && !(with.sa_flags & SA_ONSTACK);
		with.sa_flags |= adds ? SA_ONSTACK : 0;
		r = real_sigaction(sig, &with, old);
		if (r == 0)
			atomic_store(&added[sig], (uint8_t)adds);
	} else {
		r = real_sigaction(sig, act, old);
	}
	if (r == 0 && old && unlikely(was))
		old->sa_flags &= ~SA_ONSTACK;
	if (r == 0 && unlikely(fdw_recording()) && act)
		say(sig, with.sa_handler, !!(with.sa_flags & SA_ONSTACK), FDW_CALL_sigaction, FDW_CALLER);
	return r;
}

/* As the kernel lays it out; what follows (a restorer, a mask) is passed on as it is. */
struct kernel_sigaction { sighandler_t handler; unsigned long flags; char rest[16]; };

long fdw_rt_sigaction_by(fdw_plain_fn *by, long nr, const long *args, uintptr_t pc)
{
	long sig = args[0], r;
	const struct kernel_sigaction *act = (const void *)args[1];
	struct kernel_sigaction with, *old = (void *)args[2];
	int was = sig > 0 && sig < SIGNALS && atomic_load(&added[sig]), known;

	known = act && (repairs() || fdw_recording()) && fdw_readable_bytes(act, sizeof *act);
	if (known)
		with = *act; /* old may be the same */
	r = by(nr, args);
	if (r != 0)
		return r;
	if (known && repairs()) {
		int adds = is_handler(with.handler) && !(with.flags & SA_ONSTACK);
		with.flags |= adds ? SA_ONSTACK : 0;
		adds = adds && fdw_raw(nr, sig, &with, NULL, args[3]) == 0;
		atomic_store(&added[sig], (uint8_t)adds);
	}
	if (old && unlikely(was))
		old->flags &= ~(unsigned long)SA_ONSTACK;
	if (known && unlikely(fdw_recording()))
		say((int)sig, with.handler, !!(with.flags & SA_ONSTACK), FDW_CALL_syscall, pc);
	return r;
}

#define SETS(name)                                                                                                             \
	FDW_EXPORT sighandler_t name(int sig, sighandler_t handler)                                                           \
	{                                                                                                                     \
		sighandler_t r;                                                                                               \
		if (unlikely(!real_##name))                                                                                   \
			return fdw_early_##name(sig, handler);                                                                \
		r = real_##name(sig, handler);                                                                                \
		if (r != SIG_ERR && unlikely(repairs()))                                                                      \
			repair(sig);                                                                                          \
		if (r != SIG_ERR && handler != SIG_HOLD && unlikely(fdw_recording())) /* held is not set */                    \
			say(sig, handler, fdw_process.onstack, FDW_CALL_##name, FDW_CALLER);                                  \
		return r;                                                                                                     \
	}
SETS(signal)
SETS(sysv_signal)
SETS(sigset)
