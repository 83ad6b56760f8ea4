/*
 * preload/memory.c: mmap, munmap and their like: memory of alternate signal stacks that goes, and locks that the program takes itself.
 *
 * Context: everywhere, often before anything of ours is set up (allocators). With no signal stack in sight they are libc's.
 */
#include "birth.h"
#include "event.h"
#include "resolve.h"
#include "retire.h"
#include "routes.h"
#include "sigstack.h"
#include "poison.h"

FDW_EXPORT int sigaltstack(const stack_t *ss, stack_t *old)
{
	stack_t copy;
	const stack_t *set = fdw_sigstack_changes(ss, &copy);
	int r = FDW_LIBC(sigaltstack)(ss, old);

	if (r == 0 && set)
		fdw_sigstack_changed(set, FDW_CALL_sigaltstack, FDW_CALLER);
	return r;
}

long fdw_sigaltstack_by(fdw_plain_fn *by, long nr, const long *args, uintptr_t pc)
{
	stack_t copy;
	const stack_t *set = fdw_sigstack_changes((const stack_t *)args[0], &copy);
	long r = by(nr, args);

	if (r == 0 && set)
		fdw_sigstack_changed(set, FDW_CALL_syscall, pc);
	return r;
}

/* The limit counts what we hold, too. */
static int for_want_of_ours(int r)
{
	int saved = errno, pins;

	if (likely(r == 0) || (saved != ENOMEM && saved != EAGAIN && saved != EPERM))
		return 0;
	pins = (int)fdw_sigstack_unpin(0, 0);
	errno = saved;
	return pins;
}

FDW_EXPORT void *mmap(void *addr, size_t n, int prot, int flags, int fd, off_t off)
{
	uint64_t hit = 0;
	void *r;

	if (unlikely(!real_mmap))
		return fdw_early_mmap(addr, n, prot, flags, fd, off);
	if (flags & MAP_FIXED && !(flags & MAP_FIXED_NOREPLACE))
		hit = fdw_sigstack_would_go((uintptr_t)addr, n);
	fdw_passed_over(flags & MAP_ANONYMOUS ? -1 : fd, -1, FDW_CALL_mmap);
	r = real_mmap(addr, n, prot, flags, fd, off);
	if (unlikely(r == MAP_FAILED && errno == EAGAIN) && for_want_of_ours(-1))
		r = real_mmap(addr, n, prot, flags, fd, off);
	if (unlikely(flags & MAP_LOCKED) && r != MAP_FAILED)
		fdw_sigstack_program_locks(0, 0);
	if (unlikely(hit) && r != MAP_FAILED)
		fdw_sigstack_went(hit, (uintptr_t)addr, n, 1, FDW_CALL_mmap, FDW_CALLER);
	if (flags & MAP_ANONYMOUS)
		return r;
	if (unlikely(r == MAP_FAILED))
		fdw_use_failed(fd, FDW_CALL_mmap, FDW_CALLER);
	else
		fdw_used(fd, FDW_CALL_mmap, FDW_CALLER);
	return r;
}

FDW_EXPORT int munmap(void *addr, size_t n)
{
	uint64_t hit;
	int r;

	if (unlikely(!real_munmap))
		return fdw_early_munmap(addr, n);
	hit = fdw_sigstack_would_go((uintptr_t)addr, n);
	fdw_paths_go((uintptr_t)addr, n);
	r = real_munmap(addr, n);
	if (unlikely(hit) && r == 0)
		fdw_sigstack_went(hit, (uintptr_t)addr, n, 1, FDW_CALL_munmap, FDW_CALLER);
	return r;
}

/* The place it moves from, or what it loses at the end. */
FDW_EXPORT void *mremap(void *old, size_t old_n, size_t n, int flags, ...)
{
	va_list ap;
	void *to, *r;
	uint64_t hit;
	uintptr_t low;

	va_start(ap, flags);
	to = va_arg(ap, void *); /* there only with MREMAP_FIXED */
	va_end(ap);
	low = n < old_n && !(flags & MREMAP_FIXED) ? (uintptr_t)old + n : (uintptr_t)old;
	hit = fdw_sigstack_would_go(low, (uintptr_t)old + old_n - low);
	r = likely(real_mremap) ? real_mremap(old, old_n, n, flags, to) : (void *)fdw_early_result(fdw_raw(SYS_mremap, old, old_n, n, (long)flags, to));
	if (unlikely(!real_mremap))
		return r;
	/* Of a mapping that a pin cuts in two only one part can grow; and locked memory is limited. */
	if (unlikely(r == MAP_FAILED && atomic_load_explicit(&fdw_sigstacks, memory_order_relaxed)) && (errno == EFAULT || errno == EAGAIN)) {
		int saved = errno;
		if (fdw_sigstack_unpin(0, 0)) {
			r = real_mremap(old, old_n, n, flags, to);
			saved = errno;
		}
		errno = saved;
	}
	if (unlikely(hit) && r != MAP_FAILED && (r != old || n < old_n))
		fdw_sigstack_went(hit, low, (uintptr_t)old + old_n - low, 1, FDW_CALL_mremap, FDW_CALLER);
	return r;
}

