/*
 * analyzer/unit_file.c: see unit_file.h. Follows systemd.unit(5) and systemd.syntax(7): search path, aliases, order of drop-ins, lines, words.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "analyzer/memory.h"
#include "analyzer/unit_file.h"

#define TEXT_MAX (1 << 20)
#define LINKS_MAX 8 /* a chain of them may be a ring */
#define BLANKS " \t\r\n"

/* systemd-analyze unit-paths, the first wins. */
static const char *const places[] = {
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/run/systemd/generator.early", "/etc/systemd/system",
	"/etc/systemd/system.attached", "/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator", "/usr/local/lib/systemd/system",
	"/lib/systemd/system", "/usr/lib/systemd/system", "/run/systemd/generator.late" };
#define PLACES (sizeof places / sizeof *places)

/* ---- the text ------------------------------------------------------------------------------------------------------------------------------------*/

static char *read_all(int fd, size_t size)
{
	char *text = xmalloc(size + 1);
	size_t got = 0;
	ssize_t n;

	while (got < size && (n = read(fd, text + got, size - got)) != 0) {
		if (n < 0 && errno != EINTR) {
			free(text);
			return NULL;
		}
		got += n > 0 ? (size_t)n : 0;
	}
	text[got] = 0;
	return text;
}

char *unit_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error;
	char *text = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0)
		;
	else if (!S_ISREG(st.st_mode))
		errno = EINVAL;
	else if (st.st_size > TEXT_MAX)
		errno = EFBIG;
	else
		text = read_all(fd, (size_t)st.st_size);
	error = errno;
	close(fd);
	errno = error;
	return text;
}

static char *trimmed(char *s)
{
	char *end;

	s += strspn(s, BLANKS);
	for (end = s + strlen(s); end > s && strchr(BLANKS, end[-1]); end--)
		;
	*end = 0;
	return s;
}

static void add_line(struct unit *u, const char *file, char *line, int *in_service)
{
	char *equals;

	line = trimmed(line);
	if (*line == '[')
		*in_service = !strcmp(line, "[Service]");
	else if (*in_service && (equals = strchr(line, '='))) {
		*equals = 0;
		u->settings = xrealloc(u->settings, (u->n + 1) * sizeof *u->settings);
		u->settings[u->n++] = (struct unit_setting){ file, trimmed(line), trimmed(equals + 1) };
	}
}

/* Whether the line goes on in the next one: its last backslash is not itself escaped. */
static int goes_on(const char *line, size_t n)
{
	size_t slashes = 0;

	while (slashes < n && line[n - slashes - 1] == '\\')
		slashes++;
	return slashes % 2;
}

/* Lines that go on are put together in place; comments between them fall away. Keys and values stay where they are in `text`. */
static void add_text(struct unit *u, const char *file, char *text)
{
	char *from = text, *to = text, *start = text;
	int in_service = 0;

	while (*from) {
		size_t n = strcspn(from, "\n");
		char *next = from + n + (from[n] != 0);
		char first = from[strspn(from, " \t\r")];
		if (first != '#' && first != ';') {
			int more = goes_on(from, n);
			memmove(to, from, n);
			to += n;
			if (more)
				to[-1] = ' ';
			if (!more || !*next) {
				*to++ = 0; /* where the newline, or the end, was */
				add_line(u, file, start, &in_service);
				start = to;
			}
		}
		from = next;
	}
	if (to > start) { /* only comments after a line that should go on */
		*to = 0;
		add_line(u, file, start, &in_service);
	}
}

/* ---- names ---------------------------------------------------------------------------------------------------------------------------------------*/

/* Where the prefix of prefix@instance.service ends. */
static size_t prefix_length(const char *name)
{
	const char *end = strchr(name, '@');

	end = end ? end : strrchr(name, '.');
	return end ? (size_t)(end - name) : strlen(name);
}

/* Of name@instance.service the template is name@.service; 0 for any other name. */
static int template_of(const char *name, char *template, size_t n)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');

	if (!at || !dot || dot <= at + 1)
		return 0;
	return snprintf(template, n, "%.*s%s", (int)(at + 1 - name), name, dot) < (int)n;
}

static int find_file(struct unit *u, const char *name)
{
	struct stat st;

	for (size_t i = 0; i < PLACES; i++) {
		snprintf(u->file, sizeof u->file, "%s/%s", places[i], name);
		if (stat(u->file, &st) == 0 || errno == EACCES)
			return 1;
	}
	u->file[0] = 0;
	return 0;
}

static int find_unit(struct unit *u, const char *name)
{
	char template[UNIT_NAME];

	return find_file(u, name) || (template_of(name, template, sizeof template) && find_file(u, template));
}

