/*
 * analyzer/pager.h: a report on a terminal that is longer than that is read in the user's pager.
 */
#ifndef FDW_PAGER_H
#define FDW_PAGER_H

#include "analyzer/commands.h"

/* Where the report is text for a terminal: standard output goes to the pager. Before confine(), which allows no program to be started. */
void pager_begin(struct report_options *);
/* Until the user has read enough. */
void pager_end(void);

#endif
