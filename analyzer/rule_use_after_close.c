/*
 * analyzer/rule_use_after_close.c: a call on a number after its close, answered EBADF.
 *
 * The interposer proves it (FDW_F_KNOWN_CLOSED). A later use of a number that belongs to somebody else by then is no evidence: worker
 * threads do that all day. Calls that only ask whether a number is open are no use of it.
 */
#include "analyzer/finding.h"

extern const struct rule rule_use_after_close;

static void use_failed(const struct rule *r, const struct transition *t)
{
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_CERTAIN, .image = t->image,
		.generation = t->generation, .fd = t->at.fd, .reason = "its close was seen, and the kernel answered EBADF" };

	if (t->loop || call_only_asks(t->at.call) || owner_suspect(t).verdict == FOREIGN_STRONG)
		return; /* a victim of foreign-close */
	if (t->event->flags & FDW_F_LIFTED) {
		d.confidence = CONFIDENCE_POSSIBLE;
		d.reason = FINDING_NAMED_ONLY;
	}
	draft_history(&d, t->generation, ROLE_USED, &t->at);
	findings_add(replay_findings(t->replay), &d);
}

static void say(const struct finding *f, FILE *out)
{
	const char *call = f->stacks[f->nstacks - 1].at.call;

	fprintf(out, "%s() on descriptor %d after its close; it was %s", call, f->fd, f->object);
}

const struct rule rule_use_after_close = {
	.id = "use-after-close", .by_history = 1, .cwe = 910, .severity = SEV_ERROR, .summary = "a call on a descriptor after its close",
	.fix = "Let the close wait for the last user, or clear the number where the user reads it before it is closed; a copy of a number is no ownership.",
	.use_failed = use_failed, .say = say,
};