/* The unit that the file of `name` is a link to, of the same instance when it is a template. 0: it is no link to another. */
static int linked_to(const char *file, const char *name, char *to, size_t n)
{
	const char *at = strchr(name, '@'), *base, *to_at;
	char real[PATH_MAX];
	struct stat st;

	if (lstat(file, &st) != 0 || !S_ISLNK(st.st_mode) || !realpath(file, real))
		return 0;
	base = strrchr(real, '/') + 1;
	if (!strcmp(base, strrchr(file, '/') + 1) || !strstr(base, ".service"))
		return 0;
	to_at = strstr(base, "@.");
	return to_at && at ? snprintf(to, n, "%.*s%s", (int)(to_at - base), base, at) < (int)n : snprintf(to, n, "%s", base) < (int)n;
}

/* A link to a unit of another name in the search path is that unit; elsewhere it is a file of its own. */
static int find_real(struct unit *u, const char *name)
{
	char to[UNIT_NAME], file[PATH_MAX];

	snprintf(u->names[0], UNIT_NAME, "%s", name);
	u->nnames = 1;
	if (!find_unit(u, name))
		return 0;
	for (int links = 0; links < LINKS_MAX && linked_to(u->file, u->names[0], to, sizeof to); links++) {
		memcpy(file, u->file, sizeof file);
		if (!find_unit(u, to)) {
			memcpy(u->file, file, sizeof file);
			break;
		}
		memcpy(u->names[0], to, sizeof to);
	}
	return 1;
}

/* The link in a place may be another name of this unit; one of a template is so for the same instance. */
static void add_alias(struct unit *u, const char *place, const char *link)
{
	const char *instance = strchr(u->names[0], '@'), *at = strstr(link, "@.");
	char name[UNIT_NAME], to[UNIT_NAME], file[PATH_MAX];

	if (snprintf(name, sizeof name, "%.*s%s", at && instance ? (int)(at - link) : UNIT_NAME, link, at && instance ? instance : "") >= (int)sizeof name)
		return;
	snprintf(file, sizeof file, "%s/%s", place, link);
	for (int i = 0; i < u->nnames; i++)
		if (!strcmp(u->names[i], name))
			return;
	if (u->nnames < UNIT_NAMES && linked_to(file, name, to, sizeof to) && !strcmp(to, u->names[0]))
		memcpy(u->names[u->nnames++], name, sizeof name);
}

static void find_aliases(struct unit *u)
{
	struct dirent *e;

	for (size_t i = 0; i < PLACES; i++) {
		DIR *f = opendir(places[i]);
		while (f && (e = readdir(f)))
			if ((e->d_type == DT_LNK || e->d_type == DT_UNKNOWN) && strstr(e->d_name, ".service"))
				add_alias(u, places[i], e->d_name);
		if (f)
			closedir(f);
	}
}

/* ---- drop-ins ------------------------------------------------------------------------------------------------------------------------------------*/

struct drop_ins {
	char **paths;
	size_t n;
};

static const char *base_of(const char *path) { return strrchr(path, '/') + 1; }
static int by_base(const void *a, const void *b) { return strcmp(base_of(*(char *const *)a), base_of(*(char *const *)b)); }

/* The same file name in a place that comes first is used instead. */
static void add_folder(struct drop_ins *d, const char *place, const char *name)
{
	char *dir = xasprintf("%s/%s.d", place, name);
	DIR *f = opendir(dir);
	struct dirent *e;
	size_t i, n;

	while (f && (e = readdir(f))) {
		n = strlen(e->d_name);
		if (*e->d_name == '.' || n < 6 || strcmp(e->d_name + n - 5, ".conf"))
			continue;
		for (i = 0; i < d->n && strcmp(base_of(d->paths[i]), e->d_name); i++)
			;
		if (i < d->n)
			continue;
		d->paths = xrealloc(d->paths, (d->n + 1) * sizeof *d->paths);
		d->paths[d->n++] = xasprintf("%s/%s", dir, e->d_name);
	}
	if (f)
		closedir(f);
	free(dir);
}

/* a-b@c.service: its own, those of its template, and with each part of the prefix taken off: a-@c.service, a-@.service, a-.service. */
static void add_folders(struct drop_ins *d, const char *place, const char *name)
{
	char other[UNIT_NAME];
	size_t n = prefix_length(name), keep = n;
	const char *rest = strncmp(name + n, "@.", 2) ? name + n : name + n + 1;

	add_folder(d, place, name);
	if (template_of(name, other, sizeof other))
		add_folders(d, place, other);
	if (keep && name[keep - 1] == '-')
		keep--;
	while (keep && name[keep - 1] != '-')
		keep--;
	if (!keep)
		return;
	snprintf(other, sizeof other, "%.*s%s", (int)keep, name, rest);
	add_folders(d, place, other);
}

