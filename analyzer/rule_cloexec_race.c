/*
 * analyzer/rule_cloexec_race.c: made without close-on-exec and marked later by the same thread, in a process where another thread starts
 * programs: one that is started between the two inherits the descriptor.
 *
 * A warning when nothing happened: what could have is told by the two threads' lives alone. The one that starts programs lived while the other
 * had such a descriptor, made and not marked; it started at least one program without closing everything before. An error when a program
 * was found to have one (model_race.c says how that is known). Where the fork lock prevents it the program is as wrong as without.
 */
#include "analyzer/finding.h"

static int lived_then(const struct start *st, const struct window *w)
{
	if (st->tid == w->tid)
		return 0;
	if (w->last.marked >= st->born && (!st->ended || w->last.opened <= st->ended))
		return 1;
	return w->first.marked >= st->born && (!st->ended || w->first.opened <= st->ended);
}

static const struct start *starter(const struct image *i, const struct race *r)
{
	const struct start *found = NULL;

	for (const struct start *st = i->starts; st; st = st->next) /* the newest first: the last one found is the oldest */
		for (const struct window *w = r->windows; w && st->exposed; w = w->next)
			if (lived_then(st, w))
				found = st;
	return found;
}

static const char *reason_of(const struct race *r)
{
	if (r->got && r->bounds)
		return "the program had it open, and no other descriptor can have had the number; the fork lock's wait for it ended at its bound";
	if (r->got)
		return "the program had it open: its fork came between the two calls, and no other descriptor can have had the number";
	if (r->bounds)
		return "the two threads were at work at the same time, and the fork lock's wait for one of these descriptors ended at its bound";
	return "the two threads lived at the same time, and started programs inherit what is not marked; a lock of the program's own that keeps the two apart would not be seen";
}

static void judge(const struct rule *r, struct replay *replay, const struct image *i, const struct race *race)
{
	const struct start *st = starter(i, race);
	struct generation g = { .gen = race->gen, .fd = race->fd, .description = race->description, .opened = race->opened };
	struct draft d = { .rule = r, .severity = race->got ? SEV_ERROR : SEV_WARNING, .confidence = CONFIDENCE_STRONG, .count = race->count,
		.image = i, .generation = &g, .fd = race->fd, .reason = reason_of(race), .kind = race->got ? "inherited" : NULL, .nkey = 2 };
	char note[600];

	if (!race->got && !st)
		return;
	draft_past(&d, &g);
	draft_stack(&d, ROLE_USED, &race->marked, NULL);
	draft_note(&d, "close-on-exec from here on");
	if (race->got) {
		snprintf(note, sizeof note, "runs %s (%u)", race->child_exe, race->child_pid);
		draft_stack(&d, ROLE_FORKED, &race->forked, NULL);
		draft_note(&d, note);
		draft_stack(&d, ROLE_EXECED, &race->execed, NULL);
	} else {
		draft_stack(&d, st->at.op == FDW_OP_EXEC ? ROLE_EXECED : ROLE_FORKED, &st->at, NULL);
	}
	findings_add(replay_findings(replay), &d);
}

static void image_end(const struct rule *r, struct replay *replay, struct image *i)
{
	for (const struct race *race = i->races; race; race = race->hh.next)
		judge(r, replay, i, race);
}

static void say(const struct finding *f, FILE *out)
{
	fprintf(out, "descriptor %d (%s) is made without close-on-exec and marked later; ", f->fd, f->object);
	if (f->kind)
		fputs("a program that another thread started in between inherited it", out);
	else
		fputs("a program that another thread starts in between would inherit it", out);
}

const struct rule rule_cloexec_race = {
	.id = "cloexec-race", .cwe = 362, .severity = SEV_WARNING, .summary = "close-on-exec is set after a descriptor was made, while other threads start programs",
	.fix = "Ask for close-on-exec where the descriptor is made: O_CLOEXEC, SOCK_CLOEXEC, accept4, pipe2, dup3, F_DUPFD_CLOEXEC, MSG_CMSG_CLOEXEC, fopen with \"e\".",
	.image_end = image_end, .say = say,
};
