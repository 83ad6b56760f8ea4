/*
 * analyzer/rule_close_in_use.c: a descriptor is closed while another thread is inside a call on it.
 *
 * Told by the interposer, which asked the kernel where that thread is (preload/inside.c): blocked in this call, on this number. A thread that was
 * woken on purpose before, by shutdown() or by a marker put over the number, is none.
 */
#include "analyzer/finding.h"

extern const struct rule rule_close_in_use;

static void closed_in_use(const struct rule *r, const struct transition *t)
{
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_CERTAIN, .image = t->image, .generation = t->generation,
		.fd = t->generation->fd, .reason = "the other thread was blocked in this call when the close began" };

	draft_stack(&d, ROLE_OPENED, &t->generation->opened, t->generation);
	draft_stack(&d, ROLE_USED, t->inside, NULL);
	draft_stack(&d, ROLE_CLOSED, &t->at, t->generation);
	findings_add(replay_findings(t->replay), &d);
}

static void say(const struct finding *f, FILE *out)
{
	const char *call = "a call";

	for (unsigned i = 0; i < f->nstacks; i++)
		if (f->stacks[i].role == ROLE_USED)
			call = f->stacks[i].at.call;
	fprintf(out, "descriptor %d (%s) is closed while another thread is inside %s() on it; when that returns, the number may be somebody else's",
	        f->fd, f->object, call);
}

const struct rule rule_close_in_use = {
	.id = "close-in-use", .cwe = 362, .severity = SEV_WARNING, .summary = "a descriptor is closed while another thread is inside a call on it",
	.fix = "Wake the other thread first (shutdown, a byte into a pipe or eventfd it polls, too), wait until it has left its call, and close then.",
	.closed_in_use = closed_in_use, .say = say,
};
