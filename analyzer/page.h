/*
 * analyzer/page.h: what the writers of text share: colours, width, names.
 */
#ifndef FDW_PAGE_H
#define FDW_PAGE_H

#include <stdio.h>
#include "analyzer/commands.h"
#include "analyzer/model.h"

/* no-color.org: NO_COLOR wins over what the terminal can; CLICOLOR_FORCE over its absence; an explicit option over all. */
int page_colors(enum color, FILE *);
#define PAGE_COLUMNS 100
/* Columns: the terminal's, or $COLUMNS; `otherwise` where there is neither. */
unsigned page_width(FILE *, unsigned otherwise);
/* Bytes that begin a character, without colours: what a terminal counts, nearly. */
unsigned columns_of(const char *, size_t n);
/* Text in HTML: what has a meaning there is escaped, and what is no text but for line ends. NULL: nothing. */
void put_html(FILE *, const char *);
/* Behind the last slash; "?" for nothing. */
const char *base_name(const char *path);
/* The program as it was called, where that is known (redis-server is a link to redis-check-rdb): *n bytes, no terminating NUL. */
const char *called_name(const char *exe, const char *arguments, size_t *n);

#endif
