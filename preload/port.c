/*
 * preload/port.c: event ports: the protocol of pollers (retire.h) for port_associate and port_get, whoever provides them (foreign.c).
 *
 * Context: any thread; port_send and port_sendn handlers too. port_get and port_getn wait, and may be cancelled while they do: nothing is held then.
 *
 * An association is one-shot, always: after its event was handed out nothing comes until the next port_associate. So it is a registration
 * with EPOLLONESHOT that is made, or replaced, by the one call. The object of PORT_SOURCE_FD is the number; other sources have none, and
 * are passed through. A port answers EBADFD, not EBADF, where the object is the one that is closed.
 */
#include "birth.h"
#include "event.h"
#include "foreign.h"
#include "fork.h"
#include "inside.h"
#include "retire.h"
#include "poison.h"

#define SOURCE_FD 4

static int number_of(int source, uintptr_t object) { return source == SOURCE_FD && object <= INT32_MAX ? (int)object : -1; }

/* Closed by a call that began before this one; the kernel may not know it yet, or has something there that is ours. */
static int is_gone(int fd) { return fdw_is_closing(fd) || unlikely(fdw_is_tombstone(fdw_peek(fd))); }

/* ---- judging ------------------------------------------------------------------------------------------------------------------------------*/

/* Where the call itself found it open, it was closed while that lasted: no use after close. */
static void failed(int fd, uint64_t before, uint16_t call, uintptr_t pc)
{
	int saved = errno;

	if (fdw_state(before) == FDW_OPEN || fdw_state(before) == FDW_CLOSING)
		return;
	errno = EBADF;
	fdw_use_failed(fd, call, pc);
	errno = saved;
}

static void port_used(int port, uint64_t before, int r, uint16_t call, uintptr_t pc)
{
	if (likely(r >= 0) || errno != EBADF)
		fdw_used(port, call, pc);
	else
		failed(port, before, call, pc);
}

/* ---- making -------------------------------------------------------------------------------------------------------------------------------*/

/*
 * A library that is not libport may make its ports by calls that we see. Then the number stands in the table already, made in the library's code,
 * and may be born close-on-exec: it only becomes a port.
 */
static int becomes_port(int port, uintptr_t pc)
{
	fdw_word_t *w = fdw_word(port);

	if (!w || fdw_state(fdw_peek(port)) != FDW_OPEN || !fdw_foreign_code(fdw_record(port)->open_pc))
		return 0;
	fdw_record(port)->kind = FDW_KIND_PORT;
	atomic_fetch_or_explicit(w, FDW_W_POLLER, memory_order_relaxed);
	fdw_object(port, 0, FDW_KIND_PORT, FDW_CALL_port_create, pc, FDW_NO_DETAIL);
	return 1;
}

int fdw_port_create(void)
{
	int r;

	if (unlikely(!fdw_on()))
		return real_port_create();
	fdw_release_due();
	r = real_port_create();
	r = FDW_OR_AGAIN(r, real_port_create());
	if (r >= 0 && !becomes_port(r, FDW_CALLER))
		fdw_made_plain(r, FDW_KIND_PORT, 0, FDW_CALL_port_create, FDW_CALLER, -1);
	return r;
}

/* ---- associating ----------------------------------------------------------------------------------------------------------------------------*/

struct associating {
	int port, fd, op, err, refused;
	uint32_t stale;
	uint64_t port_before, before;
	uint16_t call;
};

static void begin(struct associating *a, uintptr_t frame)
{
	fdw_passed_over(a->port, a->fd, a->call);
	fdw_flux_enter(a->fd, frame);
	a->port_before = fdw_peek(a->port);
	a->before = fdw_peek(a->fd);
	if (a->op == EPOLL_CTL_DEL)
		return;
	a->refused = is_gone(a->port) ? EBADF : is_gone(a->fd) ? EBADFD : 0;
	if (likely(!a->refused))
		fdw_arming(a->port, a->fd, EPOLL_CTL_ADD);
}

