/*
 * analyzer/rule_sigstack_too_small.c: an alternate signal stack that leaves a handler no room: what the kernel puts there (AT_MINSIGSTKSZ: with AVX-512
 * more than the old MINSIGSTKSZ of 2048) and a frame for the handler. Measured on an AVX-512 machine: an empty handler takes 2.9 KiB in all, one
 * that prints 8.7 KiB.
 */
#include "analyzer/finding.h"

extern const struct rule rule_sigstack_too_small;

/* A handler with a few calls, and without printf. */
#define HANDLER_FRAME 1024

static void sigstack(const struct rule *r, const struct transition *t)
{
	char note[120];
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_CERTAIN, .image = t->image, .fd = -1,
		.reason = "its size and what the kernel says it needs were read at that moment" };

	if (!t->event->gen || t->event->ret >= (int64_t)t->event->gen + HANDLER_FRAME)
		return;
	snprintf(note, sizeof note, "%lld bytes; the kernel needs %u, a handler %d", (long long)t->event->ret, t->event->gen, HANDLER_FRAME);
	draft_stack(&d, ROLE_INSTALLED, &t->at, NULL);
	draft_note(&d, note);
	findings_add(replay_findings(t->replay), &d);
}

static void say(const struct finding *f, FILE *out)
{
	fprintf(out, "an alternate signal stack is too small for a handler: %s", f->stacks[0].note ? f->stacks[0].note : "?");
}

const struct rule rule_sigstack_too_small = {
	.id = "sigstack-too-small", .cwe = 121, .severity = SEV_WARNING, .summary = "an alternate signal stack leaves a handler no room",
	.fix = "Make it at least sysconf(_SC_SIGSTKSZ) bytes, which grows with the machine's registers; the constants MINSIGSTKSZ and SIGSTKSZ do not.",
	.sigstack = sigstack, .say = say,
};
