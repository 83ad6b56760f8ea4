/*
 * tests/fuzz/replay.c: records in any order and of any values through the whole of the analyzer: model, rules, findings, tree, and every format. The
 * bytes are a format and a list of records of small numbers, so that what they say has to do with each other now and then.
 */
#define _GNU_SOURCE
#include "analyzer/finding.h"
#include "analyzer/model_parts.h"
#include "analyzer/report.h"
#include "tests/fuzz/target.h"

struct cursor {
	const uint8_t *at, *end;
	uint64_t now;
};

static uint8_t byte(struct cursor *c) { return c->at < c->end ? *c->at++ : 0; }

/* -1, a few small ones, now and then a large one. */
static int number(struct cursor *c)
{
	uint8_t b = byte(c);

	return b < 240 ? b % 12 - 1 : (int)((UINT32_C(1) << (b - 224)) - 1);
}

static void give_event(struct cursor *c, struct record *r)
{
	static const char *const calls[] = { "none", "open", "close", "dup2", "fork", "execve", "epoll_ctl", "epoll_wait", "freopen", "close_range", "", "%s" };
	static const uint8_t ops[] = {
#define OP(name, value) value,
		FDW_OPS(OP)
#undef OP
		255,
	};
	struct fdw_event *e = &r->event.e;

	r->event.call = calls[byte(c) % (sizeof calls / sizeof *calls)];
	e->op = ops[byte(c) % sizeof ops]; /* one after the other: initializers have no order */
	e->seq = (uint32_t)number(c);
	e->pid = 100 + byte(c) % 5;
	e->tid = 100 + byte(c) % 7;
	e->kind = byte(c) % 32;
	e->fd = number(c);
	e->gen = (uint32_t)number(c);
	e->fd2 = number(c);
	e->gen2 = (uint32_t)number(c);
	e->ret = number(c);
	e->err = byte(c) % 16;
	e->stack = byte(c) % 8;
	for (int i = 0; i < 4; i++)
		e->flags |= (uint32_t)byte(c) << 8 * i;
	e->arg = byte(c) & 1 ? 100u + byte(c) % 5 : (uint64_t)(int64_t)number(c);
	e->ret = byte(c) & 1 ? 100 + byte(c) % 5 : e->ret;
	e->detail_len = byte(c);
	if (e->detail_len > (size_t)(c->end - c->at))
		e->detail_len = (uint32_t)(c->end - c->at);
	e->detail = c->at;
	c->at += e->detail_len;
}

static void give_stack(struct cursor *c, struct record *r, uint64_t *frames)
{
	r->stack.pid = 100 + byte(c) % 5;
	r->stack.id = byte(c) % 8;
	r->stack.depth = byte(c) % 5;
	r->stack.frames = frames;
	for (uint32_t i = 0; i < r->stack.depth; i++)
		frames[i] = 0x400000 + 0x10u * byte(c);
}

static void give_module(struct cursor *c, struct record *r)
{
	static const char *const paths[] = { "/a", "/b\n\033[1m", "" };

	r->module = (struct fdw_module){ .pid = 100 + byte(c) % 5, .base = 0x400000, .end = 0x400400 };
	r->module.start = 0x400000 + byte(c);
	r->module.path = paths[byte(c) % 3];
}

/* 0: the bytes are over. */
static int give(struct cursor *c, struct record *r, uint64_t *frames)
{
	if (c->at == c->end)
		return 0;
	*r = (struct record){ .host = "host", .trace = "trace" };
	switch (byte(c) % 16) {
	case 0: r->type = RECORD_STACK; give_stack(c, r, frames); break;
	case 1: r->type = RECORD_MODULE; give_module(c, r); break;
	case 2: r->type = RECORD_GAP; r->gap.begin = c->now - byte(c); r->gap.count = byte(c); break;
	default: r->type = RECORD_EVENT; give_event(c, r); break;
	}
	c->now += byte(c) < 250 ? 1000 : 3 * MODEL_LINGER_NS;
	r->time = c->now;
	return 1;
}

static void write_as(const struct report *r, uint8_t format)
{
	static void (*const writers[])(const struct report *, FILE *) = { report_text, report_json, report_sarif, report_html, report_folded, report_suppressions };
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		abort();
	writers[format % (sizeof writers / sizeof *writers)](r, out);
	fclose(out);
	if (memchr(text, 033, n) || strlen(text) != n)
		abort(); /* what comes from a trace is cleaned */
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = { data, data + size, UINT64_C(1700000000000000000) };
	uint8_t format = byte(&c);
	struct report_options o = { .color = COLOR_NEVER, .show_possible = 1, .tree = 1 };
	struct findings *findings = findings_new();
	struct replay *replay = replay_new(findings);
	struct symbols *symbols = symbols_new();
	uint64_t frames[8];
	struct record r;

	replay_keep_tree(replay);
	replay_keep_creations(replay);
	replay_keep_series(replay);
	while (give(&c, &r, frames))
		replay_feed(replay, &r);
	replay_end(replay);
	findings_finish(findings, &(struct finish_options){ .symbols = symbols, .beginning = replay_coverage(replay)->first });
	write_as(&(struct report){ .options = &o, .coverage = replay_coverage(replay), .processes = replay_processes(replay), .findings = findings, .symbols = symbols,
		.tree = replay_tree(replay), .creations = replay_creations(replay), .series = replay_series(replay) }, format);
	findings_free(findings);
	replay_free(replay);
	symbols_free(symbols);
	return 0;
}
