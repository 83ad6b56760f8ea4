/* tests/unit/trees.h: what the tests of the process tree share: a world that keeps it, and the tree drawn in one line. */
#ifndef TREES_H
#define TREES_H

#include "builder.h"
#include "analyzer/report_tree.h"

static inline struct world *world(void)
{
	struct world *w = world_new();

	replay_keep_tree(w->replay);
	return w;
}

static inline void reaps(struct world *w, int64_t child, int status)
{
	send_event(w, "waitpid", (struct fdw_event){ .op = FDW_OP_REAPED, .fd = -1, .fd2 = -1, .ret = child, .arg = (uint64_t)status });
}

static inline void exits_with(struct world *w, int status)
{
	send_event(w, "_exit", (struct fdw_event){ .op = FDW_OP_EXIT, .fd = -1, .fd2 = -1, .ret = status });
	ends(w);
}

static inline void starts_child(struct world *w, uint8_t kind, int64_t ret, uint32_t why, const char *what, uint32_t us)
{
	send_event(w, kind == FDW_FORK_SPAWN ? "posix_spawn" : kind == FDW_FORK_POPEN ? "popen" : "system", (struct fdw_event){
		.op = FDW_OP_FORK, .fd = kind == FDW_FORK_POPEN ? 5 : -1, .fd2 = -1, .gen2 = kind == FDW_FORK_POPEN ? 1 : 0, .ret = ret, .kind = kind,
		.arg = why, .gen = us, .flags = why ? FDW_F_UNOBSERVED : 0, .detail = (const uint8_t *)what, .detail_len = (uint32_t)strlen(what) });
}

static inline void execs_unseen(struct world *w, const char *path, uint32_t why)
{
	send_event(w, "execve", (struct fdw_event){ .op = FDW_OP_EXEC, .fd = -1, .fd2 = -1, .ret = why, .flags = FDW_F_UNOBSERVED,
		.detail = (const uint8_t *)path, .detail_len = (uint32_t)strlen(path) });
}

/* "100(200*!0 300:3!768)": pid, * not observed, : what it said it exits with, ! what its parent was told; children in brackets. */
static inline char *draw(const struct node *n, char *p)
{
	p += sprintf(p, "%u%s", n->pid, n->unseen ? "*" : "");
	if (n->exits)
		p += sprintf(p, ":%d", n->said);
	if (n->reaped >= 0)
		p += sprintf(p, "!%d", n->reaped);
	if (!n->children)
		return p;
	*p++ = '(';
	for (const struct node *c = n->children; c; c = c->sibling) {
		p = draw(c, p);
		*p++ = c->sibling ? ' ' : ')';
	}
	*p = 0;
	return p;
}

static inline const char *drawn(struct world *w)
{
	static char text[4096];
	char *p = text;

	finish(w);
	*p = 0;
	for (const struct node *n = replay_tree(w->replay)->roots; n; n = n->sibling) {
		p = draw(n, p);
		if (n->sibling)
			p += sprintf(p, " | ");
	}
	return text;
}

#define is_drawn(w, text)                                                                                              \
	do {                                                                                                           \
		assert_string_equal(drawn(w), text);                                                                   \
		world_free(w);                                                                                         \
	} while (0)

#endif
