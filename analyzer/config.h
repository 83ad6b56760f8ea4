/*
 * analyzer/config.h: settings from files: options > environment > ./.fdwarden.conf > ~/.config/fdwarden/config ($XDG_CONFIG_HOME) > defaults.
 *
 * A file has lines `name = value`; # begins a comment. Names are those of the options, and of the library's variables without FDWARDEN_, small and with
 * dashes. A file in the working directory that is not the user's (or root's), or that others may write to, is left out, with a word.
 */
#ifndef FDW_CONFIG_H
#define FDW_CONFIG_H

#include <stdio.h>

/* Once, before options are read: what the library reads goes into the environment, where it is not set. -1 after a sentence: a line is not understood. */
int config_load(void);
/* Of one file, which is closed. `path` lives as long as the process. */
int config_read(FILE *, const char *path);
/* The value that holds where no option says otherwise; NULL: none. Lives as long as the process. */
const char *config_value(const char *name);

#endif
