/*
 * analyzer/report_suppressions.c: a file of suppressions (suppress.h) for the findings of a report: each by its id, what it is as a comment, and, as a
 * comment too, a line that goes on holding when the program changes around it: the rule, and the function that did it.
 */
#include <inttypes.h>
#include <string.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/report.h"

/* One line, whatever a name holds. */
static void put_line(FILE *out, const char *s)
{
	char *clean = clean_text(s ? s : "", s ? strlen(s) : 0);

	fputs(clean, out);
	free(clean);
}

/* A function's name, of which no character is a pattern. */
static void put_literal(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("*?[\\", *s))
			fputc('\\', out);
		fputc(*s == '\n' || *s == '\r' ? '?' : *s, out);
	}
}

static void wider(const struct finding *f, FILE *out)
{
	const struct finding_stack *last = f->nstacks ? &f->stacks[f->nstacks - 1] : NULL;

	for (size_t i = 0; last && i < last->frames.n; i++) {
		if (!last->frames.at[i].function)
			continue;
		fprintf(out, "# or:  %s:%s:", f->rule->id, role_name(last->role));
		put_literal(out, last->frames.at[i].function);
		fputc('\n', out);
		return;
	}
}

void report_suppressions(const struct report *r, FILE *out)
{
	fputs("# fdwarden suppressions: what follows is not reported with --suppressions=THIS FILE\n", out);
	for (const struct finding *f = findings_first(r->findings); f; f = f->next) {
		if (!report_shows(r, f))
			continue;
		fprintf(out, "\n# %s, ", severity_name(f->severity));
		put_line(out, f->exe);
		fputs(": ", out);
		put_line(out, f->message);
		fputc('\n', out);
		wider(f, out);
		fprintf(out, "%s\n", f->id);
	}
}
