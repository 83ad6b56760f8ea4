/*
 * analyzer/suppress.h: findings that somebody has looked at and does not want to see again.
 *
 * A file of lines. Blanks around a line do not count; what begins with # is a comment. A line is one of
 *
 *	use-after-close-7f3a19c2        the finding with this id
 *	RULE:STAGE:PATTERN              findings of RULE with a frame that matches PATTERN in a stack of STAGE
 *
 * RULE is a rule id or *; STAGE is a role (opened, duplicated, closed, reused, used …) or *; PATTERN is a shell pattern (* ? [a-z]) for
 * the function, the module or the source file of a frame: files and modules match by path or by base name.
 *
 *	fd-leak:opened:log_init
 *	*:closed:libcurl.so*
 *	double-close:*:src/legacy.c
 */
#ifndef FDW_SUPPRESS_H
#define FDW_SUPPRESS_H

#include <stddef.h>
#include <stdint.h>

struct suppressions;
struct finding;

/* NULL: unreadable or malformed; `error` has one sentence with file and line. */
struct suppressions *suppressions_read(const char *path, char *error, size_t size);
/* The same from memory; `name` stands for the file in sentences. */
struct suppressions *suppressions_parse(const char *name, const char *text, size_t n, char *error, size_t size);
void suppressions_free(struct suppressions *);
/* The line that suppresses the finding, or NULL; counted as used. NULL suppressions suppress nothing. */
const char *suppressions_match(struct suppressions *, const struct finding *);
/* The same for a line of the interposer's log, which has a rule, and of its places the modules: PATTERN is for these, whatever the STAGE. */
const char *suppressions_match_logged(struct suppressions *, const char *rule, const char *logged);
/* Line i that suppressed nothing, or NULL from the number of those on. */
const char *suppressions_unused(const struct suppressions *, size_t i);


/*
 * What programs do not want reported about themselves: a const char *fdwarden_default_suppressions(void) of theirs gave the text, in pieces, which
 * were recorded. Holds for findings in a program of the same path, after the user's own suppressions.
 */
struct own_suppressions;
void own_suppressions_add(struct own_suppressions **, const char *exe, uint64_t at, const void *text, size_t n);
/* The first program of a path that is met speaks for it. */
void own_suppressions_absorb(struct own_suppressions **, struct own_suppressions **from);
/* Once, after the last piece. Sentence i about a text that is not understood and does not hold, or NULL from the number of those on. */
void own_suppressions_parse(struct own_suppressions *);
const char *own_suppressions_wrong(const struct own_suppressions *, size_t i);
const char *own_suppressions_match(struct own_suppressions *, const struct finding *);
void own_suppressions_free(struct own_suppressions *);

#endif
