/*
 * analyzer/model.c: events in, model and rules' transitions out. One table says what each operation does.
 */
#include <errno.h>
#include "analyzer/finding.h"
#include "analyzer/model_parts.h"

static struct transition transition_of(const struct step *s, struct generation *g)
{
	struct transition t = { .replay = s->replay, .image = s->image, .event = s->e, .generation = g };

	moment_of(s, &t.at);
	return t;
}

/* ---- making ----------------------------------------------------------------------------------------------------------------------*/

static void count_made(const struct step *s)
{
	s->process->descriptors++;
	s->replay->coverage.descriptors++;
}

static void say_created(const struct step *s, struct generation *g, struct generation *source)
{
	struct transition t = transition_of(s, g);

	t.other = source;
	series_made(s, g);
	RULES_CALL(created, &t);
}

/* Number 0 generations: the interposer's table could not hold the number. */
static int judged(const struct fdw_event *e) { return e->fd >= 0 && e->gen != 0; }

/* Two events in a row, of one call: both ends of a pipe. */
static void pair_pipe(const struct step *s, struct description *d)
{
	struct thread *t = s->thread;

	if (s->e->kind == FDW_KIND_PIPE_R) {
		d->pipe = ++s->replay->pipes;
		t->pipe = d->pipe;
		t->pipe_seq = s->e->seq;
	} else if (s->e->kind == FDW_KIND_PIPE_W && t->pipe && s->e->seq == t->pipe_seq + 1) {
		d->pipe = t->pipe;
		t->pipe = 0;
	}
}

/* /dev/fd/N, /proc/self/fd/N: opening it is a call on N. The list itself, which is answered for by 1, is opened by who closes everything. */
static int named_by_path(const struct step *s)
{
	const struct fdw_event *e = s->e;
	const char *rest;
	char text[48], *end;
	long fd;

	if (!e->detail || e->detail_len >= sizeof text)
		return 0;
	memcpy(text, e->detail, e->detail_len);
	text[e->detail_len] = 0;
	rest = path_in_own(text, s->process->pid);
	if (rest && !*rest)
		pending_everything(s);
	if (!rest || !*rest)
		return path_lists_own(text, s->process->pid);
	fd = strtol(rest, &end, 10);
	if (end > rest && fd >= 0 && fd < INT32_MAX)
		passage_used(generation_newest(s->image, (int)fd));
	return 0;
}

static void on_create(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct generation *from = e->fd2 >= 0 && e->gen2 ? generation_find(s->image, e->fd2, e->gen2) : NULL, *g;

	int lists;

	count_made(s);
	passage_used(from);
	lists = named_by_path(s);
	if (!judged(e))
		return;
	g = generation_made(s, NULL, e->kind);
	g->lists = (unsigned)lists & 1;
	describe_event(s, g->description);
	pair_pipe(s, g->description);
	if (e->kind == FDW_KIND_CONN && e->flags & FDW_F_PEER) {
		g->description->accepted = 1;
		if (from && from->description->local && !g->description->local) {
			g->description->local = xstrdup(from->description->local);
			g->description->inet |= from->description->inet;
		}
	}
	say_created(s, g, from);
}

static void on_dup(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct generation *from = e->fd2 >= 0 && e->gen2 ? generation_get(s->image, e->fd2, e->gen2) : NULL, *g;

	pending_placed(s);
	count_made(s);
	passage_used(from);
	if (!judged(e))
		return;
	g = generation_made(s, from ? from->description : NULL, FDW_KIND_UNKNOWN);
	g->lists = from && from->lists;
	say_created(s, g, from);
}

static void on_recv(struct step *s)
{
	struct generation *g;
	char text[40];

	count_made(s);
	passage_used(s->e->gen2 ? generation_find(s->image, s->e->fd2, s->e->gen2) : NULL);
	if (!judged(s->e))
		return;
	g = generation_made(s, NULL, FDW_KIND_UNKNOWN);
	snprintf(text, sizeof text, "received over descriptor %d", s->e->fd2);
	if (!g->description->path)
		g->description->path = xstrdup(text);
	say_created(s, g, NULL);
}

/* It is not open any more, by a route nobody sees. */
static void gone_unseen(const struct step *s, struct generation *g)
{
	generation_unknown(g);
	series_closed(s, g);
}

