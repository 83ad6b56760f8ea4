/*
 * analyzer/process_life.c: what events say of the life of processes: fork as parent and child tell it, hello, exec, exit.
 *
 * A pid is the newest process that has it. What announces a new one: FORK_CHILD, PROC_START with another start time, or any
 * event after the old one said that it ends. A thread's first event (THREAD) comes before FORK_CHILD and PROC_START, so a process
 * or image may be known a moment before it is known what it is. Fork, the child's first words, exec and exit are events of their own: none
 * replaces another, in whatever order they are read.
 */
#include "analyzer/model_parts.h"

/* ---- beginning ----------------------------------------------------------------------------------------------------------------------------*/

/* Another process has the pid: the old one keeps a place of its own in the hash until it is finished. */
static void give_up_pid(struct replay *r, struct process *old)
{
	HASH_DEL(r->alive, old);
	old->key.source = 0;
	old->key.pid = (uint32_t)old->id;
	HASH_ADD(hh, r->alive, key, sizeof old->key, old);
	process_will_end(r, old);
}

/* Its first thread was taken for one of the old process's. */
static void replace_process(struct step *s)
{
	struct process *old = s->process, *p;
	struct image *was = s->image;

	give_up_pid(s->replay, old);
	p = process_new(s->replay, old->source, old->who);
	s->thread = thread_move(s->replay, was, p->image, s->e->tid);
	old->threads -= old->threads > 1;
	p->threads = 1;
	was->events -= was->events > 0;
	p->image->events = 1;
	s->process = p;
	s->image = p->image;
	if (!s->thread)
		s->thread = thread_of(s->replay, p->image, s->e);
}

/* Nothing but the first words of a thread came from it. */
static int is_fresh(const struct process *p) { return !p->known && p->image->events <= 2; }

static void link_parent(struct process *p, struct process *parent, enum fdw_fork kind)
{
	struct image *i = p->image;

	if (p->parent || !parent || parent == p || !parent->image)
		return;
	p->parent = parent;
	p->parent_who = parent->who;
	i->forked = 1;
	i->parent_image = parent->images;
	space_adopt(i->space, parent->image->space, kind == FDW_FORK_VFORK);
	image_copy_numbers(i, parent->image);
	tree_shares(i);
	i->exe = parent->image->exe;
	i->arguments = parent->image->arguments;
	p->exe = i->exe;
	p->arguments = i->arguments;
	i->mode = parent->image->mode;
	i->blind = parent->image->blind;
}

/* ---- children that spoke before they were told of -----------------------------------------------------------------------------------*/

static void unclaimed(struct process *parent, struct process *p)
{
	p->next_unnamed = parent->unclaimed;
	parent->unclaimed = p;
}

/*
 * A child that has another pid where it lives, in a pid namespace of its own: the one that this thread made since its event before the fork and did
 * not tell of. (What FORK says of its beginning is too late when the thread loses its processor between reading the clock and sending.)
 */
struct process *process_claim(struct process *parent, uint32_t forker, uint64_t since)
{
	for (struct process **at = &parent->unclaimed, *p; (p = *at);) {
		int found = !p->told && p->forker == forker && p->first >= since;

		if (found || p->told)
			*at = p->next_unnamed;
		else
			at = &p->next_unnamed;
		if (found)
			return p;
	}
	return NULL;
}

void process_forked_child(struct step *s)
{
	struct process *parent;

	if (!is_fresh(s->process))
		replace_process(s);
	s->process->known = 1;
	s->process->parent_who = (uint32_t)s->e->arg;
	s->image->started = 1;
	s->image->forked = 1;
	parent = process_find(s->replay, s->process->source, (uint32_t)s->e->arg);
	link_parent(s->process, parent, s->e->kind);
	if (parent && parent != s->process && !s->process->expected)
		unclaimed(parent, s->process);
	s->process->forker = (uint32_t)s->e->fd2;
	tree_born(s);
}

static int same_process(const struct process *p, const struct fdw_event *e)
{
	const struct image *i = p->image;

	if (p->start)
		return p->start == e->arg;
	/* A fork child does not know its start time: it is the same one unless it said that it ends. */
	return i->ending != END_EXIT;
}

/* Another program follows. What its fork child's table held by then is not open any more. */
static void exec_known(struct process *p, struct image *old, uint64_t now)
{
	old->ending = END_EXEC;
	old->execing = 0;
	old->ended = now;
	image_hold(old, 0);
	start_execed(p, old);
}

