/*
 * analyzer/report_tree.c: the process tree for a human: a line for each process, below it the programs it ran one after the other, the
 * descriptors each found open, and its children.
 *
 * The standard streams share a line, and so do other descriptors of which the same is to be said. Nothing is indented further than TREE_DEPTH: a chain
 * of ten thousand forks is a list then, where each line says whose child it is.
 */
#define _GNU_SOURCE
#include <libsmartcols.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/page.h"
#include "analyzer/report_tree.h"

#define TREE_DEPTH 24
/* Columns of a command line: enough to tell `python3 manage.py runserver` from `python3 manage.py migrate`. */
#define COMMAND_COLUMNS 48

struct printer {
	struct libscols_table *table;
	uint64_t start;         /* of the recording */
};

/* ---- words -----------------------------------------------------------------------------------------------------------------------*/

const char *start_word(const struct node *n)
{
	static const char *const words[] = { [FDW_FORK_FORK] = "fork", [FDW_FORK_VFORK] = "vfork", [FDW_FORK_CLONE] = "clone",
		[FDW_FORK_SPAWN] = "posix_spawn", [FDW_FORK_POPEN] = "popen", [FDW_FORK_SYSTEM] = "system", [FDW_FORK_DAEMON] = "daemon",
		[FDW_FORK_PTY] = "forkpty" };

	return n->kind < sizeof words / sizeof *words ? words[n->kind] : NULL;
}

const char *end_word(const struct node *n, int *number)
{
	if (n->reaped >= 0) {
		*number = WIFSIGNALED(n->reaped) ? WTERMSIG(n->reaped) : WEXITSTATUS(n->reaped);
		return WIFSIGNALED(n->reaped) ? "signal" : "exit";
	}
	*number = n->said;
	return n->exits ? "exit" : NULL;
}

static const char *asked_text(uint8_t asked)
{
	static const char *const texts[] = { [ASKED_UNKNOWN] = "not known", [ASKED_STANDARD] = "standard",
		[ASKED_NAMED] = "asked for: named", [ASKED_PLACED] = "asked for", [ASKED_SECOND] = "second of one asked for", [ASKED_NOT] = "not asked for" };

	return texts[asked];
}

static const char *use_text(const struct gift *g)
{
	switch (gift_use(g)) {
	case USE_ITSELF: return "used";
	case USE_BELOW: return "used by a program it started";
	case USE_CLOSED: return "closed, not used";
	case USE_NEVER: return "never used";
	case USE_UNSEEN: break;
	}
	return "not seen used";
}

/* ---- cells -------------------------------------------------------------------------------------------------------------------------*/

/* Takes the text over. */
static void cell(struct libscols_line *l, enum tree_column c, char *text)
{
	if (scols_line_refer_data(l, c, text))
		out_of_memory();
}

static struct libscols_line *line(const struct printer *p, struct libscols_line *parent, const char *color)
{
	struct libscols_line *l = (struct libscols_line *)xcheck(scols_table_new_line(p->table, parent));

	if (color && scols_table_colors_wanted(p->table))
		scols_line_set_color(l, color);
	return l;
}

static char *since(const struct printer *p, uint64_t time)
{
	char text[SINCE_TEXT];

	return time ? xasprintf(" %s", text_since(time, p->start, 3, text)) : xstrdup("");
}

/* What precedes with the time behind it. */
static char *timed(const struct printer *p, char *text, uint64_t time)
{
	char *at = since(p, time), *s = xasprintf("%s%s", text, at);

	free(text);
	free(at);
	return s;
}

/* ---- descriptors -------------------------------------------------------------------------------------------------------------------*/

static int same_said(const struct gift *a, const struct gift *b)
{
	return a->asked == b->asked && a->object == b->object && gift_use(a) == gift_use(b) && a->doubt == b->doubt;
}

static int said_before(const struct gift *first, const struct gift *g)
{
	for (; first != g; first = first->next)
		if (same_said(first, g))
			return 1;
	return 0;
}

/* "0-2", "0, 2, 5-7": all of which the same is said as of g, which is the first. */
static char *numbers_of(const struct gift *g)
{
	char *s = xasprintf("%d", g->fd), *old;
	int last = g->fd, open = 0;

	for (const struct gift *o = g->next; o; o = o->next) {
		if (!same_said(g, o))
			continue;
		old = s;
		if (o->fd - 1 == last) {
			if (open)
				*strrchr(old, '-') = 0;
			s = xasprintf("%s-%d", old, o->fd);
			open = 1;
		} else {
			s = xasprintf("%s, %d", old, o->fd);
			open = 0;
		}
		last = o->fd;
		free(old);
	}
	return s;
}

