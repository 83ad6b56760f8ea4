/*
 * analyzer/report_tree_fit.c: the process tree's lines fitted to a page.
 *
 * Names are not cut, since they are copied. The last column is wrapped at blanks. On a terminal the one before it is, too; and where there is no room
 * beside the first one there is only that, and what else is said of a line stands below its name: with the lines of the tree in front, which libsmartcols
 * does not draw into a cell of several lines. A file may have longer lines.
 */
#define _GNU_SOURCE
#include <langinfo.h>
#include <libsmartcols.h>
#include "analyzer/memory.h"
#include "analyzer/page.h"
#include "analyzer/report_tree.h"

/* No column is made narrower than that. */
#define HOW_MIN 16
#define END_MIN 24

static const char *text_of(struct libscols_line *l, enum tree_column c) { return scols_cell_get_data(scols_line_get_cell(l, c)); }

static unsigned cell_columns(struct libscols_line *l, enum tree_column c)
{
	const char *s = text_of(l, c);

	return columns_of(s, strlen(s));
}

/* Two for each line above. */
static unsigned columns_of_tree(const struct libscols_line *l)
{
	unsigned n = 0;

	while ((l = scols_line_get_parent(l)))
		n += 2;
	return n;
}

/* A line's end in place of the last blank that still fits. */
static void wrap_cell(char *s, unsigned width)
{
	char *begin = s, *blank = NULL;

	for (; *s; s++) {
		if (*s == ' ')
			blank = s;
		if (columns_of(begin, (size_t)(s + 1 - begin)) <= width || !blank || blank == s)
			continue;
		*blank = '\n';
		begin = blank + 1;
		blank = NULL;
	}
}

/* ---- one column -------------------------------------------------------------------------------------------------------------------*/

static int is_last(struct libscols_line *parent, const struct libscols_line *l)
{
	struct libscols_iter *i = (struct libscols_iter *)xcheck(scols_new_iter(SCOLS_ITER_BACKWARD));
	struct libscols_line *child = NULL;
	int yes = scols_line_next_child(parent, i, &child) != 0 || child == l;

	scols_free_iter(i);
	return yes;
}

/* What the tree draws in front of this line, but for its own branch. */
static void branches(struct libscols_line *l, const char *vertical, FILE *out)
{
	struct libscols_line *parent = scols_line_get_parent(l);

	if (!parent)
		return;
	branches(parent, vertical, out);
	fputs(is_last(parent, l) ? "  " : vertical, out);
}

static void put_below(struct libscols_line *l, const char *text, FILE *out)
{
	const char *vertical = strcmp(nl_langinfo(CODESET), "UTF-8") ? "| " : "│ ";

	fputc('\n', out);
	branches(l, vertical, out);
	fputs(scols_line_has_children(l) ? vertical : "  ", out);
	fputs(text, out);
}

/* All that is said of a line in its first cell. */
static void stack_cells(struct libscols_line *l, unsigned width)
{
	const char *how = text_of(l, TREE_HOW), *end = text_of(l, TREE_END);
	unsigned taken = columns_of_tree(l) + 2, left = width > taken + END_MIN ? width - taken : END_MIN;
	char *said = xasprintf("%s%s%s", how, *how && *end ? "; " : "", end), *what = xstrdup(text_of(l, TREE_WHAT)), *text, *line, *next;
	size_t n;
	FILE *out = (FILE *)xcheck(open_memstream(&text, &n));

	wrap_cell(what, left);
	wrap_cell(said, left);
	next = what;
	fputs(strsep(&next, "\n"), out);
	while ((line = strsep(&next, "\n")))
		put_below(l, line, out);
	for (next = said; *said && (line = strsep(&next, "\n"));)
		put_below(l, line, out);
	fclose(out);
	if (scols_line_refer_data(l, TREE_WHAT, (char *)xcheck(text)))
		out_of_memory();
	free(what);
	free(said);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------------*/

/* The widest cells of the first two columns, with the tree. */
static void measure(struct libscols_table *t, unsigned *what, unsigned *how)
{
	struct libscols_iter *i = (struct libscols_iter *)xcheck(scols_new_iter(SCOLS_ITER_FORWARD));
	struct libscols_line *l;

	*what = *how = 0;
	while (scols_table_next_line(t, i, &l) == 0) {
		unsigned w = cell_columns(l, TREE_WHAT) + columns_of_tree(l), h = cell_columns(l, TREE_HOW);

		*what = w > *what ? w : *what;
		*how = h > *how ? h : *how;
	}
	scols_free_iter(i);
}

static void hide(struct libscols_table *t, enum tree_column c)
{
	scols_column_set_flags(scols_table_get_column(t, c), SCOLS_FL_HIDDEN);
}

void tree_fit(struct libscols_table *t, unsigned width, int strictly)
{
	struct libscols_iter *i = (struct libscols_iter *)xcheck(scols_new_iter(SCOLS_ITER_FORWARD));
	struct libscols_line *l;
	unsigned what, how, beside;
	int alone;

	measure(t, &what, &how);
	beside = width > what + 2 ? width - what - 2 : 0; /* a blank behind each of the first two */
	alone = strictly && beside < HOW_MIN + END_MIN;
	if (strictly && !alone && how > beside - END_MIN)
		how = beside - END_MIN;
	while (scols_table_next_line(t, i, &l) == 0)
		if (alone) {
			stack_cells(l, width);
		} else {
			wrap_cell((char *)text_of(l, TREE_HOW), how);
			wrap_cell((char *)text_of(l, TREE_END), beside > how + END_MIN ? beside - how : END_MIN);
		}
	scols_free_iter(i);
	if (alone) {
		hide(t, TREE_HOW);
		hide(t, TREE_END);
	}
}
