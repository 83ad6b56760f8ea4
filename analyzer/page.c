/*
 * analyzer/page.c: see page.h.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "analyzer/describe.h"
#include "analyzer/page.h"

int page_colors(enum color c, FILE *out)
{
	const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");

	if (c != COLOR_AUTO)
		return c == COLOR_ALWAYS;
	if (no && *no)
		return 0;
	if (force && *force && strcmp(force, "0"))
		return 1;
	return isatty(fileno(out)) && term && *term && strcmp(term, "dumb");
}

unsigned page_width(FILE *out, unsigned otherwise)
{
	const char *columns = getenv("COLUMNS");
	struct winsize w;
	long n = columns ? strtol(columns, NULL, 10) : 0;

	if (n < 1 && fileno(out) >= 0 && ioctl(fileno(out), TIOCGWINSZ, &w) == 0)
		n = w.ws_col;
	return n < 1 ? otherwise : n < 40 ? 40 : n > 200 ? 200 : (unsigned)n;
}

unsigned columns_of(const char *s, size_t n)
{
	unsigned c = 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] != '\033')
			c += ((unsigned char)s[i] & 0xc0) != 0x80;
		else
			while (i + 1 < n && s[i] != 'm')
				i++;
	return c;
}

static void put_escaped(FILE *out, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '&': fputs("&amp;", out); break;
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '"': fputs("&quot;", out); break;
		default: fputc(*s, out);
		}
}

void put_html(FILE *out, const char *s)
{
	while (s && *s) {
		size_t n = strcspn(s, "\n");
		char *line = clean_text(s, n);

		put_escaped(out, line);
		free(line);
		s += n;
		if (*s)
			fputc(*s++, out);
	}
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : *path ? path : "?";
}

const char *called_name(const char *exe, const char *arguments, size_t *n)
{
	const char *name = arguments + (*arguments == '-'), *slash;

	*n = strcspn(name, " ");
	slash = memrchr(name, '/', *n);
	if (slash) {
		*n -= (size_t)(slash + 1 - name);
		name = slash + 1;
	}
	if (*n)
		return name;
	name = base_name(exe);
	*n = strlen(name);
	return name;
}
