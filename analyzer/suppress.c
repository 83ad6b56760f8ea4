/*
 * analyzer/suppress.c: see suppress.h. The file is somebody's, so nothing in it is trusted: sizes are bounded, bytes are not text.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include "analyzer/describe.h"
#include "analyzer/finding.h"
#include "analyzer/memory.h"
#include "analyzer/suppress.h"

/* A file of suppressions is written by hand; more than this is a mistake (a trace, a core). */
#define SIZE_MAX_BYTES (4u << 20)

struct line {
	char *text;          /* as written: the finding's id, or RULE:STAGE:PATTERN */
	char *rule, *stage, *pattern; /* rule NULL: an id */
	uint64_t used;
};

struct suppressions {
	struct line *lines;
	size_t n;
};

static int is_role(const char *s)
{
	if (!strcmp(s, "*"))
		return 1;
	for (int r = ROLE_OPENED; r <= ROLE_INSTALLED; r++)
		if (!strcmp(s, role_name((enum role)r)))
			return 1;
	return 0;
}

/* RULE-xxxxxxxx of any rule, also of one that this version does not have. */
static int is_id(const char *s)
{
	size_t n = strlen(s);

	if (n < 10 || s[n - 9] != '-')
		return 0;
	return strspn(s + n - 8, "0123456789abcdef") == 8 && strspn(s, "abcdefghijklmnopqrstuvwxyz-0123456789") == n;
}

static const char *parse_parts(struct line *l)
{
	char *stage = strchr(l->text, ':'), *pattern = stage ? strchr(stage + 1, ':') : NULL;

	if (!stage)
		return is_id(l->text) ? NULL : "neither a finding's id nor RULE:STAGE:PATTERN";
	if (!pattern || !pattern[1])
		return "no PATTERN: RULE:STAGE:PATTERN is wanted";
	l->rule = strndup(l->text, (size_t)(stage - l->text));
	l->stage = strndup(stage + 1, (size_t)(pattern - stage - 1));
	l->pattern = strdup(pattern + 1);
	if (!l->rule || !l->stage || !l->pattern)
		out_of_memory();
	if (strcmp(l->rule, "*") && !rule_by_id(l->rule))
		return "no such RULE: `fdwarden report --help` lists them";
	if (!is_role(l->stage))
		return "no such STAGE: opened, duplicated, closed, reused, used, armed, delivered, rearmed, forked, execed, installed or *";
	return NULL;
}

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

static const char *parse_line(struct suppressions *s, const char *p, size_t n)
{
	struct line *l;

	while (n && is_blank(*p))
		p++, n--;
	while (n && is_blank(p[n - 1]))
		n--;
	if (!n || *p == '#')
		return NULL;
	if (memchr(p, 0, n))
		return "this is no text";
	if (s->n % 32 == 0)
		s->lines = xrealloc(s->lines, (s->n + 32) * sizeof *s->lines);
	l = &s->lines[s->n++];
	*l = (struct line){ .text = strndup(p, n) };
	xcheck(l->text);
	return parse_parts(l);
}

struct suppressions *suppressions_parse(const char *name, const char *text, size_t n, char *error, size_t size)
{
	struct suppressions *s = xcalloc(1, sizeof *s);
	const char *end = text + n, *wrong = NULL;

	for (unsigned line = 1; text < end && !wrong; line++) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));

		wrong = parse_line(s, text, (size_t)((eol ? eol : end) - text));
		if (wrong)
			snprintf(error, size, "%s:%u: %s", name, line, wrong);
		text = eol ? eol + 1 : end;
	}
	if (!wrong)
		return s;
	suppressions_free(s);
	return NULL;
}

struct suppressions *suppressions_read(const char *path, char *error, size_t size)
{
	FILE *f = fopen(path, "re");
	struct suppressions *s = NULL;
	char *text = NULL;
	size_t n = 0;

	if (f) {
		text = xmalloc(SIZE_MAX_BYTES + 1);
		n = fread(text, 1, SIZE_MAX_BYTES + 1, f);
	}
	if (!f || ferror(f))
		snprintf(error, size, "cannot read the suppressions %s: %s", path, strerror(errno));
	else if (n > SIZE_MAX_BYTES)
		snprintf(error, size, "%s is too large to be a file of suppressions", path);
	else
		s = suppressions_parse(path, text, n, error, size);
	if (f)
		fclose(f);
	free(text);
	return s;
}

void suppressions_free(struct suppressions *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		free(s->lines[i].text);
		free(s->lines[i].rule);
		free(s->lines[i].stage);
		free(s->lines[i].pattern);
	}
	if (s)
		free(s->lines);
	free(s);
}

/* ---- matching --------------------------------------------------------------------------------------------------------------------------*/

static int matches_path(const char *pattern, const char *path)
{
	const char *slash;

	if (!path)
		return 0;
	slash = strrchr(path, '/');
	return !fnmatch(pattern, path, 0) || (slash && !fnmatch(pattern, slash + 1, 0));
}

static int matches_frame(const char *pattern, const struct frame *f)
{
	size_t n;

	if (f->function && !fnmatch(pattern, f->function, 0))
		return 1;
	if (matches_path(pattern, f->module) || matches_path(pattern, f->file))
		return 1;
	/* src/net.c is also .../src/net.c */
	n = f->file ? strlen(f->file) : 0;
	return n > strlen(pattern) && f->file[n - strlen(pattern) - 1] == '/' && !strcmp(f->file + n - strlen(pattern), pattern);
}

static int matches(const struct line *l, const struct finding *f)
{
	if (!l->rule)
		return !strcmp(l->text, f->id);
	if (strcmp(l->rule, "*") && strcmp(l->rule, f->rule->id))
		return 0;
	for (unsigned i = 0; i < f->nstacks; i++) {
		if (strcmp(l->stage, "*") && strcmp(l->stage, role_name(f->stacks[i].role)))
			continue;
		for (size_t k = 0; k < f->stacks[i].frames.n; k++)
			if (matches_frame(l->pattern, &f->stacks[i].frames.at[k]))
				return 1;
	}
	return 0;
}

const char *suppressions_match(struct suppressions *s, const struct finding *f)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (matches(&s->lines[i], f)) {
			s->lines[i].used++;
			return s->lines[i].text;
		}
	return NULL;
}

const char *suppressions_unused(const struct suppressions *s, size_t at)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (!s->lines[i].used && at-- == 0)
			return s->lines[i].text;
	return NULL;
}

/* "... at MODULE+0x11c7: ...; close by thread 17 at MODULE+0x11b2" */
static int names_module(const char *logged, const char *pattern)
{
	for (const char *plus = strstr(logged, "+0x"), *at; plus; plus = strstr(plus + 1, "+0x")) {
		char module[256];
		size_t n;

		for (at = plus; at > logged && at[-1] != ' '; at--)
			;
		n = (size_t)(plus - at);
		if (n >= sizeof module)
			continue;
		memcpy(module, at, n);
		module[n] = 0;
		if (!fnmatch(pattern, module, 0))
			return 1;
	}
	return 0;
}

const char *suppressions_match_logged(struct suppressions *s, const char *rule, const char *logged)
{
	for (size_t i = 0; s && i < s->n; i++) {
		struct line *l = &s->lines[i];

		if (!l->rule || (strcmp(l->rule, "*") && strcmp(l->rule, rule)) || (strcmp(l->pattern, "*") && !names_module(logged, l->pattern)))
			continue;
		l->used++;
		return l->text;
	}
	return NULL;
}
