/*
 * preload/thread.c: pthread_create, names, thread ends.
 *
 * Context: the thread itself. The tracer's own threads are known by who creates them and marked before they run.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include "birth.h"
#include "event.h"
#include "fork.h"
#include "inside.h"
#include "killed.h"
#include "options.h"
#include "pending.h"
#include "proc.h"
#include "protect.h"
#include "resolve.h"
#include "sigstack.h"
#include "thread.h"
#include "wait.h"
#include "poison.h"

/*
 * A program may use all 1024 keys: ours is made when it is needed, which is not before something was recorded or held back. While recording
 * from the start, so that its index is among those that glibc keeps inside the thread: setting it never allocates. One made later may
 * have a larger index: then we do without.
 */
#define KEYS_INSIDE 32
static pthread_key_t at_end;
static _Atomic int key_state; /* 0 none yet, 1 being made, 2 there, 3 none to be had */
static void program_thread_ended(void);

/* Destructors of other keys may still close descriptors after this one: come back until the last round. */
static void thread_ends(void *round)
{
	uintptr_t n = (uintptr_t)round;

	if (n < 3) {
		pthread_setspecific(at_end, (void *)(n + 1));
		return;
	}
	fdw_pending_flush();
	fdw_inside_thread_ends();
	fdw_sigstack_thread_ends();
	fdw_life(FDW_OP_THREAD_EXIT, 0, 0, 0, -1, 0, FDW_CALL_none, 0, FDW_NO_DETAIL);
	if (fdw_self.counted)
		program_thread_ended();
}

static void make_key(void)
{
	int none = 0, r;

	if (!atomic_compare_exchange_strong(&key_state, &none, 1))
		return;
	r = pthread_key_create(&at_end, thread_ends);
	if (r == 0 && at_end >= KEYS_INSIDE)
		r = (pthread_key_delete(at_end), 1);
	atomic_store(&key_state, r == 0 ? 2 : 3);
}

int fdw_thread_init(void)
{
	if (fdw_options.record[0])
		make_key();
	return 0;
}

void fdw_thread_watch_end(void)
{
	int saved = errno;

	if (unlikely(!atomic_load(&key_state)))
		make_key();
	if (likely(atomic_load(&key_state) == 2))
		pthread_setspecific(at_end, (void *)1);
	errno = saved;
}

void fdw_thread_announce(void (*deliver)(struct fdw_event *))
{
	char name[16] = "";
	struct fdw_event e = { .op = FDW_OP_THREAD, .fd = -1, .fd2 = -1, .detail = (uint8_t *)name };

	/* What the program's allocator opens for LTTng's sake is not the program's doing. */
	fdw_self.tool = 1;
	fdw_ops->thread();
	fdw_self.tool = 0;
	fdw_killed_learn();
	if (!fdw_process.filtered)
		fdw_raw(SYS_prctl, (long)PR_GET_NAME, name, 0L, 0L, 0L);
	e.detail_len = (uint32_t)strnlen(name, sizeof name);
	deliver(&e);
	fdw_thread_watch_end();
}

/* ---- handing over what a new thread shall run -----------------------------------------------------------------------------------------*/

#define STARTS 1024
struct start { _Atomic int taken; void *(*start)(void *); int (*start_c11)(void *); void *arg; size_t stack; uint8_t private_table; };
FDW_LARGE static struct start starts[STARTS];

/* NULL: all are taken, by threads that did not start yet. */
static struct start *place(void)
{
	for (unsigned i = 0; i < STARTS; i++) {
		int none = 0;
		if (atomic_compare_exchange_strong(&starts[i].taken, &none, 1))
			return &starts[i];
	}
	return NULL;
}

/* In the new thread: the place is free again. */
static struct start take(void *slot)
{
	struct start *p = slot, s = { .start = p->start, .start_c11 = p->start_c11, .arg = p->arg, .stack = p->stack,
		.private_table = p->private_table };

	atomic_store_explicit(&p->taken, 0, memory_order_release);
	return s;
}

/* ---- the tracer's threads ------------------------------------------------------------------------------------------------------------*/

#define TOOL_THREADS 16
static pthread_t tool_ids[TOOL_THREADS]; /* 0: it is over */
static _Atomic uint32_t tool_tids[TOOL_THREADS]; /* 0: free; of those that are over, too, until somebody looked */
static _Atomic unsigned tool_count;      /* made */
static _Atomic int tool_running, tool_asleep; /* not over; of these, asleep on a futex */

static int have_left(void);
static _Atomic uint32_t tool_tid;
uint32_t fdw_tool_thread(void) { return atomic_load(&tool_tid); }
int fdw_tool_threads(void) { return atomic_load(&tool_running) || !have_left(); }

