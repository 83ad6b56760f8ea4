/*
 * analyzer/reader_bt2.c: a trace through one libbabeltrace2 graph: all directories of one trace UUID.
 *
 * The graph is a ctf.fs source and a sink of our own with one input port per stream; flt.utils.muxer looks at every stream for
 * every message. Iterators are advanced only inside the sink's consume method; filling the queue runs the graph once. A stream
 * whose iterator fails ends there; the others go on.
 */
#include "analyzer/reader_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stream {
	bt_message_iterator *iterator;
	bt_message_array_const batch;
	uint64_t n, at;      /* messages of the batch, and the next of them */
	uint64_t last;       /* for messages without a clock */
	char *name;
};

struct bt2 {
	struct source source; /* first */
	bt_graph *graph;
	struct stream *stream;
	struct plans plans;
};

/* Takes the thread's error, which has to be done before the next call. `why` gets the first cause. */
static void take_error(char *why, size_t size)
{
	const bt_error *error = bt_current_thread_take_error();

	snprintf(why, size, "no reason given");
	if (!error)
		return;
	if (bt_error_get_cause_count(error) > 0)
		snprintf(why, size, "%s", bt_error_cause_get_message(bt_error_borrow_cause_by_index(error, 0)));
	why[strcspn(why, "\n")] = '\0';
	bt_error_release(error);
}

/* ---- messages ------------------------------------------------------------------------------------------------------------ */

static uint64_t nanoseconds(struct stream *s, const bt_clock_snapshot *clock)
{
	int64_t ns;

	if (bt_clock_snapshot_get_ns_from_origin(clock, &ns) != BT_CLOCK_SNAPSHOT_GET_NS_FROM_ORIGIN_STATUS_OK) {
		bt_current_thread_clear_error(); /* does not fit: corrupt */
		return s->last;
	}
	return s->last = ns > 0 ? ns : 0;
}

static int has_clock(const bt_stream *stream)
{
	return bt_stream_class_borrow_default_clock_class_const(bt_stream_borrow_class_const(stream)) != NULL;
}

/* 0: not for us. */
static int hold_event(struct bt2 *src, struct stream *s, const bt_message *m, struct held *h)
{
	const bt_event *event = bt_message_event_borrow_event_const(m);
	const struct plan *plan = plan_for(&src->plans, event, src->source.trace, src->source.notes);

	if (!plan)
		return 0;
	*h = (struct held) { .message = m, .plan = plan };
	h->time = has_clock(bt_event_borrow_stream_const(event)) ?
		nanoseconds(s, bt_message_event_borrow_default_clock_snapshot_const(m)) : s->last;
	plan_key(plan, event, &h->key);
	bt_message_get_ref(m);
	return 1;
}

static int hold_lost_events(struct stream *s, const bt_message *m, struct held *h)
{
	const bt_stream *stream = bt_message_discarded_events_borrow_stream_const(m);

	*h = (struct held) { .gap = 1, .time = s->last, .gap_end = s->last };
	if (bt_stream_class_discarded_events_have_default_clock_snapshots(bt_stream_borrow_class_const(stream))) {
		h->time = nanoseconds(s, bt_message_discarded_events_borrow_beginning_default_clock_snapshot_const(m));
		h->gap_end = nanoseconds(s, bt_message_discarded_events_borrow_end_default_clock_snapshot_const(m));
		s->last = h->time;
	}
	/* The counter of a stream may seem to go back between two packets: almost 2^64, and the sum of a stream's counts is right. */
	if (bt_message_discarded_events_get_count(m, &h->gap_count) != BT_PROPERTY_AVAILABILITY_AVAILABLE)
		h->gap_count = 0;
	return 1;
}

/* How many events were in lost packets nobody knows. */
static int hold_lost_packets(struct stream *s, const bt_message *m, struct held *h)
{
	const bt_stream *stream = bt_message_discarded_packets_borrow_stream_const(m);

	*h = (struct held) { .gap = 1, .time = s->last, .gap_end = s->last };
	if (bt_stream_class_discarded_packets_have_default_clock_snapshots(bt_stream_borrow_class_const(stream))) {
		h->time = nanoseconds(s, bt_message_discarded_packets_borrow_beginning_default_clock_snapshot_const(m));
		h->gap_end = nanoseconds(s, bt_message_discarded_packets_borrow_end_default_clock_snapshot_const(m));
		s->last = h->time;
	}
	return 1;
}

static void learn_host(struct source *src, const bt_stream *stream)
{
	const bt_value *host = src->host ? NULL :
		bt_trace_borrow_environment_entry_value_by_name_const(bt_stream_borrow_trace_const(stream), "hostname");

	if (host && bt_value_is_string(host))
		src->host = strdup(bt_value_string_get(host));
}

