/*
 * analyzer/suppress_own.c: the suppressions that programs carry themselves; see suppress.h.
 */
#define _GNU_SOURCE
#include "analyzer/describe.h"
#include "analyzer/finding.h"
#include "analyzer/memory.h"
#include "analyzer/suppress.h"

/* As much as the interposer sends. */
#define TEXT_MAX (64u << 10)

struct own_suppressions {
	const char *exe;       /* of the replay's names: the same path is the same pointer */
	char *text;
	size_t n;
	struct suppressions *parsed;
	char wrong[300];
	struct own_suppressions *next;
};

/* Every process of a program sends the same; pieces that are missing leave a text that ends early, at the end of a line at worst. */
void own_suppressions_add(struct own_suppressions **all, const char *exe, uint64_t at, const void *text, size_t n)
{
	struct own_suppressions *o = *all;

	while (o && strcmp(o->exe, exe))
		o = o->next;
	if (!o) {
		o = xcalloc(1, sizeof *o);
		o->exe = exe;
		o->next = *all;
		*all = o;
	}
	if (at != o->n || o->n + n > TEXT_MAX)
		return;
	o->text = xrealloc(o->text, o->n + n);
	memcpy(o->text + o->n, text, n);
	o->n += n;
}

void own_suppressions_absorb(struct own_suppressions **all, struct own_suppressions **from)
{
	for (struct own_suppressions **last = all; ; last = &(*last)->next)
		if (!*last) {
			*last = *from;
			*from = NULL;
			return;
		}
}

void own_suppressions_parse(struct own_suppressions *o)
{
	char name[200];

	for (; o; o = o->next) {
		snprintf(name, sizeof name, "the program's own suppressions do not hold: %s", o->exe);
		o->parsed = suppressions_parse(name, o->text, o->n, o->wrong, sizeof o->wrong);
	}
}

const char *own_suppressions_wrong(const struct own_suppressions *o, size_t at)
{
	for (; o; o = o->next)
		if (!o->parsed && *o->wrong && at-- == 0)
			return o->wrong;
	return NULL;
}

const char *own_suppressions_match(struct own_suppressions *o, const struct finding *f)
{
	for (; o; o = o->next)
		if (f->exe && !strcmp(o->exe, f->exe))
			return suppressions_match(o->parsed, f);
	return NULL;
}

void own_suppressions_free(struct own_suppressions *o)
{
	for (struct own_suppressions *next; o; o = next) {
		next = o->next;
		suppressions_free(o->parsed);
		free(o->text);
		free(o);
	}
}
