/*
 * analyzer/report_html.c: the report as one file for a browser: nothing is fetched from elsewhere, so it works offline and prints; what a script
 * adds (report_charts.c) is drawn in place of pictures that are there without it.
 *
 * The verdict and the coverage; each finding with the life of its number as a picture and its stacks; descriptors over time; which places made how
 * many; the process tree, as in the text. Findings unfold by themselves (<details>), with the keyboard too. Whatever comes from a trace is escaped.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/page.h"
#include "analyzer/report.h"
#include "analyzer/say.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";

static const char style[] =
	"<style>\n"
	":root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--dim:#667;--line:#d0d7de;--box:#f6f8fa;--error:#b3261e;--warning:#8a5a00;--note:#1a56b0;--bar:#5b8def;--bad:#d33}\n"
	"@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--dim:#9aa5b1;--line:#30363d;--box:#161b22;--error:#ff7b72;--warning:#e3b341;--note:#79c0ff;--bar:#3b6fd4;--bad:#ff6b6b}}\n"
	"body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:70rem;margin:2rem auto;padding:0 1rem}\n"
	"h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}\n.dim{color:var(--dim)}.error{color:var(--error)}.warning{color:var(--warning)}.note{color:var(--note)}\n"
	"td,code,summary,h1,p,li{overflow-wrap:anywhere}.chart{overflow:hidden}@media(max-width:40rem){td{display:block;border:0}tr{border-top:1px solid var(--line)}}\n"
	"details{border:1px solid var(--line);border-radius:6px;margin:.6rem 0;padding:.4rem .8rem;background:var(--box)}\nsummary{cursor:pointer}\n"
	"table{border-collapse:collapse;width:100%}td{vertical-align:top;padding:.2rem .8rem .2rem 0;border-top:1px solid var(--line)}td:first-child{white-space:nowrap}\n"
	"code,pre,.frames{font:13px/1.45 ui-monospace,monospace}pre{font-size:12px;overflow:auto;background:var(--box);border:1px solid var(--line);border-radius:6px;padding:.8rem}\n"
	".bar{background:var(--bar);height:.8rem;border-radius:3px;margin-top:.35rem}\n.frames{margin:0;padding:0;list-style:none}svg{display:block;width:100%;height:auto}svg text{font:11px ui-monospace,monospace;fill:currentColor}svg .generation{fill:#fff}\n"
	"@media print{body{max-width:none;margin:0}details{break-inside:avoid}}\n</style>\n</head>\n<body>\n";

/* Of a tab among others: the program, and where it was recorded. */
static void title(const struct report *r, FILE *out)
{
	const struct process *first = report_first(r);
	const char *name = first ? first->exe : "?", *trace = first ? first->source->trace : "";
	size_t n = strlen(name), end = strlen(trace);
	char *text;

	if (first)
		name = called_name(first->exe, first->arguments, &n);
	while (end > 1 && trace[end - 1] == '/')
		end--;
	text = xasprintf("%.*s, %.*s: fdwarden report", (int)n, name, (int)end, trace);
	fputs("<title>", out);
	put_html(out, text);
	fputs("</title>\n", out);
	free(text);
}

/* ---- the life of a number -------------------------------------------------------------------------------------------------------------------*/

/*
 * Moments as they came, one column each: their distances say nothing when some are years and some are microseconds apart. A bar from the opening to
 * the close of each generation, a mark at what was wrong.
 */
#define COLUMN 150
static void life(const struct finding *f, FILE *out)
{
	int from = -1;
	unsigned n = f->nstacks, opened = 0;

	if (n < 2 || f->fd < 0)
		return;
	fprintf(out, "<svg viewBox=\"0 0 %u 62\" style=\"max-width:%upx\" role=\"img\" aria-label=\"the life of descriptor %d\">\n", n * COLUMN, n * COLUMN, f->fd);
	fprintf(out, "<line x1=\"0\" y1=\"30\" x2=\"%u\" y2=\"30\" stroke=\"var(--line)\"/>\n", n * COLUMN);
	for (unsigned i = 0; i < n; i++) {
		const struct finding_stack *s = &f->stacks[i];
		int x = (int)(i * COLUMN) + 20, opens = s->role == ROLE_OPENED || s->role == ROLE_DUPLICATED || s->role == ROLE_REUSED;

		if (opens) {
			from = x;
			opened = i;
		}
		if (from >= 0 && (s->role == ROLE_CLOSED || i + 1 == n)) {
			fprintf(out, "<rect x=\"%d\" y=\"24\" width=\"%d\" height=\"13\" rx=\"3\" fill=\"var(--bar)\"/>\n", from, x > from ? x - from : 8);
			if (x > from && f->stacks[opened].note && *f->stacks[opened].note == '#')
				fprintf(out, "<text x=\"%d\" y=\"34\" class=\"generation\">%.*s</text>\n", from + 6,
				        (int)strspn(f->stacks[opened].note, "#0123456789"), f->stacks[opened].note);
			from = -1;
		}
		if (i + 1 == n)
			fprintf(out, "<path d=\"M%d 20l10 20m0-20l-10 20\" stroke=\"var(--bad)\" stroke-width=\"3\"/>\n", x - 5);
		fprintf(out, "<text x=\"%d\" y=\"14\">%s</text><text x=\"%d\" y=\"54\">", x - 10, role_name(s->role), x - 10);
		put_html(out, s->at.thread ? s->at.thread : "");
		fputs("</text>\n", out);
	}
	fputs("</svg>\n", out);
}

/* ---- findings -----------------------------------------------------------------------------------------------------------------------------------*/

