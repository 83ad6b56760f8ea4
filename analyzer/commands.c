/*
 * analyzer/commands.c: what popen and system start: whose pid its parent does not know, and which does not know who started it.
 *
 * Several threads may start commands at the same time, with the same words. What is known of a command: its words, when its call began, how it
 * ended; of a process: the words it said hello with, when, and with which status it said that it exits.
 *
 * Which is which is decided when the parent is told of a command's end, for by then its process has said all it ever will: of those that it can be,
 * the one that said hello first. What is left over fits whoever ends later: a hello is too early for a command, never too late. So no command is
 * left without a process as long as there is one for each, and no status contradicts another. (Where one did not say how it ends, that is not certain:
 * a command without any is judged, at the end of its parent, by what is left then.)
 *
 * What an exec passes on has to be known when the process says what it found open: it takes the place of the oldest command that it can be, and where
 * there are several it is not sure (`unsure`) what is said of that.
 */
#include <sys/wait.h>
#include "analyzer/model_parts.h"

/* Of a process: told by it, and not over, or not judged yet. */
struct shell_command {
	struct process *waiting; /* the child as its parent left it; NULL: somebody has taken its place, or there is none to wait for */
	struct process *taker;   /* who took it */
	struct node *node;       /* NULL: no tree is kept */
	const char *text;
	uint64_t begin;
	uint32_t tid, gen;       /* the thread whose system() it is; of the stream that popen made */
	int fd;                  /* its number; -1: system */
	unsigned unseen : 1;     /* it will not say anything */
	unsigned silent : 1;     /* it ended, and nobody had said anything that could be it */
	unsigned endless : 1;    /* system() failed: none was started, or nobody is told of its end */
	struct shell_command *next;    /* older */
};

/* ---- what can be what ----------------------------------------------------------------------------------------------------------------------*/

/* "sh -c COMMAND", in newer C libraries "sh -c -- COMMAND", as far as an event holds it; NULL: it is no such thing. */
static const char *command_in(const char *line)
{
	const char *at = strstr(line, " -c");

	return at && (!at[3] || at[3] == ' ') ? at + 3 + (at[3] == ' ') : NULL;
}

static int same_text(const char *in, const char *line, const char *text)
{
	size_t n = strlen(in);

	/* One that is cut, maybe in the middle of a character, lacks as much more as stands before it on the line. */
	return !strcmp(in, text) || (strlen(line) >= FDW_DETAIL_MAX - 4 && n > 8 && !strncmp(in, text, n - 8));
}

static int may_be(const struct shell_command *c, const struct process *p)
{
	const char *line = p->greeting, *in = line ? command_in(line) : NULL;

	if (c->unseen || p->first < c->begin)
		return 0;
	if (!line || (in && same_text(in, line, c->text)))
		return 1;
	return in && !strncmp(in, "--", 2) && (!in[2] || in[2] == ' ') && same_text(in + 2 + (in[2] == ' '), line, c->text);
}

/* 0: it cannot have ended so; 2: it said so. */
static int may_have_ended(const struct process *p, int status)
{
	if (WIFSIGNALED(status))
		return p->end ? 1 : 2;
	if (!p->end || p->exits < 0)
		return 1;
	return p->exits == WEXITSTATUS(status) ? 2 : 0;
}

static void forget_speaker(struct process *parent, struct process *p)
{
	for (struct process **at = &parent->speakers; *at; at = &(*at)->next_unnamed)
		if (*at == p) {
			*at = p->next_unnamed;
			p->next_unnamed = NULL;
			return;
		}
}

/* The list has who spoke last first. */
static struct process *speaker_for(const struct process *parent, const struct shell_command *c, int status)
{
	struct process *best = NULL;
	int how, found = 0;

	for (struct process *p = parent->speakers; p; p = p->next_unnamed) {
		how = may_be(c, p) ? may_have_ended(p, status) : 0;
		if (!how || how < found || (best && how == found && p->first > best->first))
			continue;
		best = p;
		found = how;
	}
	return best;
}

/* ---- hello -----------------------------------------------------------------------------------------------------------------------------*/

void commands_hello(struct step *s)
{
	struct process *p = s->process, *parent = process_find(s->replay, p->source, said_parent(s));

	if (!parent || parent == p || !parent->image)
		return;
	p->parent = parent;
	p->parent_who = parent->who;
	p->greets = 1;
	p->next_unnamed = parent->speakers;
	parent->speakers = p;
}

static void take_place(struct step *s, struct shell_command *c, struct process *p)
{
	struct process *u = c->waiting;

	c->waiting = NULL;
	c->taker = p;
	p->took = c;
	process_takes_place(s, u);
}

/* What it says next: its command line, or that is lost (NULL). */
void commands_greeted(struct step *s, const char *line)
{
	struct process *p = s->process, *parent = p->parent;
	struct shell_command *first = NULL;
	unsigned n = 0;

	p->greets = 0;
	if (!parent || !parent->image || p->took)
		return;
	p->greeting = line && *line ? line : NULL;
	if (p->greeting && !command_in(p->greeting))
		forget_speaker(parent, p);
	for (struct shell_command *c = parent->commands; c; c = c->next)
		if (c->waiting && may_be(c, p)) {
			first = c;
			n++;
		}
	if (!first) {
		passage_children_unseen(parent->image);
		return;
	}
	first->waiting->image->unsure |= n > 1;
	take_place(s, first, p);
}