static void end_generation(const struct step *s, struct generation *g)
{
	struct transition t = transition_of(s, g);

	s->replay->coverage.open_to_close += g->state != GENERATION_CLOSED && g->opened.time && !g->unseen && !g->inherited;
	generation_closed(g, &t.at);
	poll_closed(s, g);
	series_closed(s, g);
	owner_closed(s, g);
	s->image->closes++;
	RULES_CALL(closed, &t);
}

static void on_replace(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct generation *from = e->fd2 >= 0 && e->gen2 ? generation_get(s->image, e->fd2, e->gen2) : NULL, *g;

	pending_placed(s);
	generation_pin(from);
	passage_used(from);
	if (e->arg && e->fd >= 0) {
		passage_used(generation_find(s->image, e->fd, (uint32_t)e->arg)); /* whoever names the number knows of it */
		end_generation(s, generation_get(s->image, e->fd, (uint32_t)e->arg));
	}
	count_made(s);
	if (judged(e)) {
		g = generation_made(s, from ? from->description : NULL, e->kind);
		if (e->fd2 < 0)
			describe_event(s, g->description);
		say_created(s, g, from);
	}
	generation_unpin(from);
}

static void on_state(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct image *before = s->image->before;
	struct generation *newest = before ? generation_newest(before, e->fd) : NULL, *was, *g;
	int inherited = (e->flags & FDW_F_INHERITED) != 0;

	s->replay->coverage.inherited += (uint64_t)inherited;
	s->replay->coverage.unseen_creations += (uint64_t)!inherited;
	s->replay->coverage.descriptors++;
	if (!judged(e))
		return;
	was = inherited && newest && newest->state == GENERATION_OPEN && !newest->cloexec && passage_same_object(e, newest->description) ? newest : NULL;
	g = generation_made(s, was ? was->description : NULL, e->kind);
	if (!was)
		describe_event(s, g->description);
	g->inherited = (unsigned)inherited;
	g->unseen = 1;
	if (was)
		g->opened = was->opened;
	else
		g->opened.time = 0;
	passage_same_object(e, g->description);
	tree_gift(s, g, was, passage_asked(s, was));
	if (newest && inherited && !race_state(s, newest))
		passage_state(s, g, was);
}

static void on_object(struct step *s)
{
	struct generation *g;

	if (!judged(s->e))
		return;
	g = generation_get(s->image, s->e->fd, s->e->gen);
	describe_event(s, g->description);
	g->description->locked |= (s->e->flags & FDW_F_LOCKED) != 0;
	passage_used(g);
}

static void on_stream(struct step *s)
{
	struct generation *g = judged(s->e) ? generation_get(s->image, s->e->fd, s->e->gen) : NULL;

	if (!g)
		return;
	g->stream = 1;
	passage_used(g);
}

static void on_resync(struct step *s)
{
	struct generation *g = generation_newest(s->image, s->e->fd);

	if (s->e->gen == 0) {
		if (g && (!s->e->gen2 || g->gen == s->e->gen2))
			gone_unseen(s, g);
		return;
	}
	s->replay->coverage.unseen_creations++;
	g = generation_get(s->image, s->e->fd, s->e->gen);
	if (g->state != GENERATION_CLOSED)
		g->state = GENERATION_OPEN;
}

/* ---- closing ---------------------------------------------------------------------------------------------------------------------*/

static void on_close_ok(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct generation *g = judged(e) ? generation_get(s->image, e->fd, e->gen) : NULL;

	if (e->flags & FDW_F_LOSER) {
		pending_close(s, g); /* the kernel had something to close, but it was not this caller's any more */
		return;
	}
	if (!(e->flags & FDW_F_RANGE))
		pending_close_ok(s, g);
	if (!g) {
		s->replay->coverage.unseen_creations++;
		if ((g = generation_newest(s->image, e->fd)))
			gone_unseen(s, g);
		return;
	}
	if (e->flags & FDW_F_RANGE)
		g->swept |= s->thread->range_wide;
	passage_closed(g);
	end_generation(s, g);
}

