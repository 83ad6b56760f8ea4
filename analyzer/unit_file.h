/*
 * analyzer/unit_file.h: what systemd will read for a service: its unit file, the drop-ins over it, and what is assigned in [Service].
 *
 * Files are read, nothing is asked: systemd need not run. Context: the command; the files may be anything, so none of them is waited for.
 */
#ifndef FDW_UNIT_FILE_H
#define FDW_UNIT_FILE_H

#include <limits.h>
#include <stddef.h>

enum unit_state { UNIT_THERE, UNIT_MISSING, UNIT_MASKED, UNIT_UNREADABLE /* errno says why */ };

struct unit_setting {
	const char *file; /* the whole path */
	char *key, *value;
};

#define UNIT_NAME 300
#define UNIT_NAMES 16

struct unit {
	char names[UNIT_NAMES][UNIT_NAME]; /* with suffix: the real one, then those that are links to it */
	int nnames;
	char file[PATH_MAX];
	struct unit_setting *settings;     /* in the order in which systemd applies them */
	size_t n;
};

/* `name` with its suffix. The drop-in `except` is not read. What is read stays until the command ends. */
enum unit_state unit_load(struct unit *, const char *name, const char *except);

/* Of a setting that has one value: the last assignment's. NULL: none, or the last is empty. */
const char *unit_value(const struct unit *, const char *key);
/* Of a setting that adds up: each assignment behind the last empty one. *at is 0 at first. NULL: no more. */
const struct unit_setting *unit_next(const struct unit *, const char *key, size_t *at);

/* The next word of a value, quotes and escapes taken off. 0: no more. */
int unit_word(const char **at, char *word, size_t n);
/* `s` with its specifiers (%i) replaced. -1: one of them is not known here, or no room. */
int unit_expand(const struct unit *, const char *s, char *out, size_t n);
/* yes, as systemd understands it */
int unit_is_yes(const char *value);

/* A regular file's text, up to 1 MiB. NULL: errno; EINVAL when it is of another kind. */
char *unit_text(const char *path);

#endif
