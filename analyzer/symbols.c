/*
 * analyzer/symbols.c: addresses to functions: modules and results are kept. See symbols.h and symbols_parts.h.
 *
 * Memory grows with distinct modules and addresses. Strings are kept once.
 */
#define _GNU_SOURCE
#include "analyzer/symbols_parts.h"

#include <libiberty/demangle.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "analyzer/hash.h"

struct text {
	UT_hash_handle hh;
	char bytes[];
};

struct place {
	uint64_t offset;
	size_t n;
	struct frame *frame;
	UT_hash_handle hh;
};

struct module {
	char *key;              /* path and build id */
	const char *path, *build_id;
	Dwfl *dwfl;             /* NULL: not open, or cannot be symbolised: then a problem says why */
	Dwfl_Module *mod;
	int failed;
	struct cu_ranges ranges;
	struct place *places;
	UT_hash_handle hh;
};

struct symbols {
	struct module *modules, *open;
	struct text *texts;
	char **problem;
	size_t problems;
};

/* ---- strings ------------------------------------------------------------------------------------------------------------- */

static const char *intern(struct symbols *s, const char *bytes)
{
	struct text *t;
	size_t n;

	if (!bytes)
		return NULL;
	n = strlen(bytes);
	HASH_FIND(hh, s->texts, bytes, n, t);
	if (!t && (t = malloc(sizeof *t + n + 1))) {
		memcpy(t->bytes, bytes, n + 1);
		HASH_ADD_KEYPTR(hh, s->texts, t->bytes, n, t);
	}
	return t ? t->bytes : NULL;
}

/* Demangled, or put into its scope. Frees the scope. */
static const char *function_text(struct symbols *s, struct found *f)
{
	char *plain = f->function ? cplus_demangle(f->function, DMGL_PARAMS | DMGL_ANSI) : NULL;
	const char *text;

	if (f->function && f->scope && !plain && asprintf(&plain, "%s::%s", f->scope, f->function) < 0)
		plain = NULL;
	text = intern(s, plain ? plain : f->function);
	free(plain);
	free(f->scope);
	f->scope = NULL;
	return text;
}

/* "./" says nothing: "/b/./a.c" is "/b/a.c". ".." stays: what it means depends on links. Frees the name. */
static const char *file_text(struct symbols *s, char *name)
{
	const char *text;
	char *to = name;

	for (const char *from = name; from && *from;) {
		int start = to == name || to[-1] == '/';

		if (start && from[0] == '.' && from[1] == '/' && from[2])
			from += 2;
		else if (start && to > name && from[0] == '/')
			from++;
		else
			*to++ = *from++;
	}
	if (to)
		*to = '\0';
	text = intern(s, name);
	free(name);
	return text;
}

/* ---- modules ------------------------------------------------------------------------------------------------------------- */

static void problem(struct symbols *s, const char *path, const char *why)
{
	char **grown = realloc(s->problem, (s->problems + 1) * sizeof *grown);

	if (!grown)
		return;
	s->problem = grown;
	if (asprintf(&grown[s->problems], "%s: its functions have no names: %s", path, why) >= 0)
		s->problems++;
}

/* At bias 0: module addresses are ELF virtual addresses. */
static void report(struct symbols *s, struct module *m, int fd, const char *file)
{
	static char *path; /* NULL: the standard places */
	static const Dwfl_Callbacks callbacks = { .find_elf = dwfl_build_id_find_elf, .find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address, .debuginfo_path = &path };

	m->dwfl = dwfl_begin(&callbacks);
	if (m->dwfl) {
		dwfl_report_begin(m->dwfl);
		m->mod = dwfl_report_elf(m->dwfl, m->path, file, fd, 0, true);
		dwfl_report_end(m->dwfl, NULL, NULL);
	}
	if (m->mod)
		return;
	m->failed = 1;
	problem(s, m->path, "it is not a usable ELF file");
	if (m->dwfl)
		dwfl_end(m->dwfl);
	m->dwfl = NULL;
	close(fd);
}

static void module_open(struct symbols *s, struct module *m, struct build_id id)
{
	const char *why = "";
	char *file;
	int fd = file_open(m->path, id, &file, &why);

	m->failed = fd < 0;
	if (fd < 0)
		problem(s, m->path, why);
	else
		report(s, m, fd, file ? file : m->path);
	free(file);
}