static void on_close(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct generation *g;

	if (!(e->ret < 0 && e->err == EBADF)) {
		on_close_ok(s);
		return;
	}
	g = judged(e) ? generation_get(s->image, e->fd, e->gen) : NULL;
	if (g && !(e->flags & (FDW_F_KNOWN_CLOSED | FDW_F_LOSER)) && g->state == GENERATION_OPEN)
		gone_unseen(s, g); /* open as far as the table knew */
	pending_close(s, g);
}

/* From where a program's own begin to where nothing can be any more. */
static int closes_everything(int first, int last) { return first >= 0 && first <= 64 && (last < 0 || last >= 255); }

static void on_close_range(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct generation *g = generation_newest(s->image, e->fd);

	s->thread->range_wide = e->fd != e->fd2;
	if (e->ret == 0 && closes_everything(e->fd, e->fd2)) {
		s->image->swept = 1;
		pending_everything(s);
	}
	if (e->fd == e->fd2 && e->ret == 0 && g && g->state == GENERATION_CLOSED)
		pending_range(s, g);
	else
		s->thread->range_last = e->fd2 == -1 ? INT32_MAX : e->fd2;
}

static void on_stale_stream(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct generation *owned = e->fd2 >= 0 && e->gen2 ? generation_get(s->image, e->fd2, e->gen2) : NULL;
	struct generation *now = judged(e) ? generation_get(s->image, e->fd, e->gen) : NULL;
	struct moment at;

	generation_pin(owned);
	if (owned)
		pending_stale(s, owned, now);
	if (now && strcmp(s->call, "freopen")) { /* libc has closed the number's new owner with it */
		moment_of(s, &at);
		generation_closed(now, &at);
		series_closed(s, now);
	}
	generation_unpin(owned);
}

/* ---- using ----------------------------------------------------------------------------------------------------------------------------*/

static void on_first_use(struct step *s)
{
	passage_used(judged(s->e) ? generation_get(s->image, s->e->fd, s->e->gen) : NULL);
}

static int is_watched(const struct generation *g)
{
	for (const struct registration *r = g->registrations; r; r = r->next)
		if (r->datum)
			return 1;
	return 0;
}

/* Time is counted in descriptors made. */
static void on_last_use(struct step *s)
{
	struct generation *g = judged(s->e) ? generation_get(s->image, s->e->fd, s->e->gen) : NULL;

	if (!g)
		return;
	g->told_use = 1;
	g->used_late = (uint32_t)s->e->arg <= (uint32_t)(s->e->arg >> 32) / 2 || is_watched(g);
}

static void on_use(struct step *s)
{
	const struct fdw_event *e = s->e;

	pending_use(s, judged(e) && e->flags & FDW_F_KNOWN_CLOSED ? generation_get(s->image, e->fd, e->gen) : NULL);
}

static void on_setfd(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct transition t;

	pending_setfd(s);
	if (!judged(e))
		return;
	t = transition_of(s, generation_get(s->image, e->fd, e->gen));
	t.generation->cloexec = e->arg != 0;
	t.generation->meant = e->arg == 0;
	passage_used(t.generation);
	if (e->arg)
		race_marked(s, t.generation);
	RULES_CALL(setfd, &t);
}

static void on_send(struct step *s)
{
	struct generation *g = judged(s->e) ? generation_get(s->image, s->e->fd, s->e->gen) : NULL;

	if (!g)
		return;
	g->description->sent = 1;
	passage_used(g);
	passage_used(s->e->gen2 ? generation_find(s->image, s->e->fd2, s->e->gen2) : NULL);
}

/* ---- processes --------------------------------------------------------------------------------------------------------------------------*/

static void on_fork_child(struct step *s)
{
	struct transition t;

	process_forked_child(s);
	t = transition_of(s, NULL);
	RULES_CALL(forked, &t);
}

static void on_fork(struct step *s)
{
	struct transition t = transition_of(s, NULL);

	process_forked(s);
	RULES_CALL(forked, &t);
}

static void on_exec(struct step *s)
{
	struct transition t = transition_of(s, NULL);

	s->image->execed = t.at;
	start_of(s);
	process_execs(s);
	RULES_CALL(execed, &t);
}

