/*
 * preload/aside.h: memory that is not on the program's stack, a stack of our own, and a way to open files that leaves the program's numbers alone.
 *
 * The lowest free number is the program's: another thread may be about to get it by open, or to put something there by dup2, and what we
 * closed then would be his. So where anybody may see the table, files are opened by a thread that is not the program's and has a table of
 * its own (clone without CLONE_FILES). For that moment it holds a copy of the program's descriptors, as the child does whose start it is for.
 *
 *   function       | any thread | handler | vfork child | a filter is there | waits
 *   fdw_work_claim |    yes     |   yes   |     yes     |        yes        | no
 *   fdw_beside     |    yes     |   yes   |     yes     |       never       | for fn; afterwards for the helper's end, bounded
 *   fdw_unseen     |    yes     |   yes   |     yes     |       never       | the same
 *   fdw_deep       |    yes     |   yes   |     yes     |       no (0)      | as fn
 */
#ifndef FDW_ASIDE_H
#define FDW_ASIDE_H

#include "stack.h"

/* room: for the one who claimed it; stack: for what runs aside. On a signal stack there may be 512 bytes to spare, and 16 KiB in a thread. */
#define FDW_WORKS 32u
#define FDW_WORK_ROOM 1280u
struct fdw_work {
	_Alignas(64) char room[FDW_WORK_ROOM - 8];
	uint64_t mask; /* the program's, while fdw_deep runs there */
	char stack[8192 - FDW_WORK_ROOM];
};

/* frame: of the caller, whose return ends its use, or a jump out of it. NULL: all are in use. */
struct fdw_work *fdw_work_claim(uintptr_t frame);
void fdw_work_done(struct fdw_work *);
#define FDW_WORK_CLAIM() fdw_work_claim((uintptr_t)__builtin_frame_address(0))

/*
 * fn(arg) in a helper on work's stack, with this memory and a copy of this descriptor table; signals are blocked here and there. fn may not use
 * errno and writes no thread-local: they are ours. 0: it could not be run.
 */
int fdw_beside(void (*fn)(void *), void *arg, struct fdw_work *);

/*
 * fn(arg, more), which needs more stack than a handler may have: where this is a signal stack, on one of ours. Signals are blocked there, for the
 * next handler would begin at the top of the signal stack again, over the frames of this one. 0: nothing was done. fn: noinline; fdw_outer_frame() in
 * it lies on the stack it was called from.
 */
typedef void fdw_deep_fn(void *arg, uintptr_t more);
/* One that comes to LTTng, whose code wants its stack aligned, as the program's need not be. */
#if defined(__x86_64__)
#define FDW_TO_LTTNG __attribute__((noinline, force_align_arg_pointer))
#else
#define FDW_TO_LTTNG __attribute__((noinline))
#endif
int fdw_deep_slow(fdw_deep_fn *, void *arg, uintptr_t more);
FDW_INLINE int fdw_deep(fdw_deep_fn *fn, void *arg, uintptr_t more)
{
	if (unlikely(fdw_on_signal_stack((uintptr_t)__builtin_frame_address(0))))
		return fdw_deep_slow(fn, arg, more);
	fn(arg, more);
	return 1;
}
extern struct fdw_work fdw_works[FDW_WORKS];
/* On a signal stack, or on ours in its place. */
FDW_INLINE int fdw_in_handler(uintptr_t frame)
{
	return unlikely(fdw_self.alt_known) && (fdw_on_signal_stack(frame) || frame - (uintptr_t)fdw_works < sizeof fdw_works);
}
#define fdw_outer_frame() (*(const uintptr_t *)__builtin_frame_address(0))
void fdw_call_on_stack(fdw_deep_fn *, void *arg, uintptr_t more, void *top);

/* Whether nobody else can see this thread's descriptor table, as long as signals are blocked. */
int fdw_table_is_own(void);
/* fn(arg), which opens and closes files: on some other stack, and in a helper unless own, what fdw_table_is_own said. 0: it could not be run. */
int fdw_unseen(int own, void (*fn)(void *), void *arg);

#endif
