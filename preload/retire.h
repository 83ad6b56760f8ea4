/*
 * preload/retire.h: quiescence: a number that somebody may hold an event for is not given out again at once.
 *
 * A poller's event names a descriptor by whatever the program registered, in the end by its number. Who took the event out of the poller
 * acts on it a moment later: reads, re-arms, closes. When another thread closes the descriptor in that moment, and a third is given the number,
 * the first one acts on a stranger's. So such a close puts a *tombstone* on the number, an O_PATH descriptor, by one dup3: the description is
 * released as by close, peers see the end, and the number answers EBADF, as a closed one does, until nobody can hold an event any more.
 *
 * Who may hold one:
 *   registered one-shot    anybody, for the receiver may have passed it on: RETIRE_US. But when the closer's thread made the last call that
 *                          reads from the descriptor since it was armed, the event was its own, and delivered once
 *   otherwise              the threads that wait on the poller, until they wait again, or end (or for RETIRE_US when they were waiting, for
 *                          RETIRE_LONG_US when they were not). With several of them nobody knows who: RETIRE_US
 *   a poller               its waiters, who know its number: the same
 * In audit every number is kept, by count and time (FDWARDEN_TOMBSTONES, FDWARDEN_TOMBSTONE_MS), in processes with one thread too: a late
 * call is certain then, and whoever would have had the number next untouched. Not: 0 to 2; what is near the limit; runs of closes, as over
 * everything; what is closed while a list of the numbers is read; the number that F_DUPFD asks for; anything
 * in a shell (`names` in core.h), whose users write numbers and count on 3 to be free.
 *
 * Closers who are the poller's only waiter hold no event that they do not know of: nothing is retired for them, nor in a process with one thread.
 *
 * May not happen: a number that was not ours to keep is closed, or kept; EMFILE because of us; an error of close lost (files are not
 * retired); anything under a seccomp filter or past another interposer (fdw_process.births says both).
 *
 *   function              | any thread | handler | vfork child | waits
 *   fdw_retire            |    yes     |   yes   |   never     | no more than close
 */
#ifndef FDW_RETIRE_H
#define FDW_RETIRE_H

#include "kept.h"
#include "registration.h"

/* Instead of the kernel's close, by the owner of the claim: 1: done, and the claim ended. 0: close it. */
int fdw_retire_slow(struct fdw_claim *, uint16_t call, uintptr_t pc);
FDW_INLINE int fdw_retire(struct fdw_claim *c, uint16_t call, uintptr_t pc)
{
	return unlikely(c->before & (FDW_W_REGISTERED | FDW_W_POLLER) || fdw_process.keeps) && c->owner &&
	       fdw_retire_slow(c, call, pc);
}
/*
 * After the kernel's close, and before the claim ends: of what fdw_retire left to the kernel (streams; in audit files, whose errors are the
 * program's) the number is taken again at once, if nobody was faster.
 */
void fdw_take_again_slow(struct fdw_claim *, uint16_t call, uintptr_t pc);
FDW_INLINE void fdw_take_again(struct fdw_claim *c, uint16_t call, uintptr_t pc)
{
	if (unlikely(fdw_process.keeps || c->before & (FDW_W_REGISTERED | FDW_W_POLLER)) && c->owner)
		fdw_take_again_slow(c, call, pc);
}

void fdw_nothing_kept(void); /* as fdw_release_all, and what they are duplicates of goes too */
#define FDW_RUN_OVER_ALL 8u /* closes of n, n+1, n+2 ...: as the analyzer has it */
/* How long the run of closes by this thread is that one of fd belongs to, that one counted. */
FDW_INLINE uint32_t fdw_run_with(int fd)
{
	const struct fdw_thread *t = &fdw_self;
	int step = fd - t->run_last;

	if (!t->run_length || t->made || (step != 1 && step != -1))
		return 1;
	return t->run_length + (t->run_length < UINT32_MAX);
}
/* fd was just made: are kept numbers in the way of the next ones? */
#define FDW_NUMBERS_IN_ARRAYS 960u /* and on, to 1024: programs have arrays of that, FD_SETSIZE to begin with */
void fdw_number_is_high(int fd);
FDW_INLINE void fdw_number_made(int fd)
{
	if (unlikely(atomic_load_explicit(&fdw_process.retired, memory_order_relaxed)) &&
	    ((uint32_t)fd - FDW_NUMBERS_IN_ARRAYS < 1024 - FDW_NUMBERS_IN_ARRAYS || (uint32_t)fd >= atomic_load_explicit(&fdw_process.tight, memory_order_relaxed)))
		fdw_number_is_high(fd);
}

/* In audit: it was made when lower numbers were kept back. */
void fdw_lifted_slow(int fd);
FDW_INLINE void fdw_lifted(int fd)
{
	if (unlikely(fdw_process.keeps) && atomic_load_explicit(&fdw_process.retired, memory_order_relaxed))
		fdw_lifted_slow(fd);
}
/* What to say of it, if the program may have named the number only: 0 or FDW_F_LIFTED. */
FDW_INLINE uint32_t fdw_named_only(int fd)
{
	return unlikely(fdw_process.names) && fdw_process.keeps && fdw_word(fd) && fdw_record(fd)->arm & FDW_ARM_LIFTED ? FDW_F_LIFTED : 0;
}

/* Some numbers answer as closed ones although the kernel has something there: tombstones, and what is ours or the tracer's. */
FDW_INLINE int fdw_hides(void)
{
	return unlikely(atomic_load_explicit(&fdw_process.retired, memory_order_relaxed)) || unlikely(fdw_process.protects);
}
/* Calls that an O_PATH descriptor would serve: 1, with EBADF in errno, and said, when fd is a tombstone; not said when it is protected. */
int fdw_tombstone_met(int fd, uint16_t call, uintptr_t pc);
/* A call on fd failed: a tombstone is no directory, but what is closed answers EBADF. */
FDW_INLINE void fdw_no_directory(int fd)
{
	if (errno == ENOTDIR && fdw_is_tombstone(fdw_peek(fd)))
		errno = EBADF;
}
FDW_INLINE int fdw_refused(int fd, uint16_t call, uintptr_t pc)
{
	return fdw_hides() && fdw_tombstone_met(fd, call, pc);
}

/* This thread has a descriptor table of its own now: what is kept in the old one was copied, and nobody would give it back. */
void fdw_tombstones_copied(void);

/*
 * What a path means that is about to be opened. Where it is a list of the numbers, none is kept back while somebody counts (what was opened:
 * lists.h). FDW_PATH_REFUSED: a tombstone, by /dev/fd or /proc/self/fd; ENOENT is in errno.
 */
#define FDW_PATH_REFUSED 1
int fdw_path_asks_slow(const char *path);
/* Ready first: before our relocation there is no fdw_self to ask. */
FDW_INLINE int fdw_path_asks(const char *path)
{
	return fdw_hides() || unlikely(atomic_load_explicit(&fdw_ready, memory_order_relaxed) && fdw_self.held_back) ? fdw_path_asks_slow(path) : 0;
}
void fdw_paths_init(void);
void fdw_paths_go(uintptr_t low, size_t n); /* memory from low on, n bytes, is unmapped, or can no longer be read */
/* Whether a call with AT_EMPTY_PATH in its flags means the descriptor itself. */
int fdw_names_itself(const char *path, int flags);

#endif
