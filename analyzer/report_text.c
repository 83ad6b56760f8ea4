/*
 * analyzer/report_text.c: the report for a human: the verdict first, the coverage second, then findings, worst first.
 *
 * Colours only stress what the words say. Lines keep to the terminal's width where they can: sentences are wrapped, names are not
 * cut, since they are copied.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/page.h"
#include "analyzer/report.h"

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

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

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

static int is_ring(const struct report *r) { return r->reader && reader_ring(r->reader); }

static int is_damaged(const struct report *r) { return r->reader && reader_damage(r->reader, 0); }

static void verdict(const struct page *p)
{
	unsigned hidden = 0, suppressed = 0, known = 0, shown = 0;
	int said = verdict_part(p, SEV_ERROR, RED, 1);

	said |= verdict_part(p, SEV_WARNING, YELLOW, !said);
	said |= verdict_part(p, SEV_NOTE, BLUE, !said);
	if (!said)
		fprintf(p->out, "%sno problems found%s%s", on(p, GREEN), is_damaged(p->report) ? " in what could be read" : "", off(p));
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
	fputc('\n', p->out);
}

/* ---- coverage ---------------------------------------------------------------------------------------------------------------------------*/

static void coverage_line(const struct page *p)
{
	const struct coverage *c = p->report->coverage;
	const struct process *first = p->report->processes;
	double seconds = (double)(c->last - c->first) / 1e9;
	const char *name;
	size_t n;

	while (first && !first->threads)
		first = first->next;
	if (first) {
		name = called_name(first->exe, first->arguments, &n);
		fprintf(p->out, "%.*s pid %u", (int)n, name, first->pid);
	}
	if (c->processes > 1)
		fprintf(p->out, " and %s more process%s", grouped(c->processes - 1), c->processes == 2 ? "" : "es");
	fprintf(p->out, ", %s thread%s, %.1f s | ", grouped(c->threads), plural(c->threads), seconds);
	fprintf(p->out, "%s descriptor%s: %s from open to close, %s inherited", grouped(c->descriptors), plural(c->descriptors), grouped(c->open_to_close),
	        grouped(c->inherited));
	if (c->unseen_creations)
		fprintf(p->out, ", %s whose opening was not seen", grouped(c->unseen_creations));
	if (is_ring(p->report) && !c->events_lost)
		fprintf(p->out, " | %s event%s, none written over\n", grouped(c->events), plural(c->events));
	else if (is_ring(p->report))
		fprintf(p->out, " | %s event%s, %s earlier ones written over\n", grouped(c->events), plural(c->events), grouped(c->events_lost));
	else
		fprintf(p->out, " | %s event%s, %s%s%s lost%s\n", grouped(c->events), plural(c->events), is_damaged(p->report) ? "at least " : "",
		        on(p, c->events_lost ? YELLOW : PLAIN), grouped(c->events_lost), c->events_lost ? off(p) : "");
}

