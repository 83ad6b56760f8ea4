/*
 * analyzer/report_tree.h: the words of the tree, as text and JSON write them.
 */
#ifndef FDW_REPORT_TREE_H
#define FDW_REPORT_TREE_H

#include <jansson.h>
#include "analyzer/report.h"
#include "analyzer/tree.h"

/* How it was started: "fork", "posix_spawn" …; NULL: not known. */
const char *start_word(const struct node *);
/* "used", "passed-on", "closed", "not-seen", "never". */
const char *use_word(enum use);
/* "standard", "named", "placed", "second", "not"; NULL: not known. */
const char *asked_word(uint8_t asked);
/* How its end is known: "exit", "signal"; NULL: it is not. *number: the status, or the signal. */
const char *end_word(const struct node *, int *number);

/* The tree as a flat array, parents before their children: depth is the program's to choose, and readers have limits. */
json_t *tree_json(const struct report *);

/* The text's table. */
struct libscols_table;
enum tree_column { TREE_WHAT, TREE_HOW, TREE_END };
void tree_fit(struct libscols_table *, unsigned width, int strictly);

#endif
