/*
 * analyzer/report_json.c: the report as JSON, schema_version 1 (the contract). Keys are added, never renamed or removed.
 */
#include <inttypes.h>
#include "analyzer/json.h"
#include "analyzer/report_tree.h"

/* ---- coverage -------------------------------------------------------------------------------------------------------------------------*/

static json_t *unobserved(const struct unobserved *u)
{
	json_t *a = json_array(), *o;

	for (; u; u = u->next) {
		json_add(a, o = json_object());
		json_set(o, "exe", json_text(u->exe));
		json_set(o, "why", json_text(u->why));
		json_set(o, "count", json_number(u->count));
	}
	return a;
}

static json_t *of_reader(const struct reader *reader, const char *(*sentence)(const struct reader *, size_t))
{
	json_t *a = json_array();
	const char *s;

	for (size_t i = 0; reader && (s = sentence(reader, i)); i++)
		json_add(a, json_text(s));
	return a;
}

static json_t *coverage(const struct report *r)
{
	const struct coverage *c = r->coverage;
	json_t *o = json_object();

	json_set(o, "processes", json_number(c->processes));
	json_set(o, "not_observed", unobserved(c->unobserved));
	json_set(o, "descriptors", json_number(c->descriptors));
	json_set(o, "open_to_close", json_number(c->open_to_close));
	json_set(o, "inherited", json_number(c->inherited));
	json_set(o, "unseen_creations", json_number(c->unseen_creations));
	json_set(o, "events", json_number(c->events));
	json_set(o, "events_lost", json_number(c->events_lost));
	json_set(o, "ring", json_boolean(r->reader && reader_ring(r->reader)));
	json_set(o, "blind", unobserved(c->blind));
	json_set(o, "partial", unobserved(c->partial));
	json_set(o, "damage", of_reader(r->reader, reader_damage));
	json_set(o, "still_recorded", of_reader(r->reader, reader_runs));
	return o;
}

static json_t *process(const struct process *p)
{
	json_t *o = json_object();

	json_set(o, "pid", json_number(p->pid));
	json_set(o, "parent", p->parent_who ? json_number(fdw_pid_shown(p->parent_who)) : json_null());
	json_set(o, "exe", json_text(p->exe));
	json_set(o, "command", json_text(p->arguments));
	json_set(o, "host", json_text(p->source->host));
	json_set(o, "images", json_number(p->images));
	json_set(o, "threads", json_number(p->threads));
	json_set(o, "descriptors", json_number(p->descriptors));
	json_set(o, "start_seen", json_boolean(p->known));
	json_set(o, "exit_seen", json_boolean(p->end != NULL));
	json_set(o, "first_ns", json_number(p->first));
	json_set(o, "last_ns", json_number(p->last));
	return o;
}

/* ---- findings -------------------------------------------------------------------------------------------------------------------------*/

static json_t *frame(const struct frame *f)
{
	json_t *o = json_object();
	char offset[24];

	snprintf(offset, sizeof offset, "0x%" PRIx64, f->offset);
	json_set(o, "module", json_text(f->module ? f->module : "")); /* "": code made at run time */
	json_set(o, "build_id", json_text(f->build_id));
	json_set(o, "offset", json_text(offset));
	json_set(o, "function", json_text(f->function));
	json_set(o, "file", json_text(f->file));
	json_set(o, "line", f->line ? json_integer(f->line) : json_null());
	json_set(o, "inlined", json_boolean(f->inlined));
	return o;
}

static json_t *stack(const struct finding_stack *s, unsigned depth)
{
	json_t *o = json_object(), *frames;

	json_set(o, "role", json_text(role_name(s->role)));
	json_set(o, "time_ns", json_number(s->at.time));
	json_set(o, "pid", json_number(s->at.pid));
	json_set(o, "tid", json_number(s->at.tid));
	json_set(o, "thread", json_text(s->at.thread));
	json_set(o, "call", json_text(s->call));
	json_set(o, "frames", frames = json_array());
	for (size_t i = 0; i < s->frames.n && (!depth || i < depth); i++)
		json_add(frames, frame(&s->frames.at[i]));
	return o;
}

