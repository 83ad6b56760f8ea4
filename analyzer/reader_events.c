/*
 * analyzer/reader_events.c: where a packet stops to make sense.
 *
 * libbabeltrace2 2.0 crashes on some nonsense (a sequence longer than 2^31), and ends a stream at the first it notices. So
 * packets are walked before it sees them, event by event: ids, lengths and ends of strings. Shapes of events are taken from the
 * metadata text, in LTTng's way to write it; what is not understood (contexts, floating point, variants) is taken on trust.
 */
#include "analyzer/reader_parts.h"

#include <ctype.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 40
#define NAME_MAX_ 64

enum step_kind { STEP_FIXED, STEP_LENGTH, STEP_SEQUENCE, STEP_STRING };

/* An event is a list of steps: n bytes; a length of n bytes; elements of n bytes, as many as length `of` says; a string. */
struct step {
	uint8_t kind, of;
	uint32_t n;
};

enum header { HEADER_UNKNOWN, HEADER_COMPACT, HEADER_LARGE };

struct shape {
	uint32_t stream, id;
	int known;
	unsigned steps;
	struct step step[STEPS_MAX];
};

struct shapes {
	struct shape *shape;
	size_t n;
	enum header header;
};

/* ---- the text ------------------------------------------------------------------------------------------------------------ */

static const char *skip_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static int starts(const char *p, const char *word) { return !strncmp(p, word, strlen(word)); }

/* From "{" past the "}" that closes it; NULL: there is none. */
static const char *skip_block(const char *p)
{
	int depth = 0, quoted = 0;

	for (; *p; p++) {
		if (*p == '"' && p[-1] != '\\')
			quoted = !quoted;
		if (quoted)
			continue;
		depth += (*p == '{') - (*p == '}');
		if (depth == 0)
			return p + 1;
	}
	return NULL;
}

/* "integer { size = 32; align = 8; ... }": bytes, and what follows; 0: something else. */
static unsigned integer_type(const char **p)
{
	const char *block = starts(*p, "integer {") ? *p + 8 : NULL, *end = block ? skip_block(block) : NULL;
	const char *size = end ? strstr(block, "size = ") : NULL, *align = end ? strstr(block, "align = ") : NULL;
	unsigned long bits;

	if (!size || size > end || !align || align > end || strtoul(align + 8, NULL, 10) != 8)
		return 0;
	bits = strtoul(size + 7, NULL, 10);
	*p = skip_space(end);
	return bits <= 64 && bits % 8 == 0 ? bits / 8 : 0;
}

struct member {
	char name[NAME_MAX_], length[NAME_MAX_]; /* length: the field that counts a sequence, "" otherwise */
	unsigned bytes;                          /* of one element; 0: a string */
	unsigned long count;                     /* of an array */
};

static const char *word(const char *p, char out[NAME_MAX_])
{
	size_t n = 0;

	for (p = skip_space(p); isalnum((unsigned char)*p) || *p == '_'; p++)
		if (n + 1 < NAME_MAX_)
			out[n++] = *p;
	out[n] = '\0';
	return skip_space(p);
}

/* One member up to its ";". NULL: not understood. */
static const char *parse_member(const char *p, struct member *m)
{
	int is_enum = starts(p, "enum : ");

	*m = (struct member) { .count = 1 };
	if (starts(p, "string") && isspace((unsigned char)p[6]))
		p = skip_space(p + 6);
	else {
		p += is_enum ? 7 : 0;
		m->bytes = integer_type(&p);
		if (!m->bytes || (is_enum && (*p != '{' || !(p = skip_block(p)))))
			return NULL;
	}
	p = word(p, m->name);
	if (*p == '[' && m->bytes) {
		p = skip_space(p + 1);
		if (isdigit((unsigned char)*p))
			m->count = strtoul(p, NULL, 10);
		else
			word(p, m->length);
		p = strchr(p, ']');
		p = p ? skip_space(p + 1) : NULL;
	}
	return p && *p == ';' && m->name[0] ? skip_space(p + 1) : NULL;
}

static int add_step(struct shape *s, enum step_kind kind, uint32_t n, uint8_t of)
{
	struct step *last = s->steps ? &s->step[s->steps - 1] : NULL;

	if (kind == STEP_FIXED && last && last->kind == STEP_FIXED) {
		last->n += n;
		return 1;
	}
	if (s->steps == STEPS_MAX)
		return 0;
	s->step[s->steps++] = (struct step) { kind, of, n };
	return 1;
}

