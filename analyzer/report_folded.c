/*
 * analyzer/report_folded.c: folded stacks, for flame graphs: a line for each place that made descriptors, outermost frame first, the program before it,
 * and how many it made. `flamegraph.pl --countname=descriptors` and speedscope read it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/report.h"

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
	const char *slash = f->module ? strrchr(f->module, '/') : NULL;

	fputc(';', out);
	if (f->function) {
		put(out, f->function);
		return;
	}
	fputc('[', out);
	put(out, f->module ? slash ? slash + 1 : f->module : "code made at run time");
	fprintf(out, "+0x%" PRIx64 "]", f->offset);
}

static char *line_of(const struct report *r, const struct creation *c)
{
	struct frames frames;
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	xcheck(out);
	stack_frames((struct stack *)(uintptr_t)c->key.stack, r->symbols_for_stacks, r->options->full_stacks, &frames);
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
	const struct { char *text; uint64_t count; } *x = a, *y = b;
	return strcmp(x->text, y->text);
}

/* Sorted, and the same line once: the order of hashes is no order. */
void report_folded(const struct report *r, FILE *out)
{
	struct { char *text; uint64_t count; } *lines;
	size_t n = 0, kept = 0;

	for (const struct creation *c = r->creations; c; c = c->hh.next)
		n++;
	lines = xcalloc(n ? n : 1, sizeof *lines);
	n = 0;
	for (const struct creation *c = r->creations; c; c = c->hh.next) {
		lines[n].text = line_of(r, c);
		lines[n++].count = c->count;
	}
	qsort(lines, n, sizeof *lines, by_text);
	for (size_t i = 0; i < n; i++) {
		if (kept && !strcmp(lines[kept - 1].text, lines[i].text)) {
			lines[kept - 1].count += lines[i].count;
			free(lines[i].text);
		} else {
			lines[kept++] = lines[i];
		}
	}
	for (size_t i = 0; i < kept; i++) {
		fprintf(out, "%s %" PRIu64 "\n", lines[i].text, lines[i].count);
		free(lines[i].text);
	}
	free(lines);
}
