/*
 * analyzer/rule_fd_leak.c: never closed until exit or exec.
 *
 * Judged once an image is over, for each stack that made descriptors: those it made itself (not inherited ones), from 3 up, still
 * open, and not gone on with by a fork child that lived on (a daemon's parent ends at once).
 *
 * How bad it is, is told by how many of this place were open over time (model_live.c); when they grow, the finding says so with its numbers:
 *	error	they grow: from the first to the end, for GROWTH_NS at least, ever more of them stay open, in all quarters of that time and in many
 *		small steps, and they are enough (see below) to be sure that nobody wanted them. So a pool that was filled at start is none, nor a
 *		cache that has reached its bound, a load that rises and falls, a burst. Files that are all different are none either:
 *		a cache of open files looks just like that until it is full. Nor is what most of are used until the end, or waited for: one for each job,
 *		or worker, that there is
 *	warning	a few that grow at a place of which the others are closed
 *	note	everything else. What a process has open when it ends on purpose is closed by the kernel in good order: what it serves or
 *		listens on, caches, pools, what threads have in their hands or one each (be it the same file), descriptors of main
 *
 * Silent: one close-on-exec descriptor that a library keeps for itself; fork children that only lost one on their way to exit; at
 * exec and without an exit (killed, still running) everything that does not grow. After lost events the close may be among
 * them: `possible`.
 */
#include <stdlib.h>
#include <string.h>
#include "analyzer/describe.h"
#include "analyzer/finding.h"
#include "analyzer/hash.h"

extern const struct rule rule_fd_leak;

/* Below, a machine that is busy can make one burst look like many small ones. */
#define GROWTH_NS UINT64_C(500000000)
/*
 * How many are proof. A dozen listeners, an eventfd and an epoll for each thread of a pool, connections to 20 backends: all are made lazily,
 * while other work is done, and kept on purpose. 96 of anything that comes without other work are more than one for each CPU of a large machine. There may be as many clients and servers as there are, and a
 * load that rises until the end has ever more of them.
 */
#define GROWS 32
#define GROWS_ALONE 96    /* no file, and no other work in between */
#define GROWS_PEERS 512   /* sockets; where most of them are closed, GROWS_ALONE if they were accepted, else GROWS */
#define GROWS_A_LITTLE 8  /* a warning: no sockets, and most of them are closed */

/* What is still open of one group. */
struct left {
	const struct group *group;
	uint32_t asked; /* of `open`: the kernel said so at the end */
	uint32_t open, serving, sockets, named, worked, told_use, used_late;
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
		l->asked += (uint32_t)g->fd < FDW_ASKED_AT_END;
		l->worked += g->worked;
		l->told_use += g->told_use;
		l->used_late += g->used_late;
		keep_name(l, g->description);
		l->serving += g->description->kind == FDW_KIND_LISTENER || g->description->accepted;
		l->sockets += g->description->kind == FDW_KIND_SOCKET || g->description->kind == FDW_KIND_CONN || g->description->kind == FDW_KIND_LISTENER;
		if (!l->example || g->nth < l->example->nth)
			l->example = g;
	}
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

static int is_same_file(struct left *l) { return l->named > l->open / 2 && different_names(l) <= l->open / 4; }

/* Enough to be sure that nobody wanted them? It is other work when another descriptor was closed between two of them. */
static int enough(struct left *l)
{
	int works = l->worked >= l->open / 2, others_close = l->group->made >= 2 * l->open;

	if (l->named > l->open / 2)
		return l->open >= GROWS && is_same_file(l);
	if (l->sockets > l->open / 2)
		return l->open >= (!others_close ? GROWS_PEERS : l->serving > l->open / 2 ? GROWS_ALONE : GROWS);
	return l->open >= (works || others_close ? GROWS : GROWS_ALONE);
}

/* Ever more from the first to the end, in small steps. */
static int grows(const struct left *l, const struct live *live)
{
	uint32_t share = l->open / 16 ? l->open / 16 : 1;
	unsigned steps = 0, last = live->used - 1;

	if (!l->group->place || live->used < LIVE_SPANS / 2 || live->last - live->begin < GROWTH_NS || l->open < l->group->peak - l->group->peak / 8)
		return 0;
	for (unsigned q = 0; q < 4; q++)
		if (live->fewest[last * (q + 1) / 4] < live->fewest[last * q / 4] + share)
			return 0;
	for (unsigned i = 1; i <= last; i++)
		steps += live->fewest[i] > live->fewest[i - 1];
	return steps >= live->used / 3;
}

