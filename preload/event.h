/*
 * preload/event.h: from a wrapper's knowledge to an event of the trace, or to one line of the log.
 *
 * Context: any thread, handlers; returns at once for the tracer's own threads, and in vfork children for all but fdw_life. Keeps errno.
 * When nothing is recorded each function costs one load.
 */
#ifndef FDW_EVENT_H
#define FDW_EVENT_H

#include "table.h"

extern const struct fdw_trace_ops *fdw_ops; /* the provider, NULL until recording */

/* Fills in thread, sequence, flags and stack and sends the event. pc: the wrapper's caller. */
void fdw_send(struct fdw_event *, uintptr_t pc);
/* The same, but pc is where another thread made its call: the whole stack. */
void fdw_send_of(struct fdw_event *, uintptr_t pc);

struct fdw_detail { const void *data; size_t len; };

/* A number was made: table and event. flags: FDW_F_*, and those of fdw_birth (birth.h). Returns fd. Keeps errno. */
int fdw_made(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc, int src, struct fdw_detail);
/* The same without a detail. */
int fdw_made_plain(int fd, uint8_t kind, uint32_t flags, uint16_t call, uintptr_t pc, int src);
/* fd is a duplicate of src: the same open file description. */
int fdw_made_dup(int fd, int src, uint32_t flags, uint16_t call, uintptr_t pc);

/* fd came in a message over sock. */
int fdw_received(int fd, int sock, uint32_t flags, uint16_t call, uintptr_t pc);

/* A call on fd failed: with EBADF it was no use of it, with anything else it was. errno stays. */
void fdw_use_failed(int fd, uint16_t call, uintptr_t pc);
int fdw_reads(uint16_t call); /* a call that takes data, or a client, from a descriptor (retire.c) */
void fdw_used_slow(int fd, uint16_t call, uintptr_t pc);
FDW_INLINE void fdw_used(int fd, uint16_t call, uintptr_t pc)
{
	if (unlikely(atomic_load_explicit(&fdw_process.uses, memory_order_relaxed)))
		fdw_used_slow(fd, call, pc);
}
/* Numbers above 2 that the program found open, up to the highest. Calls that name many numbers look only there; 0: there are none. */
extern _Atomic int fdw_inherited_end;
void fdw_inherited(int fd);
/* A file or record lock was taken on fd: told once. */
void fdw_locked(int fd, uint16_t call, uintptr_t pc);
void fdw_object(int fd, uint32_t flags, uint8_t kind, uint16_t call, uintptr_t pc, struct fdw_detail);
void fdw_life(uint8_t op, uint8_t kind, int64_t ret, uint64_t arg, int fd2, uint32_t flags, uint16_t call, uintptr_t pc,
              struct fdw_detail);
/* Announces this thread now, at a moment of our choice: LTTng's first steps in a thread allocate, which a handler or an allocator may not. */
void fdw_thread_hello(void);
/* After this an emission of this thread that is still counted is really under way further out. */
void fdw_emission_check(uintptr_t frame);
void fdw_emission_left(void); /* in the middle, for ever */
void fdw_emission_writes(void); /* before libc's write(), in an emission */
#define FDW_NESTING_MAX 3 /* LTTng's ring buffer takes four nested writers */
/* A wait for fd ended at its bound. flags: FDW_F_LOSER, the loser of two closes; 0: a closer, for those in flux. */
void fdw_bound_reached(int fd, uint32_t flags, uint64_t bound_us);
/* Around what starts a child, while recording: what the clock says, and the microseconds since, which are at least 1. 0: not recording. */
uint64_t fdw_fork_clock(void);
uint32_t fdw_fork_took(uint64_t begin);
int64_t fdw_boottime(void); /* CLOCK_BOOTTIME, ns: what a process's start time is measured by */
void fdw_emit_blind(const char *what, uint16_t call, uintptr_t pc);

FDW_INLINE struct fdw_detail fdw_text(const char *s) { return (struct fdw_detail){ s, s ? strlen(s) : 0 }; }
#define FDW_NO_DETAIL ((struct fdw_detail){ NULL, 0 })

#endif
