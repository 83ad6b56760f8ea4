/*
 * analyzer/heap.h: a binary heap of pointers, smallest first.
 *
 * Context: the command's process. The owner of a pointer may change its key only while it is at the top, and says so with
 * heap_sink(). Equal elements come out in no particular order: `less` decides ties.
 */
#ifndef FDW_HEAP_H
#define FDW_HEAP_H

#include <stddef.h>

struct heap {
	void **item;
	size_t n, size;
	int (*less)(const void *a, const void *b);
};

/* 0, or -1: no memory, nothing was added. */
int heap_push(struct heap *, void *);
/* NULL: empty. */
static inline void *heap_top(const struct heap *h) { return h->n ? h->item[0] : NULL; }
void heap_pop(struct heap *);
/* The top's key grew. */
void heap_sink(struct heap *);
void heap_free(struct heap *);

#endif