static int grows_a_little(struct left *l)
{
	return l->open >= GROWS_A_LITTLE && l->group->made >= 2 * l->open && !l->sockets && (!l->named || is_same_file(l));
}

static int is_in_use(const struct left *l) { return l->told_use > l->open / 2 && l->used_late > l->told_use / 2; }

static enum severity severity_of(struct left *l, int growing)
{
	if (is_in_use(l))
		return SEV_NOTE;
	if (growing && enough(l))
		return SEV_ERROR;
	return growing && grows_a_little(l) ? SEV_WARNING : SEV_NOTE;
}

static int library_keeps_it(const struct left *l, const struct image *i)
{
	const struct place *p;
	size_t n = stack_places(l->example->opened.stack, &p);

	return l->open == 1 && l->example->cloexec && n && p[0].module && strcmp(p[0].module->path, i->exe) != 0;
}

static const char *reason_of(const struct image *i, int sure, int asked)
{
	if (i->ending != END_EXIT && i->ending != END_EXEC)
		return "it was open when the recording ended: the process may have closed it later";
	if (!sure)
		return i->blind ? "its close may have gone a way that cannot be seen" : "events were lost, and its close may be among them";
	if (asked)
		return i->ending == END_EXIT ? "it was open when the process ended" : "it was open when the process ran another program";
	return "no close of it was seen; of so many not all were looked at when the process ended";
}

/* How many there were at a quarter, at half of the time, and at the end. */
static void history_of(struct growth *h, const struct left *l, const struct live *live)
{
	for (unsigned q = 0; q < 2; q++) {
		unsigned at = live->used * (q + 1) / 4;

		h->live[q] = live->fewest[at];
		h->at[q] = live->begin + at * live->span;
	}
	h->live[2] = l->open;
	h->at[2] = live->last;
}

static void judge(const struct rule *r, struct replay *replay, const struct image *i, struct left *l)
{
	uint64_t end = i->ended ? i->ended : i->last;
	int over = i->ending == END_EXIT || i->ending == END_EXEC, sure = over && !image_lossy(i) && !i->blind, asked = l->asked == l->open, growing, child = i->forked && l->example->opened.flags & FDW_F_CHILD;
	struct draft d = { .rule = r, .confidence = !sure ? CONFIDENCE_POSSIBLE : i->ending == END_EXIT && asked ? CONFIDENCE_CERTAIN :
		CONFIDENCE_STRONG, .count = l->open, .image = i, .generation = l->example, .fd = l->example->fd,
		.reason = reason_of(i, sure, asked) };
	struct live live;

	live_end(&l->group->live, end, &live);
	growing = grows(l, &live);
	d.severity = severity_of(l, growing);
	d.kind = growing && d.severity > SEV_NOTE ? "growing" : NULL;
	if (!d.kind && (i->ending != END_EXIT || library_keeps_it(l, i) || (child && l->open == 1)))
		return;
	if (growing) /* else there is none */
		history_of(&d.growth, l, &live);
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

/* "; 12 live at +1.027 s, 250 at +5.210 s, 480 at +10.380 s" */
static void say_history(const struct finding *f, FILE *out)
{
	const struct growth *h = &f->growth;
	char since[SINCE_TEXT];

	if (!h->live[2])
		return;
	for (unsigned q = 0; q < 3; q++)
		fprintf(out, "%s%u %sat %s", q ? ", " : "; ", h->live[q], q ? "" : "live ", text_since(h->at[q], f->beginning, 3, since));
	if (h->live[2] != f->count)
		fputs(" in one process", out);
}

static void say(const struct finding *f, FILE *out)
{
	if (f->count == 1)
		fprintf(out, "descriptor %d (%s) is never closed until the process ends", f->fd, f->object);
	else
		fprintf(out, "%llu descriptors opened here are never closed%s; the first is %d (%s)", (unsigned long long)f->count,
		        f->kind ? ", and they become ever more" : " until the process ends", f->fd, f->object);
	say_history(f, out);
}

const struct rule rule_fd_leak = {
	.id = "fd-leak", .by_absence = 1, .cwe = 775, .severity = SEV_WARNING, .summary = "a descriptor is never closed until exit or exec",
	.fix = "Close it on every way out of the function that opens it, errors and early returns too, or bound the cache that keeps it.",
	.image_end = image_end, .say = say,
};
