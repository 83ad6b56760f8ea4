/* analyzer/baseline.c: see baseline.h. */
#include <stdio.h>
#include "analyzer/baseline.h"
#include "analyzer/memory.h"

struct baseline {
	json_t *report, *findings;
	json_t *ids; /* an object whose keys they are */
};

static struct baseline *refuse(json_t *report, char *error, size_t n, const char *path, const char *why)
{
	snprintf(error, n, "%s: %s", path, why);
	json_decref(report);
	return NULL;
}

/* report NULL: why is in e. */
static struct baseline *baseline_of(json_t *report, const json_error_t *e, const char *path, char *error, size_t n)
{
	struct baseline *b;
	json_t *findings, *f;
	size_t i;

	if (!report) {
		if (e->line > 0)
			snprintf(error, n, "%s: line %d is no JSON: %s", path, e->line, e->text);
		else
			snprintf(error, n, "%s cannot be read: %s", path, e->text);
		return NULL;
	}
	findings = json_object_get(report, "findings");
	if (!json_is_array(findings) || !json_is_integer(json_object_get(report, "schema_version")))
		return refuse(report, error, n, path, "this is no report of fdwarden's; make one with --format=json");
	if (json_integer_value(json_object_get(report, "schema_version")) != 1)
		return refuse(report, error, n, path, "it was made by a version whose reports this one cannot read");
	b = xcalloc(1, sizeof *b);
	b->report = report;
	b->findings = findings;
	b->ids = xcheck(json_object());
	json_array_foreach(findings, i, f)
		if (json_is_string(json_object_get(f, "id")))
			json_object_set_new(b->ids, json_string_value(json_object_get(f, "id")), json_true());
	return b;
}

struct baseline *baseline_read(const char *path, char *error, size_t n)
{
	json_error_t e;
	json_t *report = json_load_file(path, JSON_REJECT_DUPLICATES, &e);

	return baseline_of(report, &e, path, error, n);
}

struct baseline *baseline_parse(const char *path, const char *text, size_t len, char *error, size_t n)
{
	json_error_t e;
	json_t *report = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);

	return baseline_of(report, &e, path, error, n);
}

int baseline_has(const struct baseline *b, const char *id) { return b && json_object_get(b->ids, id) != NULL; }
json_t *baseline_findings(const struct baseline *b) { return b->findings; }

void baseline_free(struct baseline *b)
{
	if (!b)
		return;
	json_decref(b->ids);
	json_decref(b->report);
	free(b);
}
