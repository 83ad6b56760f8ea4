/*
 * analyzer/reader_ctf.c: CTF 1.8: the text of the metadata, and where a packet header keeps its numbers.
 *
 * The layout is taken from the metadata text (LTTng's way to write it). What is not understood is not judged.
 */
#define _GNU_SOURCE
#include "analyzer/reader_parts.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define METADATA_MAGIC 0x75D11D57u
/* Metadata grows with event classes, not with events; ours is 50 kB. More than this is somebody else's file. */
#define METADATA_MAX (4u << 20)

/* ---- metadata ------------------------------------------------------------------------------------------------------------ */

struct metadata_packet {
	uint32_t magic;
	uint8_t uuid[16];
	uint32_t checksum, content_bits, packet_bits;
	uint8_t compression, encryption, checksum_scheme, major, minor;
} __attribute__((packed));

static int read_whole(const char *path, char **data, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0;
	struct stat st;
	ssize_t n;

	*data = NULL;
	*size = 0;
	if (fd < 0)
		return errno;
	if (fstat(fd, &st))
		error = errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > METADATA_MAX)
		error = EBADMSG;
	else if (!(*data = malloc(st.st_size + 1)))
		error = ENOMEM;
	while (!error && *size < (size_t)st.st_size) {
		n = read(fd, *data + *size, st.st_size - *size);
		if (n < 0 && errno != EINTR)
			error = errno;
		if (n == 0)
			break;
		*size += n > 0 ? n : 0;
	}
	close(fd);
	if (error) {
		free(*data);
		*data = NULL;
	}
	return error;
}

/* Keeps whole declarations only: text that ends within one is refused by every reader. */
static void cut_to_declaration(struct metadata *m)
{
	int depth = 0, quoted = 0;
	size_t end = 0;

	for (size_t i = 0; i < m->len; i++) {
		char c = m->text[i];

		if (c == '"' && (i == 0 || m->text[i - 1] != '\\'))
			quoted = !quoted;
		else if (!quoted && c == '{')
			depth++;
		else if (!quoted && c == '}')
			depth--;
		else if (!quoted && c == ';' && depth == 0)
			end = i + 1;
	}
	m->len = end;
	m->text[end] = '\0';
}

/* Strips the packets off, in place. Sets cut when the file ends before its last packet does. */
static int unpack(struct metadata *m, char *data, size_t size)
{
	struct metadata_packet h;
	size_t at = 0;

	while (!m->cut && size - at >= sizeof h) {
		memcpy(&h, data + at, sizeof h);
		uint64_t content = le32toh(h.content_bits) / 8, packet = le32toh(h.packet_bits) / 8;

		if (le32toh(h.magic) != METADATA_MAGIC || content < sizeof h || packet < content || h.compression || h.encryption)
			break;
		if (at == 0) {
			memcpy(m->uuid, h.uuid, 16);
			m->has_uuid = 1;
		}
		m->cut = packet > size - at; /* libbabeltrace2 2.0 reads such a file for ever */
		if (content > size - at)
			content = size - at;
		memmove(data + m->len, data + at + sizeof h, content - sizeof h);
		m->len += content - sizeof h;
		at += m->cut ? size - at : packet;
	}
	m->cut |= at < size;
	return at > 0 ? 0 : EBADMSG;
}

/* Plain text, as other tools write it. */
static int plain(struct metadata *m, const char *data, size_t size)
{
	const char *uuid;

	if (size < 6 || memcmp(data, "/* CTF", 6))
		return EBADMSG;
	m->len = strnlen(data, size);
	m->cut = m->len < size;
	uuid = strstr(data, "uuid = \"");
	if (uuid && strlen(uuid) > 8 + 36) {
		unsigned byte;
		int n = 0;

		/* Its 36 characters are there, whatever they are. */
		for (const char *p = uuid + 8; n < 16 && p <= uuid + 8 + 34 && sscanf(p, "%2x", &byte) == 1; p += p[2] == '-' ? 3 : 2)
			m->uuid[n++] = byte;
		m->has_uuid = n == 16;
	}
	return 0;
}

int metadata_parse(char *bytes, size_t size, struct metadata *m)
{
	uint32_t magic = 0;
	int error = 0;

	*m = (struct metadata) { .text = bytes };
	m->text[size] = '\0';
	if (size >= 4)
		memcpy(&magic, m->text, 4);
	if (le32toh(magic) == METADATA_MAGIC)
		error = size < sizeof(struct metadata_packet) ? (m->cut = 1, 0) : unpack(m, m->text, size);
	else if (size > 0)
		error = plain(m, m->text, size);
	m->text[m->len] = '\0';
	if (m->cut)
		cut_to_declaration(m);
	if (error) {
		free(m->text);
		m->text = NULL;
	}
	return error;
}

int metadata_read(const char *path, struct metadata *m)
{
	char *bytes;
	size_t size;
	int error = read_whole(path, &bytes, &size);

	*m = (struct metadata) { 0 };
	return error ? error : metadata_parse(bytes, size, m);
}

/* ---- layout -------------------------------------------------------------------------------------------------------------- */

struct member {
	char type[64], name[64];
	size_t count;
};

