/*
 * analyzer/report_folded.c: folded stacks, for flame graphs: a line for each place that made descriptors, outermost frame first, the program before it,
 * and how many it made. `flamegraph.pl --countname=descriptors` and speedscope read it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include "analyzer/describe.h"
#include "analyzer/folded.h"
#include "analyzer/memory.h"
#include "analyzer/page.h"

/* ; has a meaning, and so have line ends. */
static void put(FILE *out, const char *s)
{
	char *clean = clean_text(s, strlen(s));

	for (const char *p = clean; *p; p++)
		fputc(*p == ';' ? ':' : *p, out);
	free(clean);
}

static void put_frame(FILE *out, const struct frame *f)
{
	fputc(';', out);
	if (f->function) {
		put(out, f->function);
		return;
	}
	fputc('[', out);
	put(out, f->module ? base_name(f->module) : "code made at run time");
	fprintf(out, "+0x%" PRIx64 "]", f->offset);
}

static char *stack_of(const struct report *r, const struct creation *c)
{
	struct frames frames;
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	xcheck(out);
	stack_frames((struct stack *)(uintptr_t)c->key.stack, r->symbols, r->options->full_stacks, &frames);
	put(out, c->key.exe && *c->key.exe ? c->key.exe : "?");
	for (size_t i = frames.n; i-- > 0;)
		if (!r->options->stack_depth || i < r->options->stack_depth)
			put_frame(out, &frames.at[i]);
	frames_free(&frames);
	fclose(out);
	return xcheck(text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct folded *)a)->stack, ((const struct folded *)b)->stack);
}

/* The order of hashes is no order. */
struct folded *folded_places(const struct report *r, size_t *n)
{
	size_t all = HASH_COUNT(r->creations), kept = 0, i = 0;
	struct folded *places = xcalloc(all, sizeof *places);

	for (const struct creation *c = r->creations; c; c = c->hh.next)
		places[i++] = (struct folded){ stack_of(r, c), c->count };
	qsort(places, all, sizeof *places, by_text);
	for (i = 0; i < all; i++) {
		if (kept && !by_text(&places[kept - 1], &places[i])) {
			places[kept - 1].made += places[i].made;
			free(places[i].stack);
		} else {
			places[kept++] = places[i];
		}
	}
	*n = kept;
	return places;
}

void folded_free(struct folded *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(places[i].stack);
	free(places);
}

void folded_write(const struct folded *places, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s %" PRIu64 "\n", places[i].stack, places[i].made);
}

void report_folded(const struct report *r, FILE *out)
{
	size_t n;
	struct folded *places = folded_places(r, &n);

	folded_write(places, n, out);
	folded_free(places, n);
}