static void add_drop_ins(struct unit *u, const char *except)
{
	struct drop_ins d = { 0 };
	char *text;

	for (int name = 0; name < u->nnames; name++)
		for (size_t i = 0; i < PLACES; i++)
			add_folders(&d, places[i], u->names[name]);
	for (size_t i = 0; i < PLACES; i++)
		add_folder(&d, places[i], "service");
	if (d.n)
		qsort(d.paths, d.n, sizeof *d.paths, by_base);
	for (size_t i = 0; i < d.n; i++)
		if (strcmp(d.paths[i], except) && (text = unit_text(d.paths[i])))
			add_text(u, d.paths[i], text);
	free(d.paths);
}

enum unit_state unit_load(struct unit *u, const char *name, const char *except)
{
	struct stat st;
	char *text;

	memset(u, 0, sizeof *u);
	if (!find_real(u, name))
		return UNIT_MISSING;
	if (stat(u->file, &st) == 0 && (S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && !st.st_size)))
		return UNIT_MASKED;
	text = unit_text(u->file);
	if (!text)
		return UNIT_UNREADABLE;
	add_text(u, u->file, text);
	find_aliases(u);
	add_drop_ins(u, except);
	return UNIT_THERE;
}

/* ---- values --------------------------------------------------------------------------------------------------------------------------------------*/

const char *unit_value(const struct unit *u, const char *key)
{
	for (size_t i = u->n; i > 0; i--)
		if (!strcmp(u->settings[i - 1].key, key))
			return *u->settings[i - 1].value ? u->settings[i - 1].value : NULL;
	return NULL;
}

const struct unit_setting *unit_next(const struct unit *u, const char *key, size_t *at)
{
	for (size_t i = 0; *at == 0 && i < u->n; i++)
		if (!*u->settings[u->n - i - 1].value && !strcmp(u->settings[u->n - i - 1].key, key))
			*at = u->n - i;
	while (*at < u->n)
		if (!strcmp(u->settings[(*at)++].key, key))
			return &u->settings[*at - 1];
	return NULL;
}

/* What stands behind a backslash; *at is moved over it. */
static char escaped(const char **at)
{
	static const char from[] = "abfnrtvs", to[] = "\a\b\f\n\r\t\v ";
	const char *known = strchr(from, **at);
	char hex[3] = { 0 };

	if (**at == 'x' && isxdigit((unsigned char)(*at)[1]) && isxdigit((unsigned char)(*at)[2])) {
		memcpy(hex, *at + 1, 2);
		*at += 3;
		return (char)strtoul(hex, NULL, 16);
	}
	return (*at)++, known ? to[known - from] : (*at)[-1];
}

int unit_word(const char **at, char *word, size_t n)
{
	const char *p = *at + strspn(*at, BLANKS);
	char quote = 0, c;
	size_t used = 0;

	if (!*p) {
		*at = p;
		return 0;
	}
	while (*p && (quote || !strchr(BLANKS, *p))) {
		c = *p++;
		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? 0 : c;
			continue;
		}
		if (c == '\\' && *p)
			c = escaped(&p);
		if (used + 1 < n)
			word[used++] = c;
	}
	word[used] = 0;
	*at = p;
	return 1;
}

/* NULL: not known here, as it depends on the machine or on a user. */
static const char *specifier(const struct unit *u, char which, char *buffer, size_t n)
{
	static const char *const fixed[][2] = { { "%", "%" }, { "t", "/run" }, { "S", "/var/lib" }, { "C", "/var/cache" }, { "L", "/var/log" },
		{ "E", "/etc" }, { "T", "/tmp" }, { "V", "/var/tmp" } };
	const char *name = u->names[0], *at = strchr(name, '@'), *dot = strrchr(name, '.');

	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (fixed[i][0][0] == which)
			return fixed[i][1];
	switch (which) {
	case 'n': return name;
	case 'N': snprintf(buffer, n, "%.*s", (int)(dot ? dot - name : 0), name); return buffer;
	case 'p': snprintf(buffer, n, "%.*s", (int)prefix_length(name), name); return buffer;
	case 'i':
		if (!at || !dot || dot <= at + 1)
			return NULL;
		snprintf(buffer, n, "%.*s", (int)(dot - at - 1), at + 1);
		return buffer;
	default: return NULL;
	}
}

int unit_expand(const struct unit *u, const char *s, char *out, size_t n)
{
	char buffer[UNIT_NAME];
	const char *value;
	size_t used = 0, length;

	for (; *s; s++) {
		value = NULL;
		if (*s == '%' && !(value = specifier(u, *++s, buffer, sizeof buffer)))
			return -1;
		length = value ? strlen(value) : 1;
		if (used + length >= n)
			return -1;
		memcpy(out + used, value ? value : s, length);
		used += length;
	}
	out[used] = 0;
	return 0;
}

int unit_is_yes(const char *v)
{
	static const char *const words[] = { "1", "yes", "y", "true", "t", "on" };

	for (size_t i = 0; v && i < sizeof words / sizeof *words; i++)
		if (!strcasecmp(v, words[i]))
			return 1;
	return 0;
}