const char *skip_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* "uint8_t  uuid[16];" Returns what follows, or NULL: something else. */
static const char *parse_member(const char *p, struct member *m)
{
	const char *end = strpbrk(p, ";{}"), *name, *bracket;
	int n;

	if (!end || *end != ';' || end - p >= (int)sizeof m->type)
		return NULL;
	bracket = memchr(p, '[', end - p);
	m->count = bracket ? strtoul(bracket + 1, NULL, 10) : 1;
	for (name = bracket ? bracket : end; name > p && isspace((unsigned char)name[-1]);)
		name--;
	n = 0;
	while (name > p && (isalnum((unsigned char)name[-1]) || name[-1] == '_'))
		name--, n++;
	snprintf(m->name, sizeof m->name, "%.*s", n, name);
	while (name > p && isspace((unsigned char)name[-1]))
		name--;
	snprintf(m->type, sizeof m->type, "%.*s", (int)(name - p), p);
	return n > 0 && name > p && m->count > 0 && m->count <= HEADER_MAX ? end + 1 : NULL;
}

/* The value of "key = N" between two places; 0: none. */
static unsigned long number(const char *from, const char *to, const char *key)
{
	const char *p = strstr(from, key);

	return p && p < to ? strtoul(p + strlen(key), NULL, 10) : 0;
}

/* Bytes of an integer type that was given a name; 0: not found, or not a whole number of aligned bytes. */
static size_t type_size(const char *text, const char *type)
{
	char alias[80];
	const char *end, *begin;
	unsigned long bits, align;

	snprintf(alias, sizeof alias, ":= %s;", type);
	end = strstr(text, alias);
	for (begin = end; begin && begin > text && *begin != '{';)
		begin--;
	if (!begin || *begin != '{')
		return 0;
	bits = number(begin, end, "size = ");
	align = number(begin, end, "align = ");
	return bits > 0 && bits <= 64 && bits % 8 == 0 && align == 8 ? bits / 8 : 0;
}

static struct field_place *place_of(struct layout *l, const char *name)
{
	const struct {
		const char *name;
		struct field_place *place;
	} wanted[] = { { "magic", &l->magic }, { "uuid", &l->uuid }, { "content_size", &l->content_size },
		{ "packet_size", &l->packet_size }, { "stream_id", &l->stream_id },
		{ "stream_instance_id", &l->instance },
		{ "timestamp_begin", &l->begin }, { "timestamp_end", &l->end }, { "packet_seq_num", &l->number }, { "events_discarded", &l->discarded } };

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (!strcmp(wanted[i].name, name))
			return wanted[i].place;
	return NULL;
}

/* Adds the members of "struct [name] {" at p. 0: not understood. */
static int parse_struct(const char *text, const char *p, struct layout *l)
{
	struct member m;

	p = p ? strchr(p, '{') : NULL;
	for (p = p ? skip_space(p + 1) : NULL; p && *p != '}'; p = skip_space(p)) {
		p = parse_member(p, &m);
		size_t size = p ? type_size(text, m.type) * m.count : 0;
		struct field_place *place = p ? place_of(l, m.name) : NULL;

		if (!size || l->size + size > HEADER_MAX)
			return 0;
		if (place)
			*place = (struct field_place) { l->size, size };
		l->size += size;
	}
	return p != NULL;
}

/* The struct all streams use for their packet context; NULL: they differ, or there is none. */
static const char *context_struct(const char *text)
{
	static const char key[] = "packet.context := struct ";
	const char *first = strstr(text, key), *p = first;
	char opening[80];

	if (!first)
		return NULL;
	first += sizeof key - 1;
	if (*skip_space(first) == '{')
		return strstr(first, key) ? NULL : first;
	while ((p = strstr(p + 1, key)))
		if (strncmp(p + sizeof key - 1, first, strcspn(first, ";") + 1))
			return NULL;
	snprintf(opening, sizeof opening, "\nstruct %.*s {", (int)strcspn(first, ";"), first);
	return strstr(text, opening);
}

/* Nanoseconds between the epoch and zero of the clock; 0: it counts in something else, or there is none, or several. */
static uint64_t clock_offset(const char *text)
{
	const char *p = strstr(text, "\nclock {"), *end = p ? strchr(p, '}') : NULL, *offset;

	if (!end || strstr(end, "\nclock {") || number(p, end, "freq = ") != 1000000000)
		return 0;
	offset = strstr(p, "\toffset = ");
	if (!offset || offset > end || memmem(p, end - p, "offset_s", 8))
		return 0;
	return strtoull(offset + 10, NULL, 10);
}

void layout_parse(const char *text, struct layout *l, struct names *names)
{
	*l = (struct layout) { 0 };
	l->known = strstr(text, "byte_order = le;") && parse_struct(text, strstr(text, "packet.header := struct"), l) &&
		parse_struct(text, context_struct(text), l) && l->magic.size == 4 && l->content_size.size == 8 && l->packet_size.size == 8 &&
		(!l->uuid.size || l->uuid.size == 16);
	l->offset = clock_offset(text);
	l->shapes = l->known && (!l->stream_id.size || l->stream_id.size == 4) ? shapes_parse(text, names) : NULL;
}

int layout_direct(const char *text, const struct layout *l)
{
	const struct field_place *long_ones[] = { &l->instance, &l->begin, &l->end, &l->number, &l->discarded };

	for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++)
		if (long_ones[i]->size != 8)
			return 0;
	return l->known && l->uuid.size && l->stream_id.size && l->offset && l->shapes && strstr(text, "tracer_name = \"lttng-ust\";") &&
		shapes_complete(l->shapes);
}

uint64_t layout_time(const struct layout *l, uint64_t clock, uint64_t last)
{
	uint64_t ns;

	return !l->offset || __builtin_add_overflow(clock, l->offset, &ns) || ns > INT64_MAX ? last : ns;
}

void layout_free(struct layout *l)
{
	shapes_free(l->shapes);
	l->shapes = NULL;
}
