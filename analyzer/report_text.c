/*
 * analyzer/report_text.c: the report for a human: the verdict first, the coverage second, then findings, worst first.
 *
 * Colours only stress what the words say. Lines keep to the terminal's width where they can: sentences are wrapped, names are not
 * cut, since they are copied.
 */
#define _GNU_SOURCE
#include <limits.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/page.h"
#include "analyzer/report.h"
#include "analyzer/say.h"

struct page {
	FILE *out;
	const struct report *report;
	int colors;
	unsigned width;
	uint64_t start; /* time of the first event */
};

/* ---- colours and width -------------------------------------------------------------------------------------------------------------*/

enum style { PLAIN, BOLD, DIM, RED, YELLOW, BLUE, GREEN };

static const char *on(const struct page *p, enum style s)
{
	static const char *const codes[] = { "", "\033[1m", "\033[2m", "\033[1;31m", "\033[1;33m", "\033[1;34m", "\033[1;32m" };
	return p->colors ? codes[s] : "";
}

static const char *off(const struct page *p) { return p->colors ? "\033[0m" : ""; }

/* A sentence, wrapped at blanks; further lines begin with `indent` blanks. `used`: columns of the first line that are taken; no more than `indent`: by blanks. */
static void wrap(const struct page *p, const char *s, unsigned used, unsigned indent)
{
	int begins = used <= indent;

	for (; *s; begins = 0) {
		size_t word = strcspn(s, " ");
		unsigned c = columns_of(s, word);

		if (!begins && used + 1 + c > p->width) {
			fprintf(p->out, "\n%*s", (int)indent, "");
			used = indent;
		} else if (!begins) {
			fputc(' ', p->out);
			used++;
		}
		fwrite(s, 1, word, p->out);
		used += c;
		s += word + strspn(s + word, " ");
	}
	fputc('\n', p->out);
}

/* The first two lines are what scripts look for: whole where nobody looks on. */
static void head_line(const struct page *p, const char *s)
{
	struct page page = *p;

	page.width = page_width(p->out, UINT_MAX);
	wrap(&page, s, 0, 2);
}

/* ---- the verdict ---------------------------------------------------------------------------------------------------------------------*/

static unsigned of_severity(const struct report *r, enum severity s, const struct rule *rule)
{
	unsigned n = 0;

	for (const struct finding *f = findings_first(r->findings); f; f = f->next)
		n += report_shows(r, f) && f->severity == s && (!rule || f->rule == rule);
	return n;
}

/* "2 errors (1 use-after-close, 1 double-close)" */
static int verdict_part(const struct page *p, enum severity s, enum style style, int first)
{
	const char *comma = "";
	unsigned n = of_severity(p->report, s, NULL), k, kinds = 0;

	if (!n)
		return 0;
	for (const struct rule *const *r = rules; *r; r++)
		kinds += of_severity(p->report, s, *r) > 0;
	fprintf(p->out, "%s%s%u %s%s%s (", first ? "" : ", ", on(p, style), n, severity_name(s), plural(n), off(p));
	for (const struct rule *const *r = rules; *r; r++) {
		if (!(k = of_severity(p->report, s, *r)))
			continue;
		if (kinds > 1)
			fprintf(p->out, "%s%u %s", comma, k, (*r)->id);
		else
			fprintf(p->out, "%s", (*r)->id);
		comma = ", ";
	}
	fputc(')', p->out);
	return 1;
}

static void findings_told(const struct page *p)
{
	int said = verdict_part(p, SEV_ERROR, RED, 1);

	said |= verdict_part(p, SEV_WARNING, YELLOW, !said);
	said |= verdict_part(p, SEV_NOTE, BLUE, !said);
	if (!said)
		fprintf(p->out, "%sno problems found%s%s%s", on(p, GREEN), report_damaged(p->report) ? " in what could be read" : "",
		        report_running(p->report) ? " so far" : "", off(p));
}

static void findings_left_out(const struct page *p)
{
	unsigned hidden = 0, suppressed = 0, known = 0, shown = 0;

	for (const struct finding *f = findings_first(p->report->findings); f; f = f->next) {
		suppressed += f->suppressed_by != NULL;
		hidden += !f->suppressed_by && !report_shows(p->report, f);
		shown += report_shows(p->report, f) != 0;
		known += report_shows(p->report, f) && report_knows(p->report, f);
	}
	if (p->report->baseline)
		fprintf(p->out, "; %u new, %u known (baseline)", shown - known, known);
	if (hidden)
		fprintf(p->out, "; %u possible hidden (--show=possible)", hidden);
	if (suppressed)
		fprintf(p->out, "; %u suppressed", suppressed);
}

static void verdict(const struct page *p)
{
	struct page line = *p;
	char *text;
	size_t n;

	line.out = (FILE *)xcheck(open_memstream(&text, &n));
	findings_told(&line);
	findings_left_out(&line);
	fclose(line.out);
	head_line(p, (char *)xcheck(text));
	free(text);
}

