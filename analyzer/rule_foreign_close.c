/*
 * analyzer/rule_foreign_close.c: a close hit a later, unrelated descriptor with the same number.
 *
 * Known from history, when its victim fails (model_owner.c). The finding names the culprit, and the victim's failure only as what came of it.
 *
 * From two closes at the same time: when both of them had something to close, one took what a third thread was given in between.
 *
 * And from streams: a FILE or DIR remembers which generation it was made for. Not a finding: standard streams, where closing the
 * number and opening another file in its place is how redirection was always done; the same open file description, put back by
 * dup; freopen. Where it may be the same with another stream (model_owner.c) it is only possible, until what the stream took with it is missed.
 */
#include "analyzer/finding.h"

extern const struct rule rule_foreign_close;

static int is_redirection(const struct transition *t)
{
	const struct generation *own = t->generation, *now = t->other;

	return t->at.fd <= 2 || !strcmp(t->at.call, "freopen") || (own && now && own->description == now->description);
}

/* One of two concurrent closes took what another thread had been given in between. Nobody has to fail for that to be known. */
static void closed_against_open(const struct rule *r, const struct transition *t)
{
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_CERTAIN, .image = t->image, .generation = t->generation,
		.fd = t->generation->fd, .kind = "close-against-open", .object = t->other->description,
		.reason = "both closes had something to close, and only one of them the descriptor that both meant" };

	draft_past(&d, t->generation);
	draft_stack(&d, ROLE_REUSED, &t->other->opened, t->other);
	draft_note(&d, "the victim");
	draft_stack(&d, ROLE_CLOSED, &t->at, NULL);
	findings_add(replay_findings(t->replay), &d);
}

/* The same finding, whether or not what follows is seen. */
static void draft_stale(struct draft *d, const struct generation *own, const struct generation *now, const struct moment *end)
{
	draft_past(d, own);
	draft_stack(d, ROLE_REUSED, &now->opened, now);
	draft_stack(d, ROLE_CLOSED, end, now);
	d->nkey = d->nstacks;
}

/* What a stream took with it is missed: what its end alone did not prove. */
static void missed(const struct rule *r, const struct transition *t, const struct foreign *f)
{
	struct draft d = { .rule = r, .severity = r->severity, .confidence = CONFIDENCE_STRONG, .image = t->image, .generation = f->older,
		.fd = t->generation->fd, .kind = f->kind, .object = t->generation->description, .reason = f->reason, .known = 1 };

	draft_stale(&d, f->older, t->generation, &t->generation->closed);
	draft_note(&d, "the culprit");
	draft_stack(&d, ROLE_USED, &t->at, NULL);
	draft_note(&d, "the victim");
	findings_add(replay_findings(t->replay), &d);
}

static void victim_failed(const struct rule *r, const struct transition *t)
{
	struct foreign f = owner_suspect(t);
	struct draft d = { .rule = r, .severity = r->severity, .confidence = f.verdict == FOREIGN_STRONG ? CONFIDENCE_STRONG : CONFIDENCE_POSSIBLE,
		.image = t->image, .generation = t->generation, .fd = t->generation ? t->generation->fd : t->at.fd, .kind = f.kind, .reason = f.reason };

	if (f.verdict == FOREIGN_NOT)
		return;
	if (t->generation->closed.op == FDW_OP_STALE_STREAM) {
		missed(r, t, &f);
		return;
	}
	if (f.older)
		draft_past(&d, f.older);
	draft_stack(&d, f.older ? ROLE_REUSED : ROLE_OPENED, &t->generation->opened, t->generation);
	draft_stack(&d, ROLE_CLOSED, &t->generation->closed, t->generation);
	draft_note(&d, "the culprit");
	draft_stack(&d, ROLE_USED, &t->at, NULL);
	draft_note(&d, "the victim");
	findings_add(replay_findings(t->replay), &d);
}

/* How sure it is that it was not meant: by enum meant_for_stream. */
static const struct { enum confidence confidence; const char *reason; } not_meant[] = {
	[STREAM_MEANT] = { CONFIDENCE_POSSIBLE, "the thread that closed the stream's descriptor made the next one, and may have meant the stream to go on with that" },
	[STREAM_UNLIKELY] = { CONFIDENCE_STRONG, "the stream was made for an earlier generation of the number, whose close was seen; the next one was made elsewhere" },
	[STREAM_NOT] = { CONFIDENCE_CERTAIN, "the stream was made for an earlier generation of the number, whose close was seen" },
};

static void stale_stream(const struct rule *r, const struct transition *t)
{
	struct draft d = { .rule = r, .severity = r->severity, .image = t->image, .generation = t->generation, .fd = t->at.fd };
	enum meant_for_stream meant;

	if (owner_suspect(t).verdict == FOREIGN_STRONG) {
		victim_failed(r, t); /* the stream's descriptor was closed by mistake, not its own */
		return;
	}
	if (t->event->flags & FDW_F_KNOWN_CLOSED || !t->other || is_redirection(t))
		return;
	meant = owner_reopened(t);
	d.confidence = not_meant[meant].confidence;
	d.reason = not_meant[meant].reason;
	d.object = t->other->description;
	draft_stale(&d, t->generation, t->other, &t->at);
	findings_add(replay_findings(t->replay), &d);
}

static void close_failed(const struct rule *r, const struct transition *t)
{
	if (t->event->flags & FDW_F_LOSER && t->event->ret == 0 && t->other)
		closed_against_open(r, t);
	else if (t->event->flags & FDW_F_KNOWN_CLOSED && !(t->event->flags & FDW_F_LOSER))
		victim_failed(r, t);
}

static void say(const struct finding *f, FILE *out)
{
	if (f->kind && !strcmp(f->kind, "close-against-open")) {
		fprintf(out, "two threads closed descriptor %d at the same time, and the second close took %s, which a third thread had been given in between",
		        f->fd, f->object);
		return;
	}
	if (f->stacks[f->nstacks - 1].role == ROLE_USED && strcmp(f->kind ? f->kind : "", "stream")) {
		fprintf(out, "a close hit descriptor %d (%s) of somebody else, who failed afterwards; ", f->fd, f->object);
		fputs(f->kind ? "it went over a range of numbers" : "it was meant for an earlier one with the same number, which was closed already", out);
		return;
	}
	fprintf(out, "a stream whose descriptor %d had been closed before was closed, and took %s with it, which had the number by then%s",
	        f->fd, f->object, f->stacks[f->nstacks - 1].role == ROLE_USED ? " and is missed" : "");
}

const struct rule rule_foreign_close = {
	.id = "foreign-close", .by_history = 1, .cwe = 1341, .severity = SEV_ERROR,
	.summary = "a close hit a later, unrelated descriptor with the same number",
	.fix = "Let the culprit forget the number when it closes it (set the variable to -1), close streams only by fclose or closedir, and close ranges only of what is its own.",
	.stale_stream = stale_stream,
	.use_failed = victim_failed, .close_failed = close_failed, .say = say,
};
