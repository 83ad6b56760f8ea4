/*
 * analyzer/tree.c: see tree.h. Called by the model as it learns of processes; every function is for nothing when no tree is kept.
 *
 * A process is announced by itself, by who started it, or by who waited for it, in any order, and each may be the only one. Who waited is
 * believed last: the pid may be another's by the time its word is read.
 */
#include <sys/wait.h>
#include "analyzer/describe.h"
#include "analyzer/model_parts.h"

void replay_keep_tree(struct replay *r)
{
	r->tree = xcalloc(1, sizeof *r->tree);
	r->tree->last = &r->tree->first;
}

const struct tree *replay_tree(const struct replay *r) { return r->tree; }

/* ---- nodes -----------------------------------------------------------------------------------------------------------------------*/

static struct node *newest(struct tree *t, const struct source *s, uint32_t pid)
{
	struct process_key key = { s->id, pid };
	struct node *n;

	HASH_FIND(hh, t->by_pid, &key, sizeof key, n);
	return n;
}

static struct node *node_new(struct tree *t, const struct source *s, uint32_t who)
{
	struct node *n = xcalloc(1, sizeof *n);

	n->key = (struct process_key){ s->id, who };
	n->source = s;
	n->pid = fdw_pid_shown(who);
	n->said = n->reaped = -1;
	*t->last = n;
	t->last = &n->next;
	if (!who)
		return n;
	n->older = newest(t, s, who);
	if (n->older)
		HASH_DEL(t->by_pid, n->older);
	HASH_ADD(hh, t->by_pid, key, sizeof n->key, n);
	return n;
}

void tree_process(struct replay *r, struct process *p)
{
	struct node *n;

	if (!r->tree)
		return;
	p->node = n = node_new(r->tree, p->source, p->who);
	n->process = p;
	n->born = r->now;
}

void tree_program(struct replay *r, struct image *i)
{
	struct node *n = i->process->node;
	struct program **p;

	if (!n)
		return;
	for (p = &n->programs; *p; p = &(*p)->next)
		;
	*p = i->program = xcalloc(1, sizeof **p);
	i->program->exe = i->program->arguments = "";
	i->program->began = r->now;
}

/* The parent told of a command, whose pid it does not know; this process is it. */
void tree_merge(struct process *p, struct node *c, int with_programs)
{
	struct node *n = p->node;

	if (!n || !c)
		return;
	c->became = n;
	n->kind = c->kind;
	n->call = c->call;
	n->command = c->command;
	n->born = c->born;
	if (n->reaped < 0)
		n->reaped = c->reaped;
	if (c->programs && with_programs) {
		c->programs->next = n->programs;
		n->programs = c->programs;
		c->programs = NULL;
	}
}

void tree_exchange(struct node *a, struct node *b)
{
	struct program *p = a->programs;

	a->programs = b->programs;
	b->programs = p;
}

/* system() told of it before it started one, and nothing came of it. */
void tree_nothing(struct node *c) { c->nothing = !c->became; }

/* ---- fork ------------------------------------------------------------------------------------------------------------------------*/

/* A child that will not speak for itself. Who waited for it may have told of it already: from a handler, before the fork was said. */
static struct node *silent_child(const struct step *s)
{
	struct tree *t = s->replay->tree;
	uint32_t who = s->e->ret > 0 ? said_child(s) : 0;
	struct node *n = who ? newest(t, s->process->source, who) : NULL;

	if (n && !n->process && !n->kind && n->parent == s->process->node && n->ended + MODEL_LINGER_NS >= s->time)
		return n;
	n = node_new(t, s->process->source, who);
	n->parent = s->process->node;
	n->parent_who = s->process->who;
	return n;
}

/* FORK. child: its process; NULL: it is none of the model's. A command has a node of its own until it is known who it is. */
struct node *tree_forked(const struct step *s, struct process *child)
{
	const struct fdw_event *e = s->e;
	int command = e->kind == FDW_FORK_POPEN || e->kind == FDW_FORK_SYSTEM;
	struct node *n;

	if (!s->process->node || e->kind == FDW_FORK_DAEMON || e->ret < 0 || (!e->ret && !command))
		return NULL;
	n = child && (!command || child->expected) ? child->node : silent_child(s);
	if (child && e->ret > 0 && said_child(s) != child->who)
		node_new(s->replay->tree, s->process->source, said_child(s))->became = n; /* the pid its parent will wait for */
	if (n->call)
		return n;
	n->kind = e->kind;
	n->call = s->call;
	if (!n->process || child->expected)
		n->born = s->time - (command ? 0 : (uint64_t)e->gen * 1000);
	if (command)
		n->command = name_of(s->replay, e->detail, e->detail_len);
	if (!child)
		n->unseen = coverage_why((uint32_t)e->arg);
	if (!child && !command)
		n->exe = name_of(s->replay, e->detail, e->detail_len);
	return n;
}

