/*
 * analyzer/heap.c: see heap.h.
 */
#include "analyzer/heap.h"

#include <stdlib.h>

int heap_push(struct heap *h, void *p)
{
	if (h->n == h->size) {
		size_t size = h->size ? 2 * h->size : 16;
		void **item = realloc(h->item, size * sizeof *item);

		if (!item)
			return -1;
		h->item = item;
		h->size = size;
	}
	size_t i = h->n++;
	while (i > 0 && h->less(p, h->item[(i - 1) / 2])) {
		h->item[i] = h->item[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	h->item[i] = p;
	return 0;
}

void heap_sink(struct heap *h)
{
	void *p = h->item[0];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < h->n) {
		if (child + 1 < h->n && h->less(h->item[child + 1], h->item[child]))
			child++;
		if (!h->less(h->item[child], p))
			break;
		h->item[i] = h->item[child];
		i = child;
	}
	h->item[i] = p;
}

void heap_pop(struct heap *h)
{
	h->item[0] = h->item[--h->n];
	if (h->n > 1)
		heap_sink(h);
}

void heap_free(struct heap *h)
{
	free(h->item);
	h->item = NULL;
	h->n = h->size = 0;
}
