/*
 * trace/provider_events.h: the tracepoints of the provider `fdwarden`, in LTTng-UST's form. Field names are the member names of
 * schema.h; read that first. LTTng includes this header many times over.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER fdwarden

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./provider_events.h"

#if !defined(FDW_PROVIDER_EVENTS_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define FDW_PROVIDER_EVENTS_H

#include <lttng/tracepoint.h>
#include "trace/schema.h"
#include "calls.h"

#define FDW_CALL_LABEL(name, value) lttng_ust_field_enum_value(#name, value)
LTTNG_UST_TRACEPOINT_ENUM(fdwarden, call, LTTNG_UST_TP_ENUM_VALUES(FDW_CALLS(FDW_CALL_LABEL)))
#define FDW_OP_LABEL(name, value) lttng_ust_field_enum_value(#name, value)
LTTNG_UST_TRACEPOINT_ENUM(fdwarden, op, LTTNG_UST_TP_ENUM_VALUES(FDW_OPS(FDW_OP_LABEL)))

/* Of struct fdw_event, in the order of the trace. In one list, for provider.c writes the same without LTTng's macros. `detail` follows. */
#define FDW_EVENT_FIELDS(INT, HEX, ENUM)                                                                              \
	INT(uint32_t, seq) INT(uint32_t, pid) INT(uint32_t, tid) ENUM(uint8_t, op) ENUM(uint16_t, call) INT(uint8_t, kind) \
	INT(int32_t, fd) INT(uint32_t, gen) INT(int32_t, fd2) INT(uint32_t, gen2) INT(int64_t, ret) INT(int32_t, err)      \
	HEX(uint32_t, flags) HEX(uint64_t, arg) HEX(uint32_t, stack)
#define FDW_FIELD_INT(type, name) lttng_ust_field_integer(type, name, e->name)
#define FDW_FIELD_HEX(type, name) lttng_ust_field_integer_hex(type, name, e->name)
#define FDW_FIELD_ENUM(type, name) lttng_ust_field_enum(fdwarden, name, type, name, e->name)

LTTNG_UST_TRACEPOINT_EVENT_CLASS(fdwarden, event,
	LTTNG_UST_TP_ARGS(const struct fdw_event *, e),
	LTTNG_UST_TP_FIELDS(
		FDW_EVENT_FIELDS(FDW_FIELD_INT, FDW_FIELD_HEX, FDW_FIELD_ENUM)
		lttng_ust_field_sequence(uint8_t, detail, e->detail, uint32_t, e->detail_len)))

LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(fdwarden, event, fdwarden, op, LTTNG_UST_TP_ARGS(const struct fdw_event *, e))
LTTNG_UST_TRACEPOINT_LOGLEVEL(fdwarden, op, LTTNG_UST_TRACEPOINT_LOGLEVEL_DEBUG_FUNCTION)
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(fdwarden, event, fdwarden, life, LTTNG_UST_TP_ARGS(const struct fdw_event *, e))
LTTNG_UST_TRACEPOINT_LOGLEVEL(fdwarden, life, LTTNG_UST_TRACEPOINT_LOGLEVEL_INFO)

LTTNG_UST_TRACEPOINT_EVENT(fdwarden, stack,
	LTTNG_UST_TP_ARGS(const struct fdw_stack *, s),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint32_t, pid, s->pid)
		lttng_ust_field_integer_hex(uint32_t, id, s->id)
		lttng_ust_field_sequence_hex(uint64_t, frames, s->frames, uint32_t, s->depth)))
LTTNG_UST_TRACEPOINT_LOGLEVEL(fdwarden, stack, LTTNG_UST_TRACEPOINT_LOGLEVEL_INFO)

LTTNG_UST_TRACEPOINT_EVENT(fdwarden, module,
	LTTNG_UST_TP_ARGS(const struct fdw_module *, m),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint32_t, pid, m->pid)
		lttng_ust_field_integer_hex(uint64_t, base, m->base)
		lttng_ust_field_integer_hex(uint64_t, start, m->start)
		lttng_ust_field_integer_hex(uint64_t, end, m->end)
		lttng_ust_field_sequence_hex(uint8_t, build_id, m->build_id, uint32_t, m->build_id_len)
		lttng_ust_field_string(path, m->path)))
LTTNG_UST_TRACEPOINT_LOGLEVEL(fdwarden, module, LTTNG_UST_TRACEPOINT_LOGLEVEL_INFO)

#endif

#include <lttng/tracepoint-event.h>