static int hold(struct bt2 *src, struct stream *s, const bt_message *m, struct held *h)
{
	switch (bt_message_get_type(m)) {
	case BT_MESSAGE_TYPE_EVENT:
		return hold_event(src, s, m, h);
	case BT_MESSAGE_TYPE_DISCARDED_EVENTS:
		return hold_lost_events(s, m, h);
	case BT_MESSAGE_TYPE_DISCARDED_PACKETS:
		return hold_lost_packets(s, m, h);
	case BT_MESSAGE_TYPE_STREAM_BEGINNING:
		learn_host(&src->source, bt_message_stream_beginning_borrow_stream_const(m));
		return 0;
	default:
		return 0;
	}
}

/* ---- streams ------------------------------------------------------------------------------------------------------------- */

static void stream_end(struct stream *s)
{
	while (s->at < s->n)
		bt_message_put_ref(s->batch[s->at++]);
	if (s->iterator)
		bt_message_iterator_put_ref(s->iterator);
	s->iterator = NULL;
}

static int stream_refill(struct bt2 *src, struct stream *s)
{
	char why[256];

	s->at = s->n = 0;
	switch (bt_message_iterator_next(s->iterator, &s->batch, &s->n)) {
	case BT_MESSAGE_ITERATOR_NEXT_STATUS_OK:
		return 1;
	case BT_MESSAGE_ITERATOR_NEXT_STATUS_END:
		break;
	default:
		s->n = 0;
		take_error(why, sizeof why);
		notes_add(src->source.notes, "%s: stream %s is damaged: its events from there on are missing from the report (%s)",
			src->source.trace, s->name, why);
	}
	stream_end(s);
	return 0;
}

static int advance(struct source *source, uint32_t stream, struct held *h)
{
	struct bt2 *src = (struct bt2 *)source;
	struct stream *s = &src->stream[stream];

	for (;;) {
		while (s->at < s->n) {
			const bt_message *m = s->batch[s->at++];
			int found = hold(src, s, m, h);

			bt_message_put_ref(m);
			if (found)
				return 1;
		}
		if (!s->iterator || !stream_refill(src, s))
			return 0;
	}
}

static int keep(struct source *source, struct held *h) { return 1; }

static void release(struct source *source, struct held *h)
{
	if (h->message)
		bt_message_put_ref(h->message);
	h->message = NULL;
}

static void decode(const struct held *h, struct record *r, struct decoded *room)
{
	plan_decode(h->plan, bt_message_event_borrow_event_const(h->message), r, room);
}

/* ---- the sink ------------------------------------------------------------------------------------------------------------ */

static bt_component_class_sink_consume_method_status consume(bt_self_component_sink *self)
{
	struct source *src = bt_self_component_get_data(bt_self_component_sink_as_self_component(self));

	source_take(src);
	return heap_top(&src->heap) ? BT_COMPONENT_CLASS_SINK_CONSUME_METHOD_STATUS_OK :
		BT_COMPONENT_CLASS_SINK_CONSUME_METHOD_STATUS_END;
}

static bt_component_class_initialize_method_status initialize(bt_self_component_sink *self, bt_self_component_sink_configuration *config,
                                                              const bt_value *params, void *data)
{
	struct source *src = data;
	char name[32];

	bt_self_component_set_data(bt_self_component_sink_as_self_component(self), src);
	for (uint32_t i = 0; i < src->streams; i++) {
		snprintf(name, sizeof name, "in%u", i);
		if (bt_self_component_sink_add_input_port(self, name, NULL, NULL) != BT_SELF_COMPONENT_ADD_PORT_STATUS_OK)
			return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_MEMORY_ERROR;
	}
	return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_OK;
}

/* Streams are read from the first run on. */
static bt_component_class_sink_graph_is_configured_method_status configured(bt_self_component_sink *self)
{
	struct bt2 *src = bt_self_component_get_data(bt_self_component_sink_as_self_component(self));
	char why[256];

	for (uint32_t i = 0; i < src->source.streams; i++) {
		struct stream *s = &src->stream[i];

		if (bt_message_iterator_create_from_sink_component(self, bt_self_component_sink_borrow_input_port_by_index(self, i),
		        &s->iterator) != BT_MESSAGE_ITERATOR_CREATE_FROM_SINK_COMPONENT_STATUS_OK) {
			s->iterator = NULL;
			take_error(why, sizeof why);
			notes_add(src->source.notes, "%s: stream %s cannot be read, its events are missing from the report (%s)",
				src->source.trace, s->name, why);
		} else if (!source_expect(&src->source, i, 0))
			stream_end(s);
	}
	return BT_COMPONENT_CLASS_SINK_GRAPH_IS_CONFIGURED_METHOD_STATUS_OK;
}

/* ---- the graph ----------------------------------------------------------------------------------------------------------- */

