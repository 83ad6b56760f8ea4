/*
 * analyzer/reader_fields.c: which events and fields are ours, and what they become; names of calls; sentences; losses.
 *
 * Classes are known by event name and fields by field name: numbers and order differ from trace to trace. A class that lacks a
 * field was recorded by another version of fdwarden: said once, its events are passed over.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ours ------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct record, member)
#define INT(of, name) { #name, WANT_INT, sizeof ((struct record *)0)->of.name, AT(of.name), 0 }

static const struct wanted event_fields[] = {
	INT(event.e, seq), INT(event.e, pid), INT(event.e, tid), INT(event.e, gen), INT(event.e, gen2), INT(event.e, fd), INT(event.e, fd2),
	INT(event.e, err), INT(event.e, flags), INT(event.e, stack), INT(event.e, op), INT(event.e, kind), INT(event.e, ret),
	INT(event.e, arg), { "call", WANT_LABEL, 0, AT(event.call), 0 },
	{ "detail", WANT_BYTES, 0, AT(event.e.detail), AT(event.e.detail_len) },
	{ 0 }
};
static const struct wanted stack_fields[] = {
	INT(stack, pid), INT(stack, id), { "frames", WANT_U64S, 0, AT(stack.frames), AT(stack.depth) }, { 0 }
};
static const struct wanted module_fields[] = {
	INT(module, pid), INT(module, base), INT(module, start), INT(module, end),
	{ "build_id", WANT_BYTES, 0, AT(module.build_id), AT(module.build_id_len) },
	{ "path", WANT_STRING, 0, AT(module.path), 0 }, { 0 }
};
_Static_assert(sizeof event_fields / sizeof *event_fields - 1 <= FIELDS_MAX, "a field more: raise FIELDS_MAX");

static const struct ours ours[] = {
	{ "fdwarden:op", RECORD_EVENT, event_fields },
	{ "fdwarden:life", RECORD_EVENT, event_fields },
	{ "fdwarden:stack", RECORD_STACK, stack_fields },
	{ "fdwarden:module", RECORD_MODULE, module_fields },
};

const struct ours *ours_find(const char *name)
{
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (!strcmp(ours[i].name, name))
			return &ours[i];
	return NULL;
}

void say_missing_field(struct notes *notes, const char *trace, const char *event, const char *field)
{
	notes_add(notes, "%s: recorded by another version of fdwarden: its events %s have no usable field '%s' and were passed over; "
		"report it with the version that recorded it", trace, event, field);
}

/* ---- labels ---------------------------------------------------------------------------------------------------------------- */

void labels_add(struct labels *l, const char *label, uint64_t lower, uint64_t upper)
{
	if (!label || upper >= LABELS_MAX || lower > upper || l->told > 2 * LABELS_MAX)
		return;
	l->told += upper - lower + 1;
	if (upper >= l->n) {
		uint64_t n = upper + 1 > 2 * l->n ? upper + 1 : 2 * l->n;
		const char **grown = realloc(l->label, n * sizeof *grown);

		if (!grown)
			return;
		memset(grown + l->n, 0, (n - l->n) * sizeof *grown);
		l->label = grown;
		l->n = n;
	}
	for (uint64_t v = lower; v <= upper; v++)
		l->label[v] = label;
}

const char *label_of(const struct labels *l, uint64_t value)
{
	return value < l->n && l->label[value] ? l->label[value] : "?";
}

/* ---- names ----------------------------------------------------------------------------------------------------------------- */

struct name {
	UT_hash_handle hh;
	char text[];
};

const char *name_keep(struct names *names, const char *text, size_t len)
{
	struct name *n;

	HASH_FIND(hh, names->all, text, len, n);
	if (n)
		return n->text;
	n = malloc(sizeof *n + len + 1);
	if (!n)
		return NULL;
	memcpy(n->text, text, len);
	n->text[len] = '\0';
	HASH_ADD(hh, names->all, text[0], len, n);
	return n->text;
}

void names_drop(struct names *names)
{
	struct name *n, *next;

	HASH_ITER(hh, names->all, n, next) {
		HASH_DEL(names->all, n);
		free(n);
	}
}

/* ---- sentences ------------------------------------------------------------------------------------------------------------- */

void notes_add(struct notes *notes, const char *format, ...)
{
	char **text = realloc(notes->text, (notes->n + 1) * sizeof *text);
	va_list args;

	if (!text)
		return;
	notes->text = text;
	va_start(args, format);
	if (vasprintf(&text[notes->n], format, args) >= 0)
		notes->n++;
	va_end(args);
}

void notes_free(struct notes *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		free(notes->text[i]);
	free(notes->text);
	*notes = (struct notes) { 0 };
}

/* ---- losses ---------------------------------------------------------------------------------------------------------------- */

static void add_loss(struct losses *l, struct loss loss)
{
	struct loss *grown = realloc(l->loss, (l->n + 1) * sizeof *grown);

	if (!grown)
		return;
	l->loss = grown;
	if (loss.end < loss.begin)
		loss.end = loss.begin;
	grown[l->n++] = loss;
}

void losses_add(struct losses *l, uint64_t begin, uint64_t end) { add_loss(l, (struct loss) { begin, end, 0 }); }
void losses_damage(struct losses *l, uint64_t begin, uint64_t end) { add_loss(l, (struct loss) { begin, end, 1 }); }

void losses_absorb(struct losses *l, const struct losses *from)
{
	for (size_t i = 0; i < from->n; i++)
		add_loss(l, from->loss[i]);
}

void losses_free(struct losses *l)
{
	free(l->loss);
	*l = (struct losses) { 0 };
}
