/*
 * analyzer/record.h: one record of a trace, as the reader hands it to the replay.
 *
 * Context: the command's process. A record and everything it points to is borrowed: valid until the next reader_next(), except
 * `call`, `host` and `trace`, which live as long as the reader.
 */
#ifndef FDW_RECORD_H
#define FDW_RECORD_H

#include <stdint.h>
#include "trace/schema.h"

enum record_type {
	RECORD_EVENT,  /* fdwarden:op or fdwarden:life */
	RECORD_STACK,  /* fdwarden:stack */
	RECORD_MODULE, /* fdwarden:module */
	RECORD_GAP,    /* events of anybody who wrote to this stream are lost, between `gap.begin` and `time` (UINT64_MAX: to the
	                  end): the tracer had no room, or the trace is damaged. It comes when gap.begin is due: records that follow
	                  may be older than its `time` */
};

struct record {
	enum record_type type;
	uint64_t time;     /* ns since the epoch; equal for events of one tick, ordered within a thread by seq */
	const char *host;  /* host name, from the trace's environment; "" unknown */
	const char *trace; /* directory it came from, as the user wrote it */
	int runs;          /* somebody still records into it: what is not there yet is not missing */
	union {
		struct {
			struct fdw_event e; /* e.call is 0: the number means nothing outside the recording build */
			const char *call;   /* the call's name: "close"; "none" */
		} event;
		struct fdw_stack stack;
		struct fdw_module module;
		struct {
			uint64_t begin;
			uint64_t count; /* 0: unknown, at least one */
			int damage;     /* bytes make no sense there: what is read of the trace elsewhere may not be true either */
		} gap;
	};
};

#endif