/* Found once; the plugin stays for the life of the process. */
static const bt_component_class_source *ctf_fs(void)
{
	static const bt_component_class_source *class;
	static const bt_plugin *plugin;

	if (!class && bt_plugin_find("ctf", BT_FALSE, BT_FALSE, BT_TRUE, BT_TRUE, BT_FALSE, &plugin) == BT_PLUGIN_FIND_STATUS_OK)
		class = bt_plugin_borrow_source_component_class_by_name_const(plugin, "fs");
	return class;
}

static const bt_component_class_sink *sink_class(void)
{
	static bt_component_class_sink *class;

	if (!class && (class = bt_component_class_sink_create("fdwarden", consume))) {
		bt_component_class_sink_set_initialize_method(class, initialize);
		bt_component_class_sink_set_graph_is_configured_method(class, configured);
	}
	return class;
}

static bt_value *inputs(const char *const *dirs, size_t n)
{
	bt_value *params = bt_value_map_create(), *list = NULL;
	int bad = !params || bt_value_map_insert_empty_array_entry(params, "inputs", &list);

	for (size_t i = 0; i < n && !bad; i++)
		bad = bt_value_array_append_string_element(list, dirs[i]);
	if (!bad)
		return params;
	bt_value_put_ref(params);
	return NULL;
}

static const bt_component_source *add_files(bt_graph *graph, const char *const *dirs, size_t n)
{
	bt_value *params = inputs(dirs, n);
	const bt_component_source *files = NULL;

	if (params && ctf_fs())
		bt_graph_add_source_component(graph, ctf_fs(), "files", params, BT_LOGGING_LEVEL_NONE, &files);
	bt_value_put_ref(params);
	return files;
}

static int fill(struct source *source)
{
	struct bt2 *src = (struct bt2 *)source;
	char why[256];

	switch (bt_graph_run_once(src->graph)) {
	case BT_GRAPH_RUN_ONCE_STATUS_OK:
	case BT_GRAPH_RUN_ONCE_STATUS_AGAIN:
		return 1;
	case BT_GRAPH_RUN_ONCE_STATUS_END:
		return 0;
	default:
		take_error(why, sizeof why);
		notes_add(source->notes, "%s: reading stopped early (%s)", source->trace, why);
		return 0;
	}
}

static void close_source(struct source *source)
{
	struct bt2 *src = (struct bt2 *)source;

	for (struct head *head; (head = heap_top(&source->heap)); heap_pop(&source->heap))
		if (head->opened)
			release(source, &head->held);
	for (uint32_t i = 0; i < source->streams && src->stream; i++) {
		stream_end(&src->stream[i]);
		free(src->stream[i].name);
	}
	plans_free(&src->plans);
	bt_graph_put_ref(src->graph);
	free(src->stream);
	source_drop(source);
	free(src);
}

static const struct source_ops ops = { fill, advance, keep, release, decode, close_source };

static int connect_streams(struct bt2 *src, const bt_component_source *files)
{
	const bt_component_sink *sink;

	if (bt_graph_add_sink_component_with_initialize_method_data(src->graph, sink_class(), "sink", NULL, src, BT_LOGGING_LEVEL_NONE,
	        &sink) != BT_GRAPH_ADD_COMPONENT_STATUS_OK)
		return 0;
	for (uint32_t i = 0; i < src->source.streams; i++) {
		const bt_port_output *out = bt_component_source_borrow_output_port_by_index_const(files, i);

		src->stream[i].name = strdup(bt_port_get_name(bt_port_output_as_port_const(out)));
		if (bt_graph_connect_ports(src->graph, out, bt_component_sink_borrow_input_port_by_index_const(sink, i), NULL) !=
		    BT_GRAPH_CONNECT_PORTS_STATUS_OK)
			return 0;
	}
	return 1;
}

struct source *bt2_open(const char *const *dirs, size_t n, const char *trace, struct losses *losses, struct notes *notes, char *why, size_t size)
{
	struct bt2 *src = calloc(1, sizeof *src);
	const bt_component_source *files;
	uint64_t streams;

	if (!src) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	src->source.ops = &ops;
	src->graph = bt_graph_create(0);
	files = src->graph ? add_files(src->graph, dirs, n) : NULL;
	streams = files ? bt_component_source_get_output_port_count(files) : 0;
	src->stream = calloc(streams + 1, sizeof *src->stream);
	if (files && src->stream && source_init(&src->source, &ops, streams, trace, losses, notes) && connect_streams(src, files))
		return &src->source;
	take_error(why, size);
	if (!ctf_fs())
		snprintf(why, size, "libbabeltrace2 has no plugin 'ctf': install its package in full");
	close_source(&src->source);
	return NULL;
}

int bt2_readable(const char *dir, char *why, size_t size)
{
	struct losses lost = { 0 };
	struct notes none = { 0 };
	struct source *src = bt2_open(&dir, 1, dir, &lost, &none, why, size);

	if (src)
		source_close(src);
	notes_free(&none);
	return src != NULL;
}
