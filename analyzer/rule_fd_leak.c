/*
 * analyzer/rule_fd_leak.c: never closed until exit or exec.
 *
 * Judged once an image is over, for each stack that made descriptors: those it made itself (not inherited ones), from 3 up, still
 * open, and not gone on with by a fork child that lived on (a daemon's parent ends at once).
 *
 * How bad it is:
 *	note	one or two (a pair) in this process, whatever other processes have; listening sockets and accepted connections, which a server holds or serves when it is told to end; a standing set:
 *		several that were made early and held (nothing new for longer than it took to make them, and for a second at least)
 *	error	it grows, and nothing else explains it: many are open (see GROWS), (nearly) as many as ever were at one time, they come from
 *		every quarter of all that this stack made, and it went on until the end. So a pool that was filled at start is none, a
 *		peak that was served is none, and what is in flight when a busy server ends is none: those are all young. Files that are
 *		all different are none either: a cache of open files looks just like that until it is full
 *	warning	several, for which neither is sure
 *
 * Silent: one close-on-exec descriptor that a library keeps for itself; fork children that only lost one on their way to exit; at
 * exec and without an exit (killed, still running) everything that does not grow. After lost events the close may be among
 * them: `possible`.
 */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include "analyzer/finding.h"

extern const struct rule rule_fd_leak;

/*
 * How many are proof. A dozen listeners, an eventfd and an epoll for each thread of a pool, connections to 20 backends: all are made in
 * one go, or lazily while other work is done, and kept on purpose. Nobody keeps the same file open 32 times, and 96 of anything made in
 * one go are more than one for each CPU of a large machine.
 */
#define GROWS 32
#define GROWS_SAME 16   /* the same file again and again, with other work done in between */
#define GROWS_AT_ONCE 96 /* no file, and no other work in between */
/* A machine that is busy takes this long between two statements of a program. */
#define STANDING_NS UINT64_C(1000000000)

/* What is still open of one group. */
struct left {
	const struct group *group;
	uint32_t open, quarter[4], serving, named, worked;
	const char **names;           /* the paths of those that have one, not owned */
	const struct generation *example; /* the oldest */
	UT_hash_handle hh;
};

static int is_lost(const struct generation *g)
{
	return g->state == GENERATION_OPEN && g->counted && !g->inherited && !g->unseen && !g->late && !g->handed && g->fd > 2 &&
	       g->group && g->description->kind != FDW_KIND_SYSLOG;
}

static struct left *left_of(struct left **all, const struct group *group)
{
	struct left *l;

	HASH_FIND_PTR(*all, &group, l);
	if (!l) {
		l = calloc(1, sizeof *l);
		if (!l)
			abort();
		l->group = group;
		HASH_ADD_PTR(*all, group, l);
	}
	return l;
}

static void keep_name(struct left *l, const struct description *d)
{
	if (!d->path || (d->kind != FDW_KIND_FILE && d->kind != FDW_KIND_DIR && d->kind != FDW_KIND_TMPFILE))
		return;
	if (!(l->named & (l->named - 1))) { /* full at every power of two */
		l->names = realloc(l->names, (l->named ? 2 * (size_t)l->named : 1) * sizeof *l->names);
		if (!l->names)
			abort();
	}
	l->names[l->named++] = d->path;
}

static void collect(struct left **all, const struct image *i)
{
	for (const struct number *n = i->numbers; n; n = n->hh.next) {
		const struct generation *g = n->newest;
		struct left *l;

		if (!is_lost(g))
			continue;
		l = left_of(all, g->group);
		l->open++;
		l->quarter[(uint64_t)(g->nth - 1) * 4 / g->group->made]++;
		l->worked += g->worked;
		keep_name(l, g->description);
		l->serving += g->description->kind == FDW_KIND_LISTENER || g->description->accepted;
		if (!l->example || g->nth < l->example->nth)
			l->example = g;
	}
}

