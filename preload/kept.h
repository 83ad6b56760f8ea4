/*
 * preload/kept.h: the ring of kept numbers: which tombstones there are (retire.h), and when each is given back.
 *
 * First in, first out. A number is given back when nobody can hold an event for it any more, when its time is over (audit), or when there are too
 * many; those go in batches, a run of neighbours by one close_range.
 *
 *   function                | any thread | handler | vfork child | waits
 *   fdw_keep                |    yes     |   yes   |   never     | no
 *   fdw_release_due, _all   |    yes     |   yes   |   never     | no
 *   fdw_give_back           |    yes     |   yes   |   never     | bounded, for another thread that does it at this moment
 */
#ifndef FDW_KEPT_H
#define FDW_KEPT_H

#include "table.h"

/* Places where the tests let threads lose time. */
#ifdef FDW_STEPS
#include "tests/forklock/step.h"
#else
#define FDW_STEP(name) ((void)0)
#endif

/*
 * A holder that is ready to run may have to wait for a CPU: so it is the longer the more threads share one, up to RETIRE_LONG. Measured with
 * one-shot pools (tests/rearm): 20 ms left none of 1.3 million wrong re-arms on a calm machine, and 783 in one second where fifteen threads shared
 * two CPUs; 100 ms left 306 where forty did.
 */
#define FDW_RETIRE_US 200000u
/* A receiver that works on its batch for longer is given up, and counted. */
#define FDW_RETIRE_LONG_US 1000000u
/* Most numbers that may ever be kept at once. */
#define FDW_KEPT_MOST 896u

struct fdw_kept {
	uint64_t key;                      /* generation << 32 | number + 1 */
	uint32_t poller, poller_gen, turn; /* poller: number + 1 of the one whose only waiter may hold an event; 0: anybody may */
	uint8_t audit;                     /* kept for its own sake */
	uint8_t held;                      /* somebody may hold an event for it, in audit too */
};
FDW_INLINE uint64_t fdw_kept_key(int fd, uint64_t v) { return (uint64_t)fdw_gen(v) << 32 | (uint32_t)(fd + 1); }
/* Its word says tombstone. now: us; most: as many as may be kept. */
void fdw_keep(const struct fdw_kept *, uint64_t now, uint32_t most);
/* CLOCK_MONOTONIC, a few milliseconds late. */
uint64_t fdw_kept_clock(void);

void fdw_release_due_slow(void);
/* Before a call that makes a descriptor: the lowest free number is the program's. */
FDW_INLINE void fdw_release_due(void)
{
	if (unlikely(atomic_load_explicit(&fdw_process.retired, memory_order_relaxed)))
		fdw_release_due_slow();
}
/*
 * fd, which this thread closed, is not kept, for it closes so many: when it asks for a number of its own (wanted.h), such are the ones it knows
 * of. Lower ones may be free by then that natively are in use.
 */
FDW_INLINE void fdw_freed(int fd)
{
	if (!fdw_self.freed_from || fd < fdw_self.freed_from)
		fdw_self.freed_from = fd;
}
int fdw_release_all(void); /* 1: there were some; after EMFILE the call is made again */
/* A call failed for want of numbers that we held: it is made again. (Early in the life of a process errno is out of reach: it is asked last.) */
FDW_INLINE int fdw_held_too_many(int failed)
{
	return unlikely(failed) && unlikely(fdw_process.retired) && errno == EMFILE && fdw_release_all();
}
#define FDW_OR_AGAIN(r, again) (fdw_held_too_many((r) < 0) ? (again) : (r))
void fdw_give_back(int fd); /* if it is a tombstone: the program asks for this very number */
/*
 * The lowest number in [low, high] that was kept since then, if this thread, or the only one, closed it and nobody may hold an event for it.
 * since: what fdw_kept_ticket said, or FDW_KEPT_EVER. Returns it; 0: there is none.
 */
int fdw_give_back_lowest(uint64_t since, int low, int high);
#define FDW_KEPT_EVER UINT64_MAX
uint32_t fdw_kept_ticket(void);
void fdw_retired_reset(void); /* in a fork child: nobody here holds an event */

#endif
