/*
 * analyzer/stacks_frames.c: a stack's places as lines for a reader: with names, without our own frames, folded at both ends. See stacks.h.
 */
#include <stdlib.h>
#include <string.h>
#include "analyzer/memory.h"
#include "analyzer/page.h"
#include "analyzer/stacks.h"

/* ---- which are shown ----------------------------------------------------------------------------------------------------------------*/

static int starts_with(const char *s, const char *prefix) { return !strncmp(s, prefix, strlen(prefix)); }

static int is_ours(const struct place *p)
{
	return p->module && starts_with(base_name(p->module->path), "libfdwarden");
}

static int is_libc(const struct frame *f)
{
	const char *m = f->module ? base_name(f->module) : "";

	return starts_with(m, "libc.so") || starts_with(m, "libc-2") || starts_with(m, "ld-linux") || starts_with(m, "libpthread");
}

static void add_frame(struct frames *out, const struct frame *f)
{
	if (out->n % 16 == 0)
		out->at = xrealloc(out->at, (out->n + 16) * sizeof *out->at);
	out->at[out->n++] = *f;
}

/* A program's _start, by name or, where that was stripped, by what it called. */
static int is_start(const struct frame *f)
{
	const struct frame *callee = f - 1;

	if (f->function)
		return !strcmp(f->function, "_start");
	return is_libc(callee) && callee->function && starts_with(callee->function, "__libc_start_main");
}

/* libc between the program and us, and what starts a program or a thread, says nothing to a reader; but never fold all. */
static void fold(struct frames *f)
{
	size_t first = 0, end = f->n;

	while (first < f->n && is_libc(&f->at[first]))
		first++;
	if (first == f->n)
		return;
	while (end > first + 1 && (is_libc(&f->at[end - 1]) || is_start(&f->at[end - 1])))
		end--;
	memmove(f->at, f->at + first, (end - first) * sizeof *f->at);
	f->n = end - first;
}

void stack_frames(const struct stack *k, struct symbols *symbols, int full, struct frames *out)
{
	const struct place *p;
	size_t n = stack_places(k, &p);

	*out = (struct frames){ NULL, 0 };
	for (size_t i = 0; i < n; i++) {
		const struct frame *found;
		size_t count;

		if (is_ours(&p[i]))
			continue;
		if (!p[i].module) {
			add_frame(out, &(struct frame){ .offset = p[i].offset });
			continue;
		}
		count = symbols_lookup(symbols, p[i].module->path, p[i].module->build_id, p[i].module->build_id_len, p[i].offset,
		                       &found);
		for (size_t j = 0; j < count; j++)
			add_frame(out, &found[j]);
	}
	if (!full)
		fold(out);
}

/* ---- module by module -------------------------------------------------------------------------------------------------------------*/

void lookups_add(struct lookups *l, const struct stack *k)
{
	const struct place *p;
	size_t n = stack_places(k, &p);

	if (l->n + n > l->size) {
		l->size = 2 * (l->n + n);
		l->at = xrealloc(l->at, l->size * sizeof *l->at);
	}
	for (size_t i = 0; i < n; i++)
		if (p[i].module && !is_ours(&p[i]))
			l->at[l->n++] = p[i];
}

/* By name: sentences about modules come in this order. */
static int by_module(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	const struct module_file *f = x->module, *g = y->module;
	int c = f == g ? 0 : strcmp(f->path, g->path);

	if (!c && f != g)
		c = f->build_id_len != g->build_id_len ? (f->build_id_len < g->build_id_len ? -1 : 1) : memcmp(f->build_id, g->build_id, f->build_id_len);
	return c ? c : x->offset < y->offset ? -1 : x->offset > y->offset;
}

void lookups_make(struct lookups *l, struct symbols *symbols)
{
	const struct frame *found;

	if (l->n)
		qsort(l->at, l->n, sizeof *l->at, by_module);
	for (size_t i = 0; i < l->n; i++)
		symbols_lookup(symbols, l->at[i].module->path, l->at[i].module->build_id, l->at[i].module->build_id_len, l->at[i].offset, &found);
	free(l->at);
	*l = (struct lookups){ 0 };
}

void frames_free(struct frames *f)
{
	free(f->at);
	*f = (struct frames){ NULL, 0 };
}