static void new_image(struct step *s)
{
	struct process *p = s->process;
	struct image *old = s->image, *i = image_new(s->replay, p);

	image_end_before(s->replay, old);
	s->thread = thread_move(s->replay, old, i, s->e->tid);
	/* THREAD and PROC_START came before we knew that they belong to it. */
	i->events = 1;
	if (old->events)
		old->events--;
	exec_known(p, old, s->time);
	i->before = old;
	p->image = s->image = i;
	if (!s->thread)
		s->thread = thread_of(s->replay, i, s->e);
}

/* The hello of p is that of a child that popen or system made, whose pid its parent did not know: u. */
void process_takes_place(struct step *s, struct process *u)
{
	struct process *p = s->process;
	struct image *i = s->image;

	HASH_DEL(s->replay->alive, u);
	i->before = u->image;
	i->before->process = p;
	p->quiet = 1;
	p->images++;
	p->started = u->started;
	u->started = NULL;
	u->image = NULL;
	u->finished = 1;
	i->before->fork_end = s->time;
	exec_known(p, i->before, s->time);
}

void process_started(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct process *parent;

	if (!is_fresh(s->process) && !same_process(s->process, e))
		replace_process(s);
	if (!is_fresh(s->process) || s->process->expected)
		new_image(s);
	else
		commands_hello(s);
	coverage_hello(s->replay, s->process->source, s->process->who);
	s->image->started = 1;
	s->process->known = 1;
	s->process->start = e->arg;
	s->image->mode = (uint8_t)e->ret;
	s->image->exe = s->process->exe = name_of(s->replay, e->detail, e->detail_len);
	if (!s->process->parent) {
		s->process->parent_who = said_parent(s);
		parent = process_find(s->replay, s->process->source, s->process->parent_who);
		s->process->parent = parent != s->process ? parent : NULL;
	}
}

/* ---- fork, exec, exit as events -------------------------------------------------------------------------------------------------------------*/

/* Who had the pid before the child of this fork: each child is told of once. */
static int is_another(const struct process *p, const struct step *s)
{
	return p->told || (p->ended && p->parent_who != s->process->who);
}

/*
 * The child's FORK_CHILD may come later, or be lost with all that it did before the tracer knew it: its parent's word is enough to
 * know what it inherits. Its table is copied now.
 */
static struct process *expect_child(struct step *s)
{
	struct replay *r = s->replay;
	uint32_t who = said_child(s);
	struct process *child = process_find(r, s->process->source, who);

	if (!child && (child = process_claim(s->process, s->e->tid, s->thread->last)))
		return child;

	if (child && is_another(child, s)) {
		give_up_pid(r, child);
		child = NULL;
	}
	if (child && (child->known || child->parent))
		return child;
	if (!child) {
		child = process_new(r, s->process->source, who);
		child->expected = 1;
		child->since = s->thread->last;
		child->quiet = !(s->e->flags & FDW_F_UNOBSERVED) && s->e->kind != FDW_FORK_FORK && s->e->kind != FDW_FORK_CLONE && s->e->kind != FDW_FORK_PTY;
		child->image->started = 1;
	}
	link_parent(child, s->process, s->e->kind);
	if (child->expected)
		image_hold(child->image, 0);
	return child;
}

/* popen, system: its pid is not known before it says hello. */
static struct process *expect_unnamed(struct step *s, struct shell_command *c)
{
	struct process *child = s->e->kind == FDW_FORK_POPEN ? commands_spoke(s, c) : NULL;

	if (child)
		return child;
	child = process_new(s->replay, s->process->source, 0);
	HASH_DEL(s->replay->alive, child);
	child->key = (struct process_key){ 0, (uint32_t)child->id };
	HASH_ADD(hh, s->replay->alive, key, sizeof child->key, child);
	child->expected = child->quiet = 1;
	child->image->started = 1;
	link_parent(child, s->process, s->e->kind);
	image_hold(child->image, 0);
	commands_expect(c, child);
	return child;
}

/* It got what was open, and does with it what nobody will know. */
static void unobserved_child(struct step *s)
{
	struct start *st = start_of(s);

	if (st)
		st->exposed++;
	passage_children_unseen(s->image);
}