void tree_is(struct process *told, struct process *speaker)
{
	struct node *n = speaker->node, *t = told->node;

	if (!n || !t)
		return;
	t->became = n;
	n->call = n->call ? n->call : t->call;
	if (n->reaped < 0)
		n->reaped = t->reaped;
	if (!n->ended)
		n->ended = t->ended;
}

/* FORK_CHILD: its own word. */
void tree_born(const struct step *s)
{
	struct node *n = s->process->node;

	if (!n)
		return;
	n->kind = s->e->kind;
	if (!n->call)
		n->call = s->call;
	n->born = s->time;
}

/* ---- the end ---------------------------------------------------------------------------------------------------------------------*/

void tree_exits(const struct step *s)
{
	struct node *n = s->process->node;

	if (!n)
		return;
	n->exits = 1;
	n->said = s->e->ret >= 0 ? (int)(s->e->ret & 0xff) : -1;
	if (!n->ended)
		n->ended = s->time;
}

static int is_child_of(const struct node *n, const struct process *p)
{
	return n->process ? n->process->parent == p || (!n->process->parent && n->process->parent_who == p->who) : n->parent == p->node;
}

/* It may have ended so, after what it said of its end itself. */
static int may_be_status(const struct node *n, int status)
{
	return n->reaped < 0 && (!WIFEXITED(status) || !n->exits || n->said < 0 || n->said == WEXITSTATUS(status));
}

/* The child of this process that a wait told of: of those that had the pid the oldest whose end was not told. */
static struct node *waited_for(const struct step *s, int status)
{
	struct node *found = NULL;

	for (struct node *o = newest(s->replay->tree, s->process->source, said_child(s)); o; o = o->older) {
		struct node *n = o->became ? o->became : o;

		if (is_child_of(n, s->process) && may_be_status(n, status))
			found = n;
	}
	return found;
}

static void ended(const struct step *s, struct node *n, int status)
{
	n->reaped = status;
	if (!n->ended)
		n->ended = s->time;
}

/* It is known by now who it was, if anybody was. */
void tree_command_ended(const struct step *s, struct node *n, int status)
{
	if (n && n->reaped < 0)
		ended(s, n, status);
}

/* REAPED */
void tree_reaped(const struct step *s)
{
	int status = (int)s->e->arg;
	struct node *n;

	if (!s->process->node)
		return;
	n = waited_for(s, status);
	if (!n && s->e->ret > 0) { /* how it was started was not seen */
		n = node_new(s->replay->tree, s->process->source, said_child(s));
		n->parent = s->process->node;
		n->parent_who = s->process->who;
		n->unseen = "who started it was not seen, and it said nothing itself";
	}
	if (n)
		ended(s, n, status);
}

/* ---- programs and what they found open ---------------------------------------------------------------------------------------------------*/

static void name_gift(struct replay *r, const struct generation *g)
{
	char *object = describe_object(g->description);

	g->gift->object = name_of_text(r, object);
	free(object);
}

/* g was found open; was: the same in the program before, or NULL. */
void tree_gift(const struct step *s, struct generation *g, const struct generation *was, enum asked asked)
{
	struct program *p = s->image->program;
	struct gift *gift, **at;

	if (!p || !g->inherited)
		return;
	g->gift = gift = xcalloc(1, sizeof *gift);
	gift->fd = g->fd;
	if (g->fd <= 2)
		gift->doubt = "what libc reads and writes there by itself is not seen";
	gift->object = "";
	gift->from = was ? was->gift : NULL;
	gift->asked = (uint8_t)(asked == ASKED_UNKNOWN && gift->from && !(s->e->flags & FDW_F_NAMED) ? gift->from->asked : asked);
	for (at = &p->gifts; *at && (*at)->fd < g->fd; at = &(*at)->next)
		;
	gift->next = *at;
	*at = gift;
	name_gift(s->replay, g);
}

void tree_shares(struct image *child)
{
	for (const struct number *n = child->program ? child->numbers : NULL; n; n = n->hh.next)
		child->program->shared += n->newest->forked && n->newest->state == GENERATION_OPEN;
}

/* Why what was started said nothing; NULL: it may do so yet. */
static const char *why_silent(struct replay *r, const struct process *p, uint32_t why, const char *where_lost)
{
	const struct source *s = p->source;

	if (why || source_is_whole(s))
		return coverage_why_silent(r, why, p->killed_by);
	return s->gap_end ? where_lost : NULL;
}