static void caution(const struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void caution(const struct page *p, const char *format, ...)
{
	va_list ap;
	char *s, *clean;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		out_of_memory();
	va_end(ap);
	clean = clean_text(s, strlen(s)); /* names of files */
	fputs("  ", p->out);
	wrap(p, clean, 2, 4);
	free(clean);
	free(s);
}

/* " (3 processes)", or nothing. */
static const char *times(uint64_t n)
{
	static char text[48];

	snprintf(text, sizeof text, n > 1 ? " (%s processes)" : "", grouped(n));
	return text;
}

static void blind_spots(const struct page *p)
{
	const struct report *r = p->report;
	const char *s;

	for (const struct unobserved *u = r->coverage->unobserved; u; u = u->next)
		caution(p, "not observed: %s: %s%s", *u->exe ? u->exe : "?", u->why, u->count > 1 ? " (several times)" : "");
	for (const struct unobserved *u = r->coverage->blind; u; u = u->next)
		caution(p, "blind spot: %s uses %s, which cannot be seen", base_name(u->exe), u->why);
	for (const struct unobserved *u = r->coverage->partial; u; u = u->next)
		caution(p, "incomplete: %s%s: %s", *u->exe ? base_name(u->exe) : "?", times(u->count), u->why);
	for (size_t i = 0; r->reader && (s = reader_damage(r->reader, i)); i++)
		caution(p, "damage: %s", s);
	for (size_t i = 0; r->symbols && (s = symbols_problem(r->symbols, i)); i++)
		caution(p, "no source lines: %s", s);
	if (r->coverage->damaged)
		caution(p, "part of the recording makes no sense, so the rest is not trusted either: what follows is less sure, and more may have happened");
	if (is_ring(r) && r->coverage->events_lost)
		caution(p, "ring: what came before was written over, and is known only in part");
	else if (!is_ring(r) && r->coverage->events_lost && !r->coverage->damaged)
		caution(p, is_damaged(r) ? "events are missing: what follows is true, but more may have happened" :
			"events were lost: what follows is true, but more may have happened; record again with larger buffers");
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

static void heading(const struct page *p, const struct finding *f)
{
	char severity[16], cwe[24] = "", id[96], seen[40];
	const char *known = report_knows(p->report, f) ? "   known" : "";
	int n;

	upper(severity, sizeof severity, severity_name(f->severity));
	if (f->rule->cwe)
		snprintf(cwe, sizeof cwe, " (CWE-%d)", f->rule->cwe);
	snprintf(id, sizeof id, "id %s", f->id);
	if (f->count == 1)
		snprintf(seen, sizeof seen, "seen once");
	else
		snprintf(seen, sizeof seen, "seen %s times", grouped(f->count));
	n = (int)(strlen(severity) + 1 + strlen(f->rule->id) + strlen(cwe));
	fprintf(p->out, "\n%s%s%s %s%s%s%s", on(p, style_of(f->severity)), severity, off(p), on(p, BOLD), f->rule->id, off(p), cwe);
	fprintf(p->out, "%*s%s%s   %s%s%s\n", n < 44 ? 46 - n : 2, "", on(p, DIM), id, seen, known, off(p));
}

#define STACK_INDENT 13
#define NAME_COLUMNS 22

/* `gap` blanks, or a new line where `text` does not fit beside `used` columns. Returns the columns that are taken with it. */
static unsigned next_column(const struct page *p, unsigned used, unsigned gap, const char *text)
{
	unsigned c = columns_of(text, strlen(text));

	if (used + gap + c <= p->width || used <= STACK_INDENT) {
		fprintf(p->out, "%*s", (int)gap, "");
		return used + gap + c;
	}
	fprintf(p->out, "\n%*s", STACK_INDENT, "");
	return STACK_INDENT + c;
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
		n = asprintf(&s, "%s:%d%s", name, f->line, f->inlined ? "  (inlined)" : "");
	else if (f->file)
		n = asprintf(&s, "%s%s", name, f->inlined ? "  (inlined)" : "");
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
		next_column(p, used, c < NAME_COLUMNS ? NAME_COLUMNS + 1 - c : 1, place);
	}
	fprintf(p->out, "%s\n", place);
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
	unsigned depth = p->report->options->stack_depth, used;
	char who[64], after[40], since[SINCE_TEXT];
	const char *late;

	snprintf(who, sizeof who, "%.32s (%u)", s->at.thread && *s->at.thread ? s->at.thread : base_name(f->exe), s->at.tid);
	used = (unsigned)fprintf(p->out, "  %-10s %s  %-20s", role_name(s->role), text_since(s->at.time, p->start, 6, since), who);
	used = next_column(p, used, 2, s->call);
	fprintf(p->out, "%s%s%s", on(p, BOLD), s->call, off(p));
	if (s->note) {
		used = next_column(p, used, 3, s->note);
		fputs(s->note, p->out);
	}
	if (*(late = lateness(f, s, after))) {
		next_column(p, used, 3, late);
		fputs(late, p->out);
	}
	fputc('\n', p->out);
	for (size_t i = 0; i < s->frames.n && (!depth || i < depth); i++)
		frame_line(p, &s->frames.at[i]);
	if (!s->frames.n)
		fprintf(p->out, "             %s(no stack)%s\n", on(p, DIM), off(p));
}

static void finding(const struct page *p, const struct finding *f)
{
	heading(p, f);
	wrap(p, f->message, 0, 0);
	if (p->report->coverage->processes > 1)
		fprintf(p->out, "in %s (pid %u)\n", *f->exe ? f->exe : "?", f->pid);
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
	if (shown)
		fprintf(p->out, "\ndetails: --format=html -o FILE, for a browser; --tree: who started whom, and what was inherited"
		        "\nto silence one: put its id into a file and use --suppressions=FILE (--gen-suppressions=FILE writes it)");
	if (shown || findings_first(r->findings) || suppressions_unused(r->suppressions, 0))
		fputc('\n', p->out);
}

void report_text(const struct report *r, FILE *out)
{
	struct page p = { out, r, page_colors(r->options->color, out), page_width(out), r->coverage->first };
	int shown = 0;

	if (!r->options->quiet) {
		verdict(&p);
		coverage_line(&p);
		blind_spots(&p);
	}
	if (r->tree)
		report_tree(r, out, p.width);
	for (const struct finding *f = findings_first(r->findings); f; f = f->next)
		if (report_shows(r, f)) {
			finding(&p, f);
			shown++;
		}
	if (!r->options->quiet)
		ending(&p, shown);
}
