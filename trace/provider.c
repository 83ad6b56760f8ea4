/*
 * trace/provider.c: libfdwarden-ust.so, the LTTng-UST side of a recording. Offers struct fdw_trace_ops (schema.h) and nothing else.
 *
 * Context: the observed program, loaded by the interposer only when a recording is asked for. Every operation is async-signal-safe once
 * thread() ran in its thread. May not: keep state between calls; judge.
 */
#define _LGPL_SOURCE
#define LTTNG_UST_TRACEPOINT_HIDDEN_DEFINITION
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "provider_once.h"

#include <lttng/ust-fork.h>
#include <lttng/ust-thread.h>
#include <lttng/urcu/urcu-ust.h>
#include <signal.h>

static int enabled(void) { return lttng_ust_tracepoint_enabled(fdwarden, op); }
static void send_op(const struct fdw_event *e) { lttng_ust_tracepoint(fdwarden, op, e); }
static void send_life(const struct fdw_event *e) { lttng_ust_tracepoint(fdwarden, life, e); }
static void send_stack(const struct fdw_stack *s) { lttng_ust_tracepoint(fdwarden, stack, s); }
static void send_module(const struct fdw_module *m) { lttng_ust_tracepoint(fdwarden, module, m); }
static void thread(void) { lttng_ust_init_thread(); }
static void before_fork(void *mask) { lttng_ust_before_fork(mask); }
static void after_fork_parent(void *mask) { lttng_ust_after_fork_parent(mask); }
static void after_fork_child(void *mask) { lttng_ust_after_fork_child(mask); }

/*
 * What after_fork_parent does, but liburcu forgets the threads that are not here; for that it gives its locks back, and takes them again, for
 * the next call expects to hold them.
 */
static void after_fork_heir(void *mask)
{
	lttng_ust_urcu_after_fork_child();
	lttng_ust_urcu_before_fork();
	lttng_ust_after_fork_parent(mask);
}

/* The ring buffer's place stays taken, but a read-side section that never ends would stop every fork and every command of the session. */
static void abandoned(void)
{
	for (int i = 0; i < 64 && lttng_ust_urcu_read_ongoing(); i++)
		lttng_ust_urcu_read_unlock();
}

/* The destructors would take the probes away under threads that still emit: SIGSEGV at exit, measured on 2.13.5. */
__attribute__((constructor)) static void keep_probes(void) { tracepoint_disable_destructors(); }

const struct fdw_trace_ops *fdwarden_trace_ops(void);
__attribute__((visibility("default"))) const struct fdw_trace_ops *fdwarden_trace_ops(void)
{
	static const struct fdw_trace_ops ops = { FDW_SCHEMA_VERSION, enabled, send_op, send_life, send_stack, send_module, thread,
		before_fork, after_fork_parent, after_fork_child, after_fork_heir, abandoned };
	return &ops;
}
