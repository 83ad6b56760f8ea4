/*
 * analyzer/model_passage.c: descriptors that cross exec.
 *
 * A number that an image finds open is the one that had it before the exec: in the same process, or in the fork child that exec'd, whose
 * table is its parent's of the moment of the fork. A passage begins with the process that let a descriptor of its own through, and goes
 * on with everybody who has it from there, through any number of forks and execs; `env`, `timeout` and `sh -c` only pass it on. It is
 * over when the last of them has ended; until then each of them can use it. Everything is followed by number: a duplicate is a use.
 *
 * No passage begins with what was asked for: put in its place in the child, or with dup2; its close-on-exec taken away; named in the
 * arguments or the environment; opened by a shell, where a redirection is the request; the same object as one that was asked for.
 */
#define _GNU_SOURCE
#include "analyzer/describe.h"
#include "analyzer/model_parts.h"

/* ---- holding ---------------------------------------------------------------------------------------------------------------------*/

void passage_hold(struct generation *g, struct passage *p)
{
	if (!p || g->passage == p)
		return;
	passage_leave(g);
	g->passage = p;
	p->holders++;
	generation_pin(g);
}

static void passage_free(struct passage *p)
{
	if (p->origin)
		for (struct passage **at = &p->origin->begun; *at; at = &(*at)->sibling)
			if (*at == p) {
				*at = p->sibling;
				break;
			}
	description_drop(p->description);
	free(p);
}

void passage_leave(struct generation *g)
{
	struct passage *p = g->passage;

	if (!p)
		return;
	g->passage = NULL;
	generation_unpin(g);
	if (--p->holders)
		return;
	RULES_CALL(passed, p);
	passage_free(p);
}

/* The generation is forgotten: its passages go on without it. */
void passage_orphan(struct generation *g)
{
	for (struct passage *p = g->begun, *next; p; p = next) {
		next = p->sibling;
		p->origin = NULL;
		p->sibling = NULL;
	}
	g->begun = NULL;
}

void passage_used(struct generation *g)
{
	if (!g)
		return;
	if (g->passage)
		g->passage->used = 1;
	if (g->gift)
		g->gift->used = 1;
}

/* A fork child that closes everything before its exec takes nothing from the program that has it; a program at its start does. */
void passage_closed(struct generation *g)
{
	if (g->gift && !g->forked)
		g->gift->closed = 1;
	if (!g->passage)
		return;
	if (!g->swept)
		g->passage->used = 1;
	else if (!g->forked)
		g->passage->swept = 1;
}

static void doubt(struct passage *p, const char *why)
{
	if (!p->doubt)
		p->doubt = why;
}

static void doubt_generation(struct generation *g, const char *why)
{
	if (g->passage)
		doubt(g->passage, why);
	if (g->gift && !g->gift->doubt)
		g->gift->doubt = why;
}

/* ---- objects ---------------------------------------------------------------------------------------------------------------------*/

enum class { CLASS_ANY, CLASS_FILE, CLASS_SOCKET, CLASS_PIPE, CLASS_MEMFD, CLASS_ANON };

static enum class class_of(const char *link)
{
	if (!link || !*link)
		return CLASS_ANY;
	if (!strncmp(link, "/memfd:", 7))
		return CLASS_MEMFD;
	if (*link == '/')
		return CLASS_FILE;
	return !strncmp(link, "socket:", 7) ? CLASS_SOCKET : !strncmp(link, "pipe:", 5) ? CLASS_PIPE : CLASS_ANON;
}

static enum class class_of_kind(uint8_t kind)
{
	switch (kind) {
	case FDW_KIND_FILE: case FDW_KIND_DIR: case FDW_KIND_TMPFILE: case FDW_KIND_PTY: return CLASS_FILE;
	case FDW_KIND_SOCKET: case FDW_KIND_LISTENER: case FDW_KIND_CONN: return CLASS_SOCKET;
	case FDW_KIND_PIPE_R: case FDW_KIND_PIPE_W: case FDW_KIND_POPEN: return CLASS_PIPE;
	case FDW_KIND_MEMFD: return CLASS_MEMFD;
	case FDW_KIND_EPOLL: case FDW_KIND_EVENTFD: case FDW_KIND_TIMERFD: case FDW_KIND_SIGNALFD: case FDW_KIND_INOTIFY: case FDW_KIND_PORT: return CLASS_ANON;
	}
	return CLASS_ANY;
}

