/*
 * analyzer/reader_stream.c: one stream of a trace of LTTng's own way to write: its files, one after another (rotated traces have several), its
 * packets, its events.
 *
 * It is read through one window. A file is opened when its first packet is due. Where a packet stops to make sense, or a file ends within one, the
 * rest of it is a gap: nothing is copied or repaired.
 */
#define _GNU_SOURCE
#include "analyzer/reader_stream.h"

#include <string.h>

/* How far is looked for a packet at a time. */
#define SEARCHED 4096

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static int file_open(struct stream *s)
{
	const struct file *f = &s->file[s->current];

	s->walk = (struct walk) { .last = s->last };
	s->told = 0;
	s->walk.error = window_open(&s->window, f->path, &s->walk.size, &s->walk.grows);
	return !s->walk.error;
}

/* `need` bytes from `at` on, or as many as there are. */
static size_t look(struct stream *s, uint64_t at, size_t need) { return window_look(&s->window, at, need, &s->walk.error); }

/* Says what is wrong with the file; its losses are still to be told. */
static void file_end(struct stream *s)
{
	walk_ends(&s->walk);
	walk_conclude(s->file[s->current].path, s->layout, &s->walk, s->source->notes);
	window_close(&s->window);
	s->current++;
}

void stream_end(struct stream *s)
{
	window_free(&s->window);
	losses_free(&s->walk.lost);
}

/* ---- packets --------------------------------------------------------------------------------------------------------------- */

static void add_gap(struct stream *s, uint64_t begin, uint64_t end, uint64_t count)
{
	struct held *h = &s->gap[s->gaps++];

	*h = (struct held) { .gap = 1, .time = layout_time(s->layout, begin, s->last), .gap_count = count };
	h->gap_end = layout_time(s->layout, end > begin ? end : begin, h->time);
	s->last = h->time;
}

/* What the tracer lost before, or within, this packet: it counts events it had no room for, and packets. */
static void packet_gaps(struct stream *s)
{
	const struct packet *p = &s->packet;

	if (s->followed ? p->discarded != s->before_discarded : p->discarded != 0)
		add_gap(s, s->followed ? s->before_end : p->begin, p->end, s->followed ? p->discarded - s->before_discarded : 0);
	if (s->followed && p->number - s->before_number > 1)
		add_gap(s, s->before_end, p->begin, 0);
	s->followed = 1;
	s->before_end = p->end;
	s->before_number = p->number;
	s->before_discarded = p->discarded;
}

/* A snapshot has packets again that the one before had. */
static int seen_before(const struct stream *s)
{
	return s->current > 0 && s->followed && s->packet.number <= s->before_number;
}

/* A packet's header at `at`, if there is a whole one. */
static enum packet_result header_at(struct stream *s, uint64_t at)
{
	const struct layout *l = s->layout;

	if (s->walk.error || at >= s->walk.size || look(s, at, l->size) < l->size)
		return PACKET_NONSENSE;
	return packet_parse(s->window.data, l, s->file[s->current].uuid, &s->packet);
}

/*
 * Where a header makes no sense, nobody knows how long its packet is. The next one begins with the magic number and the trace's UUID
 * again. 0: there is none.
 */
static int packet_search(struct stream *s)
{
	const uint8_t *uuid = s->file[s->current].uuid;
	uint8_t begin[20] = { 0xc1, 0x1f, 0xfc, 0xc1 };
	struct walk *w = &s->walk;
	size_t have;

	if (!uuid || s->layout->magic.offset != 0 || s->layout->uuid.offset != 4)
		return 0;
	memcpy(begin + 4, uuid, 16);
	for (uint64_t at = w->whole + 1; (have = look(s, at, SEARCHED)) >= sizeof begin;) {
		const uint8_t *found = memmem(s->window.data, have, begin, sizeof begin);

		at += found ? (size_t)(found - s->window.data) : have - sizeof begin + 1;
		if (found && header_at(s, at) == PACKET_FINE) {
			losses_damage(&w->lost, w->last, layout_time(s->layout, s->packet.begin, w->last));
			w->skipped += at - w->whole;
			w->whole = at;
			return 1;
		}
		at += found != NULL;
	}
	return 0;
}

/* Goes to the next packet of the file. 0: there is none. */
static int packet_next(struct stream *s)
{
	const struct layout *l = s->layout;
	struct walk *w = &s->walk;
	enum packet_result result;
	uint64_t left;

	if (w->error || w->whole >= w->size)
		return 0;
	result = header_at(s, w->whole);
	w->alien = result == PACKET_ALIEN && w->packets == 0;
	if (result != PACKET_FINE && (w->alien || w->error || !packet_search(s))) {
		w->nonsense = w->size - w->whole >= l->size;
		return 0;
	}
	left = w->size - w->whole;
	w->packets++;
	s->source->done += s->packet.size;
	s->within = !seen_before(s);
	if (!s->within) {
		w->whole += s->packet.size;
		return 1;
	}
	s->at = w->whole + l->size;
	s->end = w->whole + (s->packet.content < left ? s->packet.content : left);
	s->clock = s->packet.begin;
	w->last = layout_time(l, s->packet.begin, w->last);
	packet_gaps(s);
	return 1;
}