static void frames(const struct report *r, const struct finding_stack *s, FILE *out)
{
	fputs("<ul class=\"frames\">", out);
	for (size_t i = 0; i < s->frames.n && (!r->options->stack_depth || i < r->options->stack_depth); i++) {
		const struct frame *f = &s->frames.at[i];
		fputs("<li>", out);
		if (f->function)
			put_html(out, f->function);
		else
			fprintf(out, "0x%" PRIx64, f->offset);
		fputs(" <span class=\"dim\">", out);
		if (f->file) {
			put_html(out, f->file);
			if (f->line)
				fprintf(out, ":%d", f->line);
		} else {
			put_html(out, f->module ? f->module : "code made at run time");
		}
		fputs(f->inlined ? " (inlined)</span></li>" : "</span></li>", out);
	}
	fputs("</ul>", out);
}

static void stack(const struct report *r, const struct finding_stack *s, FILE *out)
{
	char since[SINCE_TEXT];

	fprintf(out, "<tr><td>%s<br><span class=\"dim\">%s</span></td><td><code>", role_name(s->role), text_since(s->at.time, r->coverage->first, 6, since));
	put_html(out, s->call);
	fputs("</code><br><span class=\"dim\">", out);
	put_html(out, s->at.thread);
	fprintf(out, " (%u) ", s->at.tid);
	put_html(out, s->note);
	fputs("</span></td><td>", out);
	frames(r, s, out);
	fputs("</td></tr>\n", out);
}

static void finding(const struct report *r, const struct finding *f, int open, FILE *out)
{
	fprintf(out, "<details id=\"%s\"%s><summary><b class=\"%s\">%s</b> <code>%s</code> ", f->id, open ? " open" : "", severity_name(f->severity),
	        severity_name(f->severity), f->rule->id);
	put_html(out, f->message);
	fprintf(out, " <span class=\"dim\">&times;%" PRIu64 "%s</span></summary>\n<p class=\"dim\">", f->count, report_knows(r, f) ? ", known" : "");
	if (f->rule->cwe)
		fprintf(out, "CWE-%d &middot; ", f->rule->cwe);
	fprintf(out, "id %s &middot; ", f->id);
	put_html(out, f->exe);
	fprintf(out, " (%u) &middot; confidence %s%s", f->pid, confidence_name(f->confidence), f->reason ? ": " : "");
	put_html(out, f->reason);
	fputs("</p>\n<p>Likely fix: ", out);
	put_html(out, f->rule->fix);
	fputs("</p>\n", out);
	life(f, out);
	fputs("<table>\n", out);
	for (unsigned i = 0; i < f->nstacks; i++)
		stack(r, &f->stacks[i], out);
	fputs("</table>\n</details>\n", out);
}

static void findings(const struct report *r, FILE *out)
{
	unsigned n = 0;

	fputs("<h2>Findings</h2>\n", out);
	for (const struct finding *f = findings_first(r->findings); f; f = f->next)
		if (report_shows(r, f))
			finding(r, f, n++ == 0, out);
	if (!n)
		fprintf(out, "<p>No problems found%s.</p>\n", report_running(r) ? " so far" : "");
}

/* ---- coverage ---------------------------------------------------------------------------------------------------------------------------------------*/

static void verdict(const struct report *r, FILE *out)
{
	unsigned n[3] = { 0, 0, 0 }, suppressed = 0, hidden = 0;

	for (const struct finding *f = findings_first(r->findings); f; f = f->next) {
		if (report_shows(r, f))
			n[f->severity]++;
		suppressed += f->suppressed_by != NULL;
		hidden += !f->suppressed_by && !report_shows(r, f);
	}
	fprintf(out, "<h1>fdwarden: <span class=\"error\">%u error%s</span>, <span class=\"warning\">%u warning%s</span>, <span class=\"note\">%u note%s</span></h1>\n",
	        n[SEV_ERROR], plural(n[SEV_ERROR]), n[SEV_WARNING], plural(n[SEV_WARNING]), n[SEV_NOTE], plural(n[SEV_NOTE]));
	if (suppressed || hidden)
		fprintf(out, "<p class=\"dim\">%u suppressed, %u only possible and hidden</p>\n", suppressed, hidden);
}

static void unseen(void *to, const char *sentence)
{
	FILE *out = to;

	fputs("<li>", out);
	put_html(out, sentence);
	fputs("</li>\n", out);
}

static void coverage(const struct report *r, FILE *out)
{
	char *seen = report_seen(r, "", "");

	fputs("<p>", out);
	put_html(out, seen);
	fputs("</p>\n<ul>\n", out);
	report_unseen(r, unseen, out);
	fputs("</ul>\n", out);
	free(seen);
}

/* ---- processes -------------------------------------------------------------------------------------------------------------------------------------*/

/* As the page is wide, on a screen. */
#define TREE_COLUMNS 150
static void tree(const struct report *r, FILE *out)
{
	char *text;
	size_t n;
	FILE *f;

	if (!r->tree)
		return;
	f = open_memstream(&text, &n);
	xcheck(f);
	report_tree(r, f, TREE_COLUMNS, 0);
	fclose(f);
	xcheck(text);
	fputs("<h2>Processes</h2>\n<pre>", out);
	put_html(out, text);
	fputs("</pre>\n", out);
	free(text);
}

void report_html(const struct report *r, FILE *out)
{
	fputs(head, out);
	title(r, out);
	fputs(style, out);
	verdict(r, out);
	coverage(r, out);
	findings(r, out);
	report_charts(r, out);
	tree(r, out);
	fprintf(out, "<p class=\"dim\">fdwarden %s</p>\n", FDW_VERSION);
	report_charts_script(r, out);
	fputs("</body>\n</html>\n", out);
}
