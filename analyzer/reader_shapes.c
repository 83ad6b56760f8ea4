/*
 * analyzer/reader_shapes.c: metadata text to shapes of events, in LTTng's way to write it.
 *
 * What is not understood (structures within, variants, bits) makes an event that is not known, never a wrong one; libbabeltrace2
 * reads such traces. In LTTng's order an event is its header, the contexts of its stream, contexts of its own, its fields.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64
/* Beyond that nothing is understood: text of a few MiB shall not take memory of a GiB. */
#define SHAPES_MAX 4096
#define STREAMS_MAX 256

/* The headers of LTTng-UST 2.x, to the letter: other ones of these names are not these. */
static const char compact_header[] =
	"struct event_header_compact {\n\tenum : uint5_t { compact = 0 ... 30, extended = 31 } id;\n\tvariant <id> {\n\t\tstruct {\n"
	"\t\t\tuint27_clock_monotonic_t timestamp;\n\t\t} compact;\n\t\tstruct {\n\t\t\tuint32_t id;\n"
	"\t\t\tuint64_clock_monotonic_t timestamp;\n\t\t} extended;\n\t} v;\n} align(8);";
static const char large_header[] =
	"struct event_header_large {\n\tenum : uint16_t { compact = 0 ... 65534, extended = 65535 } id;\n\tvariant <id> {\n\t\tstruct {\n"
	"\t\t\tuint32_clock_monotonic_t timestamp;\n\t\t} compact;\n\t\tstruct {\n\t\t\tuint32_t id;\n"
	"\t\t\tuint64_clock_monotonic_t timestamp;\n\t\t} extended;\n\t} v;\n} align(8);";

/* ---- words ----------------------------------------------------------------------------------------------------------------- */

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

static const char *word(const char *p, char out[WORD_MAX])
{
	size_t n = 0;

	for (p = skip_space(p); isalnum((unsigned char)*p) || *p == '_'; p++)
		if (n + 1 < WORD_MAX)
			out[n++] = *p;
	out[n] = '\0';
	return skip_space(p);
}

/* What follows `key` between two places; NULL: it is not there. Looks no further: metadata may be long. */
static const char *after(const char *from, const char *to, const char *key)
{
	size_t n = strlen(key);
	const char *p = memmem(from, to - from, key, n);

	return p ? p + n : NULL;
}

/* The value of "key = N;" in a block; -1: none. */
static long value(const char *block, const char *end, const char *key)
{
	const char *p = after(block, end, key);

	return p ? (long)(strtoul(p, NULL, 0) & UINT32_MAX) : -1;
}

/* ---- members --------------------------------------------------------------------------------------------------------------- */

struct member {
	char name[WORD_MAX], length[WORD_MAX]; /* length: the field that counts a sequence, "" otherwise */
	unsigned bytes;                        /* of one element; 0: a string */
	unsigned long count;                   /* of an array; 0: it is none */
	int is_signed, is_number;              /* is_number: an integer that says nothing else, in the byte order of the trace */
	const char *labels;                    /* of an enumeration: its "{" */
};

/* "integer { size = 32; align = 8; ... }": returns what follows, or NULL. */
static const char *integer_type(const char *p, struct member *m)
{
	const char *block = starts(p, "integer {") ? p + 8 : NULL, *end = block ? skip_block(block) : NULL;
	long bits = end ? value(block, end, "size = ") : -1;

	if (bits <= 0 || bits > 64 || bits % 8 || value(block, end, "align = ") != 8)
		return NULL;
	m->bytes = bits / 8;
	m->is_signed = value(block, end, "signed = ") == 1 || after(block, end, "signed = true");
	m->is_number = !after(block, end, "byte_order = be") && (!after(block, end, "encoding = ") || after(block, end, "encoding = none"));
	return skip_space(end);
}

/* "floating_point { exp_dig = 8; mant_dig = 24; ... }" */
static const char *floating_type(const char *p, struct member *m)
{
	const char *block = starts(p, "floating_point {") ? p + 15 : NULL, *end = block ? skip_block(block) : NULL;
	long bits = end ? value(block, end, "exp_dig = ") + value(block, end, "mant_dig = ") : 0;

	if ((bits != 32 && bits != 64) || value(block, end, "align = ") != 8)
		return NULL;
	m->bytes = bits / 8;
	return skip_space(end);
}

static const char *member_type(const char *p, struct member *m)
{
	if (starts(p, "string") && isspace((unsigned char)p[6]))
		return skip_space(p + 6);
	if (starts(p, "floating_point"))
		return floating_type(p, m);
	if (!starts(p, "enum : "))
		return integer_type(p, m);
	p = integer_type(p + 7, m);
	if (!p || *p != '{')
		return NULL;
	m->labels = p;
	return skip_block(p);
}