/* "struct {" at p. LTTng puts the length of a sequence before it, named in the brackets. 0: not understood. */
static int parse_fields(const char *p, struct shape *s)
{
	char length[8][NAME_MAX_] = { "" };
	uint8_t lengths = 0;
	struct member m;
	int fine = 1;

	p = strchr(p, '{');
	for (p = p ? skip_space(p + 1) : NULL; fine && p && *p != '}';) {
		p = parse_member(p, &m);
		if (!p || m.count > UINT16_MAX)
			return 0;
		if (!m.bytes)
			fine = add_step(s, STEP_STRING, 0, 0);
		else if (m.length[0]) {
			uint8_t of = 0;

			while (of < lengths && strcmp(length[of], m.length))
				of++;
			fine = of < lengths && add_step(s, STEP_SEQUENCE, m.bytes, of);
		} else if (strstr(m.name, "_length") && lengths < 8) {
			strcpy(length[lengths], m.name);
			fine = add_step(s, STEP_LENGTH, m.bytes, lengths++);
		} else
			fine = add_step(s, STEP_FIXED, m.bytes * m.count, 0);
	}
	return fine && p;
}

/* The value of "key = N;" in a block; -1: none. */
static long value(const char *block, const char *end, const char *key)
{
	const char *p = strstr(block, key);

	return p && p < end ? (long)(strtoul(p + strlen(key), NULL, 0) & UINT32_MAX) : -1;
}

static void parse_event(struct shapes *all, const char *block, const char *end)
{
	const char *fields = strstr(block, "fields := struct"), *context = strstr(block, "context := ");
	long id = value(block, end, "\tid = "), stream = value(block, end, "\tstream_id = ");
	struct shape *grown = realloc(all->shape, (all->n + 1) * sizeof *grown);

	if (!grown)
		return;
	all->shape = grown;
	struct shape *s = &grown[all->n++];

	*s = (struct shape) { .stream = stream, .id = id };
	s->known = id >= 0 && stream >= 0 && fields && fields < end && (!context || context > end) && parse_fields(fields, s);
}

/* All streams have the same kind of event header and no context, or nothing is known. */
static enum header parse_header(const char *text)
{
	int large = strstr(text, "event.header := struct event_header_large;") != NULL;
	int compact = strstr(text, "event.header := struct event_header_compact;") != NULL;

	if (large == compact || strstr(text, "event.context := "))
		return HEADER_UNKNOWN;
	return large ? HEADER_LARGE : HEADER_COMPACT;
}

static int by_id(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

struct shapes *shapes_parse(const char *text)
{
	struct shapes *all = calloc(1, sizeof *all);
	const char *p = text, *end;

	if (!all)
		return NULL;
	all->header = parse_header(text);
	while ((p = strstr(p, "\nevent {"))) {
		end = skip_block(p + 7);
		if (!end)
			break;
		parse_event(all, p, end);
		p = end;
	}
	if (all->n)
		qsort(all->shape, all->n, sizeof *all->shape, by_id);
	return all;
}

void shapes_free(struct shapes *all)
{
	if (all)
		free(all->shape);
	free(all);
}

/* ---- the bytes ----------------------------------------------------------------------------------------------------------- */

static uint64_t number(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return le64toh(v);
}

/* Size of the header at p, and the event's id; 0: does not fit. */
static size_t header(enum header kind, const uint8_t *p, size_t left, uint32_t *id)
{
	size_t size = kind == HEADER_LARGE ? 2 : 1, extended = kind == HEADER_LARGE ? 65535 : 31;

	if (left < size)
		return 0;
	*id = kind == HEADER_LARGE ? number(p, 2) : p[0] & 31;
	if (*id != extended) {
		size = kind == HEADER_LARGE ? 6 : 4;
		return left < size ? 0 : size;
	}
	if (left < size + 12)
		return 0;
	*id = number(p + size, 4);
	return size + 12;
}

/* Size of the fields at p; SIZE_MAX: they do not fit. */
static size_t fields(const struct shape *s, const uint8_t *p, size_t left)
{
	uint64_t length[8] = { 0 };
	const uint8_t *nul;
	size_t at = 0, n;

	for (unsigned i = 0; i < s->steps; i++, at += n) {
		const struct step *step = &s->step[i];

		n = step->n;
		if (step->kind == STEP_SEQUENCE) {
			if (length[step->of] > (left - at) / step->n)
				return SIZE_MAX;
			n = length[step->of] * step->n;
		} else if (step->kind == STEP_STRING) {
			nul = memchr(p + at, 0, left - at);
			if (!nul)
				return SIZE_MAX;
			n = nul + 1 - (p + at);
		} else if (n > left - at)
			return SIZE_MAX;
		else if (step->kind == STEP_LENGTH)
			length[step->of] = number(p + at, step->n);
	}
	return at;
}

size_t shapes_walk(const struct shapes *all, uint32_t stream, const uint8_t *p, size_t size)
{
	struct shape key = { .stream = stream };
	size_t at = 0;

	if (!all || all->header == HEADER_UNKNOWN)
		return size;
	while (at < size) {
		size_t n = header(all->header, p + at, size - at, &key.id), m;
		const struct shape *s = n ? bsearch(&key, all->shape, all->n, sizeof key, by_id) : NULL;

		if (!s)
			return at;
		if (!s->known)
			return size;
		m = fields(s, p + at + n, size - at - n);
		if (m == SIZE_MAX)
			return at;
		at += n + m;
	}
	return at;
}
