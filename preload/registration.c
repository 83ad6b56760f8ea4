/*
 * preload/registration.c: see registration.h.
 *
 * Context: any thread, handlers; never vfork children. System calls: epoll_ctl(EPOLL_CTL_DEL), where substitutes are allowed. Locks: none; the
 * records are read for decisions only while the descriptor is claimed, or held in flux.
 */
#include "aside.h"
#include "event.h"
#include "log.h"
#include "registration.h"
#include "poison.h"

/* An event may be delivered, and its descriptor closed by somebody, before the kernel's call returns: so it counts as one-shot before it. */
void fdw_arming(int poller, int fd, int op)
{
	fdw_word_t *w = fdw_word(fd);
	struct fdw_record *r;
	uint32_t gen = fdw_gen(fdw_peek(poller));

	/* The record of a closed one says where it was registered: still wanted. */
	if (!w || !gen || fdw_is_closed(fdw_peek(fd)))
		return;
	r = fdw_record(fd);
	if (!(fdw_peek(fd) & FDW_W_POLLER))
		r->handler = 0;
	if (r->poller != (uint32_t)poller + 1 || r->poller_gen != gen) {
		if (r->poller)
			r->arm |= FDW_ARM_MANY_POLLERS;
		r->poller = (uint32_t)poller + 1;
		r->poller_gen = gen;
	}
	if (op == EPOLL_CTL_ADD && fdw_process.births && fdw_enforcing())
		atomic_fetch_or_explicit(w, FDW_W_REGISTERED | FDW_W_ONESHOT, memory_order_relaxed);
}

void fdw_armed(int fd, uint32_t events)
{
	fdw_word_t *w = fdw_word(fd);
	uint64_t v = w ? atomic_load_explicit(w, memory_order_relaxed) : 0;
	uint64_t flags = FDW_W_REGISTERED | (events & EPOLLONESHOT ? FDW_W_ONESHOT : 0);

	while (fdw_state(v) == FDW_OPEN && (v & (FDW_W_REGISTERED | FDW_W_ONESHOT)) != flags &&
	       !fdw_cas(w, &v, (v & ~FDW_W_ONESHOT) | flags))
		;
	if (events & EPOLLONESHOT && unlikely(!(atomic_load_explicit(&fdw_process.uses, memory_order_relaxed) & FDW_USES_ONESHOT)))
		atomic_fetch_or(&fdw_process.uses, FDW_USES_ONESHOT);
}

struct fdw_record *fdw_poller_of(const struct fdw_record *r)
{
	int n = (int)r->poller - 1;
	return n >= 0 && fdw_word(n) && fdw_gen(fdw_peek(n)) == r->poller_gen && fdw_peek(n) & FDW_W_POLLER ? fdw_record(n) : NULL;
}

static __attribute__((noinline)) void log_stale(int poller, int fd, const char *what, uint16_t call, uintptr_t pc)
{
	const struct fdw_record *r = fdw_record(fd);
	int was_registered = r->arm & FDW_ARM_MANY_POLLERS ||
	                     (r->poller == (uint32_t)poller + 1 && r->poller_gen == fdw_gen(fdw_peek(poller)));

	if (fdw_process.child)
		return;
	fdw_log_violation(&(struct fdw_violation){ .rule = was_registered ? "stale-rearm" : "use-after-close", .call = fdw_call_names[call],
		.fd = fd, .what = what, .pc = pc, .before = fdw_call_names[r->close_call], .before_tid = r->close_tid, .before_pc = r->close_pc });
}

uint32_t fdw_arming_failed(int poller, int fd, uint64_t before, int refused, uint16_t call, uintptr_t pc)
{
	uint64_t now = fdw_peek(fd);
	int closing = fdw_gen(now) == fdw_gen(before) && (fdw_state(now) == FDW_CLOSING || fdw_is_closed(now));
	uint32_t flags;

	if (errno != EBADF || !fdw_gen(before) || !(fdw_is_closed(before) || closing) || fdw_is_closed(fdw_peek(poller))) {
		fdw_use_failed(fd, call, pc);
		return 0;
	}
	flags = FDW_F_KNOWN_CLOSED | (refused || fdw_is_tombstone(before) ? FDW_F_INVENTED : 0);
	if (fdw_recording())
		fdw_use_failed(fd, call, pc); /* what was meant follows */
	else
		log_stale(poller, fd, fdw_is_closed(before) ? "EBADF: it was closed before" : "EBADF: another thread is closing it", call, pc);
	errno = EBADF;
	return flags;
}

