/*
 * analyzer/reader_parts.h: what the parts of the reader owe each other. Private to reader*.c.
 *
 *	reader_find.c     which directories hold a trace
 *	reader_groups.c   which of them are read together
 *	reader_ctf.c      metadata text, and where a packet header keeps its numbers
 *	reader_shapes.c   metadata text to shapes of events
 *	reader_events.c   an event's bytes by its shape; where a packet stops to make sense
 *	reader_packets.c  a stream file packet by packet: what of it is whole, what is lost
 *	reader_fields.c   which events and fields are ours; sentences and names
 *	reader_source.c   the streams of one trace merged by time, whoever reads them
 *	reader_window.c   a file read through a window
 *	reader_written.c  whether somebody still writes to it
 *	reader_direct.c   a trace of LTTng's own way to write, read by ourselves
 *	reader_stream.c   one of its streams (reader_stream.h)
 *	reader_bt2.c      any other, through one libbabeltrace2 graph
 *	reader_bt2_decode.c  its messages to records
 *	reader_repair.c   for it: a shadow directory without what it would stumble over
 *	reader_ring.c     where a flight recorder's ring begins to be whole
 *	reader_tick.c     order within one tick of the clock
 *	reader.c          all sources merged; the interface of reader.h
 *
 * Rules: input is hostile; the traces are never written to; one thread. No call into libbabeltrace2 may follow a failed one
 * before the thread's error is taken (reader_bt2.c), or the library aborts.
 */
#ifndef FDW_READER_PARTS_H
#define FDW_READER_PARTS_H

#include <babeltrace2/babeltrace.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "analyzer/hash.h"
#include "analyzer/heap.h"
#include "analyzer/reader.h"

