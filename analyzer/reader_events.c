/*
 * analyzer/reader_events.c: an event's bytes by its shape; where a packet stops to make sense.
 *
 * libbabeltrace2 2.0 crashes on some nonsense (a sequence longer than 2^31), and ends a stream at the first it notices. So
 * packets are walked before it sees them, event by event: ids, lengths and ends of strings. The direct reader walks the same way.
 */
#include "analyzer/reader_parts.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* The sizes that occur are loads of one instruction: most of what a record costs. */
static inline uint64_t number(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	uint32_t four;
	uint16_t two;

	switch (n) {
	case 1: return *p;
	case 2: memcpy(&two, p, 2); return le16toh(two);
	case 4: memcpy(&four, p, 4); return le32toh(four);
	case 8: memcpy(&v, p, 8); return le64toh(v);
	default: memcpy(&v, p, n); return le64toh(v);
	}
}

/* ---- headers --------------------------------------------------------------------------------------------------------------- */

/* The low `bits` of the time are `low`: less than before, and they went round once. */
static uint64_t clock_on(uint64_t clock, uint64_t low, unsigned bits)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1;

	if (low < (clock & mask))
		clock += mask + 1;
	return (clock & ~mask) | low;
}

/* Size of the header at p; its id, and the clock; 0: does not fit. */
static size_t read_header(enum header kind, const uint8_t *p, size_t left, uint32_t *id, uint64_t *clock)
{
	size_t of_id = kind == HEADER_LARGE ? 2 : 1;
	uint64_t all;

	if (left < of_id)
		return 0;
	*id = kind == HEADER_LARGE ? number(p, 2) : p[0] & 31;
	if (*id == (kind == HEADER_LARGE ? 65535 : 31)) {
		if (left < of_id + 12)
			return 0;
		*id = number(p + of_id, 4);
		*clock = number(p + of_id + 4, 8);
		return of_id + 12;
	}
	if (left < (kind == HEADER_LARGE ? 6 : 4))
		return 0;
	all = kind == HEADER_LARGE ? number(p + 2, 4) : number(p, 4) >> 5;
	*clock = clock_on(*clock, all, kind == HEADER_LARGE ? 32 : 27);
	return kind == HEADER_LARGE ? 6 : 4;
}

/* ---- fields ---------------------------------------------------------------------------------------------------------------- */

