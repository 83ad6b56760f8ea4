/*
 * trace/provider_once.h: provider_events.h, with the fields of an event written into the buffer at once. The probe that LTTng's header generates calls a
 * function for each of the seventeen, a fifth of what an event costs (perf). The trace is the same, byte for byte.
 *
 * How: the generated probe gets another name. A macro with parameters takes the name where the probe is declared and defined, and leaves it where
 * the class of events refers to it; what is found there is ours. Context: as provider.c's. May not: ask less than the generated probe before it writes.
 * Where fields are aligned (not on x86), and where somebody set a filter or wants to be notified, the generated one does it.
 */
#ifndef FDW_PROVIDER_ONCE_H
#define FDW_PROVIDER_ONCE_H

#include <lttng/ust-tracer.h>
#include "trace/schema.h"

#if defined(LTTNG_UST_RING_BUFFER_NATURAL_ALIGN)
#include "provider_events.h"
#else

static void lttng_ust__event_probe__fdwarden___event(void *event, const struct fdw_event *e);
#define lttng_ust__event_probe__fdwarden___event(...) probe_by_field(__VA_ARGS__)
#include "provider_events.h"
#undef lttng_ust__event_probe__fdwarden___event

#define FDW_MEMBER(type, name) type name;
struct __attribute__((packed)) packed_event {
	FDW_EVENT_FIELDS(FDW_MEMBER, FDW_MEMBER, FDW_MEMBER)
	uint32_t detail_len;
};

static void lttng_ust__event_probe__fdwarden___event(void *tp_data, const struct fdw_event *e)
{
	struct lttng_ust_event_common *event = tp_data;
	struct lttng_ust_event_recorder *recorder = event->child;
	struct lttng_ust_channel_buffer *channel;
	struct lttng_ust_probe_ctx probe = { .struct_size = sizeof probe, .ip = __builtin_return_address(0) };
	struct lttng_ust_ring_buffer_ctx at;

	if (event->type != LTTNG_UST_EVENT_TYPE_RECORDER || CMM_ACCESS_ONCE(event->eval_filter)) {
		probe_by_field(tp_data, e);
		return;
	}
	channel = recorder->chan;
	if (!CMM_ACCESS_ONCE(channel->parent->session->active) || !CMM_ACCESS_ONCE(channel->parent->enabled) || !CMM_ACCESS_ONCE(event->enabled) ||
	    !LTTNG_UST_TP_RCU_LINK_TEST())
		return;
	lttng_ust_ring_buffer_ctx_init(&at, recorder, sizeof(struct packed_event) + e->detail_len, 1, &probe);
	if (channel->ops->event_reserve(&at) < 0)
		return;
#define FDW_FILL(type, name) .name = e->name,
	channel->ops->event_write(&at, &(struct packed_event){ FDW_EVENT_FIELDS(FDW_FILL, FDW_FILL, FDW_FILL) .detail_len = e->detail_len },
		sizeof(struct packed_event), 1);
	if (e->detail_len)
		channel->ops->event_write(&at, e->detail, e->detail_len, 1);
	channel->ops->event_commit(&at);
}

#endif
#endif