/* Its events are read as far as they make sense. */
static void packet_end(struct stream *s)
{
	uint64_t good = s->at - s->walk.whole, there = s->end - s->walk.whole;
	struct walk *w = &s->walk;

	if (there < s->packet.content) {
		walk_cut(w, s->packet.content - good);
	} else if (good < there) {
		w->damaged++;
		losses_damage(&w->lost, w->last, layout_time(s->layout, s->packet.end, w->last));
	}
	w->whole += s->packet.size;
	s->within = 0;
}

/* ---- events ---------------------------------------------------------------------------------------------------------------- */

/* The next event of the packet. 0: the packet ends, or stops to make sense. */
static int event_next(struct stream *s, struct event *e, const uint8_t **p)
{
	uint64_t left = s->end - s->at;
	size_t have = window_has(&s->window, s->at);

	for (;;) {
		have = have < left ? have : left;
		if (left == 0)
			return 0;
		*p = have ? s->window.data + (s->at - s->window.at) : NULL;
		enum event_result result = have ? event_at(s->layout->shapes, s->packet.stream, *p, have, &s->clock, e) : EVENT_SHORT;

		if (result == EVENT_WHOLE)
			return 1;
		if (result != EVENT_SHORT || have == left)
			return 0;
		size_t want = 2 * have < 2048 ? 2048 : 2 * have, before = have;

		have = look(s, s->at, want < left ? want : left);
		if (have <= before)
			return 0;
	}
}

static int hold_gap(struct stream *s, struct held *h)
{
	if (s->gaps) {
		*h = s->gap[0];
		s->gap[0] = s->gap[1];
		s->gaps--;
		return 1;
	}
	if (s->told == s->walk.lost.n)
		return 0;
	const struct loss *l = &s->walk.lost.loss[s->told++];

	*h = (struct held) { .gap = 1, .time = l->begin, .gap_end = l->end, .damage = l->damage };
	return 1;
}

/* An event that is ours. */
static int hold_event(struct stream *s, const struct event *e, const uint8_t *p, struct held *h)
{
	struct shape *shape = (struct shape *)e->shape;

	if (!shape->ours)
		return 0;
	if (shape->missing) {
		if (!shape->said++)
			say_missing_field(s->source->notes, s->source->trace, shape->ours->name, shape->missing);
		return 0;
	}
	*h = (struct held) { .time = s->last, .shape = shape, .fields = p + e->header, .size = e->size - e->header };
	event_key(shape, h->fields, h->size, &h->key);
	return 1;
}

int stream_next(struct stream *s, struct held *h)
{
	const uint8_t *p;
	struct event e;

	for (;;) {
		if (hold_gap(s, h))
			return 1;
		if (s->within && event_next(s, &e, &p)) {
			s->at += e.size;
			s->last = s->walk.last = layout_time(s->layout, s->clock, s->last);
			if (hold_event(s, &e, p, h))
				return 1;
		} else if (s->within) {
			packet_end(s);
		} else if (s->window.fd < 0) {
			losses_free(&s->walk.lost);
			s->told = 0;
			if (s->current == s->files)
				break;
			if (!file_open(s))
				file_end(s);
		} else if (!packet_next(s))
			file_end(s);
	}
	stream_end(s);
	return 0;
}

/* ---- opening --------------------------------------------------------------------------------------------------------------- */

int stream_look(const struct layout *layout, struct source *source, struct file *f, struct losses *losses)
{
	struct stream s = { .layout = layout, .source = source, .file = f, .files = 1, .window.fd = -1 };
	int fine = file_open(&s) && look(&s, 0, layout->size) >= layout->size;
	enum packet_result result = fine ? packet_parse(s.window.data, layout, f->uuid, &s.packet) : PACKET_FINE;

	if (fine && result == PACKET_FINE) {
		f->begin = layout_time(layout, s.packet.begin, 0);
		f->number = s.packet.number;
		f->instance = s.packet.instance;
		f->class = s.packet.stream;
		f->size = s.walk.size;
		stream_end(&s);
		return 1;
	}
	s.walk.alien = result == PACKET_ALIEN;
	file_end(&s);
	losses_absorb(losses, &s.walk.lost);
	stream_end(&s);
	return 0;
}
