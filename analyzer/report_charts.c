/*
 * analyzer/report_charts.c: pictures of the whole recording in the HTML report: descriptors over time, and which places made how many.
 *
 * Still pictures first, which every browser and printer can do; behind the page the data and the script (analyzer/charts) that draw charts in their
 * place. The data are one JSON object: `span_ns`, nanoseconds of one sample; `open`, how many descriptors were open at most in each, the first of which begins with the trace; `folded`, the
 * stacks that made descriptors; `made`, how many they made. In a script no text ends it but "</", so every < is written as \u003c.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include "analyzer/json.h"
#include "analyzer/page.h"
#include "analyzer/report.h"

extern const char fdw_charts[], fdw_charts_end[]; /* charts.S */

/* ---- still pictures --------------------------------------------------------------------------------------------------------------------*/

static void over_time(const struct series *s, FILE *out)
{
	uint64_t most = 1;

	if (!s || s->used < 2)
		return;
	for (unsigned i = 0; i < s->used; i++)
		most = s->highest[i] > most ? s->highest[i] : most;
	fprintf(out, "<h2>Open descriptors over time</h2>\n<svg id=\"over-time\" viewBox=\"0 0 1000 220\" role=\"img\" aria-label=\"open descriptors over time, at most %" PRIu64 "\">\n"
	        "<path fill=\"var(--bar)\" d=\"M0 200", most);
	for (unsigned i = 0; i < s->used; i++) {
		double x0 = 1000.0 * i / s->used, x1 = 1000.0 * (i + 1) / s->used, y = 200 - 180.0 * (double)s->highest[i] / (double)most;
		fprintf(out, "L%.1f %.1fL%.1f %.1f", x0, y, x1, y);
	}
	fprintf(out, "L1000 200Z\"/>\n<text x=\"4\" y=\"14\">%" PRIu64 "</text><text x=\"4\" y=\"216\">0 s</text><text x=\"940\" y=\"216\">%.3f s</text>\n</svg>\n", most,
	        (double)s->used * (double)s->span / 1e9);
	fputs("<p class=\"dim\">All processes together, since the beginning of the trace. Counted are descriptors they made themselves, not those a program found open when it "
	      "started: standard streams, and whatever else came by fork or exec.</p>\n", out);
}

static char *folded(const struct report *r)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	xcheck(f);
	report_folded(r, f);
	fclose(f);
	return xcheck(text);
}

struct line { char *text; uint64_t count; };

static int most_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->text, y->text);
}

/* The folded stacks, the most productive first; as long as they are readable. */
#define PLACES 60
static void places(const struct report *r, FILE *out)
{
	struct line *lines;
	char *text = folded(r), *next;
	size_t n = 0, most = 0;

	for (const char *p = text; *p; p++)
		most += *p == '\n';
	lines = xcalloc(most ? most : 1, sizeof *lines);
	for (char *p = text; *p; p = next) {
		next = strchr(p, '\n');
		*next++ = 0;
		lines[n].text = p;
		p = strrchr(p, ' ');
		*p++ = 0;
		lines[n++].count = strtoull(p, NULL, 10);
	}
	qsort(lines, n, sizeof *lines, most_first);
	if (n)
		fputs("<h2>Which places made how many</h2>\n<table id=\"places\">\n", out);
	for (size_t i = 0; i < n && i < PLACES; i++) {
		fprintf(out, "<tr><td>%" PRIu64 "</td><td style=\"width:12rem\"><div class=\"bar\" style=\"width:%.1f%%\"></div></td><td><code>", lines[i].count,
		        100.0 * (double)lines[i].count / (double)lines[0].count);
		put_html(out, lines[i].text);
		fputs("</code></td></tr>\n", out);
	}
	fputs(n ? "</table>\n" : "", out);
	if (n > PLACES)
		fprintf(out, "<p class=\"dim\" id=\"places-more\">and %zu more: --format=folded has them all</p>\n", n - PLACES);
	free(lines);
	free(text);
}

void report_charts(const struct report *r, FILE *out)
{
	over_time(r->series, out);
	places(r, out);
}

/* ---- charts ------------------------------------------------------------------------------------------------------------------------------*/

static json_t *series_of(const struct report *r)
{
	json_t *open = json_array();

	for (unsigned i = 0; r->series && i < r->series->used; i++)
		json_add(open, json_number(r->series->highest[i]));
	return open;
}

static uint64_t made_of(const char *stacks)
{
	uint64_t made = 0;
	const char *blank;

	for (const char *line = stacks, *end; (end = strchr(line, '\n')); line = end + 1)
		if ((blank = memrchr(line, ' ', (size_t)(end - line))))
			made += strtoull(blank, NULL, 10);
	return made;
}

void report_charts_script(const struct report *r, FILE *out)
{
	size_t script = (size_t)(fdw_charts_end - fdw_charts);
	char *text, *stacks;
	json_t *data;

	if (!script)
		return;
	stacks = folded(r);
	data = json_pack("{s:I, s:o, s:I, s:o}", "span_ns", (json_int_t)(r->series ? r->series->span : 0), "open", series_of(r), "made",
	                 (json_int_t)made_of(stacks), "folded", json_text(stacks));
	xcheck(data);
	free(stacks);
	text = json_dumps(data, JSON_COMPACT | JSON_ENSURE_ASCII);
	xcheck(text);
	fputs("<script type=\"application/json\" id=\"data\">", out);
	for (const char *p = text; *p; p++)
		if (*p == '<')
			fputs("\\u003c", out);
		else
			fputc(*p, out);
	fputs("</script>\n<script>\n", out);
	fwrite(fdw_charts, 1, script, out);
	fputs("</script>\n", out);
	free(text);
	json_decref(data);
}