static char *link_of(const struct fdw_event *e)
{
	static const char deleted[] = " (deleted)";
	size_t n = e->detail_len, tail = sizeof deleted - 1;

	if (!e->detail || !n)
		return NULL;
	if (n > tail && !memcmp(e->detail + n - tail, deleted, tail))
		n -= tail;
	return clean_text(e->detail, n);
}

/* What /proc says of it now against what is known of the descriptor it is taken for. */
static int contradicts(const struct description *d, const char *link)
{
	enum class now = class_of(link), was = class_of_kind(d->kind);

	if (now != CLASS_ANY && was != CLASS_ANY && now != was)
		return 1;
	return link && d->link && strcmp(link, d->link) != 0;
}

int passage_same_object(const struct fdw_event *e, struct description *d)
{
	char *link = link_of(e);
	int same = !contradicts(d, link);

	if (same && !d->link) {
		d->link = link;
		link = NULL;
	}
	free(link);
	return same;
}

/* ---- asked for -------------------------------------------------------------------------------------------------------------------*/

/* Programs whose users say which descriptors the programs they run shall have. */
static int is_shell(const char *exe)
{
	static const char *const shells[] = { "sh", "bash", "rbash", "dash", "ash", "busybox", "ksh", "ksh93", "mksh", "lksh", "pdksh", "oksh",
		"zsh", "yash", "posh", "fish", "csh", "tcsh", "rc", "es", "elvish", "xonsh", "execlineb", NULL };
	const char *name = strrchr(exe, '/');
	size_t n;

	name = name ? name + 1 : exe;
	n = strcspn(name, "-0123456789."); /* bash-static, zsh5, rc */
	for (const char *const *s = shells; *s; s++)
		if (!strcmp(*s, name) || (n && strlen(*s) == n && !strncmp(*s, name, n)))
			return 1;
	return 0;
}

/* dup2, which names the number. */
static int is_placed(const struct generation *g) { return g->meant || (g->opened.op == FDW_OP_REPLACE && g->opened.fd2 >= 0); }

/* The same object was given to the program under a number that was asked for: this one is only left over. */
static int is_left_over(const struct step *s, const struct generation *was)
{
	const struct description *d = was->description;

	for (const struct number *n = s->image->before->numbers; n; n = n->hh.next) {
		const struct generation *g = n->newest;

		if (g != was && g->description == d && g->state == GENERATION_OPEN && !g->cloexec && (n->fd <= 2 || is_placed(g)))
			return 1;
	}
	for (int fd = 0; fd < 3; fd++) { /* opened twice */
		const struct generation *g = generation_newest(s->image, fd);

		if (g && d->link && g->description->link && (class_of(d->link) == CLASS_FILE || class_of(d->link) == CLASS_SOCKET) &&
		    !strcmp(d->link, g->description->link))
			return 1;
	}
	return 0;
}

/* By whoever let it through. was is open, and its creation was seen. */
static enum asked asked_for(const struct step *s, const struct generation *was)
{
	if (is_placed(was))
		return ASKED_PLACED;
	/* Made by the child itself, between fork and exec. What a daemon, or a subshell, made before it forked is not. */
	if (!was->forked && was->opened.flags & FDW_F_CHILD)
		return ASKED_PLACED;
	if (is_shell(s->image->before->exe))
		return ASKED_PLACED;
	return is_left_over(s, was) ? ASKED_SECOND : ASKED_NOT;
}

static int is_known(const struct generation *was) { return !was->unseen && was->opened.time; }

enum asked passage_asked(const struct step *s, const struct generation *was)
{
	if (s->e->fd <= 2)
		return ASKED_STANDARD;
	if (s->e->flags & FDW_F_NAMED)
		return ASKED_NAMED;
	if (was && was->passage)
		return was->passage->meant ? ASKED_PLACED : ASKED_NOT;
	return was && is_known(was) ? asked_for(s, was) : ASKED_UNKNOWN;
}

