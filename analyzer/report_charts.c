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
#include "analyzer/folded.h"
#include "analyzer/json.h"
#include "analyzer/page.h"

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

static int most_first(const void *a, const void *b)
{
	const struct folded *x = a, *y = b;

	return x->made != y->made ? (x->made < y->made ? 1 : -1) : strcmp(x->stack, y->stack);
}

/* The most productive first; as long as they are readable. */
#define PLACES 60
static void places(const struct report *r, FILE *out)
{
	size_t n;
	struct folded *place = folded_places(r, &n);

	qsort(place, n, sizeof *place, most_first);
	if (n)
		fputs("<h2>Which places made how many</h2>\n<table id=\"places\">\n", out);
	for (size_t i = 0; i < n && i < PLACES; i++) {
		fprintf(out, "<tr><td>%" PRIu64 "</td><td style=\"width:12rem\"><div class=\"bar\" style=\"width:%.1f%%\"></div></td><td><code>", place[i].made,
		        100.0 * (double)place[i].made / (double)place[0].made);
		put_html(out, place[i].stack);
		fputs("</code></td></tr>\n", out);
	}
	fputs(n ? "</table>\n" : "", out);
	if (n > PLACES)
		fprintf(out, "<p class=\"dim\" id=\"places-more\">and %zu more: --format=folded has them all</p>\n", n - PLACES);
	folded_free(place, n);
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

/* As --format=folded writes them. */
static json_t *places_of(const struct report *r, uint64_t *made)
{
	size_t n, size;
	struct folded *place = folded_places(r, &n);
	json_t *folded;
	char *text;
	FILE *out = (FILE *)xcheck(open_memstream(&text, &size));

	*made = 0;
	for (size_t i = 0; i < n; i++)
		*made += place[i].made;
	folded_write(place, n, out);
	fclose(out);
	folded = json_text((char *)xcheck(text));
	free(text);
	folded_free(place, n);
	return folded;
}

static json_t *data_of(const struct report *r)
{
	json_t *o = json_object();
	uint64_t made;

	json_set(o, "span_ns", json_number(r->series ? r->series->span : 0));
	json_set(o, "open", series_of(r));
	json_set(o, "folded", places_of(r, &made));
	json_set(o, "made", json_number(made));
	return o;
}

void report_charts_script(const struct report *r, FILE *out)
{
	size_t script = (size_t)(fdw_charts_end - fdw_charts);
	json_t *data;
	char *text;

	if (!script)
		return;
	data = data_of(r);
	text = (char *)xcheck(json_dumps(data, JSON_COMPACT | JSON_ENSURE_ASCII));
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
