/*
 * analyzer/reader_source.c: one libbabeltrace2 graph: all directories of one trace UUID, their streams merged by time.
 *
 * The graph is a ctf.fs source and a sink of our own with one input port per stream; flt.utils.muxer looks at every stream for
 * every message. Iterators are advanced only inside the sink's consume method, which fills a queue; source_peek() runs the graph
 * once whenever the queue is empty. A stream whose iterator fails ends there; the others go on.
 *
 * A gap is sorted by its begin: its end may lie after events of the same stream that follow it.
 */
#include "analyzer/reader_parts.h"
#include "analyzer/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run of the graph ends when the queue holds this many. More makes it no faster, and some hundred sources slower: caches. */
#define QUEUE_ENOUGH 32
#define QUEUE_MAX (QUEUE_ENOUGH + TICK_MAX)

struct stream {
	bt_message_iterator *iterator;
	bt_message_array_const batch;
	uint64_t n, at;      /* messages of the batch, and the next of them */
	struct held head;
	uint64_t last;       /* for messages without a clock */
	char *name;
};

struct source {
	bt_graph *graph;
	struct stream *stream;
	uint64_t streams;
	struct heap heap;
	struct held queue[QUEUE_MAX];
	size_t head, tail;
	int ended;
	struct plans plans;
	struct notes *notes;
	const char *trace;
	char *host;
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
static int hold_event(struct source *src, struct stream *s, const bt_message *m, struct held *h)
{
	const bt_event *event = bt_message_event_borrow_event_const(m);
	const struct plan *plan = plan_for(&src->plans, event, src->trace, src->notes);

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

	*h = (struct held) { .time = s->last, .gap_end = s->last };
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

	*h = (struct held) { .time = s->last, .gap_end = s->last };
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

static int hold(struct source *src, struct stream *s, const bt_message *m, struct held *h)
{
	switch (bt_message_get_type(m)) {
	case BT_MESSAGE_TYPE_EVENT:
		return hold_event(src, s, m, h);
	case BT_MESSAGE_TYPE_DISCARDED_EVENTS:
		return hold_lost_events(s, m, h);
	case BT_MESSAGE_TYPE_DISCARDED_PACKETS:
		return hold_lost_packets(s, m, h);
	case BT_MESSAGE_TYPE_STREAM_BEGINNING:
		learn_host(src, bt_message_stream_beginning_borrow_stream_const(m));
		return 0;
	default:
		return 0;
	}
}

static void release(struct held *h)
{
	if (h->message)
		bt_message_put_ref(h->message);
	h->message = NULL;
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

static int stream_refill(struct source *src, struct stream *s)
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
		notes_add(src->notes, "%s: stream %s is damaged: its events from there on are missing from the report (%s)", src->trace, s->name,
			why);
	}
	stream_end(s);
	return 0;
}

/* The next record of a stream into its head. 0: the stream has ended. */
static int stream_advance(struct source *src, struct stream *s)
{
	for (;;) {
		while (s->at < s->n) {
			const bt_message *m = s->batch[s->at++];
			int found = hold(src, s, m, &s->head);

			bt_message_put_ref(m);
			if (found) {
				s->head.stream = s - src->stream;
				return 1;
			}
		}
		if (!s->iterator || !stream_refill(src, s))
			return 0;
	}
}

static int earlier(const void *a, const void *b)
{
	const struct stream *x = a, *y = b;

	return x->head.time != y->head.time ? x->head.time < y->head.time : x < y;
}

/* ---- the sink ------------------------------------------------------------------------------------------------------------ */

/* All that has the time of the first, in order, to the end of the queue. */
static void take_tick(struct source *src)
{
	struct held *first = &src->queue[src->tail];
	uint32_t streams = 0;
	size_t n = 0;

	for (struct stream *s; n < TICK_MAX && (s = heap_top(&src->heap)) && (n == 0 || s->head.time == first->time); n++) {
		first[n] = s->head;
		streams += n > 0 && first[n].stream != first[n - 1].stream;
		if (stream_advance(src, s))
			heap_sink(&src->heap);
		else
			heap_pop(&src->heap);
	}
	if (streams)
		tick_order(first, n);
	src->tail += n;
}

static bt_component_class_sink_consume_method_status consume(bt_self_component_sink *self)
{
	struct source *src = bt_self_component_get_data(bt_self_component_sink_as_self_component(self));

	while (src->tail < QUEUE_ENOUGH && heap_top(&src->heap))
		take_tick(src);
	return heap_top(&src->heap) ? BT_COMPONENT_CLASS_SINK_CONSUME_METHOD_STATUS_OK :
		BT_COMPONENT_CLASS_SINK_CONSUME_METHOD_STATUS_END;
}

static bt_component_class_initialize_method_status initialize(bt_self_component_sink *self, bt_self_component_sink_configuration *config,
                                                              const bt_value *params, void *data)
{
	struct source *src = data;
	char name[32];

	bt_self_component_set_data(bt_self_component_sink_as_self_component(self), src);
	for (uint64_t i = 0; i < src->streams; i++) {
		snprintf(name, sizeof name, "in%llu", (unsigned long long)i);
		if (bt_self_component_sink_add_input_port(self, name, NULL, NULL) != BT_SELF_COMPONENT_ADD_PORT_STATUS_OK)
			return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_MEMORY_ERROR;
	}
	return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_OK;
}

static bt_component_class_sink_graph_is_configured_method_status configured(bt_self_component_sink *self)
{
	struct source *src = bt_self_component_get_data(bt_self_component_sink_as_self_component(self));
	char why[256];

	for (uint64_t i = 0; i < src->streams; i++) {
		struct stream *s = &src->stream[i];

		if (bt_message_iterator_create_from_sink_component(self, bt_self_component_sink_borrow_input_port_by_index(self, i),
		        &s->iterator) != BT_MESSAGE_ITERATOR_CREATE_FROM_SINK_COMPONENT_STATUS_OK) {
			s->iterator = NULL;
			take_error(why, sizeof why);
			notes_add(src->notes, "%s: stream %s cannot be read, its events are missing from the report (%s)", src->trace, s->name, why);
		} else if (stream_advance(src, s) && heap_push(&src->heap, s)) {
			release(&s->head);
			stream_end(s);
		}
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

static int connect_streams(struct source *src, const bt_component_source *files)
{
	const bt_component_sink *sink;

	src->streams = bt_component_source_get_output_port_count(files);
	src->stream = calloc(src->streams + 1, sizeof *src->stream);
	if (!src->stream || bt_graph_add_sink_component_with_initialize_method_data(src->graph, sink_class(), "sink", NULL, src,
	        BT_LOGGING_LEVEL_NONE, &sink) != BT_GRAPH_ADD_COMPONENT_STATUS_OK)
		return -1;
	for (uint64_t i = 0; i < src->streams; i++) {
		const bt_port_output *out = bt_component_source_borrow_output_port_by_index_const(files, i);

		src->stream[i].name = strdup(bt_port_get_name(bt_port_output_as_port_const(out)));
		if (bt_graph_connect_ports(src->graph, out, bt_component_sink_borrow_input_port_by_index_const(sink, i), NULL) !=
		    BT_GRAPH_CONNECT_PORTS_STATUS_OK)
			return -1;
	}
	return 0;
}

struct source *source_open(const char *const *dirs, size_t n, const char *trace, struct notes *notes, char *why, size_t size)
{
	struct source *src = calloc(1, sizeof *src);
	const bt_component_source *files;

	if (!src) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	src->notes = notes;
	src->trace = trace;
	src->heap.less = earlier;
	src->graph = bt_graph_create(0);
	files = src->graph ? add_files(src->graph, dirs, n) : NULL;
	if (files && !connect_streams(src, files))
		return src;
	take_error(why, size);
	if (!ctf_fs())
		snprintf(why, size, "libbabeltrace2 has no plugin 'ctf': install its package in full");
	source_close(src);
	return NULL;
}

int source_readable(const char *dir, char *why, size_t size)
{
	struct notes none = { 0 };
	struct source *src = source_open(&dir, 1, dir, &none, why, size);

	if (src)
		source_close(src);
	notes_free(&none);
	return src != NULL;
}

static void run_once(struct source *src)
{
	char why[256];

	src->head = src->tail = 0;
	switch (bt_graph_run_once(src->graph)) {
	case BT_GRAPH_RUN_ONCE_STATUS_OK:
	case BT_GRAPH_RUN_ONCE_STATUS_AGAIN:
		break;
	case BT_GRAPH_RUN_ONCE_STATUS_END:
		src->ended = 1;
		break;
	default:
		src->ended = 1;
		take_error(why, sizeof why);
		notes_add(src->notes, "%s: reading stopped early (%s)", src->trace, why);
	}
}

const struct held *source_peek(struct source *src)
{
	while (src->head == src->tail && !src->ended)
		run_once(src);
	return src->head < src->tail ? &src->queue[src->head] : NULL;
}

void source_next(struct source *src)
{
	release(&src->queue[src->head++]);
}

const struct held *source_buffered(struct source *src, size_t i)
{
	return src->head + i < src->tail ? &src->queue[src->head + i] : NULL;
}

const char *source_host(const struct source *src) { return src->host ? src->host : ""; }
const char *source_trace(const struct source *src) { return src->trace; }

void source_close(struct source *src)
{
	while (src->head < src->tail)
		source_next(src);
	for (struct stream *s; (s = heap_top(&src->heap)); heap_pop(&src->heap))
		release(&s->head);
	for (uint64_t i = 0; i < src->streams && src->stream; i++) {
		stream_end(&src->stream[i]);
		free(src->stream[i].name);
	}
	plans_free(&src->plans);
	heap_free(&src->heap);
	bt_graph_put_ref(src->graph);
	free(src->stream);
	free(src->host);
	free(src);
}
