/*
 * analyzer/rule_sigstack_too_small.c: an alternate signal stack that leaves a handler no room: what the kernel puts there (with AVX-512 more than the old
 * MINSIGSTKSZ of 2048) and a frame for the handler. Where only the most that the kernel may ever put there is known, it is no more than possible: AMX
 * is counted in that, and in no frame of a program that did not ask for it. Measured on an AVX-512 machine: an empty handler takes 2.9 KiB in all,
 * one that prints 8.7 KiB.
 */
#include "analyzer/finding.h"

extern const struct rule rule_sigstack_too_small;

/* A handler with a few calls, and without printf. */
#define HANDLER_FRAME 1024

static void sigstack(const struct rule *r, const struct transition *t)
{
	const struct fdw_event *e = t->event;
	int known = e->flags >> FDW_F_USER_SHIFT & 1;
	char note[120];
	struct draft d = { .rule = r, .severity = r->severity, .image = t->image, .fd = -1 };

	if (!e->gen || e->ret < 0 || e->ret >= (int64_t)e->gen + HANDLER_FRAME) /* below 0: 2^63 bytes and more, which the kernel takes */
		return;
	d.confidence = !known ? CONFIDENCE_POSSIBLE : e->ret < (int64_t)e->gen ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
	d.reason = !known ? "the kernel says only what it needs at most" :
	           e->ret < (int64_t)e->gen ? "its size and what the kernel needs for this process were read at that moment" :
	                                      "the kernel's part fits; a handler that calls next to nothing may do with what is left";
	snprintf(note, sizeof note, "%lld bytes; the kernel needs %s%u, a handler %d", (long long)e->ret, known ? "" : "up to ", e->gen, HANDLER_FRAME);
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