/* What the parent says of the fork; the child may have said more, and exec'd, by now. */
static void fork_known(struct step *s, struct process *child)
{
	struct image *born = !child->image ? NULL : child->images == 1 ? child->image : child->images == 2 ? child->image->before : NULL;
	/* The thread may have lost its CPU between its look at the clock and the event: then the fork began earlier than that makes it. */
	uint64_t since = s->e->gen ? (uint64_t)s->e->gen * 1000 + MODEL_CLOCK_NS : 0;

	if (!born || born->born.time)
		return;
	moment_of(s, &born->born);
	born->born.time -= (uint64_t)s->e->gen * 1000; /* told when the child may have done all it ever did */
	born->fork_begin = since ? s->time - since : 0;
	born->fork_end = s->time;
	born->unsure |= s->e->flags & FDW_F_PARTIAL || (s->e->kind == FDW_FORK_VFORK && s->e->flags & FDW_F_UNOBSERVED);
	if (s->e->kind == FDW_FORK_SYSTEM)
		born->fork_begin = s->time; /* told before */
	start_child(child, start_of(s));
	if (born == child->image)
		return;
	start_execed(child, born);
	passage_fork_known(child->image, born);
}

void process_forked(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct shell_command *command = NULL;
	struct process *child = NULL;
	struct node *node;
	int unnamed;

	if (e->kind == FDW_FORK_SPAWN)
		coverage_spawned(s);
	if (e->kind == FDW_FORK_DAEMON)
		s->image->daemon = 1;
	unnamed = e->kind == FDW_FORK_POPEN || e->kind == FDW_FORK_SYSTEM;
	if (e->ret >= 0 && unnamed)
		command = commands_told(s);
	if (e->ret >= 0 && (unnamed || e->kind == FDW_FORK_SPAWN) && e->flags & FDW_F_UNOBSERVED)
		unobserved_child(s);
	else if (command)
		child = expect_unnamed(s, command);
	else if (e->ret > 0)
		child = expect_child(s);
	else if (e->ret < 0 && e->kind == FDW_FORK_SYSTEM)
		commands_nothing(s);
	if (child && !command)
		commands_named(child);
	if (child) {
		child->told = 1;
		fork_known(s, child);
	}
	node = tree_forked(s, child);
	if (command)
		commands_node(command, node);
}

void process_execs(struct step *s)
{
	struct image *i = s->image;

	free(i->exec.exe);
	i->exec.exe = s->e->detail ? strndup((const char *)s->e->detail, s->e->detail_len) : xstrdup("");
	if (!i->exec.exe)
		out_of_memory();
	i->exec.why = s->e->flags & FDW_F_UNOBSERVED ? (uint32_t)s->e->ret : 0;
	i->execing = 1;
	i->ending = END_EXEC;
	i->ended = s->time;
}

void process_exec_failed(struct step *s)
{
	s->image->execing = 0;
	s->image->ending = END_NONE;
	s->image->ended = 0;
}

void process_exits(struct step *s)
{
	if (s->image->ending != END_EXIT)
		image_mark_handed(s->image);
	s->image->ending = END_EXIT;
	s->image->ended = s->time;
	s->process->end = "exit";
	s->process->exits = s->e->ret >= 0 ? (int)(s->e->ret & 0xff) : -1;
	tree_exits(s);
	process_will_end(s->replay, s->process);
}

/* In its parent: what ended without a word, by a signal, has given up its pid with this. */
void process_reaped(struct step *s)
{
	struct process *child = s->e->ret > 0 ? process_find(s->replay, s->process->source, said_child(s)) : NULL;

	if (s->e->ret < 0)
		commands_reaped(s);
	else
		tree_reaped(s);
	if (!child || child->parent != s->process)
		return;
	child->killed_by = WIFSIGNALED((int)s->e->arg) ? WTERMSIG((int)s->e->arg) : 0;
	process_will_end(s->replay, child);
	series_image_end(s->replay, child->image, s->time);
	process_reaped_whole(s->replay, child);
}

void process_totals(struct step *s)
{
	s->image->totals = 1;
	s->image->emitted = s->e->arg;
	s->image->refused = s->e->ret > 0 ? (uint64_t)s->e->ret : 0;
}

/* A new name, or a thread's first event: then it is not the one that had this tid before. */
void process_thread(struct step *s)
{
	struct thread *t = s->thread;

	if (s->e->seq == 1) {
		pending_thread_end(s->replay, s->image, t);
		starts_thread_ends(s->image, t->tid, s->time);
		t->born = s->time;
	}
	t->name = name_of(s->replay, s->e->detail, s->e->detail_len);
}

void process_stops(struct step *s)
{
	char why[256];
	int n = snprintf(why, sizeof why, "it was recorded until %.*s", (int)s->e->detail_len, s->e->detail_len ? (const char *)s->e->detail : "");

	s->image->ending = END_STOP;
	s->image->ended = s->time;
	if (s->e->detail_len && n < (int)sizeof why)
		coverage_unobserved(&s->replay->coverage.partial, *s->image->exe ? s->image->exe : s->process->exe,
		                    name_of(s->replay, (const uint8_t *)why, (size_t)n));
}
