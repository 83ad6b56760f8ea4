/*
 * analyzer/model_names.c: names that come from a trace (programs, threads, calls), cleaned for display and kept once.
 */
#include "analyzer/describe.h"
#include "analyzer/model_parts.h"

struct name {
	char *text;
	UT_hash_handle hh;
};

const char *name_of(struct replay *r, const void *bytes, size_t n)
{
	char *text = clean_text(bytes, n);
	struct name *found;

	HASH_FIND_STR(r->names, text, found);
	if (found) {
		free(text);
		return found->text;
	}
	found = xcalloc(1, sizeof *found);
	found->text = text;
	HASH_ADD_KEYPTR(hh, r->names, found->text, strlen(found->text), found);
	return found->text;
}

const char *name_of_text(struct replay *r, const char *s) { return name_of(r, s ? s : "", s ? strlen(s) : 0); }

void names_free(struct replay *r)
{
	struct name *n, *next;

	HASH_ITER(hh, r->names, n, next) {
		HASH_DEL(r->names, n);
		free(n->text);
		free(n);
	}
}
