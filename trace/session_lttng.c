/*
 * trace/session_lttng.c: the session in LTTng's terms: three channels, four events, start and stop. (A ring's frequent events: session_ring.c.)
 *
 * Context: the helper only: every call here may block for ever, and the command kills the helper when it does. Metadata has a channel of
 * its own with a fast timer, or it would reach the disk only at the end: an undocumented but supported name (lttng-tools,
 * src/bin/lttng-sessiond/channel.c).
 */
#define _GNU_SOURCE
#include <lttng/lttng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "trace/session_private.h"

#define SESSION "fdwarden"
#define METADATA_TIMER_US 10000u

static struct lttng_domain domain_of(const struct fdw_setup *s)
{
	struct lttng_domain d = { 0 };

	d.type = LTTNG_DOMAIN_UST;
	d.buf_type = s && s->isolate ? LTTNG_BUFFER_PER_PID : LTTNG_BUFFER_PER_UID;
	return d;
}

int fdw_lttng_failed(int code, const char *what, char *error, size_t n)
{
	snprintf(error, n, "LTTng could not %s: %s", what, lttng_strerror(code < 0 ? code : -code));
	return -1;
}

static int create_session(const struct fdw_setup *s, char *error, size_t n)
{
	struct lttng_session_descriptor *d = lttng_session_descriptor_local_create(SESSION, s->output);
	enum lttng_error_code code = LTTNG_ERR_INVALID;

	if (d)
		code = lttng_create_session_ext(d);
	lttng_session_descriptor_destroy(d);
	return code == LTTNG_OK ? 0 : fdw_lttng_failed(code, "make a session", error, n);
}

int fdw_lttng_channel(struct lttng_handle *h, const char *name, uint64_t subbuf, uint64_t count, unsigned timer, int overwrite)
{
	struct lttng_channel *c = lttng_channel_create(&h->domain);
	int code = -LTTNG_ERR_NOMEM;

	if (!c)
		return code;
	snprintf(c->name, sizeof c->name, "%s", name);
	c->attr.overwrite = overwrite;
	c->attr.switch_timer_interval = timer;
	if (subbuf) {
		c->attr.subbuf_size = subbuf;
		c->attr.num_subbuf = count;
	}
	code = lttng_enable_channel(h, c);
	lttng_channel_destroy(c);
	return code;
}

int fdw_lttng_enable(struct lttng_handle *h, const char *event, const char *channel)
{
	struct lttng_event *e = lttng_event_create();
	int code = -LTTNG_ERR_NOMEM;

	if (!e)
		return code;
	e->type = LTTNG_EVENT_TRACEPOINT;
	e->loglevel_type = LTTNG_EVENT_LOGLEVEL_ALL;
	snprintf(e->name, sizeof e->name, "%s", event);
	code = lttng_enable_event(h, e, channel);
	lttng_event_destroy(e);
	return code;
}

static int fill_session(const struct fdw_setup *s, struct lttng_handle *h, char *error, size_t n)
{
	static const char *const events[][2] = {
		{ "fdwarden:life", "fds_meta" }, { "fdwarden:stack", "fds_meta" }, { "fdwarden:module", "fds_meta" }, { "fdwarden:op", "fds" },
	};
	size_t count = sizeof events / sizeof *events - (s->ring ? 1 : 0);
	/*
	 * Not where each process has its own: the consumer (2.13.9) hangs when a process ends while that timer of its metadata is served, one in
	 * ten recordings of a dozen short programs, and with it every process that starts.
	 */
	int code = s->isolate ? 0 : fdw_lttng_channel(h, "metadata", 0, 0, METADATA_TIMER_US, 0);

	if (code >= 0 && !s->ring)
		code = fdw_lttng_channel(h, "fds", s->fds_subbuf, s->fds_count, FDW_TIMER_US, 0);
	if (code >= 0)
		code = fdw_lttng_channel(h, "fds_meta", s->meta_subbuf, s->meta_count, FDW_TIMER_US, 0);
	if (code < 0)
		return fdw_lttng_failed(code, "make its buffers", error, n);
	for (size_t i = 0; i < count; i++) {
		code = fdw_lttng_enable(h, events[i][0], events[i][1]);
		if (code < 0)
			return fdw_lttng_failed(code, "enable its events", error, n);
	}
	code = lttng_start_tracing(SESSION);
	return code < 0 ? fdw_lttng_failed(code, "start", error, n) : 0;
}

int fdw_lttng_start(const struct fdw_setup *s, char *error, size_t n)
{
	struct lttng_domain d = domain_of(s);
	struct lttng_handle *h;
	int r;

	if (create_session(s, error, n) != 0)
		return -1;
	h = lttng_create_handle(SESSION, &d);
	if (!h)
		return fdw_lttng_failed(LTTNG_ERR_NOMEM, "open its session", error, n);
	r = fill_session(s, h, error, n);
	lttng_destroy_handle(h);
	return r;
}

/* 2.13 adds 2^63 to the count of a channel with several streams: the bit is no count. */
static uint64_t count_lost(void)
{
	struct lttng_domain d = domain_of(NULL);
	struct lttng_handle *h = lttng_create_handle(SESSION, &d);
	struct lttng_channel *channels = NULL;
	uint64_t lost = 0, n;
	int count = h ? lttng_list_channels(h, &channels) : 0;

	for (int i = 0; i < count; i++)
		if (lttng_channel_get_discarded_event_count(&channels[i], &n) == 0)
			lost += n & ~(UINT64_C(1) << 63);
	free(channels);
	lttng_destroy_handle(h);
	return lost;
}

int fdw_lttng_stop(uint64_t *lost, char *error, size_t n)
{
	struct timespec pause = { 0, 500000 };
	int code = lttng_stop_tracing_no_wait(SESSION);

	if (code < 0)
		return fdw_lttng_failed(code, "stop", error, n);
	/* Only after the stop: asked about an active session the daemon crashes (before lttng-tools 2.13.12). */
	while ((code = lttng_data_pending(SESSION)) == 1) {
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 16000000)
			pause.tv_nsec *= 2;
	}
	if (code < 0)
		return fdw_lttng_failed(code, "write out the trace", error, n);
	*lost = count_lost();
	return 0;
}
