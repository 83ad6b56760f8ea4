/* tests/unit/execs.h: what the tests of fd-leak-exec share: a program that opens 3, forks and runs another. */
#ifndef EXECS_H
#define EXECS_H

#include "builder.h"

#define NEXT "/usr/bin/next"

static inline void open_when_started(struct world *w, int fd, uint8_t kind, const char *link, uint32_t flags)
{
	send_event(w, "none", (struct fdw_event){ .op = FDW_OP_STATE, .fd = fd, .fd2 = -1, .gen = 1, .kind = kind, .flags = FDW_F_INHERITED | flags,
		.detail = (const uint8_t *)link, .detail_len = (uint32_t)strlen(link) });
}

/* The process runs another program, which has 3 open. */
static inline void runs(struct world *w, uint32_t pid, uint32_t parent, const char *program, uint32_t flags)
{
	w->program = program;
	starts(w, pid, parent, pid == 100 ? 7 : pid);
	open_when_started(w, 3, FDW_KIND_FILE, "/some/file", flags);
}

static inline void execs_next(struct world *w, uint32_t pid, uint32_t parent, uint32_t flags)
{
	execs(w);
	ends(w);
	runs(w, pid, parent, NEXT, flags);
}

static inline void exits_well(struct world *w)
{
	exits(w);
	ends(w);
}

static inline void first_use(struct world *w, int fd, uint32_t gen)
{
	send_event(w, "fstat", (struct fdw_event){ .op = FDW_OP_FIRST_USE, .fd = fd, .fd2 = -1, .gen = gen });
}

static inline struct world *program(uint8_t kind, uint32_t flags)
{
	struct world *w = started();

	opens_as(w, 3, 1, kind, flags);
	here(w, 2);
	return w;
}

/* 100 forks 200, which is left speaking as the new program; 3 is open in it. */
static inline struct world *forked_and_execd(uint8_t kind, uint32_t flags, uint32_t state)
{
	struct world *w = program(kind, flags);

	forks(w, 200);
	fork_child(w, 200, 100);
	execs_next(w, 200, 100, state);
	return w;
}

static inline void the_others_end(struct world *w)
{
	exits_well(w);
	back_to(w, 100);
	closes(w, 3, 1);
	exits_well(w);
}

static inline void expect_of(uint8_t kind, uint32_t flags, const char *text)
{
	struct world *w = forked_and_execd(kind, flags, 0);

	the_others_end(w);
	expect(w, text);
}

#endif