static json_t *finding(const struct report *r, const struct finding *f)
{
	json_t *o = json_object(), *p, *stacks;

	json_set(o, "id", json_text(f->id));
	json_set(o, "rule", json_text(f->rule->id));
	json_set(o, "cwe", json_integer(f->rule->cwe));
	json_set(o, "severity", json_text(severity_name(f->severity)));
	json_set(o, "confidence", json_text(confidence_name(f->confidence)));
	json_set(o, "count", json_number(f->count));
	json_set(o, "message", json_text(f->message));
	json_set(o, "process", p = json_object());
	json_set(p, "pid", json_number(f->pid));
	json_set(p, "exe", json_text(f->exe));
	json_set(o, "fd", json_integer(f->fd));
	json_set(o, "generation", json_number(f->generation)); /* 0: not known */
	json_set(o, "object", json_text(f->object));
	if (f->kind)
		json_set(o, "kind", json_text(f->kind));
	if (f->reason)
		json_set(o, "reason", json_text(f->reason));
	json_set(o, "fix", json_text(f->rule->fix));
	if (r->baseline)
		json_set(o, "known", json_boolean(report_knows(r, f)));
	json_set(o, "stacks", stacks = json_array());
	for (unsigned i = 0; i < f->nstacks; i++)
		json_add(stacks, stack(&f->stacks[i], r->options->stack_depth));
	return o;
}

static json_t *tool(void)
{
	json_t *o = json_object();

	json_set(o, "name", json_text("fdwarden"));
	json_set(o, "version", json_text(FDW_VERSION));
	return o;
}

/* ---- the document ---------------------------------------------------------------------------------------------------------------------*/

struct indent {
	FILE *out;
	int depth;
};

static int indented(const char *text, size_t n, void *data)
{
	const struct indent *to = data;

	for (size_t i = 0; i < n; i++) {
		putc(text[i], to->out);
		for (int k = 0; text[i] == '\n' && k < to->depth; k++) /* a string has none */
			putc(' ', to->out);
	}
	return 0;
}

/* As a part of a larger document, `depth` spaces in. Takes the value over. */
static void write_part(json_t *part, FILE *out, int depth)
{
	if (json_dump_callback(part, indented, &(struct indent){ out, depth }, JSON_INDENT(2)))
		out_of_memory();
	json_decref(part);
}

/* There may be a hundred thousand: one at a time. */
static void write_processes(const struct process *p, FILE *out)
{
	int any = 0;

	for (; p; p = p->next) {
		if (!p->threads)
			continue;
		fputs(any++ ? ",\n    " : "\n    ", out);
		write_part(process(p), out, 4);
	}
	fputs(any ? "\n  ]" : "]", out);
}

void report_json(const struct report *r, FILE *out)
{
	json_t *o = json_object(), *findings = json_array(), *suppressed = json_array(), *s;
	char *text;

	for (const struct finding *f = findings_first(r->findings); f; f = f->next) {
		if (report_shows(r, f))
			json_add(findings, finding(r, f));
		if (!f->suppressed_by)
			continue;
		json_add(suppressed, s = json_object());
		json_set(s, "id", json_text(f->id));
		json_set(s, "by", json_text(f->suppressed_by));
		json_set(s, "count", json_number(f->count));
	}
	json_set(o, "schema_version", json_integer(1));
	json_set(o, "tool", tool());
	json_set(o, "coverage", coverage(r));
	json_set(o, "findings", findings);
	json_set(o, "suppressed", suppressed);
	text = xcheck(json_dumps(o, JSON_INDENT(2)));
	fprintf(out, "%.*s,\n  \"processes\": [", (int)strlen(text) - 2, text); /* without its end: "\n}" */
	free(text);
	json_decref(o);
	write_processes(r->processes, out);
	if (r->tree) {
		fputs(",\n  \"tree\": ", out);
		write_part(tree_json(r), out, 2);
	}
	fputs("\n}\n", out);
}
