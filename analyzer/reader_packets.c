/*
 * analyzer/reader_packets.c: a stream file packet by packet: what of it is whole, what is lost, and the sentences for it.
 *
 * libbabeltrace2 refuses a trace of which one file ends in the middle of a packet, so files are walked before it sees them.
 */
#include "analyzer/at_once.h"
#include "analyzer/reader_parts.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STREAM_MAGIC 0xC1FC1FC1u
#define INDEX_MAGIC 0xC1F1DCC1u
/* A larger packet is a corrupt size: LTTng's sub-buffers are some MiB. Also bounds what repair may append as padding. */
#define PACKET_MAX (1ull << 30)

/* ---- headers --------------------------------------------------------------------------------------------------------------- */

/* 0 where there is no such field. */
static uint64_t get(const uint8_t *header, struct field_place f)
{
	uint64_t v = 0;

	if (f.size <= 8)
		memcpy(&v, header + f.offset, f.size);
	return le64toh(v);
}

/* All bits set is libbabeltrace2's own mark for "none": it asserts that it is not in the file. No tracer counts that far. */
static int forbidden(const struct packet *p)
{
	return p->begin == UINT64_MAX || p->number == UINT64_MAX || p->discarded == UINT64_MAX;
}

/* LTTng's events are whole bytes, and the library reads past the end for half a one. */
static int sizes_fine(uint64_t content_bits, uint64_t packet_bits, size_t header)
{
	return packet_bits % 8 == 0 && content_bits % 8 == 0 && packet_bits / 8 <= PACKET_MAX && content_bits <= packet_bits &&
		content_bits / 8 >= header;
}

enum packet_result packet_parse(const uint8_t *header, const struct layout *l, const uint8_t *uuid, struct packet *p)
{
	if (get(header, l->magic) != STREAM_MAGIC || (uuid && l->uuid.size && memcmp(header + l->uuid.offset, uuid, 16)))
		return PACKET_ALIEN;
	*p = (struct packet) {
		.begin = get(header, l->begin), .end = get(header, l->end), .number = get(header, l->number),
		.discarded = get(header, l->discarded), .instance = get(header, l->instance), .stream = get(header, l->stream_id),
		.content = get(header, l->content_size) / 8, .size = get(header, l->packet_size) / 8,
	};
	if (!sizes_fine(get(header, l->content_size), get(header, l->packet_size), l->size) || forbidden(p))
		return PACKET_NONSENSE;
	return PACKET_FINE;
}

/* ---- whole files ----------------------------------------------------------------------------------------------------------- */

static void add_patch(struct walk *w, uint64_t at, uint64_t value)
{
	struct patch *grown = realloc(w->patch, (w->patches + 1) * sizeof *grown);

	if (!grown)
		return;
	w->patch = grown;
	grown[w->patches++] = (struct patch) { at, htole64(value) };
}

void walk_cut(struct walk *w, uint64_t missing)
{
	if (w->grows)
		return;
	w->missing = missing;
	losses_add(&w->lost, w->last, LOSS_OPEN);
}

/* Events of one packet, of which `content` bytes are there. Where they stop to make sense the content shall end. */
static void walk_events(const uint8_t *bytes, size_t content, const struct packet *p, const struct layout *l, struct walk *w)
{
	uint64_t clock = p->begin;
	size_t good = l->size + events_walk(l->shapes, p->stream, bytes + l->size, content - l->size, &clock);

	w->last = layout_time(l, good > l->size ? clock : p->begin, w->last);
	if (good == p->content)
		return;
	add_patch(w, w->whole + l->content_size.offset, good * 8);
	if (content < p->content) {
		walk_cut(w, p->content - good);
	} else {
		w->damaged++;
		losses_damage(&w->lost, w->last, l->offset ? layout_time(l, p->end, w->last) : LOSS_OPEN);
	}
}

/* Mapped one packet at a time: memory stays small, and the pages will still be there for the library. 0 or an errno. */
static int walk_packet(int fd, const struct packet *p, size_t content, const struct layout *l, struct walk *w)
{
	uint64_t page = w->whole & ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1);
	size_t before = w->whole - page;
	uint8_t *map = mmap(NULL, before + content, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, page);

	if (map == MAP_FAILED)
		return errno;
	walk_events(map + before, content, p, l, w);
	munmap(map, before + content);
	return 0;
}

void walk_ends(struct walk *w)
{
	if (w->whole < w->size && !w->alien && !w->error && !w->grows) {
		w->missing = w->size - w->whole;
		(w->nonsense ? losses_damage : losses_add)(&w->lost, w->last, LOSS_OPEN);
	}
}

