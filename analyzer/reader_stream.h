/*
 * analyzer/reader_stream.h: one stream, its files one after another: what reader_direct.c merges. Private to the reader.
 */
#ifndef FDW_READER_STREAM_H
#define FDW_READER_STREAM_H

#include "analyzer/reader_parts.h"

struct file {
	char *path;
	const uint8_t *uuid;
	uint64_t size;
	uint64_t begin, number, instance; /* of its first packet */
	uint32_t class;
};

struct stream {
	const struct layout *layout;
	struct source *source; /* told what was read, and what is wrong */
	struct file *file;     /* its first */
	size_t files, current;
	struct window window;  /* its fd -1: the current file is not open */
	struct walk walk;      /* of the current file */
	size_t told;           /* of its losses */
	int within;            /* a packet */
	struct packet packet;
	uint64_t at, end;      /* in the file: the next event, the end of those that are there */
	uint64_t clock, last;
	int followed;          /* there was a packet before: */
	uint64_t before_end, before_number, before_discarded;
	struct held gap[2];    /* what lies between it and this one */
	unsigned gaps;
};

/* Reads the first packet's header into *f. 0: nothing of the file can be read, said. */
int stream_look(const struct layout *, struct source *, struct file *f, struct losses *);
/* Its next record, whose fields lie in its window; 0: it has ended. */
int stream_next(struct stream *, struct held *);
void stream_end(struct stream *);

#endif
