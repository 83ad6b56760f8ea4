/*
 * analyzer/preflight.h: before anything is started: where is the program, can it run, and can it be observed?
 */
#ifndef FDW_PREFLIGHT_H
#define FDW_PREFLIGHT_H

#include <limits.h>
#include "trace/schema.h"

enum preflight_verdict {
	PREFLIGHT_OK,           /* runs, and loads the interposer */
	PREFLIGHT_UNOBSERVABLE, /* runs, but would not load it: `why`, `instead` */
	PREFLIGHT_CANNOT_EXEC,  /* is there and cannot be run: `why` */
	PREFLIGHT_NOT_FOUND,    /* `why` */
};

struct preflight {
	enum preflight_verdict verdict;
	enum fdw_why reason;     /* UNOBSERVABLE */
	char path[PATH_MAX];     /* to exec: as execvp would find it; "" when not found */
	char elf[PATH_MAX];      /* the file that decides: the program, or the interpreter of a script */
	char first[128];         /* a library that insists on being preloaded first (libasan.so.8), or "" */
	int has_libtsan;         /* it can be protected, but not recorded */
	char why[512];           /* half a sentence */
	char instead[512];       /* a sentence: what to do */
};

/* `prog` as the user wrote it; PATH is searched as execvp does. Never runs anything. */
void preflight(const char *prog, struct preflight *);

/* Of a program that is to be recorded, further: its verdict may become UNOBSERVABLE. */
void preflight_recording(struct preflight *);

#endif
