/*
 * analyzer/rule_double_close.c: a descriptor is closed again after its close.
 *
 * The interposer proves it: its own table said *closed* before the call began, and the kernel answered EBADF (FDW_F_KNOWN_CLOSED); or
 * another thread was closing the same generation (FDW_F_LOSER). A FILE or DIR whose number was closed behind its back is the
 * same mistake through a stream. Loops over everything and fork children that tidy up never come here (model_pending.c).
 */
#include "analyzer/finding.h"

extern const struct rule rule_double_close;

static void found(const struct rule *r, const struct transition *t, enum confidence c, const char *kind, const char *reason)
{
	struct draft d = { .rule = r, .severity = r->severity, .confidence = c, .image = t->image, .generation = t->generation,
		.fd = t->at.fd, .kind = kind, .reason = reason };

	draft_past(&d, t->generation);
	if (t->other)
		draft_stack(&d, ROLE_REUSED, &t->other->opened, t->other);
	draft_stack(&d, ROLE_CLOSED, &t->at, NULL);
	findings_add(replay_findings(t->replay), &d);
}

/*
 * The close that came first never came to its end, as far as was seen. Its thread may have been cancelled at the door of the kernel, or a handler that
 * came in between jumped out: then the one that found it under way is the only close there was, and a right one.
 */
static int first_never_ended(const struct transition *t) { return !t->generation || t->generation->state != GENERATION_CLOSED || !t->generation->closed.time; }

static int by_same_thread(const struct transition *t) { return t->generation && t->generation->closed.tid == t->at.tid && t->generation->closed.pid == t->at.pid; }

static void two_at_once(const struct rule *r, const struct transition *t)
{
	int failed = t->event->ret < 0;

	if (first_never_ended(t))
		found(r, t, CONFIDENCE_POSSIBLE, NULL, "another close of it was under way, whose end was not seen");
	else if (by_same_thread(t))
		found(r, t, failed ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG, NULL, "a handler closed it while the thread it interrupted was in the middle of closing it");
	else if (failed)
		found(r, t, CONFIDENCE_CERTAIN, "concurrent", "two threads were closing it at the same time, and one of them lost");
	else
		found(r, t, CONFIDENCE_STRONG, "concurrent", "two threads were closing it at the same time");
}

/* Who closes all that a list of his own numbers named comes to that of the list itself, too, which is closed by then. */
static int was_list(const struct transition *t) { return t->generation && t->generation->lists; }

static void close_failed(const struct rule *r, const struct transition *t)
{
	uint32_t flags = t->event->flags;

	if (t->loop || was_list(t) || (flags & FDW_F_LOSER && t->other && t->event->ret == 0)) /* foreign-close */
		return;
	if (flags & FDW_F_LOSER && t->other) {
		found(r, t, CONFIDENCE_CERTAIN, "close-against-open", "the number was open again, by another thread, when the second of two concurrent closes came to "
		      "it: fdwarden answered EBADF");
		return;
	}
	if (flags & FDW_F_LOSER)
		two_at_once(r, t);
	else if (flags & FDW_F_KNOWN_CLOSED && owner_suspect(t).verdict != FOREIGN_STRONG) /* else it is a victim of foreign-close */
		found(r, t, flags & FDW_F_LIFTED ? CONFIDENCE_POSSIBLE : CONFIDENCE_CERTAIN, NULL,
		      flags & FDW_F_LIFTED ? FINDING_NAMED_ONLY : "its close was seen, and the kernel answered EBADF");
}

static void range_closed_again(const struct rule *r, const struct transition *t)
{
	if (!t->loop && !(t->event->flags & FDW_F_CHILD))
		found(r, t, CONFIDENCE_STRONG, NULL, "its close was seen, and close_range named exactly this number again");
}

static void stale_stream(const struct rule *r, const struct transition *t)
{
	if (t->event->flags & FDW_F_KNOWN_CLOSED && !was_list(t) && owner_suspect(t).verdict != FOREIGN_STRONG)
		found(r, t, CONFIDENCE_CERTAIN, NULL, "the stream's descriptor was closed before the stream was");
}

static void say(const struct finding *f, FILE *out)
{
	const struct finding_stack *s = &f->stacks[f->nstacks - 1];

	if (f->kind && !strcmp(f->kind, "concurrent"))
		fprintf(out, "two threads closed descriptor %d (%s) at the same moment; one of them could as well have closed what the number "
		        "belongs to next", f->fd, f->object);
	else if (f->kind && !strcmp(f->kind, "close-against-open"))
		fprintf(out, "two threads closed descriptor %d (%s) at the same time, while a third was given the number: the second close could as well have "
		        "taken that", f->fd, f->object);
	else if (s->at.op == FDW_OP_STALE_STREAM)
		fprintf(out, "descriptor %d (%s) was closed behind the back of the stream that owns it, and closed again with the stream",
		        f->fd, f->object);
	else
		fprintf(out, "descriptor %d (%s) was closed already and is closed again", f->fd, f->object);
}

const struct rule rule_double_close = {
	.id = "double-close", .by_history = 1, .cwe = 1341, .severity = SEV_ERROR, .summary = "a descriptor is closed again after its close",
	.fix = "Let one place own the descriptor and close it; set the variable to -1 there, and close a FILE or DIR only by fclose or closedir.",
	.close_failed = close_failed, .range_closed_again = range_closed_again, .stale_stream = stale_stream, .say = say,
};
