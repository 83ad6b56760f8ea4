/*
 * analyzer/process.c: processes, their images and threads: made, found, judged when everything about them is known. What events say of
 * their life is process_life.c's.
 */
#include "analyzer/model_parts.h"

/* ---- sources ---------------------------------------------------------------------------------------------------------------------*/

struct source *source_of(struct replay *r, const struct record *rec)
{
	const char *host = rec->host ? rec->host : "", *trace = rec->trace ? rec->trace : "";
	struct source *s;

	if (r->source && r->host == rec->host && r->trace == rec->trace)
		return r->source;
	for (s = r->sources; s; s = s->next)
		if (!strcmp(s->host, host) && !strcmp(s->trace, trace))
			break;
	if (!s) {
		s = xcalloc(1, sizeof *s);
		s->id = ++r->source_ids;
		s->host = xstrdup(host);
		s->trace = xstrdup(trace);
		s->runs = rec->runs != 0;
		s->next = r->sources;
		r->sources = s;
	}
	r->source = s;
	r->host = rec->host;
	r->trace = rec->trace;
	return s;
}

/* ---- making and finding -------------------------------------------------------------------------------------------------------------*/

struct image *image_new(struct replay *r, struct process *p)
{
	struct image *i = xcalloc(1, sizeof *i);

	i->process = p;
	i->exe = i->arguments = "";
	i->space = space_new(r->stacks);
	i->began = r->now;
	p->images++;
	tree_program(r, i);
	return i;
}

struct process *process_find(struct replay *r, const struct source *s, uint32_t pid)
{
	struct process_key key = { s->id, pid };
	struct process *p;

	HASH_FIND(hh, r->alive, &key, sizeof key, p);
	return p;
}

/* Processes stay to the end. Lying together they do not hold the memory between them, which is that of images long gone. */
struct page_of_processes {
	struct page_of_processes *next;
	size_t used;
	struct process process[128];
};

static struct process *place_for(struct replay *r)
{
	struct page_of_processes *page = r->pages;

	if (!page || page->used == sizeof page->process / sizeof *page->process) {
		page = xcalloc(1, sizeof *page);
		page->next = r->pages;
		r->pages = page;
	}
	return &page->process[page->used++];
}

struct process *process_new(struct replay *r, struct source *s, uint32_t who)
{
	struct process *p = place_for(r);

	p->key = (struct process_key){ s->id, who };
	p->source = s;
	p->who = who;
	p->pid = fdw_pid_shown(who);
	p->id = ++r->process_ids;
	p->exe = p->arguments = "";
	p->first = r->now;
	tree_process(r, p);
	p->image = image_new(r, p);
	*r->last = p;
	r->last = &p->next;
	HASH_ADD(hh, r->alive, key, sizeof p->key, p);
	return p;
}

struct process *process_of(struct replay *r, struct source *s, uint32_t pid)
{
	struct process *p = process_find(r, s, pid);
	return p ? p : process_new(r, s, pid);
}

static struct thread *thread_find(struct image *i, uint32_t tid)
{
	struct thread *t;

	HASH_FIND(hh, i->threads, &tid, sizeof tid, t);
	return t;
}

/* Each event of a thread carries its number: what is missing was lost. */
static void follow_sequence(struct replay *r, struct image *i, struct thread *t, const struct fdw_event *e)
{
	uint64_t since = t->last ? t->last : i->began, missing;
	uint32_t seq = e->seq;
	int first = seq == 1, known = t->seq || i->started;

	if (!first && known && e->seq > t->seq + 1) {
		missing = believable(r, e->seq - t->seq - 1, r->now > since ? r->now - since : 0);
		if (missing < e->seq - t->seq - 1)
			seq = t->seq + 1;
		t->holes += missing;
		i->gaps += missing;
	} else if (!first && e->seq < t->seq && t->holes) {
		/* A signal handler's events overtook the one it interrupted. */
		t->holes--;
		i->gaps--;
	}
	if (first)
		t->holes = 0;
	if (first || seq > t->seq)
		t->seq = seq;
}

struct thread *thread_of(struct replay *r, struct image *i, const struct fdw_event *e)
{
	struct thread *t = thread_find(i, e->tid);

	if (!t) {
		t = xcalloc(1, sizeof *t);
		t->tid = e->tid;
		t->name = "";
		t->range_last = -2;
		i->process->threads++;
		HASH_ADD(hh, i->threads, tid, sizeof t->tid, t);
	}
	follow_sequence(r, i, t, e);
	return t;
}

/* The thread whose first event announced what we now know to be another image. */
struct thread *thread_move(struct replay *r, struct image *from, struct image *to, uint32_t tid)
{
	struct thread *t = thread_find(from, tid);

	if (!t)
		return NULL;
	pending_thread_end(r, from, t); /* what it did there is of descriptors there */
	HASH_DEL(from->threads, t);
	HASH_ADD(hh, to->threads, tid, sizeof t->tid, t);
	return t;
}

/* ---- ending -----------------------------------------------------------------------------------------------------------------------------*/

