/*
 * analyzer/json.h: jansson, where the only thing that can go wrong is the end of memory.
 */
#ifndef FDW_JSON_H
#define FDW_JSON_H

#include <jansson.h>
#include <stdint.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"

/* Strings of a trace are cleaned when they are read; those of ELF files are not. */
static inline json_t *json_text(const char *s)
{
	json_t *j = s ? json_string(s) : json_null();
	char *clean;

	if (!j) { /* no UTF-8 */
		clean = clean_text(s, strlen(s));
		j = json_string(clean);
		free(clean);
	}
	return (json_t *)xcheck(j);
}

/* Take the value over. */
static inline void json_set(json_t *o, const char *key, json_t *value)
{
	if (!value || json_object_set_new(o, key, value))
		out_of_memory();
}

static inline void json_add(json_t *a, json_t *value)
{
	if (!value || json_array_append_new(a, value))
		out_of_memory();
}

static inline json_t *json_number(uint64_t n) { return json_integer((json_int_t)n); }

#endif