static void gift_line(const struct printer *p, struct libscols_line *parent, const struct gift *g)
{
	enum use u = gift_use(g);
	struct libscols_line *l = line(p, parent, g->asked == ASKED_NOT && u == USE_NEVER ? "yellow" : NULL);
	char *numbers = numbers_of(g);

	cell(l, TREE_WHAT, xasprintf("[%s] %s", numbers, *g->object ? g->object : "?"));
	cell(l, TREE_HOW, xstrdup(asked_text(g->asked)));
	cell(l, TREE_END, u == USE_UNSEEN ? xasprintf("%s: %s", use_text(g), g->doubt) : xstrdup(use_text(g)));
	free(numbers);
}

/* "text, more": more is added once. Takes the text over. */
static char *listed(char *text, const char *more)
{
	char *s;

	if (strstr(text, more))
		return text;
	s = xasprintf("%s%s%s", text, *text ? ", " : "", more);
	free(text);
	return s;
}

/* One line for 0, 1 and 2, which everybody has. Returns the first gift that is none. */
static const struct gift *standard_line(const struct printer *p, struct libscols_line *parent, const struct gift *g)
{
	char *objects = xstrdup(""), *used = xstrdup(""), number[12];
	int first = g->fd, last = first;
	struct libscols_line *l = line(p, parent, NULL);

	for (; g && g->fd <= 2; g = g->next) {
		enum use u = gift_use(g);
		last = g->fd;
		objects = listed(objects, *g->object ? g->object : "?");
		snprintf(number, sizeof number, "%d", g->fd);
		if (u == USE_ITSELF || u == USE_BELOW)
			used = listed(used, number);
	}
	cell(l, TREE_WHAT, first == last ? xasprintf("[%d] %s", first, objects) : xasprintf("[%d-%d] %s", first, last, objects));
	cell(l, TREE_HOW, xstrdup(asked_text(ASKED_STANDARD)));
	cell(l, TREE_END, *used ? xasprintf("used: %s", used) : xstrdup("not seen used"));
	free(objects);
	free(used);
	return g;
}

static void gift_lines(const struct printer *p, struct libscols_line *parent, const struct program *program)
{
	const struct gift *first = program->gifts;

	if (first && first->fd <= 2)
		first = standard_line(p, parent, first);
	for (const struct gift *g = first; g; g = g->next)
		if (!said_before(first, g))
			gift_line(p, parent, g);
}

/* ---- programs ----------------------------------------------------------------------------------------------------------------------*/

/* Without what is only there because its parent told of it, and what a fork leaves running until the exec. */
static int is_shown(const struct program *p) { return p->heard && !p->forked; }

static unsigned programs_of(const struct node *n)
{
	unsigned count = 0;

	for (const struct program *p = n->programs; p; p = p->next)
		count += (unsigned)is_shown(p) + (p->unseen != NULL);
	return count;
}

static char *program_end(const struct program *p)
{
	if (p->unseen)
		return xasprintf("runs %s, not observed: %s", p->exec && *p->exec ? p->exec : "?", p->unseen);
	if (p->exec)
		return xasprintf("runs %s", p->exec);
	return p->ending == END_STOP ? xstrdup("not recorded any further") : xstrdup("");
}

static void program_lines(const struct printer *p, struct libscols_line *parent, const struct node *n)
{
	int several = programs_of(n) > 1;

	for (const struct program *g = n->programs; g; g = g->next) {
		struct libscols_line *l = parent;

		if ((several && is_shown(g)) || (g->unseen && !is_shown(g))) {
			l = line(p, parent, NULL);
			cell(l, TREE_WHAT, xstrdup(*g->exe ? g->exe : "?"));
			cell(l, TREE_HOW, timed(p, xstrdup(g->forked ? "goes on after the fork" : "exec"), g->began));
			cell(l, TREE_END, program_end(g));
		}
		gift_lines(p, l, g);
	}
}

/* ---- processes ---------------------------------------------------------------------------------------------------------------------*/

static const struct program *last_program(const struct node *n)
{
	const struct program *last = NULL;

	for (const struct program *p = n->programs; p; p = p->next)
		last = p->heard || !last ? p : last;
	return last;
}

/* Cut at a character's beginning. */
static char *shortened(const char *s, size_t n)
{
	size_t keep = n;

	if (columns_of(s, n) <= COMMAND_COLUMNS)
		return xasprintf("%.*s", (int)n, s);
	while (columns_of(s, keep) > COMMAND_COLUMNS - 3 || (keep && ((unsigned char)s[keep] & 0xc0) == 0x80))
		keep--;
	return xasprintf("%.*s...", (int)keep, s);
}