/* Its parent knows its pid after all. */
void commands_named(struct process *child)
{
	if (child->parent)
		forget_speaker(child->parent, child);
}

/* ---- told by the parent --------------------------------------------------------------------------------------------------------------------*/

struct shell_command *commands_told(struct step *s)
{
	const struct fdw_event *e = s->e;
	struct shell_command *c = xcalloc(1, sizeof *c);

	c->text = name_of(s->replay, e->detail, e->detail_len);
	/* What FORK says of its beginning is too late when the thread loses its processor between reading the clock and sending. */
	c->begin = e->kind == FDW_FORK_POPEN ? s->thread->last : s->time;
	c->tid = e->tid;
	c->fd = e->kind == FDW_FORK_POPEN ? e->fd : -1;
	c->gen = e->gen2;
	c->unseen = (e->flags & FDW_F_UNOBSERVED) != 0;
	c->next = s->process->commands;
	s->process->commands = c;
	return c;
}

/* What took another's place may be it. */
static void taken_before(struct step *s, const struct shell_command *told)
{
	for (const struct shell_command *c = s->process->commands; c; c = c->next) {
		struct image *i = c->taker ? c->taker->image : NULL;
		if (i && i->before && may_be(told, c->taker))
			i->before->unsure = 1;
	}
}

/* popen tells when its child may have said hello already. */
struct process *commands_spoke(struct step *s, struct shell_command *c)
{
	struct process *first = NULL;
	unsigned n = 0;

	for (struct process *p = s->process->speakers; p; p = p->next_unnamed)
		if (!p->took && !p->greets && p->image && may_be(c, p)) {
			first = p;
			n++;
		}
	if (!first) {
		taken_before(s, c);
		return NULL;
	}
	first->image->unsure |= n > 1;
	first->took = c;
	c->taker = first;
	return first;
}

void commands_expect(struct shell_command *c, struct process *child) { c->waiting = child; }
void commands_node(struct shell_command *c, struct node *n) { c->node = n; }

int commands_wait(const struct process *p)
{
	for (const struct shell_command *c = p->commands; c; c = c->next)
		if (c->waiting)
			return 1;
	return 0;
}

/* ---- the end ---------------------------------------------------------------------------------------------------------------------------*/

static struct shell_command **ended(struct step *s, int fd, uint32_t gen)
{
	struct shell_command **at;

	for (at = &s->process->commands; *at; at = &(*at)->next) {
		const struct shell_command *c = *at;
		if (!c->silent && !c->endless && (fd >= 0 ? c->fd == fd && c->gen == gen : c->fd < 0 && c->tid == s->e->tid))
			break;
	}
	return at;
}

static void wait_no_more(struct shell_command *c)
{
	if (c->waiting)
		start_child(c->waiting, NULL);
	c->waiting = NULL;
}

/* c is p. Who took its place, if it was another, has taken p's. */
static void is_it(struct process *parent, struct shell_command *c, struct process *p)
{
	struct shell_command *other = p->took;

	if (other && other != c) {
		other->taker = c->taker;
		other->waiting = c->waiting;
		c->waiting = NULL;
		if (c->node && other->node)
			tree_exchange(c->node, other->node);
	}
	if (c->taker && c->taker != p)
		c->taker->took = other;
	p->took = NULL;
	tree_merge(p, c->node, !c->waiting);
	wait_no_more(c);
	forget_speaker(parent, p);
}

static void remove_command(struct shell_command **at)
{
	struct shell_command *c = *at;

	*at = c->next;
	if (c->taker && c->taker->took == c)
		c->taker->took = NULL;
	free(c);
}

/* REAPED, ret -1 */
void commands_reaped(struct step *s)
{
	struct shell_command **at = ended(s, s->e->fd, s->e->gen), *c = *at;
	int status = (int)s->e->arg;
	struct process *p;

	if (!c)
		return;
	p = c->unseen ? NULL : speaker_for(s->process, c, status);
	if (p)
		is_it(s->process, c, p);
	tree_command_ended(s, p ? p->node : c->node, status);
	if (p || c->unseen) {
		remove_command(at);
		return;
	}
	wait_no_more(c);
	c->silent = 1;
}

static void judge_rest(struct replay *r, struct process *parent, int silent)
{
	for (struct shell_command **at = &parent->commands, *c; (c = *at);) {
		struct process *p;

		if (c->silent != (unsigned)silent) {
			at = &c->next;
			continue;
		}
		for (p = parent->speakers; p && !may_be(c, p); p = p->next_unnamed)
			;
		if (p)
			is_it(parent, c, p);
		else if (c->silent)
			coverage_not_observed(r, parent->source, name_of_text(r, "/bin/sh"), 0, 0);
		else if (c->endless && c->node)
			tree_nothing(c->node);
		remove_command(at);
	}
}

/* FORK of system(), ret -1: it told before. Whose hello may be another's is judged at the end. */
void commands_nothing(struct step *s)
{
	struct shell_command *c = *ended(s, -1, 0);

	if (!c)
		return;
	wait_no_more(c);
	c->endless = 1;
	if (c == s->process->commands && !c->next)
		judge_rest(s->replay, s->process, 0);
}

/* Everything about their parent is known. */
void commands_end(struct replay *r, struct process *parent)
{
	judge_rest(r, parent, 1);
	judge_rest(r, parent, 0);
}
