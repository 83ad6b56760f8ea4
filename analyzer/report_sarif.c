/*
 * analyzer/report_sarif.c: the report as SARIF 2.1.0, for code scanning: rules with CWE tags, results with the history as a code flow, one thread
 * flow that goes from thread to thread in the order of time, and fingerprints that stay the same from run to run.
 *
 * Where a frame has no source file, the module and the offset in it stand for the place. With --source-root=DIR what lies below DIR is given relative
 * to it (uriBaseId SRCROOT); compilers that were run in DIR name their files relative to it anyway.
 */
#include <inttypes.h>
#include "analyzer/json.h"
#include "analyzer/report.h"

static const char *level(enum severity s) { return s == SEV_ERROR ? "error" : s == SEV_WARNING ? "warning" : "note"; }

static json_t *text(const char *s)
{
	json_t *o = json_object();

	json_set(o, "text", json_text(s ? s : ""));
	return o;
}

/* ---- places -------------------------------------------------------------------------------------------------------------------------------*/

/* What a URI may hold as it is. */
static int is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/-._~!$&'()*+,;=:@", c);
}

static char *percent_encoded(const char *prefix, const char *path)
{
	static const char hex[] = "0123456789ABCDEF";
	char *s = xmalloc(strlen(prefix) + 3 * strlen(path) + 1), *p = s;

	while (*prefix)
		*p++ = *prefix++;
	for (const unsigned char *c = (const unsigned char *)path; *c; c++)
		if (*c < 128 && is_plain(*c)) {
			*p++ = (char)*c;
		} else {
			*p++ = '%';
			*p++ = hex[*c >> 4];
			*p++ = hex[*c & 15];
		}
	*p = 0;
	return s;
}

static json_t *artifact(const struct report *r, const char *path)
{
	const char *root = r->options->source_root;
	size_t n = root ? strlen(root) : 0;
	json_t *o = json_object();
	char *uri;

	while (n && root[n - 1] == '/')
		n--;
	if (n && !strncmp(path, root, n) && path[n] == '/') {
		path += n + 1;
	} else if (path[0] == '/') {
		uri = percent_encoded("file://", path);
		json_set(o, "uri", json_text(uri));
		free(uri);
		return o;
	}
	while (!strncmp(path, "./", 2))
		path += 2;
	uri = percent_encoded("", path);
	json_set(o, "uri", json_text(uri));
	if (n)
		json_set(o, "uriBaseId", json_text("SRCROOT"));
	free(uri);
	return o;
}

static json_t *physical(const struct report *r, const struct frame *f)
{
	json_t *o = json_object(), *p;

	if (f->file) {
		json_set(o, "artifactLocation", artifact(r, f->file));
		if (f->line > 0) {
			json_set(o, "region", p = json_object());
			json_set(p, "startLine", json_integer(f->line));
		}
		return o;
	}
	if (f->module && f->module[0] == '/')
		json_set(o, "artifactLocation", artifact(r, f->module));
	json_set(o, "address", p = json_object());
	if (f->module && f->module[0])
		json_set(p, "relativeAddress", json_number(f->offset));
	else
		json_set(p, "absoluteAddress", json_number(f->offset));
	json_set(p, "kind", json_text("instruction"));
	return o;
}

static json_t *location(const struct report *r, const struct frame *f, const char *message)
{
	json_t *o = json_object(), *a, *l;

	if (f)
		json_set(o, "physicalLocation", physical(r, f));
	if (f && f->function) {
		json_set(o, "logicalLocations", a = json_array());
		json_add(a, l = json_object());
		json_set(l, "fullyQualifiedName", json_text(f->function));
		json_set(l, "kind", json_text("function"));
	}
	if (message)
		json_set(o, "message", text(message));
	return o;
}

/* The innermost frame with a source line, else the innermost. */
static const struct frame *best(const struct finding_stack *s)
{
	for (size_t i = 0; i < s->frames.n; i++)
		if (s->frames.at[i].file)
			return &s->frames.at[i];
	return s->frames.n ? &s->frames.at[0] : NULL;
}

/* ---- results --------------------------------------------------------------------------------------------------------------------------------*/

static json_t *stack(const struct report *r, const struct finding_stack *s)
{
	json_t *o = json_object(), *frames = json_array(), *f;
	unsigned depth = r->options->stack_depth;

	for (size_t i = 0; i < s->frames.n && (!depth || i < depth); i++) {
		json_add(frames, f = json_object());
		json_set(f, "location", location(r, &s->frames.at[i], NULL));
		if (s->frames.at[i].module)
			json_set(f, "module", json_text(s->frames.at[i].module));
		json_set(f, "threadId", json_number(s->at.tid));
	}
	json_set(o, "frames", frames);
	return o;
}

static json_t *flow(const struct report *r, const struct finding *f)
{
	json_t *flows = json_array(), *threads = json_array(), *places = json_array(), *o, *p, *step;

	json_add(flows, o = json_object());
	json_set(o, "threadFlows", threads);
	json_add(threads, p = json_object());
	json_set(p, "locations", places);
	for (unsigned i = 0; i < f->nstacks; i++) {
		const struct finding_stack *s = &f->stacks[i];
		char *said = xasprintf("%s: %s%s%s, thread %u%s%s", role_name(s->role), s->call, s->note ? "  " : "", s->note ? s->note : "", s->at.tid,
		                       s->at.thread ? " " : "", s->at.thread ? s->at.thread : "");
		json_add(places, step = json_object());
		json_set(step, "location", location(r, best(s), said));
		json_set(step, "stack", stack(r, s));
		json_set(step, "executionOrder", json_integer(i + 1));
		json_set(step, "importance", json_text(i + 1 == f->nstacks ? "essential" : "important"));
		free(said);
	}
	return flows;
}