static void say(const struct associating *a, uint32_t events, uint64_t user, uintptr_t pc)
{
	if (!fdw_recording() || a->fd < 0)
		return;
	fdw_send(&(struct fdw_event){ .op = FDW_OP_EPOLL_CTL, .call = a->call, .fd = a->port, .gen = fdw_gen(a->port_before), .fd2 = a->fd,
		.gen2 = fdw_gen(a->before), .ret = a->err ? -1 : 0, .err = a->err, .arg = user, .kind = FDW_KIND_PORT,
		.flags = a->stale | (uint32_t)a->op << FDW_F_USER_SHIFT, .detail = (const uint8_t *)&events,
		.detail_len = sizeof events }, pc);
}

/* r: of the call. A port_dissociate of what is closed already is how tidy programs close. */
static void judge(struct associating *a, int r, uintptr_t pc)
{
	a->err = r < 0 ? errno : 0;
	port_used(a->port, a->port_before, r, a->call, pc);
	if (a->fd < 0)
		return;
	if (likely(r == 0)) {
		fdw_used(a->fd, a->call, pc);
		if (a->op != EPOLL_CTL_DEL)
			fdw_armed(a->fd, EPOLLONESHOT);
	} else if (a->err == EBADFD && a->op != EPOLL_CTL_DEL) {
		errno = EBADF; /* what it would be of a poller of the kernel's */
		a->stale = fdw_arming_failed(a->port, a->fd, a->before, a->refused == EBADFD, a->call, pc);
	}
}

int fdw_port_associate(int port, int source, uintptr_t object, int events, void *user)
{
	struct associating a = { .port = port, .fd = number_of(source, object), .op = EPOLL_CTL_MOD, .call = FDW_CALL_port_associate };
	int r, saved;

	if (unlikely(!fdw_on()))
		return real_port_associate(port, source, object, events, user);
	begin(&a, (uintptr_t)__builtin_frame_address(0));
	if (unlikely(a.refused)) {
		errno = a.refused;
		r = -1;
	} else {
		r = real_port_associate(port, source, object, events, user);
		/* Its poller was refused while it was in there, though the number is still open: the port comes first. */
		if (unlikely(r < 0 && errno == EBADFD && is_gone(port)))
			errno = EBADF;
	}
	saved = errno;
	fdw_flux_leave(a.fd);
	judge(&a, r, FDW_CALLER);
	say(&a, (uint32_t)events, (uintptr_t)user, FDW_CALLER);
	errno = saved;
	return r;
}

int fdw_port_dissociate(int port, int source, uintptr_t object)
{
	struct associating a = { .port = port, .fd = number_of(source, object), .op = EPOLL_CTL_DEL, .call = FDW_CALL_port_dissociate };
	int r, saved;

	if (unlikely(!fdw_on()))
		return real_port_dissociate(port, source, object);
	begin(&a, (uintptr_t)__builtin_frame_address(0));
	r = real_port_dissociate(port, source, object);
	saved = errno;
	fdw_flux_leave(a.fd);
	judge(&a, r, FDW_CALLER);
	say(&a, 0, 0, FDW_CALLER);
	errno = saved;
	return r;
}

/* ---- getting --------------------------------------------------------------------------------------------------------------------------------*/

/* As around epoll_wait: the thread may hold events from here on, until it waits again. */
struct getting { uint64_t before; int notes, inside; };

static struct getting begin_getting(int port, uint16_t call, uintptr_t pc)
{
	struct getting g = { .before = fdw_peek(port) };

	fdw_child_is_worker();
	fdw_passed_over(-1, -1, call);
	fdw_release_due();
	g.notes = fdw_process.births && fdw_on();
	if (g.notes)
		fdw_wait_begins(port);
	g.inside = fdw_inside(port, call, pc);
	return g;
}

