/*
 * trace/session_watch.c: a ring is written out when a call looks wrong. LTTng itself tells: a filter in the program over the events' flags, so that
 * nobody has to read the stream; and its daemon takes the snapshot at once, before the ring goes round. (Taken by the helper, which looks five times a second,
 * it came too late: a program that opens and closes all the time fills 1 MiB in a tenth of a second.) Whether it was wrong the command judges with the whole
 * analyzer; if not, the snapshot is removed and the watch set again.
 *
 * Context: the helper only.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <lttng/lttng.h>
#include <lttng/snapshot.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "trace/schema.h"
#include "trace/session_private.h"

#define TRIGGER "fdwarden-looks-wrong"
/* A call that looked wrong and was not: from now on this long nobody looks; each time twice as long, up to MAX. */
#define DROPPED_S 5
#define DROPPED_MAX_S 300

/*
 * FDW_F_KNOWN_CLOSED and FDW_F_LOSER: calls on what was closed before, or is being closed. Not FDW_F_RUN, _RANGE, _CHILD: closes of everything, and fork
 * children that clean up; nor EPOLL_CTL_DEL.
 */
#define LOOKS_WRONG "(flags & 0x28) != 0 && (flags & 0x8180) == 0 && (flags >> 24) != 2"
_Static_assert((FDW_F_KNOWN_CLOSED | FDW_F_LOSER) == 0x28u && (FDW_F_RUN | FDW_F_RANGE | FDW_F_CHILD) == 0x8180u && FDW_F_USER_SHIFT == 24, "LOOKS_WRONG");

static struct lttng_notification_channel *notifications;
static struct lttng_trigger *trigger; /* registered, or NULL */
static char candidate[PATH_MAX];      /* where its snapshot goes; not judged yet */
static int judging, kept;
static unsigned dropped_s = DROPPED_S;
static time_t next_s;                 /* the watch is set again, CLOCK_MONOTONIC seconds */

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* OUTPUT.violation, or the first of OUTPUT.violation-2 ... that is not there. Else none: what candidate names is removed at the end. */
static int find_place(const struct fdw_setup *s)
{
	char number[16] = "";

	for (int i = 2; i < 100; i++) {
		/* "/ring" follows */
		if (snprintf(candidate, sizeof candidate - 8, "%s.violation%s", s->output, number) >= (int)sizeof candidate - 8)
			break;
		if (access(candidate, F_OK) != 0)
			return 0;
		snprintf(number, sizeof number, "-%d", i);
	}
	*candidate = 0;
	return -1;
}

/* ---- the watch ---------------------------------------------------------------------------------------------------------------------------*/

static struct lttng_condition *condition(void)
{
	struct lttng_event_rule *rule = lttng_event_rule_user_tracepoint_create();
	struct lttng_condition *c = NULL;

	if (rule && lttng_event_rule_user_tracepoint_set_name_pattern(rule, "fdwarden:op") == LTTNG_EVENT_RULE_STATUS_OK &&
	    lttng_event_rule_user_tracepoint_set_filter(rule, LOOKS_WRONG) == LTTNG_EVENT_RULE_STATUS_OK)
		c = lttng_condition_event_rule_matches_create(rule);
	lttng_event_rule_destroy(rule);
	return c;
}

static struct lttng_action *write_once(void)
{
	struct lttng_action *a = lttng_action_snapshot_session_create();
	struct lttng_snapshot_output *o = lttng_snapshot_output_create();
	struct lttng_rate_policy *once = lttng_rate_policy_once_after_n_create(1);
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%.4080s/ring", candidate);
	if (a && o && once && lttng_snapshot_output_set_local_path(path, o) == 0 && lttng_snapshot_output_set_name("ring", o) == 0 &&
	    lttng_action_snapshot_session_set_session_name(a, FDW_RING_SESSION) == LTTNG_ACTION_STATUS_OK &&
	    lttng_action_snapshot_session_set_rate_policy(a, once) == LTTNG_ACTION_STATUS_OK &&
	    lttng_action_snapshot_session_set_output(a, o) == LTTNG_ACTION_STATUS_OK)
		o = NULL; /* the action's */
	lttng_snapshot_output_destroy(o);
	lttng_rate_policy_destroy(once);
	return a;
}

