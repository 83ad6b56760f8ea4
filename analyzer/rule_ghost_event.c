/*
 * analyzer/rule_ghost_event.c: a poller delivers events for a number that was closed, because the description lives on elsewhere, and the program
 * cannot serve them.
 *
 * Two proofs. The thread that got the event makes a call on the closed number before it waits again (certain). Or the event comes again and again,
 * and nothing else in the process has that description: it can neither be served nor, without its number, be removed (strong). A few such events
 * are nothing: libraries that know them by a generation in their data drop them, and build a new poller.
 */
#include "analyzer/finding.h"

extern const struct rule rule_ghost_event;

/* A level-triggered one comes at every wait. */
#define UNSERVED 4

static void found(const struct rule *r, const struct registration *g, const struct moment *used, enum confidence c, const char *kind, const char *reason)
{
	struct draft d = { .rule = r, .severity = r->severity, .confidence = c, .count = used ? 1 : g->ghosts, .image = g->image,
		.generation = g->generation, .fd = g->generation->fd, .kind = kind, .reason = reason };

	draft_stack(&d, ROLE_OPENED, &g->generation->opened, g->generation);
	draft_stack(&d, ROLE_ARMED, &g->armed, NULL);
	draft_stack(&d, ROLE_CLOSED, &g->generation->closed, g->generation);
	draft_stack(&d, ROLE_DELIVERED, &g->ghost, NULL);
	if (used)
		draft_stack(&d, ROLE_USED, used, NULL);
	findings_add(replay_findings(g->replay), &d);
}

static void ghost(const struct rule *r, const struct registration *g)
{
	if (g->ghosts >= UNSERVED)
		found(r, g, NULL, CONFIDENCE_STRONG, "unserved",
		      "it was delivered again and again after the close, and nothing in this process has the description any more");
}

static void use_failed(const struct rule *r, const struct transition *t)
{
	if (t->registration && !t->loop)
		found(r, t->registration, &t->at, CONFIDENCE_CERTAIN, "used",
		      "it was delivered after the close, and the thread that got it made a call on the closed number");
}

static void say(const struct finding *f, FILE *out)
{
	fprintf(out, "events come for descriptor %d (%s), which was closed without being removed from the poller while its description lives on; ",
	        f->fd, f->object);
	fputs(!strcmp(f->kind, "used") ? "the program answers them on the closed number" : "nobody can serve them", out);
}

const struct rule rule_ghost_event = {
	.id = "ghost-event", .by_history = 1, .cwe = 672, .severity = SEV_WARNING, .summary = "a poller delivers events for a closed number",
	.fix = "Take the descriptor out of the poller (EPOLL_CTL_DEL) before its close whenever a duplicate or a child may still have it.",
	.ghost = ghost, .use_failed = use_failed, .say = say,
};