static void tool_thread_ended(void *unused)
{
	for (unsigned i = 0; i < TOOL_THREADS; i++)
		if (pthread_equal(tool_ids[i], pthread_self()))
			tool_ids[i] = 0;
	atomic_fetch_sub(&tool_running, 1);
}

static void know_tool_tid(void)
{
	for (unsigned i = 0; i < TOOL_THREADS; i++) {
		uint32_t none = 0;
		if (atomic_compare_exchange_strong(&tool_tids[i], &none, fdw_tid()))
			return;
	}
}

/* Over, but libc takes a moment to clear away what it had; a filter that came meanwhile might kill for that. */
static int have_left(void)
{
	for (unsigned i = 0; i < TOOL_THREADS; i++) {
		uint32_t tid = atomic_load(&tool_tids[i]);
		if (!tid)
			continue;
		if (fdw_raw(SYS_tgkill, (long)fdw_process.pid, (long)tid, 0L) == 0)
			return 0;
		atomic_store(&tool_tids[i], 0);
	}
	return 1;
}

static void *run_tool_thread(void *slot)
{
	struct start s = take(slot);
	void *r;

	fdw_self.tool = 1;
	atomic_store(&tool_tid, fdw_tid());
	know_tool_tid();
	pthread_cleanup_push(tool_thread_ended, NULL);
	fdw_tool_thread_begins();
	r = s.start(s.arg);
	pthread_cleanup_pop(1);
	return r;
}

static void is_awake(void *unused) { atomic_fetch_sub(&tool_asleep, 1); }

/*
 * LTTng waits on a futex for daemons that are not there yet, which is no cancellation point, and has no descriptor open meanwhile. For that time it is
 * made one, as libc does it for calls that are; for a thread that stays would keep the process from ending with the program's last one.
 */
long fdw_tool_futex(const long *a)
{
	int type;
	long r;

	atomic_fetch_add(&tool_asleep, 1);
	pthread_cleanup_push(is_awake, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	r = fdw_raw(SYS_futex, a[0], a[1], a[2], a[3], a[4], a[5]);
	pthread_setcanceltype(type, NULL);
	pthread_cleanup_pop(1);
	return fdw_errno_of(r);
}

/*
 * They are made to be cancelled (LTTng's own destructor does it), but detached, so that nobody can join them; and one that is in the middle of
 * something comes to its end first: it aborts the process when its descriptors are closed meanwhile.
 */
int fdw_tool_threads_end(void)
{
	unsigned n = atomic_exchange(&tool_count, 0);
	struct fdw_wait wait;

	for (unsigned i = 0; i < n && i < TOOL_THREADS; i++)
		if (tool_ids[i])
			FDW_REAL(pthread_cancel)(tool_ids[i]);
	atomic_store(&tool_tid, 0);
	fdw_wait_start(&wait, 1000000);
	while (atomic_load(&tool_running) > 0 || !have_left())
		if (!fdw_wait_step(&wait))
			return atomic_load(&tool_running) <= atomic_load(&tool_asleep);
	return 1;
}

static int create_tool_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	struct start *s = place();
	unsigned n;
	int r;

	if (!s)
		return FDW_REAL(pthread_create)(thread, attr, start, arg);
	s->start = start;
	s->arg = arg;
	atomic_fetch_add(&tool_running, 1);
	r = FDW_REAL(pthread_create)(thread, attr, run_tool_thread, s);
	if (r != 0) {
		atomic_fetch_sub(&tool_running, 1);
		atomic_store_explicit(&s->taken, 0, memory_order_release);
	} else if ((n = atomic_fetch_add(&tool_count, 1)) < TOOL_THREADS) {
		tool_ids[n] = *thread;
	}
	return r;
}

/* ---- the program's threads, while recording ------------------------------------------------------------------------------------------------*/

/*
 * Two things have to happen in a thread before its own code: LTTng's first steps allocate, which neither a signal handler nor an allocator
 * may, so they are made now; and its stack's bounds are learnt. And one after: libc ends the process when its last thread ends, but the
 * tracer's threads are threads to libc; so we count the program's and end the process in libc's place.
 */
static _Atomic int program_threads;
static _Atomic int uncounted; /* a thread was made without us knowing its end */

static void known_thread(uintptr_t low, uintptr_t high)
{
	fdw_self.counted = 1;
	fdw_self.stack_low = low;
	fdw_self.stack_high = high;
	if (likely(!fdw_tsan_in_program()))
		fdw_thread_hello();
	fdw_thread_watch_end();
}

void fdw_threads_reset(void)
{
	atomic_store(&program_threads, 1);
	atomic_store(&uncounted, 0);
	atomic_store(&tool_count, 0);
	atomic_store(&tool_tid, 0);
	atomic_store(&tool_running, 0);
	atomic_store(&tool_asleep, 0);
	memset(tool_ids, 0, sizeof tool_ids);
	memset((void *)tool_tids, 0, sizeof tool_tids);
}