static int index_of(const struct rule *rule)
{
	int i = 0;

	while (rules[i] && rules[i] != rule)
		i++;
	return i;
}

static json_t *properties(const struct finding *f)
{
	json_t *o = json_object();

	json_set(o, "confidence", json_text(confidence_name(f->confidence)));
	if (f->reason)
		json_set(o, "reason", json_text(f->reason));
	if (f->kind)
		json_set(o, "kind", json_text(f->kind));
	json_set(o, "fd", json_integer(f->fd));
	json_set(o, "generation", json_number(f->generation));
	json_set(o, "object", json_text(f->object));
	json_set(o, "pid", json_number(f->pid));
	json_set(o, "exe", json_text(f->exe));
	return o;
}

static json_t *result(const struct report *r, const struct finding *f)
{
	json_t *o = json_object(), *p, *places = json_array(), *s;
	const struct frame *where = NULL;

	/* Where it went wrong: the last thing that happened of which the place is known. */
	for (unsigned i = f->nstacks; i-- > 0 && !where;)
		where = best(&f->stacks[i]);
	json_set(o, "ruleId", json_text(f->rule->id));
	json_set(o, "ruleIndex", json_integer(index_of(f->rule)));
	json_set(o, "level", json_text(level(f->severity)));
	json_set(o, "message", text(f->message));
	json_add(places, location(r, where, NULL));
	json_set(o, "locations", where ? places : (json_decref(places), json_array()));
	if (f->nstacks)
		json_set(o, "codeFlows", flow(r, f));
	json_set(o, "partialFingerprints", p = json_object());
	json_set(p, "fdwarden/v1", json_text(f->id));
	if (r->baseline)
		json_set(o, "baselineState", json_text(report_knows(r, f) ? "unchanged" : "new"));
	json_set(o, "occurrenceCount", json_number(f->count));
	json_set(o, "properties", properties(f));
	json_set(o, "suppressions", p = json_array());
	if (f->suppressed_by) {
		json_add(p, s = json_object());
		json_set(s, "kind", json_text("external"));
		json_set(s, "justification", json_text(f->suppressed_by));
	}
	return o;
}

/* ---- the run ----------------------------------------------------------------------------------------------------------------------------------*/

static json_t *rule(const struct rule *r)
{
	json_t *o = json_object(), *p, *tags;
	char cwe[40];

	json_set(o, "id", json_text(r->id));
	json_set(o, "shortDescription", text(r->summary));
	json_set(o, "help", text(r->fix));
	json_set(o, "defaultConfiguration", p = json_object());
	json_set(p, "level", json_text(level(r->severity)));
	json_set(o, "properties", p = json_object());
	json_set(p, "tags", tags = json_array());
	json_add(tags, json_text("file-descriptors"));
	if (r->cwe) {
		snprintf(cwe, sizeof cwe, "external/cwe/cwe-%03d", r->cwe);
		json_add(tags, json_text(cwe));
	}
	return o;
}

static json_t *driver(void)
{
	json_t *o = json_object(), *a = json_array();

	json_set(o, "name", json_text("fdwarden"));
	json_set(o, "version", json_text(FDW_VERSION));
	for (const struct rule *const *p = rules; *p; p++)
		json_add(a, rule(*p));
	json_set(o, "rules", a);
	return o;
}

static void notify(void *to, const char *s)
{
	json_t *list = to, *o = json_object();

	json_set(o, "level", json_text("warning"));
	json_set(o, "message", text(s));
	json_add(list, o);
}

/* What was not observed is said where a scanner looks for it. */
static json_t *invocation(const struct report *r)
{
	json_t *o = json_object(), *notes = json_array();
	char *s;

	json_set(o, "executionSuccessful", json_true());
	if (r->coverage->events_lost) {
		s = xasprintf("%" PRIu64 " events were lost", r->coverage->events_lost);
		notify(notes, s);
		free(s);
	}
	report_unseen(r, notify, notes);
	json_set(o, "toolExecutionNotifications", notes);
	return o;
}

static json_t *bases(const struct report *r)
{
	json_t *o = json_object(), *p;
	char *s = percent_encoded(r->options->source_root[0] == '/' ? "file://" : "", r->options->source_root), *uri;

	uri = xasprintf("%s%s", s, s[strlen(s) - 1] == '/' ? "" : "/");
	json_set(o, "SRCROOT", p = json_object());
	json_set(p, "uri", json_text(uri));
	free(uri);
	free(s);
	return o;
}

void report_sarif(const struct report *r, FILE *out)
{
	json_t *o = json_object(), *runs = json_array(), *run = json_object(), *results = json_array(), *a, *tool = json_object();

	for (const struct finding *f = findings_first(r->findings); f; f = f->next)
		if (report_shows(r, f) || (f->suppressed_by && (f->confidence > CONFIDENCE_POSSIBLE || r->options->show_possible)))
			json_add(results, result(r, f));
	json_set(tool, "driver", driver());
	json_set(run, "tool", tool);
	json_set(run, "invocations", a = json_array());
	json_add(a, invocation(r));
	if (r->options->source_root && *r->options->source_root)
		json_set(run, "originalUriBaseIds", bases(r));
	json_set(run, "columnKind", json_text("utf16CodeUnits"));
	json_set(run, "results", results);
	json_add(runs, run);
	json_set(o, "$schema", json_text("https://json.schemastore.org/sarif-2.1.0.json"));
	json_set(o, "version", json_text("2.1.0"));
	json_set(o, "runs", runs);
	json_dumpf(o, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(o);
}
