/*
 * preload/options.h: the environment's settings, read once from the constructor's envp.
 */
#ifndef FDW_OPTIONS_H
#define FDW_OPTIONS_H

#include "core.h"

#define FDW_PATH_MAX 1024

struct fdw_options {
	char library[FDW_PATH_MAX];  /* libfdwarden.so as LD_PRELOAD named it, made absolute by the loader */
	char provider[FDW_PATH_MAX]; /* libfdwarden-ust.so */
	unsigned tombstones;         /* audit: how many numbers are kept back at most … */
	unsigned tombstone_ms;       /* … and how long each */
	unsigned filters; /* seccomp filters that the command ran under itself, recording included */
	char recorders_clock[40];    /* see FDW_ENV_CLOCK; "": it lives in the first time namespace */
	char first[64];              /* see FDW_ENV_FIRST; "": nothing stands before us but what the user put there */
	char record[FDW_PATH_MAX];   /* the session's socket directory; "" when nothing is recorded */
	char log[FDW_PATH_MAX];      /* "stderr", "off" or a path */
};
extern struct fdw_options fdw_options;

void fdw_options_read(char **argv, char **envp);

/* The settings as they must stand in a new image's environment: "NAME=value" strings, in static memory; count and array. */
extern const char *fdw_carry[];
extern unsigned fdw_carry_count;

#endif
