/*
 * analyzer/reader_parts.h: what the parts of the reader owe each other. Private to reader*.c.
 *
 *	reader_find.c     which directories hold a trace
 *	reader_ctf.c      metadata text and packet layout, as far as damage is judged by it
 *	reader_repair.c   what of a directory can be read; a shadow directory without the rest
 *	reader_source.c   one libbabeltrace2 graph (all directories of one trace UUID), its streams merged
 *	reader_tick.c     order within one tick of the clock
 *	reader_decode.c   libbabeltrace2 messages to records
 *	reader.c          all sources merged; the interface of reader.h
 *
 * Rules: input is hostile; the traces are never written to; one thread. No call into libbabeltrace2 may follow a failed one
 * before the thread's error is taken (reader_source.c), or the library aborts.
 */
#ifndef FDW_READER_PARTS_H
#define FDW_READER_PARTS_H

#include <babeltrace2/babeltrace.h>
#include <stddef.h>
#include <stdint.h>
#include "analyzer/reader.h"

/* ---- sentences for the user ---------------------------------------------------------------------------------------------- */
struct notes {
	char **text;
	size_t n;
};
void notes_add(struct notes *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void notes_free(struct notes *);

/* ---- directories --------------------------------------------------------------------------------------------------------- */
struct trace_dir {
	char *path;        /* where `metadata` is */
	const char *named; /* what the user named; borrowed */
	char *shadow;      /* read this instead; NULL: path itself */
	uint8_t uuid[16];
	int has_uuid;
	int unusable;      /* a note says why */
	int foreign;       /* a trace, but without a word of ours in it */
};
struct trace_dirs {
	struct trace_dir *dir;
	size_t n;
};
/* Adds what is below `named`; says what is wrong with it. */
void find_traces(const char *named, struct trace_dirs *, struct notes *);
void trace_dirs_free(struct trace_dirs *);

/* ---- CTF, as much as damage is judged by --------------------------------------------------------------------------------- */
struct metadata {
	char *text;
	size_t len;
	int cut;           /* the file ends early: text is what is whole */
	uint8_t uuid[16];
	int has_uuid;
};
/* 0, or an errno; EBADMSG: this is no CTF metadata. An empty file is no error. */
int metadata_read(const char *path, struct metadata *);

struct field_place {
	size_t offset, size; /* bytes; size 0: there is no such field */
};
struct layout {
	int known;           /* 0: not understood; packets are taken on trust */
	size_t size;         /* of packet header and context */
	struct field_place magic, uuid, content_size, packet_size;
};
void layout_parse(const char *text, struct layout *);

struct walk {
	uint64_t size;       /* of the file */
	uint64_t whole;      /* where the last readable packet ends: may lie past `size` when only padding is missing */
	uint64_t packets;
	int alien;           /* the first packet is none of this trace */
	int error;           /* errno: could not be read */
};
void stream_walk(const char *path, const struct layout *, const uint8_t *uuid, struct walk *);

/* ---- repair -------------------------------------------------------------------------------------------------------------- */
struct repair {
	char *root;          /* temporary directory, made when first needed; NULL: none */
	unsigned made;
};
/* Looks at everything in the directory. Sets unusable, foreign, uuid, shadow. */
void repair_check(struct repair *, struct trace_dir *, struct notes *);
/* After libbabeltrace2 refused the directory as a whole: leaves out the streams that `readable` refuses. 0: nothing is left. */
int repair_isolate(struct repair *, struct trace_dir *, int (*readable)(const char *dir, char *why, size_t), struct notes *);
void repair_free(struct repair *);

/* ---- decoding ------------------------------------------------------------------------------------------------------------ */
struct plan;             /* how one event class becomes records */
struct plans {
	struct plan *all, *last;
};
/* The plan for an event's class; NULL: not ours, or unreadable (then said once). */
const struct plan *plan_for(struct plans *, const bt_event *, const char *trace, struct notes *);
void plans_free(struct plans *);

struct key {             /* what order within one tick is decided by */
	uint32_t tid, seq;
	int early;           /* stacks and modules: before what refers to them */
};
void plan_key(const struct plan *, const bt_event *, struct key *);

struct decoded {         /* room for what a record points to */
	uint8_t bytes[4096];
	uint64_t frames[FDW_STACK_MAX];
};
void plan_decode(const struct plan *, const bt_event *, struct record *, struct decoded *);

/* ---- order within a tick ------------------------------------------------------------------------------------------------- */
struct held {
	const bt_message *message; /* owned; NULL: a gap */
	const struct plan *plan;
	uint64_t time, gap_end, gap_count; /* time: what it is sorted by; of a gap its begin */
	struct key key;
	uint32_t stream;
};
/* The longest tick that is put in order as a whole; a longer one (a stuck clock) is in pieces. */
#define TICK_MAX 256
/* Orders n <= TICK_MAX records of one time: stream order, then seq within a thread, then stacks and modules early. */
void tick_order(struct held *, size_t n);

/* ---- one source ---------------------------------------------------------------------------------------------------------- */
struct source;
/* All directories share a UUID (or there is one). NULL: `why` has the library's reason. Strings are borrowed. */
struct source *source_open(const char *const *dirs, size_t n, const char *trace, struct notes *, char *why, size_t size);
/* The next in order, or NULL: the end. Stays valid until source_next(). */
const struct held *source_peek(struct source *);
void source_next(struct source *);
/* Of what is buffered, the i-th; NULL past the end. */
const struct held *source_buffered(struct source *, size_t i);
const char *source_host(const struct source *);
const char *source_trace(const struct source *);
void source_close(struct source *);
/* Only whether libbabeltrace2 takes the directory. */
int source_readable(const char *dir, char *why, size_t size);

#endif
