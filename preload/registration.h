/*
 * preload/registration.h: what is known of registrations: who armed what in which poller, who waits there, and what may outlive its number.
 *
 * Kept in the records of the descriptor and of the poller (table.h): enough for quiescence (retire.h) and for refusing a re-arm by state. Which
 * data stands for which descriptor is the analyzer's to know: it is told of every epoll_ctl and, where it matters, of what was delivered.
 *
 * A description outlives its number where duplicates, other processes or messages have it: then its registration lives on too, and its events go
 * on coming for a number that is closed (epoll(7)). Where only *children* can have it, the registration is deleted before the close.
 * Never in a poller that another process may have, too, for that one may be waiting for these events; never when a duplicate is, or may be, open
 * here, for moving a registered description to another number is a pattern of epoll(7); what was sent in a message may come back. In enforce only: audit's business is that such events are
 * found, and observe changes nothing.
 *
 *   function                | any thread | handler | vfork child | waits
 *   fdw_arming, _armed      |    yes     |   yes   |   never     | no
 *   fdw_closing_registered  |    yes     |   yes   |   never     | no
 *   fdw_delivered           |    yes     |   yes   |   never     | no
 */
#ifndef FDW_REGISTRATION_H
#define FDW_REGISTRATION_H

#include "table.h"

/* Before the kernel arms fd in poller by EPOLL_CTL_ADD or MOD: an event can be delivered before that call returns. */
void fdw_arming(int poller, int fd, int op);
/* Another thread is closing it, and it is not replaced: arming it fails as if it were closed. enforce only. */
FDW_INLINE int fdw_is_closing(int fd)
{
	uint64_t v = fdw_peek(fd);
	return unlikely(fdw_state(v) == FDW_CLOSING) && !(v & FDW_W_REPLACED) && fdw_enforcing() && fdw_record(fd)->close_tid != fdw_tid() &&
	       fdw_close_goes_on(fd, v);
}
/* After it did. */
void fdw_armed(int fd, uint32_t events);

/*
 * Arming failed, with EBADF or not: whether fd was closed, or was being closed, before that call began: FDW_F_KNOWN_CLOSED, and FDW_F_INVENTED when
 * the answer was ours; 0: not known. before: its word then; refused: the kernel was not asked. Says so in the log.
 */
uint32_t fdw_arming_failed(int poller, int fd, uint64_t before, int refused, uint16_t call, uintptr_t pc);

/* The poller fd was registered in last, if it is still that one. */
struct fdw_record *fdw_poller_of(const struct fdw_record *);
/* fd is claimed by a closer. v: its word before that. */
void fdw_closing_registered(int fd, uint64_t v);

/*
 * Whether the n events that this poller gave are told: somebody may hold one while its descriptor is closed, or one may come for a closed number. If not, the
 * thread's next event says that it waited. n below 1: nothing came.
 */
int fdw_delivery_told(int poller, int n);
/* One event for k deliveries of the n that a call brought. */
void fdw_tell_delivered(int poller, uint8_t kind, const struct fdw_delivery *, unsigned k, int n, uint16_t call, uintptr_t pc);
/* What the poller gave this thread, n below 1 for nothing: an event, where it matters. Keeps errno. */
void fdw_delivered_slow(int poller, const struct epoll_event *, int n, uint16_t call, uintptr_t pc);
FDW_INLINE void fdw_delivered(int poller, const struct epoll_event *ev, int n, uint16_t call, uintptr_t pc)
{
	if (unlikely(fdw_recording()))
		fdw_delivered_slow(poller, ev, n, call, pc);
}

/* Around a wait on poller, in a process with threads. */
FDW_INLINE void fdw_wait_begins(int poller)
{
	struct fdw_record *r;
	uint32_t tid = fdw_tid();

	if (!fdw_word(poller))
		return;
	r = fdw_record(poller);
	if (unlikely(r->waiter != tid)) {
		if (r->waiter)
			r->arm |= FDW_ARM_MANY_WAITERS;
		r->waiter = tid;
	}
	atomic_store_explicit(&r->turn, (atomic_load_explicit(&r->turn, memory_order_relaxed) | 1) + 2, memory_order_release);
}
FDW_INLINE void fdw_wait_ended(int poller)
{
	if (fdw_word(poller))
		atomic_fetch_and_explicit(&fdw_record(poller)->turn, ~1u, memory_order_release);
}

#endif