/* ---- what may outlive its number ---------------------------------------------------------------------------------------------------------------*/

/* No other process can wait for events of this poller: no child was started since it was made, not even one that execs: it may have been handed to it. */
static int is_ours_alone(uint64_t poller, const struct fdw_record *r)
{
	return fdw_state(poller) == FDW_OPEN && !(poller & FDW_W_SENT) && r->kind == FDW_KIND_EPOLL && r->born_at == fdw_process.starts &&
	       !atomic_load_explicit(&fdw_raw_threads, memory_order_relaxed);
}

void fdw_closing_registered(int fd, uint64_t v)
{
	struct fdw_record *r = fdw_record(fd), *poller = fdw_poller_of(r);
	int number = (int)r->poller - 1;
	uint64_t word = fdw_peek(number);

	if (!poller || (!(v & (FDW_W_DUPED | FDW_W_SENT)) && r->born_at == atomic_load_explicit(&fdw_process.starts, memory_order_relaxed)))
		return;
	poller->arm |= FDW_ARM_GHOSTS;
	if (fdw_process.mode != FDW_MODE_ENFORCE || !fdw_enforcing() || v & (FDW_W_DUPED | FDW_W_SENT) || r->arm & FDW_ARM_MANY_POLLERS ||
	    !fdw_process.may_birth || !is_ours_alone(word, poller))
		return;
	if (fdw_raw(SYS_epoll_ctl, (long)number, (long)EPOLL_CTL_DEL, (long)fd, NULL) == 0 && fdw_recording())
		fdw_send(&(struct fdw_event){ .op = FDW_OP_EPOLL_CTL, .call = FDW_CALL_epoll_ctl, .fd = number, .gen = fdw_gen(word), .fd2 = fd,
			.gen2 = fdw_gen(v), .flags = FDW_F_INVENTED | (uint32_t)EPOLL_CTL_DEL << FDW_F_USER_SHIFT, .kind = FDW_KIND_EPOLL }, 0);
}

/* ---- what was delivered ----------------------------------------------------------------------------------------------------------------------------*/

/* The only thread (the tracer's do not count) with its only event holds no other while it acts on that; but it may be one of what it closed. */
int fdw_delivery_told(int poller, int n)
{
	int told = n > 1 || (n == 1 && (fdw_made_threads() || (fdw_word(poller) && fdw_record(poller)->arm & FDW_ARM_GHOSTS)));

	fdw_self.waited |= !told;
	return told;
}

struct delivered { int poller, n; const struct epoll_event *ev; uint16_t call; };

static __attribute__((noinline)) void tell_all(void *arg, uintptr_t pc)
{
	const struct delivered *all = arg;
	struct fdw_delivery d[FDW_DELIVERIES];
	int told = 0;

	while (told < all->n) {
		unsigned k = 0;
		for (; k < FDW_DELIVERIES && told < all->n; k++, told++)
			d[k] = (struct fdw_delivery){ .data = all->ev[told].data.u64, .events = all->ev[told].events, .fd = -1 };
		fdw_tell_delivered(all->poller, FDW_KIND_EPOLL, d, k, all->n, all->call, pc);
	}
}

void fdw_delivered_slow(int poller, const struct epoll_event *ev, int n, uint16_t call, uintptr_t pc)
{
	struct delivered all = { poller, n, ev, call };

	if (fdw_on() && fdw_delivery_told(poller, n) && !fdw_deep(tell_all, &all, pc))
		fdw_self.lost++;
}

void fdw_tell_delivered(int poller, uint8_t kind, const struct fdw_delivery *d, unsigned k, int n, uint16_t call, uintptr_t pc)
{
	fdw_send(&(struct fdw_event){ .op = FDW_OP_DELIVERED, .call = call, .kind = kind, .fd = poller, .gen = fdw_gen(fdw_peek(poller)), .fd2 = -1,
		.ret = n, .detail = (const uint8_t *)d, .detail_len = (uint32_t)(k * sizeof *d) }, pc);
}