/* ---- beginning -------------------------------------------------------------------------------------------------------------------*/

/* Whose descriptor `was` is: the image that let it through; NULL when that is gone, or another program by now. */
struct image *passage_owner(const struct image *before, const struct generation *was)
{
	struct process *parent = before->process->parent;

	if (!was->forked)
		return (struct image *)before;
	return parent && parent->image && parent->images == before->parent_image ? parent->image : NULL;
}

static int other_end_is_open(const struct image *owner, const struct description *d)
{
	uint8_t other = d->kind == FDW_KIND_PIPE_R ? FDW_KIND_PIPE_W : FDW_KIND_PIPE_R;

	for (const struct number *n = owner ? owner->numbers : NULL; n; n = n->hh.next)
		if (n->newest->state == GENERATION_OPEN && n->newest->description->kind == other && n->newest->description->pipe == d->pipe)
			return 1;
	return 0;
}

static int is_lone(const struct image *owner, const struct description *d)
{
	return (d->kind == FDW_KIND_PIPE_R || d->kind == FDW_KIND_PIPE_W) && (!d->pipe || !other_end_is_open(owner, d));
}

/* Nothing else can have had the number when the child was made. */
static int is_sure(const struct image *before, const struct generation *was)
{
	if (!was->forked)
		return 1;
	if (before->born.time && !(before->born.flags & FDW_F_MULTI))
		return 1;
	/* What its own thread made before is there for certain. */
	return before->fork_begin && (was->opened.tid == before->born.tid || was->opened.time <= before->fork_begin);
}

/* The process that let it through closed its own. */
static void given_away(struct passage *p, const struct moment *at)
{
	p->given_away = at->time;
	if (p->forked.time && p->forked.tid != at->tid && p->forked.flags & FDW_F_MULTI && at->time < p->began)
		doubt(p, "another thread closed it while the child was made");
}

void passage_origin_closed(struct generation *g, const struct moment *at)
{
	for (struct passage *p = g->begun; p; p = p->sibling)
		given_away(p, at);
}

static void begin(struct step *s, struct generation *g, struct generation *was)
{
	struct image *before = s->image->before, *owner = passage_owner(before, was);
	struct generation *origin = owner == before ? was : owner ? generation_find(owner, was->fd, was->gen) : NULL;
	struct passage *p = xcalloc(1, sizeof *p);

	*p = (struct passage){ .replay = s->replay, .fd = was->fd, .gen = was->gen, .owner_exe = before->exe,
		.owner_pid = was->opened.pid, .opened = was->opened, .execed = before->execed,
		.exe = s->image->exe, .pid = s->process->pid, .began = s->time, .description = was->description, .origin = origin,
		.sure = (unsigned)is_sure(before, was), .lone = (unsigned)is_lone(owner, was->description) };
	if (was->forked)
		p->forked = before->born;
	p->description->references++;
	if (origin && origin->state == GENERATION_CLOSED)
		given_away(p, &origin->closed);
	if (origin) {
		p->sibling = origin->begun;
		origin->begun = p;
	}
	if (!p->sure)
		doubt(p, "its process had other threads at work, and another descriptor may have had the number when the child was made");
	if (before->unsure)
		doubt(p, "what its child did with its descriptors before the exec is not known in full");
	if (before->exec.why)
		doubt(p, "a program between them could not be observed");
	passage_hold(g, p);
}

/* g was found open by an image that began with exec; was: the newest that had the number before, or NULL. */
void passage_state(struct step *s, struct generation *g, struct generation *was)
{
	const struct fdw_event *e = s->e;

	if (!was || e->fd <= 2 || !(e->flags & FDW_F_INHERITED) || e->flags & FDW_F_CLOEXEC)
		return;
	if (was->passage) {
		passage_hold(g, was->passage);
		if (e->flags & FDW_F_NAMED)
			was->passage->used = 1;
		return;
	}
	if (e->flags & FDW_F_NAMED || !is_known(was) || was->description != g->description)
		return;
	if (asked_for(s, was) == ASKED_NOT)
		begin(s, g, was);
}

