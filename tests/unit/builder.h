/*
 * tests/unit/builder.h: traces in memory: one call a record, a clock that ticks 1 us a record, a sequence for each thread.
 *
 * A world has one replay. `at(pid, tid)` says who speaks next; the rest is what the interposer sends (preload/).
 */
#ifndef BUILDER_H
#define BUILDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "analyzer/finding.h"
#include "analyzer/model.h"
#include "analyzer/report.h"
#include "analyzer/symbols.h"

#define START UINT64_C(1700000000000000000)
#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

struct world {
	struct findings *findings;
	struct replay *replay;
	struct symbols *symbols;
	uint64_t now;
	uint32_t pid, tid, stack, flags;
	uint32_t seqs[512];
	const char *program;
	uint64_t base;
	int runs;       /* somebody still records */
	int finished;
};

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof *w);

	w->findings = findings_new();
	w->replay = replay_new(w->findings);
	w->symbols = symbols_new();
	w->now = START;
	w->program = "/usr/bin/prog";
	w->base = 0x400000;
	return w;
}

static inline void world_free(struct world *w)
{
	findings_free(w->findings);
	replay_free(w->replay);
	symbols_free(w->symbols);
	free(w);
}

static inline void feed(struct world *w, struct record *r)
{
	w->now += 1000;
	r->time = w->now;
	r->host = "host";
	r->trace = "trace";
	r->runs = w->runs;
	replay_feed(w->replay, r);
}

static inline void at(struct world *w, uint32_t pid, uint32_t tid)
{
	w->pid = pid;
	w->tid = tid;
}

static inline void send_event(struct world *w, const char *call, struct fdw_event e)
{
	struct record r = { .type = RECORD_EVENT };

	e.pid = w->pid;
	e.tid = w->tid;
	e.seq = ++w->seqs[w->tid % 512];
	e.stack = e.stack ? e.stack : w->stack;
	e.flags |= w->flags;
	r.event.e = e;
	r.event.call = call;
	feed(w, &r);
}

/* A stack of two frames in the program's only module: `place` is where the call was made. Ids are places. */
static inline void define_stack(struct world *w, uint32_t place)
{
	uint64_t frames[] = { w->base + place * 16, w->base + 0x9000 };
	struct record r = { .type = RECORD_STACK, .stack = { .pid = w->pid, .id = place, .depth = 2, .frames = frames } };

	feed(w, &r);
}

static inline void define_module(struct world *w, const char *path)
{
	struct record r = { .type = RECORD_MODULE, .module = { .pid = w->pid, .base = w->base, .start = w->base,
		.end = w->base + 0x100000, .path = path } };

	feed(w, &r);
}

/* From here on calls are made at this place. */
static inline void here(struct world *w, uint32_t place)
{
	w->stack = place;
	define_stack(w, place);
}

static inline void hello(struct world *w, const char *name)
{
	w->seqs[w->tid % 512] = 0;
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_THREAD, .fd = -1, .fd2 = -1, .detail = (const uint8_t *)name,
		.detail_len = (uint32_t)strlen(name) });
}

static inline void state_of(struct world *w, int fd, uint32_t gen)
{
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_STATE, .fd = fd, .fd2 = -1, .gen = gen, .kind = FDW_KIND_PTY,
		.flags = FDW_F_INHERITED });
}

/* A process as `record` sees it start, with 0-2 inherited. */
static inline void starts(struct world *w, uint32_t pid, uint32_t parent, uint64_t start)
{
	at(w, pid, pid);
	w->stack = 0;
	w->flags = 0;
	hello(w, "prog");
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_PROC_START, .fd = FDW_SCHEMA_VERSION, .fd2 = (int)parent, .arg = start,
		.detail = (const uint8_t *)w->program, .detail_len = (uint32_t)strlen(w->program) });
	for (int fd = 0; fd < 3; fd++)
		state_of(w, fd, 1);
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_STATE_END, .fd = -1, .fd2 = -1, .arg = 3 });
	define_module(w, w->program);
	here(w, 1);
}

/* A world whose process 100 has just started. */
static inline struct world *started(void)
{
	struct world *w = world_new();

	starts(w, 100, 1, 7);
	return w;
}

