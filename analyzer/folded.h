/*
 * analyzer/folded.h: the places that made descriptors as flame graphs have them: "program;outermost;…;innermost" and how many.
 */
#ifndef FDW_FOLDED_H
#define FDW_FOLDED_H

#include "analyzer/report.h"

struct folded {
	char *stack;
	uint64_t made;
};

/* In the order of their text, each once; `n` of them, for folded_free(). */
struct folded *folded_places(const struct report *, size_t *n);
void folded_free(struct folded *, size_t n);
void folded_write(const struct folded *, size_t n, FILE *out);

#endif
