/*
 * analyzer/rule_handler_off_stack.c: handlers without SA_ONSTACK in a process whose threads install alternate stacks: they run on whatever stack their
 * thread is on, and those that install some do so because theirs are small (cgo). One note for all of a program, known by the place that installs the
 * stack: a handler more or less makes it no other finding.
 */
#include "analyzer/finding.h"
#include "analyzer/say.h"

extern const struct rule rule_handler_off_stack;

/* A stack for each place that sets some, as far as there is room. */
static void add_place(struct draft *d, const struct handler *h)
{
	for (unsigned i = 1; i < d->nstacks; i++)
		if (stack_same(d->stacks[i].at->stack) == stack_same(h->at.stack))
			return;
	draft_stack(d, ROLE_USED, &h->at, NULL);
}

#define NAMES 1280 /* of 64 signals */
static void image_end(const struct rule *r, struct replay *replay, struct image *i)
{
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_CERTAIN, .image = i, .fd = -1, .nkey = 1,
		.reason = "they were in place while a thread had an alternate stack installed" };
	char names[NAMES] = "", note[NAMES + 60], name[24];
	size_t length = 0;
	int n = 0;

	draft_stack(&d, ROLE_INSTALLED, &i->sigstack, NULL);
	for (const struct handler *h = i->handlers; h; h = h->hh.next) {
		if (!h->met)
			continue;
		if (length < sizeof names - 32)
			length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", n ? ", " : "", text_signal(h->sig, name, sizeof name));
		add_place(&d, h);
		n++;
	}
	if (!n)
		return;
	snprintf(note, sizeof note, "handlers that do not run there: %d (%s)", n, names);
	d.stacks[0].note = note;
	findings_add(replay_findings(replay), &d);
}

static void say_handlers(const struct finding *f, FILE *out)
{
	fprintf(out, "a process whose threads have alternate signal stacks has %s", f->stacks[0].note ? f->stacks[0].note : "?");
}

const struct rule rule_handler_off_stack = {
	.id = "handler-off-stack", .cwe = 0, .severity = SEV_NOTE, .summary = "a signal handler does not run on the alternate stacks that threads install",
	.fix = "Install them with SA_ONSTACK.",
	.image_end = image_end, .say = say_handlers,
};