/* The parent told of the fork after the child had exec'd already. */
void passage_fork_known(struct image *i, const struct image *born)
{
	for (struct number *n = i->numbers; n; n = n->hh.next) {
		struct passage *p = n->newest->passage;

		if (p && p->pid == i->process->pid && !p->forked.time && !p->execed.time)
			p->forked = born->born;
	}
}

/* ---- ending ----------------------------------------------------------------------------------------------------------------------*/

static const char *why_incomplete(const struct image *i)
{
	if (i->execing)
		return "a program that got it was not observed";
	if (!i->events && i->process->quiet) /* a child of vfork or posix_spawn is heard of after its exec */
		return i->ending == END_EXEC ? NULL : "a process that got it was never heard of";
	if (!i->events)
		return "a process that got it was never heard of";
	if (i->ending == END_STOP)
		return "the recording of a process that got it stopped before its end";
	if (i->ending == END_NONE)
		return "a process that got it was not recorded to its end";
	if (i->blind)
		return "a process that got it may have used it in a way that cannot be seen";
	return !i->started || !i->totals || image_lossy(i) ? "events of a process that got it were lost" : NULL;
}

void passage_image_ends(struct image *i)
{
	const char *why = NULL;

	for (struct number *n = i->numbers; n; n = n->hh.next)
		for (struct generation *g = n->newest; g; g = g->older) {
			if (!g->passage && !g->gift)
				continue;
			if (!why && !(why = why_incomplete(i)))
				why = "";
			if (*why)
				doubt_generation(g, why);
			if (g->passage && g->passage->ended < i->last)
				g->passage->ended = i->last;
		}
}

void passage_children_unseen(struct image *i)
{
	for (struct number *n = i->numbers; n; n = n->hh.next)
		doubt_generation(n->newest, "a process was started from one that has it in a way that cannot be seen");
}

/* ---- what a child of vfork or posix_spawn does before its exec ------------------------------------------------------------------------*/

static void child_closed(struct image *i, int first, int last, const struct moment *at)
{
	for (struct number *n = i->numbers; n; n = n->hh.next) {
		struct generation *g = n->newest;

		if (n->fd < first || (uint32_t)n->fd > (uint32_t)last || g->state != GENERATION_OPEN)
			continue;
		if (first == last)
			passage_used(g);
		generation_closed(g, at);
	}
	i->swept |= first <= 64 && (uint32_t)last >= 255;
}

/* It had exec'd, and its new program was read, before its parent told of this. */
static void child_was_told(struct process *child, int fd)
{
	struct generation *g = child->image->before ? generation_newest(child->image, fd) : NULL;

	if (g && g->passage && g->passage->pid == child->pid)
		g->passage->meant = 1;
	if (g && g->gift && g->gift->asked >= ASKED_SECOND)
		g->gift->asked = ASKED_PLACED;
}

void passage_child_fd(struct step *s, struct process *child)
{
	struct image *i = child->image->before ? child->image->before : child->image;
	const struct fdw_event *e = s->e;
	struct generation *g = e->fd >= 0 ? generation_newest(i, e->fd) : NULL, *from;
	struct moment at;

	if (e->fd < 0)
		return;
	moment_of(s, &at);
	at.pid = child->pid;
	switch (e->arg) {
	case FDW_CHILD_PLACED:
		from = e->fd2 >= 0 ? generation_newest(i, e->fd2) : NULL;
		passage_used(from);
		passage_used(g);
		generation_placed(&at, i, e->fd, from ? from->description : NULL);
		child_was_told(child, e->fd);
		break;
	case FDW_CHILD_KEPT:
		passage_used(g);
		if (g) {
			g->meant = 1;
			g->cloexec = 0;
		}
		child_was_told(child, e->fd);
		break;
	case FDW_CHILD_MARKED:
		passage_used(g);
		if (g)
			g->cloexec = 1;
		break;
	case FDW_CHILD_CLOSED:
		child_closed(i, e->fd, e->fd2 < 0 ? INT32_MAX : e->fd2, &at);
		break;
	case FDW_CHILD_USED:
		passage_used(g);
		break;
	}
}