/* ---- coverage ---------------------------------------------------------------------------------------------------------------------------*/

static void seen(const struct page *p)
{
	char *s = report_seen(p->report, on(p, YELLOW), off(p));

	head_line(p, s);
	free(s);
}

static void caution(void *to, const char *sentence)
{
	const struct page *p = to;

	fputs("  ", p->out);
	wrap(p, sentence, 2, 4);
}

/* ---- findings ------------------------------------------------------------------------------------------------------------------------------*/

static enum style style_of(enum severity s) { return s == SEV_ERROR ? RED : s == SEV_WARNING ? YELLOW : BLUE; }

static void upper(char *to, size_t n, const char *s)
{
	size_t i = 0;

	for (; s[i] && i + 1 < n; i++)
		to[i] = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 32) : s[i];
	to[i] = 0;
}

#define STACK_INDENT 13
#define HEADING_COLUMNS 46
#define WHO_COLUMNS 20
#define NAME_COLUMNS 22

/* `gap` blanks, or a new line, `indent` blanks in, where `text` does not fit beside `used` columns. Returns the columns that are taken with it. */
static unsigned next_column(const struct page *p, unsigned used, unsigned gap, unsigned indent, const char *text)
{
	unsigned c = columns_of(text, strlen(text));

	if (used + gap + c <= p->width || used <= indent) {
		fprintf(p->out, "%*s", (int)gap, "");
		return used + gap + c;
	}
	fprintf(p->out, "\n%*s", (int)indent, "");
	return indent + c;
}

/* As above, and the text; word by word where it is wider than a line. */
static unsigned put_next(const struct page *p, unsigned used, unsigned gap, unsigned indent, const char *text)
{
	char *words, *next, *word;

	if (indent + columns_of(text, strlen(text)) <= p->width) {
		used = next_column(p, used, gap, indent, text);
		fputs(text, p->out);
		return used;
	}
	words = next = xstrdup(text);
	for (; (word = strsep(&next, " ")); gap = 1) {
		used = next_column(p, used, gap, indent, word);
		fputs(word, p->out);
	}
	free(words);
	return used;
}

static void heading(const struct page *p, const struct finding *f)
{
	char severity[16], cwe[24] = "", id[96], seen[40];
	unsigned used;

	upper(severity, sizeof severity, severity_name(f->severity));
	if (f->rule->cwe)
		snprintf(cwe, sizeof cwe, " (CWE-%d)", f->rule->cwe);
	snprintf(id, sizeof id, "id %s", f->id);
	if (f->count == 1)
		snprintf(seen, sizeof seen, "seen once");
	else
		snprintf(seen, sizeof seen, "seen %s times", grouped(f->count));
	used = (unsigned)(strlen(severity) + 1 + strlen(f->rule->id) + strlen(cwe));
	fprintf(p->out, "\n%s%s%s %s%s%s%s%s", on(p, style_of(f->severity)), severity, off(p), on(p, BOLD), f->rule->id, off(p), cwe, on(p, DIM));
	used = put_next(p, used, used < HEADING_COLUMNS - 2 ? HEADING_COLUMNS - used : 2, 2, id);
	used = put_next(p, used, 3, 2, seen);
	if (report_knows(p->report, f))
		put_next(p, used, 3, 2, "known");
	fprintf(p->out, "%s\n", off(p));
}

/* Module and file names come from ELF files; everything else was cleaned when it was read. */
static char *place_of(const struct frame *f)
{
	char *name = f->file ? clean_text(f->file, strlen(f->file)) : NULL, *s;
	int n;

	if (!name && f->module) {
		const char *module = f->function ? base_name(f->module) : f->module;
		name = clean_text(module, strlen(module));
	}
	if (f->file && f->line)
		n = asprintf(&s, "%s:%d", name, f->line);
	else if (f->file)
		n = asprintf(&s, "%s", name);
	else if (f->module)
		n = asprintf(&s, "%s+0x%llx", name, (unsigned long long)f->offset);
	else
		n = asprintf(&s, "0x%llx (no module)", (unsigned long long)f->offset);
	if (n < 0)
		out_of_memory();
	free(name);
	return s;
}

static void frame_line(const struct page *p, const struct frame *f)
{
	char *place = place_of(f), *name;
	unsigned used = STACK_INDENT, c;

	fprintf(p->out, "%*s", STACK_INDENT, "");
	if (f->function) {
		name = clean_text(f->function, strlen(f->function));
		c = columns_of(name, strlen(name));
		fputs(name, p->out);
		used += c;
		free(name);
		used = next_column(p, used, c < NAME_COLUMNS ? NAME_COLUMNS + 1 - c : 1, STACK_INDENT, place);
	} else {
		used += columns_of(place, strlen(place));
	}
	fputs(place, p->out);
	if (f->file && f->inlined)
		put_next(p, used, 2, STACK_INDENT, "(inlined)");
	fputc('\n', p->out);
	free(place);
}