static inline void opens_as(struct world *w, int fd, uint32_t gen, uint8_t kind, uint32_t flags)
{
	send_event(w, "open", (struct fdw_event){ .op = FDW_OP_CREATE, .fd = fd, .gen = gen, .fd2 = -1, .ret = fd, .kind = kind,
		.flags = flags, .detail = (const uint8_t *)"/some/file", .detail_len = kind == FDW_KIND_FILE ? 10 : 0 });
}

static inline void opens(struct world *w, int fd, uint32_t gen) { opens_as(w, fd, gen, FDW_KIND_FILE, 0); }

static inline void closes(struct world *w, int fd, uint32_t gen)
{
	send_event(w, "close", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = fd, .gen = gen, .fd2 = -1, .arg = 1 });
}

static inline void close_fails(struct world *w, int fd, uint32_t gen, uint32_t flags, uint64_t run)
{
	send_event(w, "close", (struct fdw_event){ .op = FDW_OP_CLOSE, .fd = fd, .gen = gen, .fd2 = -1, .ret = -1, .err = EBADF,
		.flags = flags | (run > 1 ? FDW_F_RUN : 0), .arg = run });
}

static inline void use_fails(struct world *w, const char *call, int fd, uint32_t gen)
{
	send_event(w, call, (struct fdw_event){ .op = FDW_OP_USE, .fd = fd, .gen = gen, .fd2 = -1, .ret = -1, .err = EBADF,
		.flags = gen ? FDW_F_KNOWN_CLOSED : FDW_F_NEVER_SEEN });
}

static inline void forks(struct world *w, uint32_t child)
{
	send_event(w, "fork", (struct fdw_event){ .op = FDW_OP_FORK, .fd = -1, .fd2 = -1, .ret = child, .kind = FDW_FORK_FORK });
}

/* The child's first events; afterwards it speaks, as a child that has not exec'd. */
static inline void fork_child(struct world *w, uint32_t child, uint32_t parent)
{
	at(w, child, child);
	w->flags = FDW_F_CHILD;
	hello(w, "prog");
	send_event(w, "fork", (struct fdw_event){ .op = FDW_OP_FORK_CHILD, .fd = -1, .fd2 = (int)parent, .arg = parent,
		.kind = FDW_FORK_FORK });
}

static inline void back_to(struct world *w, uint32_t pid)
{
	at(w, pid, pid);
	w->flags = 0;
}

static inline void execs(struct world *w)
{
	send_event(w, "execve", (struct fdw_event){ .op = FDW_OP_EXEC, .fd = -1, .fd2 = -1, .detail = (const uint8_t *)"/bin/x",
		.detail_len = 6 });
}

static inline void exits(struct world *w)
{
	send_event(w, "_exit", (struct fdw_event){ .op = FDW_OP_EXIT, .fd = -1, .fd2 = -1 });
}

/* What follows EXEC and EXIT: how many events the process sent. */
static inline void ends(struct world *w)
{
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_TOTALS, .fd = -1, .fd2 = -1, .arg = w->seqs[w->tid % 512] });
}

/* ---- asking --------------------------------------------------------------------------------------------------------------------*/

static inline void finish(struct world *w)
{
	if (w->finished++)
		return;
	replay_end(w->replay);
	findings_finish(w->findings, &(struct finish_options){ .symbols = w->symbols, .beginning = replay_coverage(w->replay)->first });
}

/* "double-close/error=1 fd-leak/note=2": rule, severity and count of each finding, worst first; ? is only possible. */
static inline const char *found(struct world *w)
{
	static char text[4096];
	char *p = text;

	finish(w);
	*p = 0;
	for (const struct finding *f = findings_first(w->findings); f; f = f->next)
		p += snprintf(p, (size_t)(text + sizeof text - p), "%s%s/%s=%llu%s", p > text ? " " : "", f->rule->id,
		              severity_name(f->severity), (unsigned long long)f->count,
		              f->confidence == CONFIDENCE_POSSIBLE ? "?" : "");
	return text;
}

#define expect(w, text)                                                                                                \
	do {                                                                                                           \
		assert_string_equal(found(w), text);                                                                   \
		world_free(w);                                                                                         \
	} while (0)

#endif
