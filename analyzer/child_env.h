/*
 * analyzer/child_env.h: the environment the program gets: its own, LD_PRELOAD, and variables that begin with FDWARDEN_ or LTTNG_.
 */
#ifndef FDW_CHILD_ENV_H
#define FDW_CHILD_ENV_H

#include <limits.h>

/* Where the installed parts are: beside the command, or in ../lib/MULTIARCH/fdwarden. */
struct parts {
	char library[PATH_MAX];  /* libfdwarden.so, absolute */
	char provider[PATH_MAX]; /* libfdwarden-ust.so; FDWARDEN_PROVIDER overrides */
};
/* 0, or -1 with a sentence in `error`. The provider is only looked for when `want_provider`. */
int find_parts(struct parts *, int want_provider, char *error, unsigned long n);

/* Whether a value of LD_PRELOAD names this library. */
int preload_lists(const char *list, const char *path);

struct child_env {
	const char *library;
	const char *first;       /* library to preload before ours, or NULL */
	const char *mode;
	int stack_depth;         /* -1: not set */
	const char *log;         /* FDWARDEN_LOG, or NULL: as it is */
	const char *record;      /* socket directory, or NULL: no recording */
};

/* A copy of `environ` with these changes; entries keep their order. NULL: out of memory. Never freed: exec follows. */
char **child_env_build(const struct child_env *);

#endif
