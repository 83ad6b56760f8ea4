/* tests/fuzz/touch.h: what a reader's record promises. */
#ifndef FUZZ_TOUCH_H
#define FUZZ_TOUCH_H

#include "analyzer/record.h"

/* Every byte that a record points to is there. */
static inline void touch(const struct record *r)
{
	static volatile unsigned sink __attribute__((unused));
	unsigned sum = strlen(r->host ? r->host : "");

	if (r->type == RECORD_EVENT) {
		sum += strlen(r->event.call);
		for (uint32_t i = 0; i < r->event.e.detail_len; i++)
			sum += r->event.e.detail[i];
	} else if (r->type == RECORD_STACK) {
		if (r->stack.depth > FDW_STACK_MAX)
			abort();
		for (uint32_t i = 0; i < r->stack.depth; i++)
			sum += r->stack.frames[i];
	} else if (r->type == RECORD_MODULE)
		sum += strlen(r->module.path) + (r->module.build_id_len ? r->module.build_id[r->module.build_id_len - 1] : 0);
	sink = sum;
}

#endif