static void on_args(struct step *s)
{
	char text[FDW_DETAIL_MAX];
	size_t n = s->e->detail_len < sizeof text ? s->e->detail_len : sizeof text;

	if (!n || !s->e->detail)
		return;
	memcpy(text, s->e->detail, n);
	while (n && !text[n - 1])
		n--;
	for (size_t i = 0; i < n; i++)
		text[i] = text[i] ? text[i] : ' ';
	s->image->arguments = s->process->arguments = name_of(s->replay, text, n);
	if (s->process->greets)
		commands_greeted(s, s->image->arguments);
}

static void on_suppressions(struct step *s)
{
	if (s->e->detail && s->e->detail_len)
		own_suppressions_add(&s->replay->own_suppressions, s->image->exe, s->e->arg, s->e->detail, s->e->detail_len);
}

static void on_blind(struct step *s)
{
	s->image->blind = 1;
	coverage_unobserved(&s->replay->coverage.blind, s->image->exe,
	                    name_of(s->replay, s->e->detail, s->e->detail_len));
}

static void on_modules(struct step *s) { space_modules_changed(s->image->space); }
static void on_child_fd(struct step *s)
{
	struct process *p = s->e->ret == s->process->pid ? s->process : process_find(s->replay, s->process->source, said_child(s));

	if (p && p->image)
		passage_child_fd(s, p);
}

/* The fork lock's wait for it ended at its bound. */
static void on_fork_bound(struct step *s)
{
	struct generation *g = judged(s->e) ? generation_find(s->image, s->e->fd, s->e->gen) : NULL;

	if (!g)
		return;
	if (g->race)
		g->race->bounds++;
	g->bound = 1;
}

static void on_thread_exit(struct step *s)
{
	pending_thread_end(s->replay, s->image, s->thread);
	starts_thread_ends(s->image, s->e->tid, s->time);
	signal_thread_ends(s->image, s->e->tid);
}
static void on_lost(struct step *s) { s->image->dropped += s->e->arg; }

static void (*const operations[])(struct step *) = {
	[FDW_OP_CREATE] = on_create, [FDW_OP_DUP] = on_dup, [FDW_OP_REPLACE] = on_replace, [FDW_OP_CLOSE] = on_close,
	[FDW_OP_CLOSE_RANGE] = on_close_range, [FDW_OP_SETFD] = on_setfd, [FDW_OP_USE] = on_use, [FDW_OP_OBJECT] = on_object,
	[FDW_OP_SEND] = on_send, [FDW_OP_RECV] = on_recv, [FDW_OP_STREAM] = on_stream, [FDW_OP_STALE_STREAM] = on_stale_stream,
	[FDW_OP_EPOLL_CTL] = poll_ctl, [FDW_OP_DELIVERED] = poll_delivered, [FDW_OP_IN_USE] = poll_in_use, [FDW_OP_RESYNC] = on_resync, [FDW_OP_PROC_START] = process_started,
	[FDW_OP_PROC_ARGS] = on_args, [FDW_OP_STATE] = on_state, [FDW_OP_FORK] = on_fork,
	[FDW_OP_FORK_CHILD] = on_fork_child, [FDW_OP_EXEC] = on_exec, [FDW_OP_EXEC_FAILED] = process_exec_failed,
	[FDW_OP_EXIT] = process_exits, [FDW_OP_TOTALS] = process_totals, [FDW_OP_THREAD] = process_thread,
	[FDW_OP_THREAD_EXIT] = on_thread_exit, [FDW_OP_MODULES] = on_modules, [FDW_OP_BLIND] = on_blind,
	[FDW_OP_STOP] = process_stops, [FDW_OP_LOST] = on_lost, [FDW_OP_FIRST_USE] = on_first_use, [FDW_OP_LAST_USE] = on_last_use, [FDW_OP_CHILD_FD] = on_child_fd,
	[FDW_OP_FORK_BOUND] = on_fork_bound, [FDW_OP_REAPED] = process_reaped, [FDW_OP_SIGSTACK] = signal_stack,
	[FDW_OP_SIGSTACK_LOST] = signal_stack_lost, [FDW_OP_SIGNAL_HANDLER] = signal_handler,
	[FDW_OP_SUPPRESSIONS] = on_suppressions,
};

void model_operation(struct step *s)
{
	if (s->process->greets && s->e->op != FDW_OP_PROC_ARGS)
		commands_greeted(s, NULL);
	if (s->e->op < sizeof operations / sizeof *operations && operations[s->e->op])
		operations[s->e->op](s);
}
