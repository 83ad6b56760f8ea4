/*
 * analyzer/baseline.h: findings that were known before: an earlier report in JSON.
 */
#ifndef FDW_BASELINE_H
#define FDW_BASELINE_H

#include <jansson.h>
#include <stddef.h>

struct baseline;

/* NULL with a sentence in error: it cannot be read, or is no report of ours. */
struct baseline *baseline_read(const char *path, char *error, size_t n);
struct baseline *baseline_parse(const char *path, const char *text, size_t len, char *error, size_t n);
int baseline_has(const struct baseline *, const char *id); /* NULL baseline: 0 */
json_t *baseline_findings(const struct baseline *);        /* borrowed */
void baseline_free(struct baseline *);

#endif
