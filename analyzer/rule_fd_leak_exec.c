/*
 * analyzer/rule_fd_leak_exec.c: a descriptor crosses exec without being asked to, and nobody who has it from there uses it.
 *
 * Judged when the last process that could use it has ended (model_passage.c says what a passage is, and what was asked for). One program
 * that passes it on to the next is no finding of its own: it is the first one's. Silent, too: where a program closes everything at
 * its start, and where the descriptor was marked later, by another thread than the one that forked: that is cloexec-race.
 *
 * Possible only: when somebody who had it was not observed to the end; a file with a lock on it, since `flock FILE PROGRAM` keeps the lock
 * just so; an end of a pipe whose other end is not with its maker, or that its maker gave away, since it tells whether the others live.
 */
#include "analyzer/finding.h"

static int is_pipe_end(const struct description *d) { return d->kind == FDW_KIND_PIPE_R || d->kind == FDW_KIND_PIPE_W; }

static const char *doubt_of(const struct passage *p)
{
	if (p->doubt)
		return p->doubt;
	if (p->description->locked)
		return "a lock was taken on it, and it may be kept open for that";
	/* Kept by the others alone, it tells its owner when they have ended. */
	if (is_pipe_end(p->description) && (p->lone || (p->given_away && p->given_away < p->ended)))
		return "it is one end of a pipe, and may be kept open to tell that its owner lives";
	return NULL;
}

/* Devices are opened for writing like files, and nothing is lost. */
static int is_writable_file(const struct description *d)
{
	const char *name = d->link ? d->link : d->path ? d->path : "";

	if (!strncmp(name, "/dev/", 5) && strncmp(name, "/dev/shm/", 9) && strncmp(name, "/dev/mqueue/", 12))
		return 0;
	return d->writable && (d->kind == FDW_KIND_FILE || d->kind == FDW_KIND_TMPFILE || d->kind == FDW_KIND_SHM);
}

static enum severity severity_of(const struct rule *r, const struct description *d)
{
	int grave = d->kind == FDW_KIND_LISTENER || d->kind == FDW_KIND_DIR || d->kind == FDW_KIND_MEMFD || is_writable_file(d);

	return grave ? SEV_ERROR : r->severity;
}

static void passed(const struct rule *r, const struct passage *p)
{
	struct generation g = { .gen = p->gen, .fd = p->fd, .description = p->description, .opened = p->opened };
	struct image owner = { .exe = p->owner_exe };
	struct draft d = { .rule = r, .severity = severity_of(r, p->description), .image = &owner, .pid = p->owner_pid, .generation = &g, .fd = p->fd, .nkey = 1 };
	const char *why = doubt_of(p);
	char note[600];

	if (p->used || p->meant || p->swept || p->raced)
		return;
	d.confidence = why ? CONFIDENCE_POSSIBLE : CONFIDENCE_STRONG;
	d.reason = why ? why : "it had no close-on-exec, nothing was done to pass it on, and everybody who got it ended without a call on it";
	draft_past(&d, &g);
	draft_stack(&d, ROLE_FORKED, &p->forked, NULL);
	snprintf(note, sizeof note, "runs %s (%u)", p->exe, p->pid);
	if (!p->execed.time)
		draft_note(&d, note);
	draft_stack(&d, ROLE_EXECED, &p->execed, NULL);
	if (p->execed.time)
		draft_note(&d, note);
	findings_add(replay_findings(p->replay), &d);
}

static void say(const struct finding *f, FILE *out)
{
	const char *note = f->nstacks ? f->stacks[f->nstacks - 1].note : NULL;
	const char *next = note && !strncmp(note, "runs ", 5) ? note + 5 : "another program";

	fprintf(out, "descriptor %d (%s) is open in %s", f->fd, f->object, next);
	if (f->count > 1)
		fprintf(out, " and %llu more", (unsigned long long)(f->count - 1));
	fputs(f->count > 1 ? ", which do not use it: it was made without close-on-exec" : ", which does not use it: it was made without close-on-exec", out);
}

const struct rule rule_fd_leak_exec = {
	.id = "fd-leak-exec", .by_absence = 1, .cwe = 403, .severity = SEV_WARNING, .summary = "a descriptor crosses exec without being asked to, and is not used",
	.fix = "Open it with close-on-exec, or close it in the child before exec; where the program is meant to have it, name its number to it.",
	.passed = passed, .say = say,
};