/* One member up to its ";". NULL: not understood. */
static const char *parse_member(const char *p, struct member *m)
{
	*m = (struct member) { 0 };
	p = member_type(p, m);
	if (!p)
		return NULL;
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

/* ---- fields ---------------------------------------------------------------------------------------------------------------- */

struct parser {
	struct shape *shape;
	struct names *names;
	char length[LENGTHS_MAX][WORD_MAX];
	uint8_t lengths;
	int payload;      /* where our fields are */
	uint32_t found;   /* which of them, a bit each */
};

/* { "open" = 1, "close" = 51, "more" = 60 ... 70, "next" }: from p on. */
static void learn_labels(struct labels *labels, const char *p, struct names *names)
{
	uint64_t lower, upper, next = 0;
	const char *text, *end;

	for (p = skip_space(p + 1); *p == '"'; p = skip_space(p)) {
		text = ++p;
		p = strchr(p, '"');
		if (!p)
			return;
		end = p;
		p = skip_space(p + 1);
		lower = upper = next;
		if (*p == '=') {
			lower = upper = strtoull(p + 1, (char **)&p, 0);
			p = skip_space(p);
			if (starts(p, "..."))
				upper = strtoull(p + 3, (char **)&p, 0);
			p = skip_space(p);
		}
		next = upper + 1;
		labels_add(labels, name_keep(names, text, end - text), lower, upper);
		p += *p == ',';
	}
}

static int suits(const struct member *m, const struct wanted *w, int is_array)
{
	switch (w->want) {
	case WANT_INT: return m->is_number && !is_array;
	case WANT_LABEL: return m->is_number && !is_array && m->labels && !m->is_signed;
	case WANT_BYTES: return m->is_number && is_array && m->bytes == 1 && !m->is_signed && !m->labels;
	case WANT_U64S: return m->is_number && is_array && m->bytes == 8 && !m->is_signed && !m->labels;
	default: return m->bytes == 0;
	}
}

/* Is this member, which begins `offset` bytes into `step`, a field of ours? Names have a "_" before them in the metadata. */
static void claim(struct parser *p, const struct member *m, unsigned step, uint32_t offset)
{
	const struct wanted *w = p->payload && p->shape->ours ? p->shape->ours->fields : NULL;
	const char *name = m->name + (m->name[0] == '_');

	for (unsigned i = 0; w && w[i].name; i++) {
		if (strcmp(w[i].name, name) || p->found & 1u << i || !suits(m, &w[i], m->length[0] || m->count))
			continue;
		p->found |= 1u << i;
		p->shape->place[i] = (struct place) { step, m->bytes, m->is_signed, offset, m->length[0] ? 0 : m->count ? m->count : 1 };
		if (w[i].want == WANT_LABEL)
			learn_labels(&p->shape->labels, m->labels, p->names);
	}
}

/* 0: too many. */
static int add_step(struct parser *p, const struct member *m, enum step_kind kind, uint32_t n, uint8_t of)
{
	struct shape *s = p->shape;
	struct step *last = s->steps ? &s->step[s->steps - 1] : NULL;

	if (kind == STEP_FIXED && last && last->kind == STEP_FIXED) {
		claim(p, m, s->steps - 1, last->n);
		last->n += n;
		return last->n <= EVENT_MAX;
	}
	if (s->steps == STEPS_MAX)
		return 0;
	claim(p, m, s->steps, 0);
	s->step[s->steps++] = (struct step) { kind, of, n };
	return 1;
}

/* LTTng puts the length of a sequence before it, and names it in the brackets. */
static int add_member(struct parser *p, const struct member *m)
{
	uint8_t of = 0;

	if (!m->bytes)
		return add_step(p, m, STEP_STRING, 0, 0);
	if (m->length[0]) {
		while (of < p->lengths && strcmp(p->length[of], m->length))
			of++;
		return of < p->lengths && add_step(p, m, STEP_SEQUENCE, m->bytes, of);
	}
	if (!strstr(m->name, "_length"))
		return m->count <= UINT16_MAX && add_step(p, m, STEP_FIXED, m->bytes * (m->count ? m->count : 1), 0);
	if (m->count || !m->is_number || m->is_signed || p->lengths == LENGTHS_MAX)
		return 0;
	strcpy(p->length[p->lengths], m->name);
	return add_step(p, m, STEP_LENGTH, m->bytes, p->lengths++);
}

/* "struct {" at p or after it. 0: not understood. */
static int parse_fields(struct parser *parser, const char *p)
{
	struct member m;

	p = strchr(p, '{');
	for (p = p ? skip_space(p + 1) : NULL; p && *p != '}';) {
		p = parse_member(p, &m);
		if (!p || !add_member(parser, &m))
			return 0;
	}
	return p != NULL;
}

/* ---- events ---------------------------------------------------------------------------------------------------------------- */

static struct stream_shape *stream_find(const struct shapes *all, uint32_t id)
{
	for (size_t i = 0; i < all->streams; i++)
		if (all->stream[i].id == id)
			return &all->stream[i];
	return NULL;
}

/* Which of the fields that records are made of is not there? */
static const char *missing(const struct parser *p)
{
	const struct wanted *w = p->shape->ours ? p->shape->ours->fields : NULL;

	for (unsigned i = 0; w && w[i].name; i++)
		if (!(p->found & 1u << i))
			return w[i].name;
	return NULL;
}

/* Its own fields, after the contexts. 0: not understood. */
static int parse_own(struct parser *p, const char *block, const char *end)
{
	const char *context = after(block, end, "\tcontext := struct "), *fields = after(block, end, "\tfields := struct ");

	if (context && !parse_fields(p, context))
		return 0;
	p->payload = 1;
	return !fields || parse_fields(p, fields);
}

static void parse_event(struct shapes *all, const char *block, const char *end, struct names *names)
{
	const char *name = after(block, end, "\tname = \""), *quote = name ? strchr(name, '"') : NULL;
	long id = value(block, end, "\tid = "), stream = value(block, end, "\tstream_id = ");
	const struct stream_shape *of = stream >= 0 ? stream_find(all, stream) : NULL;
	struct shape *grown = all->n < SHAPES_MAX ? realloc(all->shape, (all->n + 1) * sizeof *grown) : NULL;
	char text[WORD_MAX] = "";

	all->beyond |= !grown;
	if (!grown)
		return;
	all->shape = grown;
	struct shape *s = &grown[all->n++];
	struct parser p = { .shape = s, .names = names };

	*s = of ? of->context : (struct shape) { 0 };
	s->stream = stream;
	s->id = id;
	if (quote && quote - name < WORD_MAX)
		memcpy(text, name, quote - name);
	s->ours = ours_find(text);
	s->max = s->ours ? OURS_MAX : EVENT_MAX;
	s->ours = names ? s->ours : NULL;
	/* Lengths of a context would have to be known here: LTTng has no context with a sequence. */
	s->known = id >= 0 && of && of->known && parse_own(&p, block, end);
	s->missing = missing(&p);
}

static void parse_stream(struct shapes *all, const char *text, const char *block, const char *end)
{
	const char *context = after(block, end, "event.context := struct ");
	struct stream_shape *grown = all->streams < STREAMS_MAX ? realloc(all->stream, (all->streams + 1) * sizeof *grown) : NULL;
	long id = value(block, end, "\tid = ");

	all->beyond |= !grown;
	if (!grown)
		return;
	all->stream = grown;
	struct stream_shape *s = &grown[all->streams++];
	struct parser p = { .shape = &s->context };

	*s = (struct stream_shape) { .id = id, .known = id >= 0 };
	if (after(block, end, "event.header := struct event_header_large;") && strstr(text, large_header))
		s->header = HEADER_LARGE;
	else if (after(block, end, "event.header := struct event_header_compact;") && strstr(text, compact_header))
		s->header = HEADER_COMPACT;
	if (context)
		s->known &= parse_fields(&p, context) && !p.lengths;
}

static int by_id(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_stream(const void *a, const void *b)
{
	const struct stream_shape *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

struct shapes *shapes_parse(const char *text, struct names *names)
{
	struct shapes *all = calloc(1, sizeof *all);
	const char *p, *end;

	if (!all)
		return NULL;
	for (p = text; (p = strstr(p, "\nstream {")) && (end = skip_block(p + 8)); p = end)
		parse_stream(all, text, p, end);
	if (all->streams)
		qsort(all->stream, all->streams, sizeof *all->stream, by_stream);
	for (p = text; (p = strstr(p, "\nevent {")) && (end = skip_block(p + 7)); p = end)
		parse_event(all, p, end, names);
	if (all->n)
		qsort(all->shape, all->n, sizeof *all->shape, by_id);
	return all;
}

int shapes_complete(const struct shapes *all)
{
	for (size_t i = 0; i < all->streams; i++)
		if (!all->stream[i].known || all->stream[i].header == HEADER_UNKNOWN || (i && all->stream[i].id == all->stream[i - 1].id))
			return 0;
	for (size_t i = 0; i < all->n; i++)
		if (!all->shape[i].known || (i && !by_id(&all->shape[i - 1], &all->shape[i])))
			return 0;
	return all->streams > 0 && !all->beyond;
}

void shapes_free(struct shapes *all)
{
	for (size_t i = 0; all && i < all->n; i++)
		free(all->shape[i].labels.label);
	if (all) {
		free(all->stream);
		free(all->shape);
	}
	free(all);
}
