/*
 * analyzer/reader.h: traces in, records out, oldest first.
 *
 * A trace named by the user is a directory; every directory below it that holds a file `metadata` is read. What of it cannot be
 * read is left out, said in reader_damage(), and told as a gap where it is known when; libbabeltrace2 is given a repaired copy. The traces themselves are never written to.
 */
#ifndef FDW_READER_H
#define FDW_READER_H

#include <stddef.h>
#include "analyzer/record.h"

struct reader;

/* ANY: ours where the trace is all LTTng's own way to write and understood, libbabeltrace2 otherwise. The others are for tests. */
enum reader_kind { READER_ANY, READER_DIRECT, READER_LIBRARY };

/* NULL: nothing readable; `error` has one sentence that says what is wrong with which path and what to do. */
struct reader *reader_open(const char *const *traces, int n, enum reader_kind, char *error, size_t size);
/* 1: *r is the next record. 0: the end. Never fails: a stream that breaks ends early and is added to the damage. */
int reader_next(struct reader *, struct record *r);
/* Sentence i about what is missing, or NULL from the number of sentences on. Complete after the last record. */
const char *reader_damage(const struct reader *, size_t i);
/* Some of it is a flight recorder's: what came before was written over on purpose. */
int reader_ring(const struct reader *);
/* Trace i, as the user named it, into which somebody still records, or NULL from the number of those on. */
const char *reader_runs(const struct reader *, size_t i);
/* Bytes of stream files: how many have been read, and how many there are; 0 of 0: not known (libbabeltrace2). */
void reader_progress(const struct reader *, uint64_t *done, uint64_t *all);
/* Which of the traces have to be read together: group[i] from 0 on; returns the number of groups. */
int reader_groups(const char *const *traces, int n, int *group);
/* A sentence more among the damage; and all of another reader's, which is then only to be closed. */
void reader_say(struct reader *, const char *sentence);
void reader_absorb(struct reader *, struct reader *from);
/* Called, if not NULL, before libbabeltrace2 is given a trace: what it does with one that is damaged is not in our hands. */
extern void (*reader_before_library)(void);
/* Removes temporary copies. */
void reader_close(struct reader *);

#endif
