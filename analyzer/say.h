/*
 * analyzer/say.h: what the command tells its user on stderr: one line, one write, "fdwarden: " in front; and text helpers.
 */
#ifndef FDW_SAY_H
#define FDW_SAY_H

#include <stddef.h>
#include <stdint.h>

/* Always said. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Not said after say_quiet(1). */
void say_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_quiet(int quiet);

/* 1,204,881. One of eight buffers, so that one call may print several. */
const char *grouped(uint64_t);
/* "s", but for one. */
const char *plural(uint64_t);
/* "41 MB". Each returns `buf`. */
char *text_bytes(uint64_t v, char *buf, size_t n);
/* Why events may be missing that nobody counted. */
char *text_unfinished(uint64_t events, char *buf, size_t n);
/* As a shell reads it back: left alone when that is safe, else in single quotes. */
char *text_quoted(const char *s, char *buf, size_t n);
/* "SIGTERM", "SIGRTMIN+3" */
char *text_signal(int signal, char *buf, size_t n);

#endif
