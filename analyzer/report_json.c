/*
 * analyzer/report_json.c: the report as JSON, schema_version 1 (the contract). Keys are added, never renamed or removed.
 */
#include <inttypes.h>
#include <jansson.h>
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/report.h"

/* Strings of a trace are cleaned when they are read; those of ELF files are not. */
static json_t *text(const char *s)
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

static void set(json_t *o, const char *key, json_t *value)
{
	if (!value || json_object_set_new(o, key, value))
		out_of_memory();
}

static void append(json_t *a, json_t *value)
{
	if (!value || json_array_append_new(a, value))
		out_of_memory();
}

static json_t *number(uint64_t n) { return json_integer((json_int_t)n); }

/* ---- coverage -------------------------------------------------------------------------------------------------------------------------*/

static json_t *unobserved(const struct unobserved *u)
{
	json_t *a = json_array(), *o;

	for (; u; u = u->next) {
		append(a, o = json_object());
		set(o, "exe", text(u->exe));
		set(o, "why", text(u->why));
		set(o, "count", number(u->count));
	}
	return a;
}

static json_t *damage(const struct report *r)
{
	json_t *a = json_array();
	const char *s;

	for (size_t i = 0; r->reader && (s = reader_damage(r->reader, i)); i++)
		append(a, text(s));
	return a;
}

static json_t *coverage(const struct report *r)
{
	const struct coverage *c = r->coverage;
	json_t *o = json_object();

	set(o, "processes", number(c->processes));
	set(o, "not_observed", unobserved(c->unobserved));
	set(o, "descriptors", number(c->descriptors));
	set(o, "inherited", number(c->inherited));
	set(o, "unseen_creations", number(c->unseen_creations));
	set(o, "events", number(c->events));
	set(o, "events_lost", number(c->events_lost));
	set(o, "blind", unobserved(c->blind));
	set(o, "partial", unobserved(c->partial));
	set(o, "damage", damage(r));
	return o;
}

static json_t *processes(const struct process *p)
{
	json_t *a = json_array(), *o;

	for (; p; p = p->next) {
		if (!p->threads)
			continue;
		append(a, o = json_object());
		set(o, "pid", number(p->pid));
		set(o, "parent", p->parent_pid ? number(p->parent_pid) : json_null());
		set(o, "exe", text(p->exe));
		set(o, "command", text(p->arguments));
		set(o, "host", text(p->source->host));
		set(o, "images", number(p->images));
		set(o, "threads", number(p->threads));
		set(o, "descriptors", number(p->descriptors));
		set(o, "start_seen", json_boolean(p->known));
		set(o, "exit_seen", json_boolean(p->end != NULL));
		set(o, "first_ns", number(p->first));
		set(o, "last_ns", number(p->last));
	}
	return a;
}

/* ---- findings -------------------------------------------------------------------------------------------------------------------------*/

static json_t *frame(const struct frame *f)
{
	json_t *o = json_object();
	char offset[24];

	snprintf(offset, sizeof offset, "0x%" PRIx64, f->offset);
	set(o, "module", text(f->module ? f->module : "")); /* "": code made at run time */
	set(o, "build_id", text(f->build_id));
	set(o, "offset", text(offset));
	set(o, "function", text(f->function));
	set(o, "file", text(f->file));
	set(o, "line", f->line ? json_integer(f->line) : json_null());
	set(o, "inlined", json_boolean(f->inlined));
	return o;
}

static json_t *stack(const struct finding_stack *s, unsigned depth)
{
	json_t *o = json_object(), *frames;

	set(o, "role", text(role_name(s->role)));
	set(o, "time_ns", number(s->at.time));
	set(o, "pid", number(s->at.pid));
	set(o, "tid", number(s->at.tid));
	set(o, "thread", text(s->at.thread));
	set(o, "call", text(s->call));
	set(o, "frames", frames = json_array());
	for (size_t i = 0; i < s->frames.n && (!depth || i < depth); i++)
		append(frames, frame(&s->frames.at[i]));
	return o;
}

static json_t *finding(const struct finding *f, unsigned depth)
{
	json_t *o = json_object(), *p, *stacks;

	set(o, "id", text(f->id));
	set(o, "rule", text(f->rule->id));
	set(o, "cwe", json_integer(f->rule->cwe));
	set(o, "severity", text(severity_name(f->severity)));
	set(o, "confidence", text(confidence_name(f->confidence)));
	set(o, "count", number(f->count));
	set(o, "message", text(f->message));
	set(o, "process", p = json_object());
	set(p, "pid", number(f->pid));
	set(p, "exe", text(f->exe));
	set(o, "fd", json_integer(f->fd));
	set(o, "generation", number(f->generation)); /* 0: not known */
	set(o, "object", text(f->object));
	if (f->kind)
		set(o, "kind", text(f->kind));
	if (f->reason)
		set(o, "reason", text(f->reason));
	set(o, "stacks", stacks = json_array());
	for (unsigned i = 0; i < f->nstacks; i++)
		append(stacks, stack(&f->stacks[i], depth));
	return o;
}

static json_t *tool(void)
{
	json_t *o = json_object();

	set(o, "name", text("fdwarden"));
	set(o, "version", text(FDW_VERSION));
	return o;
}

void report_json(const struct report *r, FILE *out)
{
	json_t *o = json_object(), *findings = json_array(), *suppressed = json_array(), *s;

	for (const struct finding *f = findings_first(r->findings); f; f = f->next) {
		if (report_shows(r, f))
			append(findings, finding(f, r->options->stack_depth));
		if (!f->suppressed_by)
			continue;
		append(suppressed, s = json_object());
		set(s, "id", text(f->id));
		set(s, "by", text(f->suppressed_by));
		set(s, "count", number(f->count));
	}
	set(o, "schema_version", json_integer(1));
	set(o, "tool", tool());
	set(o, "coverage", coverage(r));
	set(o, "findings", findings);
	set(o, "suppressed", suppressed);
	set(o, "processes", processes(r->processes));
	json_dumpf(o, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(o);
}