extern void *__libc_stack_end __attribute__((weak));

void fdw_thread_main(void)
{
	struct rlimit rl = { 8 << 20, 8 << 20 };
	uintptr_t high = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0, size;

	fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_STACK, NULL, &rl);
	/* Below the stack the kernel leaves room for what the limit says; where it says nothing, for 8 MiB at least. */
	size = rl.rlim_cur > (64u << 20) ? 8u << 20 : (uintptr_t)rl.rlim_cur;
	atomic_store(&program_threads, 1);
	known_thread(high > size ? high - size : 0, high);
}

static void program_thread_ended(void)
{
	static _Atomic int leader_ended; /* the first thread stays listed until the process ends */
	struct fdw_wait wait;

	fdw_self.counted = 0;
	if (fdw_tid() == fdw_process.pid)
		atomic_store(&leader_ended, 1);
	if (atomic_fetch_sub(&program_threads, 1) != 1 || atomic_load(&uncounted) || !atomic_load(&tool_count) || fdw_process.filtered)
		return;
	/* Threads that ended just now may not be gone yet; one that libc made for itself stays: then the process stays, as natively. */
	fdw_wait_start(&wait, 200000);
	while (fdw_tasks() != 1 + (int)atomic_load(&tool_count) + (atomic_load(&leader_ended) && fdw_tid() != fdw_process.pid))
		if (!fdw_wait_step(&wait))
			return;
	exit(0);
}

static struct start take_known(void *slot)
{
	struct start s = take(slot);
	uintptr_t tp = (uintptr_t)__builtin_thread_pointer();

	fdw_self.private_table = s.private_table; /* it shares its maker's descriptors, not the ones our table speaks of */
	known_thread(s.stack && tp > s.stack ? tp - s.stack : 0, tp);
	return s;
}

static void *run_program_thread(void *slot)
{
	struct start s = take_known(slot);
	return s.start(s.arg);
}

static int run_c11_thread(void *slot)
{
	struct start s = take_known(slot);
	return s.start_c11(s.arg);
}

static size_t stack_size_of(const pthread_attr_t *attr)
{
	pthread_attr_t usual;
	size_t n = 0;

	if (attr) {
		pthread_attr_getstacksize(attr, &n);
	} else if (pthread_attr_init(&usual) == 0) {
		pthread_attr_getstacksize(&usual, &n);
		pthread_attr_destroy(&usual);
	}
	return n;
}

/* A slot to hand over what the new thread shall run; NULL: it starts without us. */
static struct start *give(const pthread_attr_t *attr, void *(*start)(void *), int (*start_c11)(void *), void *arg, uintptr_t pc)
{
	struct start *s;

	if (!atomic_load_explicit(&fdw_ready, memory_order_acquire) || fdw_self.vforked)
		return NULL;
	atomic_store_explicit(&fdw_process.threads, 1, memory_order_relaxed);
	fdw_child_is_worker();
	fdw_births_allow(pc);
	if (!fdw_recording() && !fdw_self.private_table)
		return NULL;
	s = place();
	if (!s) {
		atomic_store(&uncounted, 1);
		return NULL;
	}
	s->start = start;
	s->start_c11 = start_c11;
	s->arg = arg;
	s->stack = stack_size_of(attr);
	s->private_table = fdw_self.private_table;
	atomic_fetch_add(&program_threads, 1);
	return s;
}

/* No thread came of it. */
static void take_back(struct start *s)
{
	if (!s)
		return;
	atomic_store_explicit(&s->taken, 0, memory_order_release);
	atomic_fetch_sub(&program_threads, 1);
}

FDW_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	struct start *s;
	int r;

	if (unlikely(fdw_on() && (fdw_self.tool || fdw_tool_caller(FDW_CALLER))))
		return create_tool_thread(thread, attr, start, arg);
	s = give(attr, start, NULL, arg, FDW_CALLER);
	r = s ? FDW_REAL(pthread_create)(thread, attr, run_program_thread, s) : FDW_REAL(pthread_create)(thread, attr, start, arg);
	if (unlikely(r != 0))
		take_back(s);
	return r;
}

FDW_EXPORT int thrd_create(thrd_t *thread, thrd_start_t start, void *arg)
{
	struct start *s = give(NULL, NULL, start, arg, FDW_CALLER);
	int r = s ? FDW_REAL(thrd_create)(thread, run_c11_thread, s) : FDW_REAL(thrd_create)(thread, start, arg);

	if (unlikely(r != thrd_success))
		take_back(s);
	return r;
}

/* A lone thread may cancel itself: from here on its calls are libc's, which are cancellation points. */
FDW_EXPORT int pthread_cancel(pthread_t thread)
{
	atomic_store(&fdw_raw_threads, 1);
	return FDW_REAL(pthread_cancel)(thread);
}
