/*
 * preload/exit.c: the end of a process, of an image, and of its recording: _exit, and what a seccomp filter ends.
 *
 * Context: everywhere; _exit is what handlers and vfork children call.
 */
#include <sys/resource.h>
#include "birth.h"
#include "event.h"
#include "exit.h"
#include "gate.h"
#include "last_use.h"
#include "pending.h"
#include "protect.h"
#include "resolve.h"
#include "sigstack.h"
#include "still_open.h"
#include "routes.h"
#include "thread.h"
#include "wait.h"
#include "poison.h"

/* Striped by thread so that emitting threads do not share a cache line. */
#define STRIPES 16
/*
 * An event takes half a microsecond, but its thread may have lost its CPU in the middle of it: with three busy threads on two CPUs 1 ms
 * was too short in one of ten exits, and left the buffer wedged. 100 ms are several turns of a busy machine.
 */
#define EMITTER_BOUND_US 100000u
/* In one word, for each locked instruction is a hundredth of an event: how many are inside, and above that how many events there were. */
#define INSIDE_BITS 20
#define INSIDE ((UINT64_C(1) << INSIDE_BITS) - 1)
#define EVENT (UINT64_C(1) << INSIDE_BITS)
static struct { _Alignas(64) _Atomic uint64_t word; } stripes[STRIPES];
static _Atomic int stopped;
static _Atomic uint64_t refused;

int fdw_emitter_enter(void)
{
	unsigned s = fdw_tid() % STRIPES;

	/* seq_cst on both: either we see `stopped`, or who stops sees us inside. */
	atomic_fetch_add(&stripes[s].word, EVENT + 1);
	if (likely(!atomic_load(&stopped)))
		return 1;
	atomic_fetch_sub(&stripes[s].word, EVENT + 1);
	atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
	return 0;
}

void fdw_emitter_uncount(void)
{
	atomic_fetch_sub_explicit(&stripes[fdw_tid() % STRIPES].word, EVENT, memory_order_relaxed);
}

void fdw_emitter_leave(void)
{
	atomic_fetch_sub_explicit(&stripes[fdw_tid() % STRIPES].word, 1, memory_order_release);
}

int fdw_emitters_stop(void)
{
	struct fdw_wait wait;

	atomic_store(&stopped, 1);
	fdw_wait_start(&wait, EMITTER_BOUND_US);
	for (unsigned s = 0; s < STRIPES; s++)
		while (atomic_load(&stripes[s].word) & INSIDE)
			if (fdw_self.emitting || !fdw_wait_step(&wait))
				return 0; /* also when we interrupted ourselves: no waiting will help */
	return 1;
}

/* In a fork child: the threads that were inside are not here, and totals are the child's own. */
void fdw_emitters_reset(void)
{
	for (unsigned s = 0; s < STRIPES; s++)
		atomic_store_explicit(&stripes[s].word, 0, memory_order_relaxed);
	atomic_store(&stopped, 0);
	atomic_store(&refused, 0);
}

void fdw_emitters_resume(void) { atomic_store(&stopped, 0); }

void fdw_totals(uint16_t call)
{
	uint64_t n = fdw_self.vforked ? fdw_self.vfork_seq : 0;

	for (unsigned s = 0; s < STRIPES && !fdw_self.vforked; s++)
		n += atomic_load_explicit(&stripes[s].word, memory_order_relaxed) >> INSIDE_BITS;
	fdw_life(FDW_OP_TOTALS, 0, fdw_self.vforked ? 0 : (int64_t)atomic_load(&refused), n, -1, 0, call, 0, FDW_NO_DETAIL);
}

void fdw_says_exit(int status, uint16_t call, uintptr_t pc)
{
	if (!fdw_self.vforked) {
		fdw_sigstack_process_ends();
		fdw_still_open_ask(call); /* first: of what is gone there is nothing more to tell */
		fdw_last_uses_tell();
	}
	fdw_life(FDW_OP_EXIT, 0, status & 0xff, 0, -1, 0, call, pc, FDW_NO_DETAIL);
	fdw_totals(call);
}

FDW_FORK_PATH void fdw_ending(int status, uint16_t call, uintptr_t pc)
{
	if (!fdw_on()) {
		if (fdw_self.vforked && fdw_recording())
			fdw_says_exit(status, call, pc);
		return;
	}
	fdw_pending_flush();
	if (!fdw_recording())
		return;
	fdw_says_exit(status, call, pc);
	fdw_emitters_stop();
}

FDW_FORK_PATH FDW_EXPORT __attribute__((noreturn)) void _exit(int status)
{
	fdw_ending(status, FDW_CALL__exit, FDW_CALLER);
	if (real__exit)
		real__exit(status);
	for (;;)
		fdw_raw(SYS_exit_group, (long)status);
}

FDW_EXPORT __attribute__((noreturn)) void _Exit(int status)
{
	fdw_ending(status, FDW_CALL__Exit, FDW_CALLER);
	if (real__Exit)
		real__Exit(status);
	for (;;)
		fdw_raw(SYS_exit_group, (long)status);
}

void fdw_recording_is_over(void)
{
	atomic_store(&fdw_process.recording, 0);
	atomic_fetch_and(&fdw_process.uses, (uint8_t)~FDW_USES_RECORDED);
}

/*
 * Emission makes system calls of its own, if only at the end of each sub-buffer, and LTTng's threads whenever the session speaks to them: a
 * filter may kill for each. So what there is to say is said, and the tracer leaves this process for good. What it exec's is recorded again
 * where the filter is known to be harmless.
 */
void fdw_stop_recording(const char *why)
{
	if (!fdw_recording())
		return;
	fdw_life(FDW_OP_STOP, 0, 0, 0, -1, 0, FDW_CALL_none, 0, fdw_text(why));
	fdw_totals(FDW_CALL_none);
	fdw_emitters_stop();
	fdw_recording_is_over();
	atomic_store(&fdw_process.no_fini, 1);
	if (fdw_tool_threads_end())
		fdw_protected_close();
}

/* From here on no system call the program would not make itself: open what the table may need before. */
void fdw_before_filter(void)
{
	struct rlimit rl;

	if (fdw_process.filtered || !fdw_on())
		return;
	if (fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &rl) == 0)
		fdw_table_prepare(rl.rlim_cur > 65536 ? 65536 : (uint32_t)rl.rlim_cur);
	fdw_births_seal();
	fdw_release_all(); /* to see when one is due takes system calls of ours */
	fdw_stop_recording("a seccomp filter was installed");
}
