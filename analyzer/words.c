/* analyzer/words.c: see words.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "analyzer/words.h"
#include "trace/schema.h"

_Static_assert(FDW_STACK_MAX == 64, "STACK_DEPTH_SAID");

#define LIST(...) (const char *const[]){ __VA_ARGS__, NULL }
const struct words mode_words = { LIST("observe", "enforce", "audit"), MODES_SAID };
const struct words format_words = { LIST("text", "json", "sarif", "html", "folded"), FORMATS_SAID };
const struct words severity_words = { LIST("note", "warning", "error", "never"), SEVERITIES_SAID };
const struct words color_words = { LIST("auto", "always", "never"), COLORS_SAID };
const struct words reader_words = { LIST("auto", "direct", "babeltrace"), READERS_SAID };

int word_of(const struct words *w, const char *text)
{
	for (int i = 0; w->list[i]; i++)
		if (!strcmp(w->list[i], text))
			return i;
	return -1;
}

int number_in(const char *text, long min, long max, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return *text && !*end && !errno && *value >= min && *value <= max ? 0 : -1;
}
