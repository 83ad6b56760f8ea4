/*
 * analyzer/rule_stale_rearm.c: a poller is told to go on watching a descriptor that was closed, or is being closed, or whose number belongs to
 * another one by now.
 *
 * Three ways to know. The interposer refused it: a tombstone stood on the number, which somebody would have been given meanwhile, or another
 * thread was closing it (certain; natively it could have reached whoever had the number next). The kernel refused it by itself: EBADF, or ENOENT for a number that is open again but not in this
 * poller (certain, and harmless this time: a note); not when the same thread makes it an ADD, as libevent does. Or it went through, on a stranger's
 * registration, with the data of the old one (strong; model_poll.c says when). A DEL is never one.
 */
#include <errno.h>
#include "analyzer/finding.h"

extern const struct rule rule_stale_rearm;

static int was_dangerous(const struct transition *t)
{
	const struct generation *g = t->generation;

	return g->closed.time == 0 || g->closed.time > t->at.time || number_was_wanted(g, t->image);
}

static void rearmed(const struct rule *r, const struct transition *t)
{
	const struct fdw_event *e = t->event;
	struct draft d = { .rule = r, .severity = SEV_NOTE, .confidence = CONFIDENCE_CERTAIN, .image = t->image, .generation = t->generation,
		.fd = e->fd2 };

	if (e->ret == 0) {
		d.severity = r->severity;
		d.confidence = CONFIDENCE_STRONG;
		d.kind = "reused";
		d.reason = "the data is the old registration's, whose event was delivered before the close, and differs from the live one's; "
		           "this thread still held that event, or neither closed the old descriptor nor registered the new one";
	} else if (e->flags & FDW_F_INVENTED && was_dangerous(t)) {
		d.severity = r->severity;
		d.kind = "refused";
		d.reason = "its number was still kept back, or another thread was closing it at that moment: fdwarden answered EBADF";
	} else {
		d.kind = "harmless";
		d.reason = e->err == ENOENT ? "the number belongs to another descriptor, which is not in this poller: the kernel answered ENOENT"
		                            : "its close was seen, and the kernel answered EBADF";
	}
	draft_stack(&d, ROLE_OPENED, &t->generation->opened, t->generation);
	if (t->registration) {
		draft_stack(&d, ROLE_ARMED, &t->registration->armed, NULL);
		draft_stack(&d, ROLE_DELIVERED, &t->registration->delivered, NULL);
	}
	draft_stack(&d, ROLE_CLOSED, &t->generation->closed, t->generation);
	if (t->other)
		draft_stack(&d, ROLE_REUSED, &t->other->opened, t->other);
	draft_stack(&d, ROLE_REARMED, &t->at, NULL);
	findings_add(replay_findings(t->replay), &d);
}

static void say(const struct finding *f, FILE *out)
{
	fprintf(out, "descriptor %d (%s) is armed again in a poller after its close; ", f->fd, f->object);
	if (!strcmp(f->kind, "reused"))
		fputs("its number belongs to another one by now, which was armed instead", out);
	else if (!strcmp(f->kind, "refused"))
		fputs("without fdwarden that could have armed whatever had the number next", out);
	else
		fputs("nothing had taken its place in this poller yet, so no harm was done", out);
}

const struct rule rule_stale_rearm = {
	.id = "stale-rearm", .by_history = 1, .cwe = 910, .severity = SEV_ERROR, .summary = "a descriptor is armed in a poller after its close",
	.fix = "Let only the thread that holds the event close the descriptor, or keep a generation in the registered data and compare it before each re-arm.",
	.rearmed = rearmed, .say = say,
};
