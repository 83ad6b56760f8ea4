/*
 * analyzer/rule_bad_close.c: close of a negative number, or of one that was never open as far as anybody knows. Harmless by itself,
 * mostly a variable that was never set. Loops over everything and fork children that tidy up never come here.
 */
#include "analyzer/finding.h"

extern const struct rule rule_bad_close;

static void close_failed(const struct rule *r, const struct transition *t)
{
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_CERTAIN, .image = t->image, .fd = t->at.fd };

	if (t->loop || !(t->event->flags & FDW_F_NEVER_SEEN) || t->event->flags & (FDW_F_KNOWN_CLOSED | FDW_F_LOSER | FDW_F_CHILD))
		return;
	d.reason = t->at.fd < 0 ? "a descriptor is never negative" : "the kernel answered EBADF, and the number was never seen open";
	draft_stack(&d, ROLE_CLOSED, &t->at, NULL);
	findings_add(replay_findings(t->replay), &d);
}

static void say(const struct finding *f, FILE *out)
{
	if (f->fd < 0)
		fprintf(out, "close(%d): no descriptor has a negative number", f->fd);
	else
		fprintf(out, "close(%d): the number was never open", f->fd);
}

const struct rule rule_bad_close = {
	.id = "bad-close", .by_history = 1, .cwe = 0, .severity = SEV_NOTE, .summary = "close of a negative or never seen number",
	.fix = "Give the variable -1 when there is no descriptor, and close only what is not negative.",
	.close_failed = close_failed, .say = say,
};
