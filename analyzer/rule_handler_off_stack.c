/*
 * analyzer/rule_handler_off_stack.c: a handler without SA_ONSTACK in a process whose threads install alternate stacks: it runs on whatever stack its
 * thread is on, and those that install some do so because theirs are small (cgo).
 */
#define _GNU_SOURCE
#include <string.h>
#include "analyzer/finding.h"

extern const struct rule rule_handler_off_stack;

static void image_end(const struct rule *r, struct replay *replay, struct image *i)
{
	for (const struct handler *h = i->handlers; h; h = h->hh.next) {
		struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_CERTAIN, .image = i, .fd = -1, .nkey = 1,
			.reason = "it was in place while a thread had an alternate stack installed" };
		if (!h->met)
			continue;
		draft_stack(&d, ROLE_USED, &h->at, NULL);
		draft_stack(&d, ROLE_INSTALLED, &i->sigstack, NULL);
		findings_add(replay_findings(replay), &d);
	}
}

static void say(const struct finding *f, FILE *out)
{
	const char *name = sigabbrev_np(f->stacks[0].at.fd);

	fprintf(out, "the handler of SIG%s is set without SA_ONSTACK, in a process whose threads have alternate signal stacks", name ? name : "?");
}

const struct rule rule_handler_off_stack = {
	.id = "handler-off-stack", .cwe = 0, .severity = SEV_NOTE, .summary = "a signal handler does not run on the alternate stacks that threads install",
	.fix = "Install the handler with SA_ONSTACK.",
	.image_end = image_end, .say = say,
};
