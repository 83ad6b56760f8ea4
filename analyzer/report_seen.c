/*
 * analyzer/report_seen.c: what was seen, and what was not, in sentences: the same in text and in HTML.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/page.h"
#include "analyzer/report.h"
#include "analyzer/say.h"

int report_ring(const struct report *r) { return r->reader && reader_ring(r->reader); }
int report_damaged(const struct report *r) { return r->reader && reader_damage(r->reader, 0); }
int report_running(const struct report *r) { return r->reader && reader_runs(r->reader, 0); }

const struct process *report_first(const struct report *r)
{
	const struct process *first = r->processes;

	while (first && !first->threads)
		first = first->next;
	return first;
}

/* ---- what was -----------------------------------------------------------------------------------------------------------------------------*/

static void events(const struct report *r, const char *mark, const char *unmark, FILE *out)
{
	const struct coverage *c = r->coverage;

	fprintf(out, " | %s event%s, ", grouped(c->events), plural(c->events));
	if (!report_ring(r))
		fprintf(out, "%s%s%s lost%s", report_damaged(r) ? "at least " : "", c->events_lost ? mark : "", grouped(c->events_lost),
		        c->events_lost ? unmark : "");
	else if (c->events_lost)
		fprintf(out, "%s earlier ones written over", grouped(c->events_lost));
	else
		fputs("none written over", out);
}

char *report_seen(const struct report *r, const char *mark, const char *unmark)
{
	const struct coverage *c = r->coverage;
	const struct process *first = report_first(r);
	const char *name;
	char *text;
	size_t size, n;
	FILE *out = open_memstream(&text, &size);

	xcheck(out);
	if (first) {
		name = called_name(first->exe, first->arguments, &n);
		fprintf(out, "%.*s pid %u", (int)n, name, first->pid);
	}
	if (c->processes > 1)
		fprintf(out, " and %s more process%s", grouped(c->processes - 1), c->processes == 2 ? "" : "es");
	fprintf(out, ", %s thread%s, %.1f s | ", grouped(c->threads), plural(c->threads), (double)(c->last - c->first) / 1e9);
	fprintf(out, "%s descriptor%s: %s from open to close, %s inherited", grouped(c->descriptors), plural(c->descriptors), grouped(c->open_to_close),
	        grouped(c->inherited));
	if (c->unseen_creations)
		fprintf(out, ", %s whose opening was not seen", grouped(c->unseen_creations));
	events(r, mark, unmark, out);
	fclose(out);
	return xcheck(text);
}

/* ---- what was not -------------------------------------------------------------------------------------------------------------------------*/

struct listener { void (*hear)(void *, const char *); void *to; };

static void tell(const struct listener *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(const struct listener *l, const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	s = clean_sentence(format, args);
	va_end(args);
	l->hear(l->to, s);
	free(s);
}

/* " (3 processes)", or nothing. */
static const char *times(uint64_t n)
{
	static char text[48];

	snprintf(text, sizeof text, n > 1 ? " (%s processes)" : "", grouped(n));
	return text;
}

static void missing(const struct report *r, const struct listener *l)
{
	const struct coverage *c = r->coverage;

	if (c->damaged)
		tell(l, "part of the recording makes no sense, so the rest is not trusted either: what follows is less sure, and more may have happened");
	if (report_ring(r) && c->events_lost)
		tell(l, "ring: what came before was written over, and is known only in part");
	else if (!report_ring(r) && c->events_lost && !c->damaged)
		tell(l, "%s", report_damaged(r) ? "events are missing: what follows is true, but more may have happened" :
			"events were lost: what follows is true, but more may have happened; record again with larger buffers");
}

void report_unseen(const struct report *r, void (*hear)(void *, const char *), void *to)
{
	const struct listener l = { hear, to };
	const char *s;

	for (size_t i = 0; r->reader && (s = reader_runs(r->reader, i)); i++)
		tell(&l, "still recorded: %s: processes that have not said goodbye may run on, and their last moment may not be in it yet", s);
	for (const struct unobserved *u = r->coverage->unobserved; u; u = u->next)
		tell(&l, "not observed: %s: %s%s", *u->exe ? u->exe : "?", u->why, u->count > 1 ? " (several times)" : "");
	for (const struct unobserved *u = r->coverage->blind; u; u = u->next)
		tell(&l, "blind spot: %s uses %s, which cannot be seen", base_name(u->exe), u->why);
	for (const struct unobserved *u = r->coverage->partial; u; u = u->next)
		tell(&l, "incomplete: %s%s: %s", *u->exe ? base_name(u->exe) : "?", times(u->count), u->why);
	for (size_t i = 0; r->reader && (s = reader_damage(r->reader, i)); i++)
		tell(&l, "damage: %s", s);
	for (size_t i = 0; r->symbols && (s = symbols_problem(r->symbols, i)); i++)
		tell(&l, "no source lines: %s", s);
	missing(r, &l);
}
