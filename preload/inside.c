/*
 * preload/inside.c: see inside.h.
 *
 * Context: any thread, handlers. System calls: those of aside.h, when a closer meets somebody; none under a filter. Locks: none; a place is its
 * thread's from the first call that may block until its end.
 */
#include "aside.h"
#include "inside.h"
#include "last_use.h"
#include "proc.h"
#include "poison.h"

#define PLACES 1024u     /* 64 KiB, touched as used. Threads beyond that are not seen */
#define NO_PLACE 0xffffu
#define TOLD_MOST 256u   /* each costs a helper: a program that always does it shall not be slow because of that */

static struct place {
	_Alignas(64) _Atomic uint32_t tid; /* whose it is; 0: free */
	_Atomic int fd;                    /* number + 1; 0: in no call */
	uint32_t gen;
	uint16_t call;
	uintptr_t pc;
} places[PLACES] FDW_LARGE;
static _Atomic uint32_t end;           /* places below it were ever taken */
static _Atomic uint32_t told;

static struct place *take(void)
{
	uint32_t n = atomic_load_explicit(&end, memory_order_relaxed), none;

	for (uint32_t i = 0; i < PLACES; i++) {
		none = 0;
		if (!atomic_compare_exchange_strong(&places[i].tid, &none, fdw_tid()))
			continue;
		while (n <= i && !atomic_compare_exchange_weak(&end, &n, i + 1))
			;
		fdw_self.inside = (uint16_t)(i + 1);
		return &places[i];
	}
	fdw_self.inside = NO_PLACE;
	return NULL;
}

int fdw_inside_slow(int fd, uint16_t call, uintptr_t pc)
{
	struct place *p;
	int was;

	if (!fdw_on() || fdw_self.tool || fdw_self.inside == NO_PLACE || fd < 0)
		return -1;
	p = fdw_self.inside ? &places[fdw_self.inside - 1] : take();
	if (!p)
		return -1;
	was = atomic_load_explicit(&p->fd, memory_order_relaxed); /* a handler, in the middle of another call */
	p->gen = fdw_gen(fdw_peek(fd));
	p->call = call;
	p->pc = pc;
	atomic_store_explicit(&p->fd, fd + 1, memory_order_release);
	return was;
}

void fdw_inside_left(int was)
{
	if (fdw_self.inside && fdw_self.inside != NO_PLACE)
		atomic_store_explicit(&places[fdw_self.inside - 1].fd, was, memory_order_release);
}

void fdw_inside_used(void)
{
	for (uint32_t i = 0; i < atomic_load(&end); i++)
		if (atomic_load_explicit(&places[i].fd, memory_order_relaxed))
			fdw_last_use(atomic_load_explicit(&places[i].fd, memory_order_relaxed) - 1);
}

void fdw_inside_thread_ends(void)
{
	if (fdw_self.inside && fdw_self.inside != NO_PLACE) {
		atomic_store(&places[fdw_self.inside - 1].fd, 0);
		atomic_store(&places[fdw_self.inside - 1].tid, 0);
	}
	fdw_self.inside = 0;
}

void fdw_inside_reset(void)
{
	for (uint32_t i = 0; i < atomic_load(&end); i++) {
		atomic_store(&places[i].fd, 0);
		atomic_store(&places[i].tid, 0);
	}
	fdw_self.inside = 0;
}

/* ---- where a thread is -----------------------------------------------------------------------------------------------------------------------*/

struct look { uint32_t tid; int fd; int there; };

/* "0 0x3 0x7ff... ": a sleeping thread's system call and its arguments; "running", or "-1 ...", else. */
static void look(void *arg)
{
	struct look *l = arg;
	char path[64], text[64], *p = fdw_put(path, "/proc/self/task/");
	uint64_t first = 0;

	p = fdw_put_number(p, l->tid);
	*fdw_put(p, "/syscall") = 0;
	if (!fdw_read_file(path, text, sizeof text) || text[0] < '0' || text[0] > '9')
		return;
	for (p = text; *p && *p != ' '; p++)
		;
	if (p[0] != ' ' || p[1] != '0' || p[2] != 'x')
		return;
	for (p += 3; (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++)
		first = first * 16 + (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	l->there = (int)first == l->fd;
}

/* What was shut down before wakes whoever is inside: that is the way to do it. */
void fdw_inside_closes_slow(int fd, uint64_t v)
{
	int saved = errno;

	if (fdw_process.filtered || v & FDW_W_SHUT || !fdw_on() || fdw_self.tool)
		return;
	for (uint32_t i = 0, n = atomic_load_explicit(&end, memory_order_acquire); i < n; i++) {
		struct place *p = &places[i];
		struct look l = { .tid = atomic_load_explicit(&p->tid, memory_order_relaxed), .fd = fd };
		uint16_t call = p->call;
		uintptr_t pc = p->pc;

		if (atomic_load_explicit(&p->fd, memory_order_acquire) != fd + 1 || p->gen != fdw_gen(v) || l.tid == fdw_tid() || !l.tid ||
		    atomic_load_explicit(&told, memory_order_relaxed) >= TOLD_MOST)
			continue;
		fdw_unseen(fdw_table_is_own(), look, &l);
		if (!l.there || atomic_load_explicit(&p->fd, memory_order_acquire) != fd + 1)
			continue;
		atomic_fetch_add(&told, 1);
		fdw_send_of(&(struct fdw_event){ .op = FDW_OP_IN_USE, .call = call, .fd = fd, .gen = fdw_gen(v), .fd2 = (int)l.tid }, pc);
	}
	errno = saved;
}