/* ---- sentences for the user, names that stay ------------------------------------------------------------------------------- */
struct notes {
	char **text;
	size_t n;
};
void notes_add(struct notes *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void notes_free(struct notes *);

/* Names of calls: records point to them until the reader is closed. */
struct names {
	struct name *all;
};
const char *name_keep(struct names *, const char *text, size_t len);
void names_drop(struct names *);

/* ---- what is lost ---------------------------------------------------------------------------------------------------------- */
struct loss {
	uint64_t begin, end; /* ns since the epoch */
	int damage;          /* bytes are there, and make no sense */
};
struct losses {
	struct loss *loss;
	size_t n;
};
/* Nobody knows until when. */
#define LOSS_OPEN UINT64_MAX
void losses_add(struct losses *, uint64_t begin, uint64_t end);
void losses_damage(struct losses *, uint64_t begin, uint64_t end);
void losses_absorb(struct losses *, const struct losses *from);
void losses_free(struct losses *);

/* ---- directories ----------------------------------------------------------------------------------------------------------- */
struct trace_dir {
	char *path;        /* where `metadata` is */
	const char *named; /* what the user named; borrowed */
	uint64_t device, inode;
	char *shadow;      /* read this instead; NULL: path itself */
	uint8_t uuid[16];
	int has_uuid;
	int cut;           /* its metadata ends early */
	size_t text;       /* bytes of its metadata */
	int unusable;      /* a note says why */
	int foreign;       /* a trace, but without a word of ours in it */
	int ring;          /* of a flight recorder: its beginning is overwritten */
	int runs;          /* its recording goes on */
};
struct trace_dirs {
	struct trace_dir *dir;
	size_t n;
};
static inline int dir_usable(const struct trace_dir *d) { return !d->unusable && !d->foreign; }
/* Directories of one trace: it is told by its UUID. */
static inline int same_trace(const struct trace_dir *a, const struct trace_dir *b)
{
	return a == b || (a->has_uuid && b->has_uuid && !memcmp(a->uuid, b->uuid, 16));
}
/* Adds what is below `named`; says what is wrong with it. */
void find_traces(const char *named, struct trace_dirs *, struct notes *);
void trace_dirs_free(struct trace_dirs *);

/* Is `path`, below what the user named, a flight recorder's ring? */
int ring_is(const char *named, const char *path);
/* Its events are all there from this time on, ns since the epoch; 0: from the first. */
uint64_t ring_since(const struct trace_dir *);

/* ---- CTF ------------------------------------------------------------------------------------------------------------------- */
struct metadata {
	char *text;
	size_t len;
	int cut;           /* the file ends early: text is what is whole */
	uint8_t uuid[16];
	int has_uuid;
};
/* 0, or an errno; EBADMSG: this is no CTF metadata. An empty file is no error. */
int metadata_read(const char *path, struct metadata *);
/* The same of a file's bytes: malloc, one more than `size`; they become the text. */
int metadata_parse(char *bytes, size_t size, struct metadata *);
const char *skip_space(const char *);

struct field_place {
	size_t offset, size; /* bytes; size 0: there is no such field */
};
struct layout {
	int known;           /* 0: not understood; packets are taken on trust */
	size_t size;         /* of packet header and context */
	struct field_place magic, uuid, stream_id, instance, begin, end, content_size, packet_size, number, discarded;
	uint64_t offset;     /* of the clock, ns since the epoch; 0 where it does not count in ns */
	struct shapes *shapes;
};
/* `names`: where the shapes' labels live; NULL: only sizes are of interest. */
void layout_parse(const char *text, struct layout *, struct names *names);
void layout_free(struct layout *);
/* Is all of it LTTng's own way to write, and understood? */
int layout_direct(const char *text, const struct layout *);
/* Time since the epoch of a value of the clock; `last` where it does not fit. */
uint64_t layout_time(const struct layout *, uint64_t clock, uint64_t last);

/* ---- fields of ours -------------------------------------------------------------------------------------------------------- */
#define FIELDS_MAX 16
enum want { WANT_INT, WANT_LABEL, WANT_BYTES, WANT_U64S, WANT_STRING };
struct wanted {
	const char *name;
	enum want want;
	uint8_t size;      /* of the integer in the record; of an array's length field: always 4 */
	uint16_t at;       /* place in the record */
	uint16_t length;   /* of an array: place of its length */
};
struct ours {
	const char *name;
	enum record_type type;
	const struct wanted *fields; /* ended by one without a name; an event's begin with seq, pid, tid */
};
enum { FIELD_SEQ, FIELD_PID, FIELD_TID };
/* NULL: somebody else's. */
const struct ours *ours_find(const char *name);
void say_missing_field(struct notes *, const char *trace, const char *event, const char *field);
/* A call's value is 16 bits wide. Labels for larger ones are somebody's mistake, or malice. */
#define LABELS_MAX 65536
struct labels {
	const char **label; /* by value; NULL: has none */
	uint64_t n, told;   /* told: values, however often */
};
void labels_add(struct labels *, const char *label, uint64_t lower, uint64_t upper);
const char *label_of(const struct labels *, uint64_t value);

struct decoded {         /* room for what a record points to */
	uint8_t bytes[4096];
	uint64_t frames[FDW_STACK_MAX];
};

/* ---- shapes of events ------------------------------------------------------------------------------------------------------ */
#define STEPS_MAX 40
#define LENGTHS_MAX 8
/* No tracer writes a larger event; nor is more memory taken for one. Ours are below two pages, and some hundred may wait in a queue. */
#define EVENT_MAX (16u << 20)
#define OURS_MAX 65536u

enum step_kind { STEP_FIXED, STEP_LENGTH, STEP_SEQUENCE, STEP_STRING };
/* An event is a list of steps: n bytes; a length of n bytes; elements of n bytes, as many as length `of` says; a string. */
struct step {
	uint8_t kind, of;
	uint32_t n;
};
struct place {           /* of a wanted field */
	uint8_t step, size, is_signed;
	uint32_t offset, count; /* in its step; count: of elements, 0 for a sequence */
};
struct shape {
	uint32_t stream, id;
	int known;
	uint32_t max;              /* bytes; a larger one is nonsense */
	unsigned steps;
	struct step step[STEPS_MAX];
	const struct ours *ours;   /* NULL: not for us */
	const char *missing;       /* the first wanted field that is not there */
	int said;
	struct place place[FIELDS_MAX];
	struct labels labels;
};
enum header { HEADER_UNKNOWN, HEADER_COMPACT, HEADER_LARGE };
struct stream_shape {
	uint32_t id;
	enum header header;
	int known;                 /* its context is understood */
	struct shape context;      /* steps before every event's own */
};
struct shapes {
	struct shape *shape;       /* sorted by stream and id */
	size_t n;
	struct stream_shape *stream;
	size_t streams;
	int beyond;                /* there are more than these */
};
struct shapes *shapes_parse(const char *text, struct names *);
/* Is every event of every stream understood? */
int shapes_complete(const struct shapes *);
void shapes_free(struct shapes *);

/* ---- events ---------------------------------------------------------------------------------------------------------------- */
enum event_result {
	EVENT_WHOLE,
	EVENT_SHORT,   /* does not end within the bytes that are there */
	EVENT_NONSENSE,
	EVENT_OPAQUE,  /* may be right: its shape is not understood */
};
struct event {
	const struct shape *shape;
	size_t header, size;       /* bytes of its header; of it all */
};
/* The event at p. Moves the clock on to its time. */
enum event_result event_at(const struct shapes *, uint32_t stream, const uint8_t *p, size_t left, uint64_t *clock, struct event *);
/* How many of the bytes after a packet's header are whole, known events. The clock ends at the last of them. */
size_t events_walk(const struct shapes *, uint32_t stream, const uint8_t *, size_t, uint64_t *clock);
/* `fields`: past the event's header; checked before by event_at(). */
struct key {             /* what order within one tick is decided by */
	uint32_t tid, seq;
	int early;           /* stacks and modules: before what refers to them */
};
void event_key(const struct shape *, const uint8_t *fields, size_t size, struct key *);
void event_decode(const struct shape *, const uint8_t *fields, size_t size, struct record *, struct decoded *);

/* ---- packets --------------------------------------------------------------------------------------------------------------- */
/* Header and context of a packet; LTTng's are 88 bytes. */
#define HEADER_MAX 4096
struct packet {
	uint64_t begin, end;       /* clock */
	uint64_t content, size;    /* bytes, its header among them */
	uint64_t number, discarded, instance;
	uint32_t stream;
};
enum packet_result { PACKET_FINE, PACKET_ALIEN, PACKET_NONSENSE };
enum packet_result packet_parse(const uint8_t *header, const struct layout *, const uint8_t *uuid, struct packet *);

struct patch {
	uint64_t at, value;  /* eight bytes in the file: the content size of a packet that is damaged within */
};
struct walk {
	uint64_t size;       /* of the file */
	uint64_t whole;      /* where the last readable packet ends: may lie past `size`, for its padding or lost events */
	uint64_t missing;    /* bytes of events that are lost at the end */
	uint64_t packets, damaged;
	uint64_t skipped;    /* bytes between packets that make no sense */
	uint64_t last;       /* time of what was read last */
	struct losses lost;
	struct patch *patch; /* malloc; for damaged packets, and for one that is not all there */
	size_t patches;
	int alien;           /* the first packet is none of this trace */
	int grows;           /* somebody writes to it: what is not there yet is not missing */
	int odd_index;       /* something that is no file is where its index should be: reading it may take for ever */
	int nonsense;        /* where it ends, no packet begins */
	int error;           /* errno: could not be read */
};
void stream_walk(const char *path, const struct layout *, const uint8_t *uuid, struct walk *);
/* The file ends within a packet: so many bytes of events are missing, if nobody writes to it any more. */
void walk_cut(struct walk *, uint64_t missing);
/* The file is read to where it can be: what lies after that is missing. */
void walk_ends(struct walk *);
/* After it: packets that LTTng's index knows, and what is wrong in sentences. */
void walk_conclude(const char *path, const struct layout *, struct walk *, struct notes *);

/* ---- windows --------------------------------------------------------------------------------------------------------------- */
struct window {
	int fd;              /* -1: none */
	uint8_t *data;
	size_t size, have;
	uint64_t at;         /* of its first byte in the file */
};
/* 0 or an errno. *grows: is_written(), before its size was looked at. */
int window_open(struct window *, const char *path, uint64_t *size, int *grows);
/* Bytes from `at` on that are there without reading. */
static inline size_t window_has(const struct window *w, uint64_t at)
{
	return at >= w->at && at < w->at + w->have ? w->at + w->have - at : 0;
}
/* The window begins at `at` and has `need` bytes, or as many as there are: returns their number. */
size_t window_look(struct window *, uint64_t at, size_t need, int *error);
void window_close(struct window *); /* its memory is used again */
void window_free(struct window *);

/* ---- recordings that go on -------------------------------------------------------------------------------------------------- */
/* Somebody has the file open for writing. 0 also where that cannot be told. */
int is_written(int fd);
int is_written_at(const char *path);

/* ---- what a directory holds ------------------------------------------------------------------------------------------------ */
struct stream_file {
	char name[256];
	uint64_t size, keep; /* keep 0: left out, or empty */
	int unreadable;      /* it, or what lies beside it: the library must not see it */
	struct patch *patch;
	size_t patches;
};
struct stream_files {
	struct stream_file *file;
	size_t n;
	int changed;         /* not all of them can be read as they are */
	int data;            /* some of it can be read */
};
/* Its metadata: sets unusable (said), foreign, cut, uuid, text, runs. */
void dir_examine(struct trace_dir *, struct notes *);
/* Its streams, by name, unjudged; says which are gone. */
void dir_streams(const struct trace_dir *, struct stream_files *, struct losses *, struct notes *);
/* Nothing was wrong, nor anything there. Where it still may come nothing is said. */
void say_empty(const struct trace_dir *, struct notes *);
void stream_files_free(struct stream_files *);

/* ---- repair ---------------------------------------------------------------------------------------------------------------- */
struct repair {
	char *root;          /* temporary directory, made when first needed; NULL: none */
	unsigned made;
};
/* Looks at everything in the directory. Sets unusable, shadow. */
void repair_check(struct repair *, struct trace_dir *, struct losses *, struct notes *);
/* After libbabeltrace2 refused the directory as a whole: leaves out the streams that `readable` refuses. 0: nothing is left. */
int repair_isolate(struct repair *, struct trace_dir *, int (*readable)(const char *dir, char *why, size_t), struct notes *);
void repair_free(struct repair *);

/* ---- libbabeltrace2's events to records ------------------------------------------------------------------------------------ */
struct plan;             /* how one event class becomes records */
struct plans {
	struct plan *all, *last;
};
/* The plan for an event's class; NULL: not ours, or unreadable (then said once). */
const struct plan *plan_for(struct plans *, const bt_event *, const char *trace, struct notes *);
void plans_free(struct plans *);
void plan_key(const struct plan *, const bt_event *, struct key *);
void plan_decode(const struct plan *, const bt_event *, struct record *, struct decoded *);

/* ---- order within a tick --------------------------------------------------------------------------------------------------- */
struct held {
	uint64_t time, gap_end, gap_count; /* time: what it is sorted by; of a gap its begin */
	struct key key;
	uint32_t stream;
	int gap, damage;
	/* of an event, one of these */
	const bt_message *message;         /* owned */
	const struct plan *plan;
	const struct shape *shape;
	const uint8_t *fields;             /* in its stream's window, or owned once it is kept */
	uint32_t size;
};
/* The longest tick that is put in order as a whole; a longer one (a stuck clock) is in pieces. */
#define TICK_MAX 256
/* Orders n <= TICK_MAX records of one time: stream order, then seq within a thread, then stacks and modules early. */
void tick_order(struct held *, size_t n);

/* ---- one source ------------------------------------------------------------------------------------------------------------ */
struct source;
struct source_ops {
	/* Calls source_take() where the streams may be advanced. 0: the source ends. */
	int (*fill)(struct source *);
	/* The next record of a stream. 0: the stream has ended. */
	int (*advance)(struct source *, uint32_t stream, struct held *);
	/* It is needed after its stream has been advanced. 0: no memory. */
	int (*keep)(struct source *, struct held *);
	void (*release)(struct source *, struct held *);
	void (*decode)(const struct held *, struct record *, struct decoded *);
	void (*close)(struct source *);
};
struct head {
	struct held held;
	int opened;          /* 0: not read yet, held.time is a lower bound */
};
/* More records makes a run no faster, and some hundred sources slower: caches. */
#define QUEUE_ENOUGH 32
#define QUEUE_MAX (QUEUE_ENOUGH + TICK_MAX)
struct source {
	const struct source_ops *ops;
	struct head *head;       /* by stream; one more, for `losses` */
	uint32_t streams;
	struct heap heap;
	struct losses losses;    /* known beforehand */
	size_t told;             /* of the losses */
	struct held *queue;      /* made when first needed */
	size_t first, last;
	int started, ended;
	uint64_t bytes, done;    /* of the files; 0: not known */
	struct notes *notes;
	const char *trace;
	char *host;
};
/* Begins a source of n streams, none of them in the heap. 0: no memory. Takes the losses. */
int source_init(struct source *, const struct source_ops *, uint32_t streams, const char *trace, struct losses *, struct notes *);
/* The stream has begun, but is not read before this time. */
int source_expect(struct source *, uint32_t stream, uint64_t time);
/* Fills the queue, inside fill(). */
void source_take(struct source *);
/* Frees what source_init() made. */
void source_drop(struct source *);

/*
 * All directories share a UUID (or there is one). NULL: `why` has the reason. Strings are borrowed; losses are taken.
 * The first: NULL with an empty `why` where the trace is not all LTTng's own way to write.
 */
struct source *direct_open(struct trace_dir *const *, size_t n, struct names *, struct notes *, char *why, size_t size);
struct source *bt2_open(const char *const *dirs, size_t n, const char *trace, struct losses *, struct notes *, char *why, size_t size);
/* Only whether libbabeltrace2 takes the directory. */
int bt2_readable(const char *dir, char *why, size_t size);
/* No record is older. */
uint64_t source_time(const struct source *);
/* The next in order, or NULL: the end. Stays valid until source_next(). */
const struct held *source_peek(struct source *);
void source_next(struct source *);
/* Of what is buffered, the i-th; NULL past the end. */
const struct held *source_buffered(struct source *, size_t i);
void source_close(struct source *);

#endif
