/*
 * analyzer/reader.h: traces in, records out, oldest first.
 *
 * A trace named by the user is a directory; every directory below it that holds a file `metadata` is read. Damaged streams are
 * repaired into a temporary copy (cut to the last whole packet), what cannot be read is left out, and both are said in
 * reader_damage(). The traces themselves are never written to.
 */
#ifndef FDW_READER_H
#define FDW_READER_H

#include <stddef.h>
#include "analyzer/record.h"

struct reader;

/* NULL: nothing readable; `error` has one sentence that says what is wrong with which path and what to do. */
struct reader *reader_open(const char *const *traces, int n, char *error, size_t size);
/* 1: *r is the next record. 0: the end. Never fails: a stream that breaks ends early and is added to the damage. */
int reader_next(struct reader *, struct record *r);
/* Sentence i about what is missing, or NULL from the number of sentences on. Complete after the last record. */
const char *reader_damage(const struct reader *, size_t i);
/* Removes temporary copies. */
void reader_close(struct reader *);

#endif