static uint64_t believable_of(struct replay *r, const struct image *i, uint64_t n)
{
	uint64_t ns = i->last > i->began ? i->last - i->began : 0;

	return believable(r, n, ns * (i->process->threads + UINT64_C(1)));
}

static void judge_image(struct replay *r, struct image *i)
{
	struct thread *t, *next;
	uint64_t untold;

	for (t = i->threads; t; t = t->hh.next)
		pending_thread_end(r, i, t);
	pending_settle(r, i);
	pending_doubts(r, i, i->ending != END_EXEC);
	space_settle(i->space);
	coverage_partial(r, i);
	if (i->started && i->totals && i->emitted > i->events && i->emitted - i->events > i->gaps) {
		untold = believable_of(r, i, i->emitted - i->events);
		i->gaps = untold > i->gaps ? untold : i->gaps;
	}
	passage_image_ends(i);
	tree_image_end(r, i);
	poll_image_ends(i);
	creations_image_end(r, i);
	if (i->ending != END_NONE || i->process->ended)
		series_image_end(r, i, i->last);
	r->lost += i->process->source->read ? 0 : i->gaps; /* they may come; what the tracer lost it counts itself */
	r->dropped += believable_of(r, i, i->refused) + believable_of(r, i, i->dropped);
	RULES_CALL(image_end, r, i);
	HASH_ITER(hh, i->threads, t, next) {
		HASH_DEL(i->threads, t);
		free(t);
	}
}

static void image_free(struct image *i)
{
	image_free_numbers(i);
	space_drop(i->space);
	free(i->exec.exe);
	free(i);
}

void image_end_before(struct replay *r, struct image *i)
{
	if (!i->before)
		return;
	judge_image(r, i->before);
	image_free(i->before);
	i->before = NULL;
}

static void silent_child(struct replay *r, struct process *p)
{
	struct process *speaker = p->parent ? process_claim(p->parent, p->image->born.tid, p->since) : NULL;

	if (speaker)
		tree_is(p, speaker);
	else if (source_is_whole(p->source))
		coverage_unobserved(&r->coverage.unobserved, p->exe, "a fork child of it ended before it said hello");
}

/* Everything about the process is known. What the report lists of it stays. */
static void finish(struct replay *r, struct process *p)
{
	struct image *i = p->image;

	if (p->finished)
		return;
	p->finished = 1;
	HASH_DEL(r->alive, p);
	image_end_before(r, i);
	start_child(p, NULL);
	commands_end(r, p);
	if (p->expected && !p->quiet && !p->threads)
		silent_child(r, p);
	if (i->execing) {
		coverage_not_observed(r, p->source, name_of_text(r, i->exec.exe), i->exec.why, p->killed_by);
		start_execed(p, i);
	}
	judge_image(r, i);
	p->image = NULL;
	image_free(i);
}

void process_reap(struct replay *r, int all)
{
	struct process *p, *next;

	while ((p = r->ended) && (all || p->last + MODEL_LINGER_NS < r->now)) {
		r->ended = p->next_ended;
		if (!r->ended)
			r->ended_last = &r->ended;
		finish(r, p);
	}
	if (!all)
		return;
	HASH_ITER(hh, r->alive, p, next) /* one thread, and `finish` takes out none but p: the next stays (I12) */
		finish(r, p);
}

/* What other threads of the process that let it through do later may still tell what it has of theirs. */
static int has_of_threads(const struct image *i)
{
	for (const struct number *n = i->numbers; n; n = n->hh.next)
		for (const struct generation *g = n->newest; g; g = g->older)
			if (g->passage && (!g->passage->forked.time || g->passage->forked.flags & FDW_F_MULTI))
				return 1;
	return 0;
}

/*
 * It was waited for, so nothing more of it can come, and as much has come as it said it sent: it is judged now, not after a while. That
 * keeps a trace of many short processes small. (Of what popen, system and daemon started for it nobody else knows whose it is.)
 */
void process_reaped_whole(struct replay *r, struct process *p)
{
	const struct image *i = p->image;

	if (!p->finished && i->totals && i->emitted <= i->events && !i->gaps && !commands_wait(p) && !i->daemon && !has_of_threads(i))
		finish(r, p);
}

void process_will_end(struct replay *r, struct process *p)
{
	if (p->ended)
		return;
	p->ended = 1;
	p->next_ended = NULL;
	*r->ended_last = p;
	r->ended_last = &p->next_ended;
}

const char *image_lossy(const struct image *i)
{
	const struct source *s = i->process->source;
	const char *lost = s->read ? "the recording goes on, and its last moment may not be all there" : "events of this process were lost";
	int gap = s->gap_end && s->gap_end >= i->began && (!i->last || s->gap_begin <= i->last + MODEL_LINGER_NS);

	if (i->gaps || i->refused || i->dropped)
		return lost;
	if ((!gap && !s->read) || (i->started && i->totals && i->emitted <= i->events))
		return NULL;
	return lost;
}

void processes_free(struct replay *r)
{
	for (struct page_of_processes *page; (page = r->pages);) {
		r->pages = page->next;
		free(page);
	}
	for (struct source *s = r->sources, *next; s; s = next) {
		next = s->next;
		free((char *)s->host);
		free((char *)s->trace);
		free(s);
	}
}