static void end_getting(const struct getting *g, int port, int r, uint16_t call, uintptr_t pc)
{
	fdw_left(g->inside);
	if (g->notes)
		fdw_wait_ended(port);
	port_used(port, g->before, r, call, pc);
}

static unsigned of_descriptors(const struct fdw_port_event *e, unsigned n)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		k += e[i].source == SOURCE_FD;
	return k;
}

/* Those of descriptors; the others are nobody's registrations. */
static void delivered(int port, const struct fdw_port_event *e, unsigned n, uint16_t call, uintptr_t pc)
{
	struct fdw_delivery d[FDW_DELIVERIES];
	unsigned k = 0, all = of_descriptors(e, n);
	int saved = errno;

	for (unsigned i = 0; all && i < n; i++) {
		if (e[i].source == SOURCE_FD)
			d[k++] = (struct fdw_delivery){ .data = (uintptr_t)e[i].user, .events = (uint32_t)e[i].events, .fd = (int32_t)e[i].object };
		if (k == FDW_DELIVERIES || (k && i == n - 1)) {
			fdw_tell_delivered(port, FDW_KIND_PORT, d, k, (int)all, call, pc);
			k = 0;
		}
	}
	errno = saved;
}

static int is_told(int port, int n) { return unlikely(fdw_recording()) && fdw_on() && fdw_delivery_told(port, n); }

/* Without a wait it may answer 0 and have written nothing: so what is told lies in a place of our own first. */
int fdw_port_get(int port, struct fdw_port_event *event, struct timespec *timeout)
{
	struct getting g = begin_getting(port, FDW_CALL_port_get, FDW_CALLER);
	struct fdw_port_event own = { .source = 0 };
	int told = event && is_told(port, 1), r = real_port_get(port, told ? &own : event, timeout);

	end_getting(&g, port, r, FDW_CALL_port_get, FDW_CALLER);
	if (told && own.source) {
		*event = own;
		delivered(port, &own, 1, FDW_CALL_port_get, FDW_CALLER);
	} else if (told) {
		fdw_delivery_told(port, 0);
	}
	return r;
}

/* When the time is up, it has handed out what there was. */
int fdw_port_getn(int port, struct fdw_port_event *list, unsigned int max, unsigned int *nget, struct timespec *timeout)
{
	struct getting g = begin_getting(port, FDW_CALL_port_getn, FDW_CALLER);
	int r = real_port_getn(port, list, max, nget, timeout);
	unsigned n;

	end_getting(&g, port, r, FDW_CALL_port_getn, FDW_CALLER);
	n = nget && *nget <= max && (r == 0 || errno == ETIME) ? *nget : 0;
	if (is_told(port, (int)n))
		delivered(port, list, n, FDW_CALL_port_getn, FDW_CALLER);
	return r;
}

/* ---- sending --------------------------------------------------------------------------------------------------------------------------------*/

int fdw_port_send(int port, int events, void *user)
{
	uint64_t before = fdw_peek(port);
	int r = real_port_send(port, events, user);

	port_used(port, before, r, FDW_CALL_port_send, FDW_CALLER);
	return r;
}

/* Which of them failed, and why, stands in errors, where any did. */
int fdw_port_sendn(int *ports, int *errors, unsigned int n, int events, void *user)
{
	int r = real_port_sendn(ports, errors, n, events, user), saved = errno;

	for (unsigned i = 0; r >= 0 && i < n; i++) {
		errno = (unsigned)r < n ? errors[i] : 0;
		port_used(ports[i], fdw_peek(ports[i]), errno ? -1 : 0, FDW_CALL_port_sendn, FDW_CALLER);
	}
	errno = saved;
	return r;
}

int fdw_port_alert(int port, int flags, int events, void *user)
{
	uint64_t before = fdw_peek(port);
	int r = real_port_alert(port, flags, events, user);

	port_used(port, before, r, FDW_CALL_port_alert, FDW_CALLER);
	return r;
}