/* "84 us after the close": of the last of it, where what came before made it wrong. Else "". */
static const char *lateness(const struct finding *f, const struct finding_stack *s, char out[40])
{
	const struct finding_stack *before = s - 1;
	uint64_t ns = s > f->stacks ? s->at.time - before->at.time : 0;

	out[0] = 0;
	if (s != &f->stacks[f->nstacks - 1] || !ns || s->at.time < before->at.time || (before->role != ROLE_CLOSED && before->role != ROLE_REUSED))
		return out;
	if (ns < 10 * UINT64_C(1000000))
		snprintf(out, 40, "%llu us after", (unsigned long long)((ns + 999) / 1000));
	else if (ns < 10 * UINT64_C(1000000000))
		snprintf(out, 40, "%llu ms after", (unsigned long long)(ns / 1000000));
	else
		snprintf(out, 40, "%llu s after", (unsigned long long)(ns / 1000000000));
	return strcat(out, before->role == ROLE_CLOSED ? " the close" : " the reuse");
}

static void stack_lines(const struct page *p, const struct finding *f, const struct finding_stack *s)
{
	unsigned depth = p->report->options->stack_depth, used, named;
	char who[64], after[40], since[SINCE_TEXT];
	const char *late;

	snprintf(who, sizeof who, "%.32s (%u)", s->at.thread && *s->at.thread ? s->at.thread : base_name(f->exe), s->at.tid);
	used = (unsigned)fprintf(p->out, "  %-10s %s", role_name(s->role), text_since(s->at.time, p->start, 6, since));
	used = put_next(p, used, 2, STACK_INDENT, who);
	named = (unsigned)strlen(who);
	used = next_column(p, used, named < WHO_COLUMNS ? WHO_COLUMNS + 2 - named : 2, STACK_INDENT, s->call);
	fprintf(p->out, "%s%s%s", on(p, BOLD), s->call, off(p));
	if (s->note)
		used = put_next(p, used, 3, STACK_INDENT, s->note);
	if (*(late = lateness(f, s, after)))
		put_next(p, used, 3, STACK_INDENT, late);
	fputc('\n', p->out);
	for (size_t i = 0; i < s->frames.n && (!depth || i < depth); i++)
		frame_line(p, &s->frames.at[i]);
	if (!s->frames.n)
		fprintf(p->out, "             %s(no stack)%s\n", on(p, DIM), off(p));
}

static void finding(const struct page *p, const struct finding *f)
{
	char *where;

	heading(p, f);
	wrap(p, f->message, 0, 0);
	if (p->report->coverage->processes > 1) {
		where = xasprintf("in %s (pid %u)", *f->exe ? f->exe : "?", f->pid);
		wrap(p, where, 0, 2);
		free(where);
	}
	fputc('\n', p->out);
	for (unsigned i = 0; i < f->nstacks; i++)
		stack_lines(p, f, &f->stacks[i]);
	fputs("\n  confidence  ", p->out);
	fputs(confidence_name(f->confidence), p->out);
	if (f->reason) {
		fputc(':', p->out);
		wrap(p, f->reason, 15 + (unsigned)strlen(confidence_name(f->confidence)), 14);
	} else {
		fputc('\n', p->out);
	}
	fputs("  fix         ", p->out);
	wrap(p, f->rule->fix, 14, 14);
}

static void ending(const struct page *p, int shown)
{
	const struct report *r = p->report;
	const char *s;

	for (const struct finding *f = findings_first(r->findings); f; f = f->next)
		if (f->suppressed_by)
			fprintf(p->out, "\nsuppressed: %s, seen %s time%s, by %s", f->id, grouped(f->count), plural(f->count), f->suppressed_by);
	for (size_t i = 0; (s = suppressions_unused(r->suppressions, i)); i++)
		fprintf(p->out, "\nnot used: suppression %s", s);
	if (findings_first(r->findings) || suppressions_unused(r->suppressions, 0))
		fputc('\n', p->out);
	if (!shown)
		return;
	wrap(p, "details: --format=html -o FILE, for a browser; --tree: who started whom, and what was inherited", 0, 2);
	wrap(p, "to silence one: put its id into a file and use --suppressions=FILE (--gen-suppressions=FILE writes it)", 0, 2);
}

void report_text(const struct report *r, FILE *out)
{
	struct page p = { out, r, page_colors(r->options->color, out), page_width(out, PAGE_COLUMNS), r->coverage->first };
	int shown = 0;

	if (!r->options->quiet) {
		verdict(&p);
		seen(&p);
		report_unseen(r, caution, &p);
	}
	if (r->tree)
		report_tree(r, out, p.width, page_width(out, 0) != 0);
	for (const struct finding *f = findings_first(r->findings); f; f = f->next)
		if (report_shows(r, f)) {
			finding(&p, f);
			shown++;
		}
	if (!r->options->quiet)
		ending(&p, shown);
}
