/*
 * analyzer/rule_signal_vector_bug.c: kernel-signal-vector-bug and sigstack-unpinned: on a kernel that corrupts AVX registers when a signal frame has to fault in its
 * page, signal stacks are kept in memory; where that failed, the limit and errno are said. On other kernels it does not matter.
 */
#define _GNU_SOURCE
#include <string.h>
#include "analyzer/finding.h"

extern const struct rule rule_sigstack_unpinned, rule_kernel_signal_vector_bug;

static int has_bug(const struct transition *t, char release[80])
{
	uint32_t n = t->event->detail_len < 79 ? t->event->detail_len : 79;

	if (!t->event->detail)
		return 0;
	memcpy(release, t->event->detail, n);
	release[n] = 0;
	return fdw_kernel_vector_bug(release);
}

static void unpinned(const struct rule *r, const struct transition *t)
{
	char release[80], note[120];
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_CERTAIN, .image = t->image, .fd = -1,
		.reason = "mlock failed; its pages were touched instead" };

	if (t->event->fd != FDW_SIGSTACK_TOUCHED || t->image->unpinned_told || !has_bug(t, release))
		return;
	t->image->unpinned_told = 1;
	snprintf(note, sizeof note, "%s; RLIMIT_MEMLOCK is %d KiB", strerrorname_np(t->event->err) ? strerrorname_np(t->event->err) : "error", t->event->fd2);
	draft_stack(&d, ROLE_INSTALLED, &t->at, NULL);
	draft_note(&d, note);
	findings_add(replay_findings(t->replay), &d);
}

static void say_unpinned(const struct finding *f, FILE *out)
{
	fprintf(out, "an alternate signal stack could not be locked in memory (%s), and this kernel may corrupt AVX registers where it is paged out",
	        f->stacks[0].note ? f->stacks[0].note : "?");
}

static void vector_bug(const struct rule *r, const struct transition *t)
{
	char release[80];
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_STRONG, .image = t->image, .fd = -1, .nkey = 1,
		.reason = "the kernel's release says so; a distribution may have mended it: fdwarden doctor tests it" };

	if (t->image->bug_told || !has_bug(t, release))
		return;
	t->image->bug_told = 1;
	draft_stack(&d, ROLE_INSTALLED, &t->at, NULL);
	draft_note(&d, release);
	findings_add(replay_findings(t->replay), &d);
}

static void say_vector_bug(const struct finding *f, FILE *out)
{
	fprintf(out, "this kernel (%s) may corrupt AVX registers when a signal comes while its stack's page is not in memory; Linux 5.3.15, 5.4.2 and "
	        "later do not", f->stacks[0].note ? f->stacks[0].note : "?");
}

const struct rule rule_sigstack_unpinned = {
	.id = "sigstack-unpinned", .cwe = 0, .severity = SEV_NOTE, .summary = "a signal stack could not be locked on a kernel with the signal-vector bug",
	.fix = "Raise RLIMIT_MEMLOCK by the size of the alternate stacks, or use a kernel from 5.4.2 on.",
	.sigstack = unpinned, .say = say_unpinned,
};
const struct rule rule_kernel_signal_vector_bug = {
	.id = "kernel-signal-vector-bug", .cwe = 0, .severity = SEV_WARNING, .summary = "the kernel may corrupt AVX registers on return from a signal",
	.fix = "Use a kernel from 5.4.2 on (5.3.15 in its series); until then keep alternate signal stacks locked in memory.",
	.sigstack = vector_bug, .say = say_vector_bug,
};
