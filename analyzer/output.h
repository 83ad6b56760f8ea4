/*
 * analyzer/output.h: where a document goes: standard output, or a file that appears whole or not at all.
 */
#ifndef FDW_OUTPUT_H
#define FDW_OUTPUT_H

#include <stdio.h>

struct output {
	FILE *out;
	char *path;       /* NULL: standard output; links followed, so that they stay links */
	char *temporary;  /* NULL: written to directly */
};

/* path NULL: standard output. 0, or -1 with errno. */
int output_open(struct output *, const char *path);
/* 0, or -1 with errno: not everything was written. */
int output_close(struct output *);
/* Before a program runs for hours: could it be written there? 0, or -1 with errno. path NULL: yes. */
int output_check(const char *path);

#endif
