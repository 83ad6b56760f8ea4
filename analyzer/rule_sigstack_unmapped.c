/*
 * analyzer/rule_sigstack_unmapped.c: memory of an installed alternate signal stack is unmapped, moved, dropped, or may no longer be written to: the
 * next signal on it kills the process, or runs over whatever is there by then.
 */
#include "analyzer/finding.h"

extern const struct rule rule_sigstack_unmapped;

static void sigstack_lost(const struct rule *r, const struct transition *t)
{
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_CERTAIN, .image = t->image, .fd = -1,
		.kind = !t->event->gen && t->event->tid == (uint32_t)t->event->fd2 ? NULL : "another-thread" };

	if (t->inside)
		draft_stack(&d, ROLE_INSTALLED, t->inside, NULL);
	if (strcmp(t->at.call, "none")) {
		d.reason = "its thread is there, and had it installed when this call succeeded";
		draft_stack(&d, ROLE_USED, &t->at, NULL);
	} else {
		d.reason = "it was still installed when its thread or the process ended, and nothing was mapped there";
		d.kind = "freed";
	}
	findings_add(replay_findings(t->replay), &d);
}

static void say(const struct finding *f, FILE *out)
{
	if (f->kind && !strcmp(f->kind, "freed"))
		fputs("an alternate signal stack's memory was freed while it was installed", out);
	else
		fprintf(out, "%s() takes the memory of %s alternate signal stack, which is installed", f->stacks[f->nstacks - 1].at.call,
		        f->kind ? "another thread's" : "this thread's");
}

const struct rule rule_sigstack_unmapped = {
	.id = "sigstack-unmapped", .cwe = 416, .severity = SEV_ERROR, .summary = "memory of an installed alternate signal stack is unmapped",
	.fix = "Disable it in its thread (sigaltstack with SS_DISABLE) before its memory is freed or given away.",
	.sigstack_lost = sigstack_lost, .say = say,
};
