/*
 * analyzer/words.h: values that are words or numbers, wherever they stand: options, settings in files, reports that are read again.
 */
#ifndef FDW_WORDS_H
#define FDW_WORDS_H

#define MODES_SAID "observe, enforce or audit"
#define FORMATS_SAID "text, json, sarif, html or folded"
#define SEVERITIES_SAID "error, warning, note or never"
#define READERS_SAID "auto, direct or babeltrace"
#define COLORS_SAID "auto, always or never"

/* In the order of their enum, NULL at the end; and as a sentence names them. */
struct words { const char *const *list; const char *said; };
extern const struct words mode_words, format_words, severity_words, color_words, reader_words;
/* Index of `text` in its list; -1: it is not in it. */
int word_of(const struct words *, const char *text);

/* What the library takes: FDWARDEN_TOMBSTONES and FDWARDEN_TOMBSTONE_MS in libfdwarden(7). */
#define TOMBSTONES_MOST 896
#define TOMBSTONE_MS_MOST 3600000
#define TOMBSTONES_SAID "a number from 0 to 896"
#define TOMBSTONE_MS_SAID "milliseconds, up to 3600000"
#define STACK_DEPTH_SAID "a number from 0 to 64"

/* A whole number from min to max, nothing around it: 0. Else -1. */
int number_in(const char *text, long min, long max, long *value);

#endif