/* Nothing new for longer than it took to make them. */
static int is_standing(const struct left *l, uint64_t end)
{
	uint64_t made = l->group->last - l->group->first, held = end > l->group->last ? end - l->group->last : 0;

	return held >= STANDING_NS && held >= made;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static uint32_t different_names(struct left *l)
{
	uint32_t n = 0;

	qsort(l->names, l->named, sizeof *l->names, by_name);
	for (uint32_t i = 0; i < l->named; i++)
		n += i == 0 || strcmp(l->names[i], l->names[i - 1]) != 0;
	return n;
}

/* Enough to be sure that nobody wanted them? It is other work when another descriptor was closed between two of them. */
static int enough(struct left *l)
{
	int works = l->worked >= l->open / 2;

	if (l->named < l->open / 2 + 1)
		return l->open >= (works ? GROWS : GROWS_AT_ONCE);
	return l->open >= (works ? GROWS_SAME : GROWS) && different_names(l) <= l->open / 4;
}

static int grows(struct left *l, uint64_t end)
{
	uint32_t share = l->open / 16 ? l->open / 16 : 1;

	if (!l->group->stack_id || l->open < GROWS_SAME || l->open < l->group->peak - l->group->peak / 8 || is_standing(l, end))
		return 0;
	for (int q = 0; q < 4; q++)
		if (l->quarter[q] < share)
			return 0;
	return enough(l);
}

static int library_keeps_it(const struct left *l, const struct image *i)
{
	const struct place *p;
	size_t n = stack_places(l->example->opened.stack, &p);

	return l->open == 1 && l->example->cloexec && n && p[0].module && strcmp(p[0].module->path, i->exe) != 0;
}

static const char *reason_of(const struct image *i, int sure)
{
	if (i->ending != END_EXIT && i->ending != END_EXEC)
		return "it was open when the recording ended: the process may have closed it later";
	if (!sure)
		return i->blind ? "its close may have gone a way that cannot be seen" : "events were lost, and its close may be among them";
	return i->ending == END_EXIT ? "it was open when the process ended" : "it was open when the process ran another program";
}

static void judge(const struct rule *r, struct replay *replay, const struct image *i, struct left *l)
{
	uint64_t end = i->ended ? i->ended : i->last;
	int over = i->ending == END_EXIT || i->ending == END_EXEC, sure = over && !image_lossy(i) && !i->blind, growing = grows(l, end), child = i->forked && l->example->opened.flags & FDW_F_CHILD;
	struct draft d = { .rule = r, .confidence = !sure ? CONFIDENCE_POSSIBLE : i->ending == END_EXIT ? CONFIDENCE_CERTAIN :
		CONFIDENCE_STRONG, .count = l->open, .image = i, .generation = l->example, .fd = l->example->fd,
		.reason = reason_of(i, sure), .kind = growing ? "growing" : NULL };

	if (!growing && (i->ending != END_EXIT || library_keeps_it(l, i) || (child && l->open == 1)))
		return;
	d.severity = growing ? SEV_ERROR : l->open <= 2 || l->serving == l->open || is_standing(l, end) ? SEV_NOTE : SEV_WARNING;
	draft_stack(&d, l->example->opened.op == FDW_OP_DUP || l->example->opened.op == FDW_OP_REPLACE ? ROLE_DUPLICATED : ROLE_OPENED,
	            &l->example->opened, l->example);
	findings_add(replay_findings(replay), &d);
}

static void image_end(const struct rule *r, struct replay *replay, struct image *i)
{
	struct left *all = NULL, *l, *next;

	collect(&all, i);
	HASH_ITER(hh, all, l, next) {
		judge(r, replay, i, l);
		HASH_DEL(all, l);
		free(l->names);
		free(l);
	}
}

static void say(const struct finding *f, FILE *out)
{
	if (f->kind)
		fprintf(out, "%llu descriptors opened here are never closed, and they become ever more; the first is %d (%s)",
		        (unsigned long long)f->count, f->fd, f->object);
	else if (f->count > 1)
		fprintf(out, "%llu descriptors opened here are never closed until the process ends; the first is %d (%s)",
		        (unsigned long long)f->count, f->fd, f->object);
	else
		fprintf(out, "descriptor %d (%s) is never closed until the process ends", f->fd, f->object);
}

const struct rule rule_fd_leak = {
	.id = "fd-leak", .cwe = 775, .severity = SEV_WARNING, .summary = "a descriptor is never closed until exit or exec",
	.fix = "Close it on every way out of the function that opens it, errors and early returns too, or bound the cache that keeps it.",
	.image_end = image_end, .say = say,
};