/* Size of the fields at p; SIZE_MAX: they do not fit. Where each step begins into `start`, if it is of interest. */
static size_t walk_fields(const struct shape *s, const uint8_t *p, size_t left, uint32_t *start)
{
	uint64_t length[LENGTHS_MAX] = { 0 };
	const uint8_t *nul;
	size_t at = 0, n;

	for (unsigned i = 0; i < s->steps; i++, at += n) {
		const struct step *step = &s->step[i];

		if (start)
			start[i] = at;
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

static const struct stream_shape *stream_of(const struct shapes *all, uint32_t id)
{
	if (id < all->streams && all->stream[id].id == id) /* LTTng numbers them from 0 */
		return &all->stream[id];
	for (size_t i = 0; i < all->streams; i++)
		if (all->stream[i].id == id)
			return &all->stream[i];
	return NULL;
}

static const struct shape *shape_of(const struct shapes *all, uint32_t stream, uint32_t id)
{
	size_t low = 0, high = all->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct shape *s = &all->shape[middle];

		if (s->stream == stream && s->id == id)
			return s;
		if (s->stream < stream || (s->stream == stream && s->id < id))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

enum event_result event_at(const struct shapes *all, uint32_t stream, const uint8_t *p, size_t left, uint64_t *clock, struct event *e)
{
	const struct stream_shape *of = stream_of(all, stream);
	uint64_t now = *clock;
	uint32_t id;
	size_t n;

	if (all->beyond)
		return EVENT_OPAQUE;
	if (!of)
		return EVENT_NONSENSE;
	if (of->header == HEADER_UNKNOWN)
		return EVENT_OPAQUE;
	e->header = read_header(of->header, p, left, &id, &now);
	if (!e->header)
		return EVENT_SHORT;
	e->shape = shape_of(all, stream, id);
	if (!e->shape)
		return EVENT_NONSENSE;
	if (!e->shape->known)
		return EVENT_OPAQUE;
	left -= e->header;
	n = walk_fields(e->shape, p + e->header, left < e->shape->max ? left : e->shape->max, NULL);
	if (n == SIZE_MAX)
		return left < e->shape->max ? EVENT_SHORT : EVENT_NONSENSE;
	e->size = e->header + n;
	*clock = now;
	return EVENT_WHOLE;
}

size_t events_walk(const struct shapes *all, uint32_t stream, const uint8_t *p, size_t size, uint64_t *clock)
{
	struct event e;
	size_t at = 0;

	while (all && at < size)
		switch (event_at(all, stream, p + at, size - at, clock, &e)) {
		case EVENT_WHOLE: at += e.size; break;
		case EVENT_OPAQUE: return size;
		default: return at;
		}
	return size;
}

/* ---- records --------------------------------------------------------------------------------------------------------------- */

static uint64_t integer(const uint8_t *p, const struct place *f)
{
	uint64_t v = number(p, f->size);
	unsigned unused = 64 - 8 * f->size;

	return f->is_signed && unused ? (uint64_t)((int64_t)(v << unused) >> unused) : v;
}

void event_key(const struct shape *s, const uint8_t *fields, size_t size, struct key *key)
{
	uint32_t start[STEPS_MAX];

	*key = (struct key) { .early = s->ours->type != RECORD_EVENT };
	if (key->early)
		return;
	const struct place *seq = &s->place[FIELD_SEQ], *tid = &s->place[FIELD_TID];

	start[seq->step] = start[tid->step] = 0;
	if (seq->step || tid->step)
		walk_fields(s, fields, size, start);
	key->seq = integer(fields + start[seq->step] + seq->offset, seq);
	key->tid = integer(fields + start[tid->step] + tid->offset, tid);
}

static inline void store(void *to, uint8_t size, uint64_t v)
{
	switch (size) { /* little endian, like everything that is observed */
	case 1: memcpy(to, &v, 1); break;
	case 2: memcpy(to, &v, 2); break;
	case 4: memcpy(to, &v, 4); break;
	default: memcpy(to, &v, 8);
	}
}

/* Of an array at p, in its step of `room` bytes: what fits into `max` bytes. Returns its elements. */
static uint32_t elements(const uint8_t *p, const struct place *f, size_t room, void *to, size_t max)
{
	size_t n = f->count ? (size_t)f->count * f->size : room;

	n = n < max ? n : max;
	memcpy(to, p, n);
	return n / f->size;
}

void event_decode(const struct shape *s, const uint8_t *fields, size_t size, struct record *r, struct decoded *room)
{
	const struct wanted *w = s->ours->fields;
	uint32_t start[STEPS_MAX + 1];
	uint8_t *base = (uint8_t *)r;
	const void *at;

	r->type = s->ours->type;
	start[s->steps] = walk_fields(s, fields, size, start);
	for (int i = 0; w[i].name; i++) {
		const struct place *f = &s->place[i];
		const uint8_t *p = fields + start[f->step] + f->offset;
		size_t n = start[f->step + 1] - start[f->step];

		switch (w[i].want) {
		case WANT_INT:
			store(base + w[i].at, w[i].size, integer(p, f));
			continue;
		case WANT_LABEL:
			at = label_of(&s->labels, integer(p, f));
			break;
		case WANT_BYTES:
			store(base + w[i].length, 4, elements(p, f, n, room->bytes, sizeof room->bytes));
			at = room->bytes;
			break;
		case WANT_U64S:
			store(base + w[i].length, 4, elements(p, f, n, room->frames, sizeof room->frames));
			at = room->frames;
			break;
		default:
			at = p;
		}
		memcpy(base + w[i].at, &at, sizeof at);
	}
}