static struct module *module_get(struct symbols *s, const char *path, struct build_id id)
{
	char hex[2 * 64 + 1] = "", *key;
	struct module *m;

	for (uint32_t i = 0; i < id.len; i++)
		snprintf(hex + 2 * i, 3, "%02x", id.bytes[i]);
	if (asprintf(&key, "%s %s", hex, path) < 0)
		return NULL;
	HASH_FIND_STR(s->modules, key, m);
	if (m || !(m = calloc(1, sizeof *m))) {
		free(key);
		return m;
	}
	m->key = key;
	m->path = intern(s, path);
	m->build_id = intern(s, hex);
	m->failed = !m->path;
	HASH_ADD_KEYPTR(hh, s->modules, m->key, strlen(m->key), m);
	return m;
}

static void module_close(struct module *m)
{
	if (m->dwfl) {
		dwfl_end(m->dwfl);
		malloc_trim(0); /* sections that were compressed take some ten MB */
	}
	m->dwfl = NULL;
	m->mod = NULL;
	free(m->ranges.range);
	m->ranges = (struct cu_ranges) { 0 };
}

/* One at a time. 0: it cannot be symbolised. */
static int module_use(struct symbols *s, struct module *m, struct build_id id)
{
	if (m->failed || m->mod)
		return m->mod != NULL;
	if (s->open)
		module_close(s->open);
	s->open = m;
	module_open(s, m, id);
	return m->mod != NULL;
}

static void module_free(struct module *m)
{
	struct place *p, *next;

	HASH_ITER(hh, m->places, p, next) {
		HASH_DEL(m->places, p);
		free(p->frame);
		free(p);
	}
	module_close(m);
	free(m->key);
	free(m);
}

/* ---- lookups ------------------------------------------------------------------------------------------------------------- */

static struct place *place_make(struct symbols *s, struct module *m, struct build_id id, uint64_t offset)
{
	struct found found[INLINED_MAX] = { 0 };
	struct place *p = calloc(1, sizeof *p);
	size_t n = module_use(s, m, id) && offset ? dwarf_lookup(m->mod, &m->ranges, offset - 1, found) : 0;

	if (!p || !(p->frame = calloc(n ? n : 1, sizeof *p->frame))) {
		free(p);
		return NULL;
	}
	p->offset = offset;
	p->n = n ? n : 1;
	for (size_t i = 0; i < p->n; i++) {
		p->frame[i] = (struct frame) { .module = m->path, .build_id = m->build_id, .offset = offset };
		p->frame[i].function = function_text(s, &found[i]);
		p->frame[i].file = file_text(s, found[i].file);
		p->frame[i].line = p->frame[i].file ? found[i].line : 0;
		p->frame[i].declared = p->frame[i].line >= found[i].declared ? found[i].declared : 0;
		p->frame[i].inlined = i + 1 < p->n;
	}
	return p;
}

size_t symbols_lookup(struct symbols *s, const char *path, const uint8_t *build_id, uint32_t build_id_len, uint64_t offset,
                      const struct frame **frames)
{
	static const struct frame nothing;
	struct build_id id = { build_id, build_id_len < 64 ? build_id_len : 64 };
	struct module *m = module_get(s, path, id);
	struct place *p = NULL;

	if (m)
		HASH_FIND(hh, m->places, &offset, sizeof offset, p);
	if (m && !p && (p = place_make(s, m, id, offset)))
		HASH_ADD(hh, m->places, offset, sizeof p->offset, p);
	*frames = p ? p->frame : &nothing;
	return p ? p->n : 1;
}

/* ---- the interface ------------------------------------------------------------------------------------------------------- */

struct symbols *symbols_new(void)
{
	return calloc(1, sizeof(struct symbols));
}

const char *symbols_problem(const struct symbols *s, size_t i)
{
	return i < s->problems ? s->problem[i] : NULL;
}

void symbols_free(struct symbols *s)
{
	struct module *m, *next;
	struct text *t, *after;

	HASH_ITER(hh, s->modules, m, next) {
		HASH_DEL(s->modules, m);
		module_free(m);
	}
	HASH_ITER(hh, s->texts, t, after) {
		HASH_DEL(s->texts, t);
		free(t);
	}
	for (size_t i = 0; i < s->problems; i++)
		free(s->problem[i]);
	free(s->problem);
	free(s);
}
