/*
 * preload/thread.c: pthread_create, names, thread ends, sigaltstack.
 *
 * Context: the thread itself. The tracer's own threads are known by who creates them and marked before they run.
 */
#include <sys/prctl.h>
#include "close.h"
#include "event.h"
#include "fork.h"
#include "options.h"
#include "protect.h"
#include "resolve.h"
#include "thread.h"
#include "poison.h"

/*
 * A program may use all 1024 keys: ours is made when it is needed, which is not before something was recorded or held back. While recording
 * from the start, so that its index is among those that glibc keeps inside the thread: setting it never allocates. One made later may
 * have a larger index: then we do without.
 */
#define KEYS_INSIDE 32
static pthread_key_t at_end;
static _Atomic int key_state; /* 0 none yet, 1 being made, 2 there, 3 none to be had */

/* Destructors of other keys may still close descriptors after this one: come back until the last round. */
static void thread_ends(void *round)
{
	uintptr_t n = (uintptr_t)round;

	if (n < 3) {
		pthread_setspecific(at_end, (void *)(n + 1));
		return;
	}
	fdw_pending_flush();
	fdw_life(FDW_OP_THREAD_EXIT, 0, 0, 0, -1, 0, FDW_CALL_none, 0, FDW_NO_DETAIL);
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

	fdw_ops->thread();
	if (!fdw_process.filtered)
		fdw_raw(SYS_prctl, (long)PR_GET_NAME, name, 0L, 0L, 0L);
	e.detail_len = (uint32_t)strnlen(name, sizeof name);
	deliver(&e);
	fdw_thread_watch_end();
}

/* ---- the tracer's threads ------------------------------------------------------------------------------------------------------------*/

#define TOOL_THREADS 16
static struct { _Atomic int taken; void *(*start)(void *); void *arg; } tool_threads[TOOL_THREADS];

static _Atomic uint32_t tool_tid;
uint32_t fdw_tool_thread(void) { return atomic_load(&tool_tid); }

/* What a new thread was to run; its place is free again. */
static void *(*take(void *slot, void **arg))(void *)
{
	unsigned i = (unsigned)(uintptr_t)slot;
	void *(*start)(void *) = tool_threads[i].start;

	*arg = tool_threads[i].arg;
	atomic_store_explicit(&tool_threads[i].taken, 0, memory_order_release);
	return start;
}

static void *run_tool_thread(void *slot)
{
	void *arg, *(*start)(void *) = take(slot, &arg);

	fdw_self.tool = 1;
	atomic_store(&tool_tid, fdw_tid());
	return start(arg);
}

/* Made by a thread that has a descriptor table of its own, and shares that. */
static void *run_private_thread(void *slot)
{
	void *arg, *(*start)(void *) = take(slot, &arg);

	fdw_self.private_table = 1;
	return start(arg);
}

static int run_private_thrd(void *slot)
{
	void *arg;
	thrd_start_t start = (thrd_start_t)(void (*)(void))take(slot, &arg);

	fdw_self.private_table = 1;
	return start(arg);
}

/* A place for what a thread that is marked first has to run; -1: all are taken, by threads that did not start yet. */
static intptr_t place(void *(*start)(void *), void *arg)
{
	for (intptr_t i = 0; i < TOOL_THREADS; i++) {
		int none = 0;
		if (!atomic_compare_exchange_strong(&tool_threads[i].taken, &none, 1))
			continue;
		tool_threads[i].start = start;
		tool_threads[i].arg = arg;
		return i;
	}
	return -1;
}

static int create_marked(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg, void *(*run)(void *))
{
	intptr_t i = place(start, arg);
	int r;

	if (i < 0)
		return FDW_REAL(pthread_create)(thread, attr, start, arg);
	r = FDW_REAL(pthread_create)(thread, attr, run, (void *)i);
	if (r != 0)
		atomic_store_explicit(&tool_threads[i].taken, 0, memory_order_release);
	return r;
}

static void thread_of_program(void)
{
	if (!fdw_on())
		return;
	atomic_store_explicit(&fdw_process.threads, 1, memory_order_relaxed);
	fdw_child_is_worker();
}

FDW_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	if (unlikely(fdw_on() && (fdw_self.tool || fdw_tool_caller(FDW_CALLER))))
		return create_marked(thread, attr, start, arg, run_tool_thread);
	if (unlikely(fdw_self.private_table))
		return create_marked(thread, attr, start, arg, run_private_thread);
	thread_of_program();
	return FDW_REAL(pthread_create)(thread, attr, start, arg);
}

/* A lone thread may cancel itself: from here on its calls are libc's, which are cancellation points. */
FDW_EXPORT int pthread_cancel(pthread_t thread)
{
	atomic_store(&fdw_raw_threads, 1);
	return FDW_REAL(pthread_cancel)(thread);
}

/* libc makes these threads without passing through pthread_create. */
FDW_EXPORT int thrd_create(thrd_t *thread, thrd_start_t start, void *arg)
{
	intptr_t i;

	if (unlikely(fdw_self.private_table) && (i = place((void *(*)(void *))(void (*)(void))start, arg)) >= 0)
		return FDW_REAL(thrd_create)(thread, run_private_thrd, (void *)i);
	thread_of_program();
	return FDW_REAL(thrd_create)(thread, start, arg);
}

/* ---- the alternate signal stack ---------------------------------------------------------------------------------------------------------*/

FDW_EXPORT int sigaltstack(const stack_t *ss, stack_t *old)
{
	int r = FDW_LIBC(sigaltstack)(ss, old);

	if (r == 0 && ss && !fdw_self.vforked) {
		int off = (ss->ss_flags & SS_DISABLE) != 0;
		fdw_self.alt_low = off ? 0 : (uintptr_t)ss->ss_sp;
		fdw_self.alt_high = off ? 0 : (uintptr_t)ss->ss_sp + ss->ss_size;
	}
	return r;
}