/* Everything about the image is known. */
void tree_image_end(struct replay *r, struct image *i)
{
	struct program *p = i->program;

	if (!p)
		return;
	p->exe = i->exe;
	p->arguments = i->arguments;
	p->ending = (uint8_t)i->ending;
	p->ended = i->ended ? i->ended : i->last;
	p->forked = i->forked;
	p->heard = i->events > 0;
	if (i->ending == END_EXEC && i->exec.exe)
		p->exec = name_of_text(r, i->exec.exe);
	if (i->execing)
		p->unseen = why_silent(r, i->process, i->exec.why, "its beginning may be lost");
	for (const struct number *n = i->numbers; n; n = n->hh.next)
		for (const struct generation *g = n->newest; g; g = g->older)
			if (g->gift)
				name_gift(r, g);
}

/* ---- the whole -------------------------------------------------------------------------------------------------------------------*/

/* The one that said nothing, but had the pid when its child was born: an unobserved program in between. */
static struct node *silent_parent(struct tree *t, const struct node *child)
{
	struct node *n;

	for (n = newest(t, child->source, child->parent_who); n; n = n->older)
		if (!n->process && n->born && n->born <= child->born && (!n->ended || n->ended >= child->born))
			return n;
	return NULL;
}

static struct node *parent_of(struct tree *t, struct node *n)
{
	const struct process *p = n->process;
	struct node *parent = n->parent;

	if (p) {
		n->parent_who = p->parent_who;
		parent = p->parent ? p->parent->node : p->parent_who ? silent_parent(t, n) : NULL;
	}
	return parent && parent->became ? parent->became : parent;
}

/* Nobody descends from himself, whatever the events say. */
static void cut_cycle(struct node *n, uint32_t visit)
{
	for (; n && !n->visit; n = n->parent) {
		n->visit = visit;
		if (n->parent && n->parent->visit == visit) {
			n->parent = NULL;
			n->cut = 1;
		}
	}
}

static void adopt(struct node **first, struct node **last, struct node *n)
{
	if (*last)
		(*last)->sibling = n;
	else
		*first = n;
	*last = n;
}

static void silent_node(struct replay *r, struct node *n)
{
	const struct process *p = n->process;

	if (n->unseen || !p || p->threads)
		return;
	n->unseen = why_silent(r, p, 0, "it may have said hello: events were lost");
}

static void finish_gift(struct gift *g)
{
	if (g->used)
		for (struct gift *f = g->from; f && !f->below; f = f->from)
			f->below = 1;
	if (g->doubt)
		for (struct gift *f = g->from; f && !f->doubt; f = f->from)
			f->doubt = g->doubt;
}

enum use gift_use(const struct gift *g)
{
	if (g->used)
		return USE_ITSELF;
	if (g->below)
		return USE_BELOW;
	if (g->doubt)
		return USE_UNSEEN;
	return g->closed ? USE_CLOSED : USE_NEVER;
}

const struct node *node_after(const struct node *n, unsigned *depth)
{
	if (n->children) {
		++*depth;
		return n->children;
	}
	while (!n->sibling && n->parent) {
		n = n->parent;
		--*depth;
	}
	return n->sibling;
}

static void number(struct tree *t)
{
	unsigned depth = 0;
	uint32_t id = 0;

	for (struct node *n = t->roots; n; n = (struct node *)node_after(n, &depth))
		n->id = ++id;
}

void tree_end(struct replay *r)
{
	struct tree *t = r->tree;
	uint32_t visit = 0;

	if (!t)
		return;
	for (struct node *n = t->first; n; n = n->next)
		n->parent = parent_of(t, n);
	for (struct node *n = t->first; n; n = n->next)
		cut_cycle(n, ++visit);
	for (struct node *n = t->first; n; n = n->next) {
		if (!node_is_real(n))
			continue;
		silent_node(r, n);
		if (n->parent)
			adopt(&n->parent->children, &n->parent->last_child, n);
		else
			adopt(&t->roots, &t->last_root, n);
		for (struct program *p = n->programs; p; p = p->next)
			for (struct gift *g = p->gifts; g; g = g->next)
				finish_gift(g);
	}
	number(t);
}

static void program_free(struct program *p)
{
	for (struct gift *g = p->gifts, *next; g; g = next) {
		next = g->next;
		free(g);
	}
	free(p);
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	HASH_CLEAR(hh, t->by_pid);
	for (struct node *n = t->first, *next; n; n = next) {
		next = n->next;
		for (struct program *p = n->programs, *later; p; p = later) {
			later = p->next;
			program_free(p);
		}
		free(n);
	}
	free(t);
}