FDW_EXPORT int mprotect(void *addr, size_t n, int prot)
{
	uint64_t hit = 0;
	int r;

	if (!(prot & PROT_READ))
		fdw_paths_go((uintptr_t)addr, n);
	if ((prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE))
		hit = fdw_sigstack_would_go((uintptr_t)addr, n);
	r = FDW_LIBC(mprotect)(addr, n, prot);
	if (unlikely(hit) && r == 0)
		fdw_sigstack_went(hit, (uintptr_t)addr, n, 0, FDW_CALL_mprotect, FDW_CALLER);
	return r;
}

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
static int drops(int advice)
{
	return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE || advice == MADV_DONTNEED_LOCKED;
}

static int is_refused_when_locked(int advice) { return drops(advice) || advice == MADV_COLD || advice == MADV_PAGEOUT; }

int fdw_madvise_by(fdw_madvise_fn *by, void *addr, size_t n, int advice, uint16_t call, uintptr_t pc)
{
	int r;
	unsigned pins;
	uint64_t hit;

	if (likely(!is_refused_when_locked(advice) || !atomic_load_explicit(&fdw_sigstacks, memory_order_relaxed) || !fdw_on()))
		return by(addr, n, advice);
	pins = fdw_sigstack_unpin((uintptr_t)addr, n);
	hit = drops(advice) ? fdw_sigstack_would_go((uintptr_t)addr, n) : 0;
	r = by(addr, n, advice);
	if (hit && r == 0)
		fdw_sigstack_went(hit, (uintptr_t)addr, n, 0, call, pc);
	if (pins)
		fdw_sigstack_repin((uintptr_t)addr, n);
	return r;
}

FDW_EXPORT int madvise(void *addr, size_t n, int advice)
{
	return fdw_madvise_by(FDW_LIBC(madvise), addr, n, advice, FDW_CALL_madvise, FDW_CALLER);
}

/* ---- the program's own locks ----------------------------------------------------------------------------------------------------------------------*/

#define LOCKS(name, params, args, where, size, after)                                                                                \
	FDW_EXPORT int name params                                                                                            \
	{                                                                                                                     \
		int r = FDW_LIBC(name) args;                                                                                  \
		if (unlikely(!fdw_on()))                                                                                      \
			return r;                                                                                             \
		if (for_want_of_ours(r))                                                                                      \
			r = real_##name args;                                                                                 \
		if (r == 0) {                                                                                                 \
			fdw_sigstack_program_locks(where, size);                                                              \
			after;                                                                                                \
		}                                                                                                             \
		return r;                                                                                                     \
	}
LOCKS(mlock, (const void *addr, size_t n), (addr, n), (uintptr_t)addr, n, (void)0)
LOCKS(mlock2, (const void *addr, size_t n, unsigned int flags), (addr, n, flags), (uintptr_t)addr, n, (void)0)
LOCKS(mlockall, (int flags), (flags), 4096, flags & MCL_CURRENT ? UINTPTR_MAX / 2 : 0, fdw_sigstack_future(flags & MCL_FUTURE))

FDW_EXPORT int munlock(const void *addr, size_t n)
{
	int r = FDW_LIBC(munlock)(addr, n);

	if (r == 0 && n && fdw_on())
		fdw_sigstack_program_unlocks((uintptr_t)addr, n);
	return r;
}

FDW_EXPORT int munlockall(void)
{
	int r = FDW_LIBC(munlockall)();

	if (r == 0 && fdw_on()) {
		fdw_sigstack_future(0);
		fdw_sigstack_program_unlocks(4096, UINTPTR_MAX / 2);
	}
	return r;
}

long fdw_mlock_by(fdw_plain_fn *by, long nr, const long *args)
{
	int all = nr == SYS_mlockall || nr == SYS_munlockall;
	uintptr_t low = all ? 4096 : (uintptr_t)args[0];
	size_t n = all ? UINTPTR_MAX / 2 : (size_t)args[1];
	long r = by(nr, args);

	if (nr == SYS_munlock || nr == SYS_munlockall) {
		if (r == 0 && all)
			fdw_sigstack_future(0);
		if (r == 0)
			fdw_sigstack_program_unlocks(low, n);
		return r;
	}
	if (for_want_of_ours((int)r))
		r = by(nr, args);
	if (r != 0)
		return r;
	fdw_sigstack_program_locks(low, nr == SYS_mlockall && !(args[0] & MCL_CURRENT) ? 0 : n);
	if (nr == SYS_mlockall)
		fdw_sigstack_future((int)args[0] & MCL_FUTURE);
	return r;
}