static char *command_of(const struct node *n)
{
	const struct program *p = last_program(n);
	const char *name;
	size_t length;

	if (!n->process || !n->process->threads)
		return n->command ? shortened(n->command, strlen(n->command)) : xstrdup(n->exe && *n->exe ? n->exe : p && *p->exe ? p->exe : "?");
	name = called_name(p ? p->exe : "", p ? p->arguments : "", &length);
	if (p && *p->arguments && name >= p->arguments && name < p->arguments + strlen(p->arguments))
		length = strlen(name); /* with the arguments that follow */
	return shortened(name, length);
}

static char *process_what(const struct node *n)
{
	char *command = command_of(n), *s;

	s = n->pid ? xasprintf("%u %s", n->pid, command) : xasprintf("? %s", command);
	free(command);
	return s;
}

static char *process_how(const struct printer *p, const struct node *n, int deep)
{
	const char *word = n->call && *n->call && strcmp(n->call, "none") ? n->call : start_word(n);
	char *s = xstrdup(word ? word : n->parent ? "?" : ""), *more;

	if (n->parent && !deep)
		return timed(p, s, n->born);
	more = deep ? xasprintf("%s by %u", s, n->parent->pid)
	     : n->cut || !n->parent_who ? xasprintf("%s%sparent not known", s, *s ? ", " : "")
	                                : xasprintf("%s%sby %u, not recorded", s, *s ? " " : "", fdw_pid_shown(n->parent_who));
	free(s);
	return timed(p, more, n->born);
}

static char *how_it_ended(const struct node *n)
{
	const struct program *last = last_program(n);
	const char *word;
	int number;

	word = end_word(n, &number);
	if (word && *word == 's')
		return sigabbrev_np(number) ? xasprintf("SIG%s%s", sigabbrev_np(number), WCOREDUMP(n->reaped) ? ", core dumped" : "")
		                            : xasprintf("signal %d", number);
	if (word)
		return number < 0 ? xstrdup("exit, status not known") : xasprintf("exit %d", number);
	if (n->unseen)
		return xstrdup("not known");
	if (last && last->ending == END_STOP)
		return xstrdup("not recorded any further");
	return xstrdup(last && last->unseen ? "not known" : "not known: killed, or still running");
}

static char *process_end(const struct printer *p, const struct node *n)
{
	char *s = timed(p, how_it_ended(n), n->ended), *more;

	if (!n->unseen)
		return s;
	more = xasprintf("%s; not observed: %s", s, n->unseen);
	free(s);
	return more;
}

static struct libscols_line *process_line(const struct printer *p, struct libscols_line *parent, const struct node *n, int deep)
{
	int killed = n->reaped >= 0 && WIFSIGNALED(n->reaped);
	struct libscols_line *l = line(p, parent, killed ? "red" : n->unseen ? "magenta" : "bold");

	cell(l, TREE_WHAT, process_what(n));
	cell(l, TREE_HOW, process_how(p, n, deep));
	cell(l, TREE_END, process_end(p, n));
	program_lines(p, l, n);
	return l;
}

static void tree_lines(const struct printer *p, const struct tree *t)
{
	struct libscols_line *above[TREE_DEPTH + 1] = { NULL };
	unsigned depth = 0;

	for (const struct node *n = t->roots; n; n = node_after(n, &depth)) {
		unsigned shown = depth < TREE_DEPTH ? depth : TREE_DEPTH;

		above[shown] = process_line(p, shown ? above[shown - 1] : NULL, n, depth > TREE_DEPTH);
	}
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------------*/

static void column(struct libscols_table *t, const char *name, int flags)
{
	struct libscols_column *c = (struct libscols_column *)xcheck(scols_table_new_column(t, name, 0, flags | SCOLS_FL_WRAP));

	scols_column_set_wrapfunc(c, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
}

void report_tree(const struct report *r, FILE *out, unsigned width, int strictly)
{
	struct printer p = { .table = scols_new_table(), .start = r->coverage->first };

	xcheck(p.table);
	setlocale(LC_CTYPE, ""); /* how the lines of a tree are drawn */
	scols_table_set_stream(p.table, out);
	scols_table_enable_colors(p.table, page_colors(r->options->color, out));
	scols_table_enable_noencoding(p.table, 1); /* all was cleaned when it was read, and is not to be escaped again */
	scols_table_set_termforce(p.table, SCOLS_TERMFORCE_NEVER); /* which would cut names */
	column(p.table, "PROCESS, [DESCRIPTOR]", SCOLS_FL_TREE);
	column(p.table, "STARTED, ASKED FOR", 0);
	column(p.table, "ENDED, USED", 0);
	tree_lines(&p, r->tree);
	tree_fit(p.table, width, strictly);
	fputc('\n', out);
	if (scols_print_table(p.table))
		out_of_memory();
	scols_unref_table(p.table);
}