static void walk_packets(int fd, const struct layout *l, const uint8_t *uuid, struct walk *w)
{
	uint8_t header[HEADER_MAX];
	struct packet p;

	while (!w->error && w->whole < w->size) {
		ssize_t n = pread(fd, header, l->size, w->whole);
		uint64_t left = w->size - w->whole;

		if (n < 0)
			w->error = errno;
		if (n < (ssize_t)l->size)
			break;
		enum packet_result result = packet_parse(header, l, uuid, &p);

		w->alien = result == PACKET_ALIEN && w->packets == 0;
		w->nonsense = result != PACKET_FINE;
		/* Of a packet that is not all there the events are kept that are: only what knows events can tell. */
		if (result != PACKET_FINE || (p.content > left && !l->shapes))
			break;
		w->error = walk_packet(fd, &p, p.content < left ? p.content : left, l, w);
		w->whole += p.size;
		w->packets++;
	}
	walk_ends(w);
}

void stream_walk(const char *path, const struct layout *l, const uint8_t *uuid, struct walk *w)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	*w = (struct walk) { .grows = fd >= 0 && is_written(fd) };
	if (fd < 0 || fstat(fd, &st))
		w->error = errno;
	else
		w->size = st.st_size;
	if (!w->error && l->known)
		walk_packets(fd, l, uuid, w);
	else
		w->whole = w->size;
	if (fd >= 0)
		close(fd);
}

/* ---- sentences ------------------------------------------------------------------------------------------------------------- */

/*
 * Packets that LTTng wrote down in index/NAME.idx; 0: no index. It is written after the packet: a file with fewer has lost some, or
 * was emptied.
 */
static uint64_t indexed(const char *path, struct walk *w, struct notes *notes)
{
	const char *name = strrchr(path, '/');
	uint32_t head[4]; /* magic, major, minor, bytes of an entry; big endian */
	uint64_t n = 0;
	struct stat st;
	char index[4400];
	FILE *f;

	snprintf(index, sizeof index, "%.*s/index%s.idx", (int)(name - path), path, name);
	f = open_at_once(index, &st);
	w->odd_index = f ? !S_ISREG(st.st_mode) : errno != ENOENT && errno != ENOTDIR && errno != EACCES;
	if (w->odd_index)
		notes_add(notes, "%s: is no file, passed over", index);
	if (f && !w->odd_index && st.st_size > (off_t)sizeof head && fread(head, sizeof head, 1, f) == 1 &&
	    be32toh(head[0]) == INDEX_MAGIC && head[3])
		n = (st.st_size - sizeof head) / be32toh(head[3]);
	if (f)
		fclose(f);
	return n;
}

/* ", from 2026-11-26 03:53:19.123456 UTC on"; "" where nothing says when. */
static const char *since(const struct walk *w, char out[64])
{
	time_t seconds = w->lost.n ? w->lost.loss[0].begin / 1000000000 : 0;
	char text[32];
	struct tm tm;

	out[0] = '\0';
	if (seconds && gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%F %T", &tm))
		snprintf(out, 64, ", from %s.%06u UTC on", text, (unsigned)(w->lost.loss[0].begin % 1000000000 / 1000));
	return out;
}

static void say_missing(const char *path, const struct walk *w, struct notes *notes)
{
	char when[64];

	if (w->error == EACCES)
		notes_add(notes, "%s: no permission to read it, its events are missing; run the report as the user who recorded it, or as root",
			path);
	else if (w->error)
		notes_add(notes, "%s: cannot be read (%s), its events are missing", path, strerror(w->error));
	else if (w->alien)
		notes_add(notes, "%s: is not a stream of this trace, left out", path);
	else if (w->missing)
		notes_add(notes, "%s: ends within a packet: the events in its last %llu bytes are missing from the report%s", path,
			(unsigned long long)w->missing, since(w, when));
	if (w->skipped)
		notes_add(notes, "%s: %llu bytes of it are no packet and were passed over: their events are missing from the report%s", path,
			(unsigned long long)w->skipped, since(w, when));
	if (w->damaged)
		notes_add(notes, "%s: %llu of its %llu packets are damaged: events after the damage in them are missing from the report%s", path,
			(unsigned long long)w->damaged, (unsigned long long)w->packets, since(w, when));
}

void walk_conclude(const char *path, const struct layout *l, struct walk *w, struct notes *notes)
{
	uint64_t indexed_by_now = l->known ? indexed(path, w, notes) : 0, written = w->grows ? 0 : indexed_by_now;

	if (w->error || (!w->missing && w->packets < written))
		losses_add(&w->lost, w->last, LOSS_OPEN);
	say_missing(path, w, notes);
	if (!w->error && !w->alien && w->packets < written)
		notes_add(notes, "%s: only %llu of the %llu packets that were written are in it: events are missing from the report", path,
			(unsigned long long)w->packets, (unsigned long long)written);
}