/* First it is written, then we hear of it. */
static struct lttng_action *actions(void)
{
	struct lttng_action *list = lttng_action_list_create(), *each[] = { write_once(), lttng_action_notify_create() };

	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		if (list && (!each[i] || lttng_action_list_add_action(list, each[i]) != LTTNG_ACTION_STATUS_OK)) {
			lttng_action_destroy(list);
			list = NULL;
		}
		lttng_action_destroy(each[i]);
	}
	return list;
}

static void disarm(void)
{
	if (!trigger)
		return;
	lttng_notification_channel_unsubscribe(notifications, lttng_trigger_get_condition(trigger));
	lttng_unregister_trigger(trigger);
	lttng_trigger_destroy(trigger);
	trigger = NULL;
}

static void arm(const struct fdw_setup *s)
{
	enum lttng_notification_channel_status subscribed = LTTNG_NOTIFICATION_CHANNEL_STATUS_ERROR;
	struct lttng_condition *c = condition();
	struct lttng_action *a = find_place(s) == 0 ? actions() : NULL;

	if (!notifications)
		notifications = lttng_notification_channel_create(lttng_session_daemon_notification_endpoint);
	trigger = c && a && notifications ? lttng_trigger_create(c, a) : NULL;
	/* It keeps references of its own. */
	lttng_condition_destroy(c);
	lttng_action_destroy(a);
	if (trigger && lttng_register_trigger_with_name(trigger, TRIGGER) == LTTNG_OK)
		subscribed = lttng_notification_channel_subscribe(notifications, lttng_trigger_get_condition(trigger));
	if (subscribed == LTTNG_NOTIFICATION_CHANNEL_STATUS_OK || subscribed == LTTNG_NOTIFICATION_CHANNEL_STATUS_ALREADY_SUBSCRIBED)
		return;
	disarm();
	next_s = now_s() + DROPPED_MAX_S;
}

/* All that are there are one. */
static int has_notification(void)
{
	struct lttng_notification *notification;
	bool pending = false;
	int had = 0;

	while (lttng_notification_channel_has_pending_notification(notifications, &pending) == LTTNG_NOTIFICATION_CHANNEL_STATUS_OK && pending) {
		notification = NULL;
		if (lttng_notification_channel_get_next_notification(notifications, &notification) == LTTNG_NOTIFICATION_CHANNEL_STATUS_ERROR)
			break;
		lttng_notification_destroy(notification);
		had = 1;
	}
	return had;
}

/* ---- for the helper ----------------------------------------------------------------------------------------------------------------------*/

void fdw_watch_start(const struct fdw_setup *s) { arm(s); }

int fdw_watch_look(const struct fdw_setup *s, struct fdw_message *m)
{
	char error[FDW_TEXT];

	if (kept || judging)
		return 0;
	if (!trigger) {
		if (now_s() >= next_s)
			arm(s);
		return 0;
	}
	if (!has_notification())
		return 0;
	disarm();
	judging = 1;
	if (fdw_ring_complete(s, candidate, error, sizeof error) != 0) {
		fdw_watch_judged(0);
		return 0;
	}
	m->what = FDW_SAY_CANDIDATE;
	snprintf(m->text, sizeof m->text, "%s", candidate);
	return 1;
}

void fdw_watch_end(void)
{
	if (!kept && *candidate)
		fdw_remove_tree(candidate);
}

void fdw_watch_judged(int keep)
{
	judging = 0;
	kept = keep;
	if (keep)
		return;
	fdw_remove_tree(candidate);
	next_s = now_s() + (time_t)dropped_s;
	dropped_s = 2 * dropped_s < DROPPED_MAX_S ? 2 * dropped_s : DROPPED_MAX_S;
}
