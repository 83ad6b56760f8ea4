/*
 * analyzer/report.c: traces to a report: read, replay, judge, write; and what the writers share.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <poll.h>
#include <signal.h>
#include "analyzer/baseline.h"
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/output.h"
#include "analyzer/readings.h"
#include "analyzer/report.h"
#include "analyzer/report_apart.h"

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	s = clean_sentence(format, args);
	va_end(args);
	fflush(stdout);
	fprintf(stderr, "fdwarden: %s\n", s);
	free(s);
}

int report_shows(const struct report *r, const struct finding *f)
{
	return !f->suppressed_by && (f->confidence > CONFIDENCE_POSSIBLE || r->options->show_possible);
}

int report_knows(const struct report *r, const struct finding *f) { return baseline_has(r->baseline, f->id); }

/* ---- the whole --------------------------------------------------------------------------------------------------------------------------*/

static void tell_result(const struct report *r, struct report_result *result)
{
	for (const struct finding *f = findings_first(r->findings); f; f = f->next) {
		if (!report_shows(r, f))
			continue;
		result->at_or_above += r->options->fail_on != SEV_NEVER && f->severity >= r->options->fail_on && !report_knows(r, f);
	}
}

/* `| head` has seen enough: what was found is as true as before. */
static int nobody_reads(void)
{
	struct pollfd p = { .fd = 1 };

	return poll(&p, 1, 0) == 1 && p.revents & (POLLERR | POLLHUP);
}

static int write_document(const struct report *r, const char *path, void (*write)(const struct report *, FILE *), const char *what, const char *option)
{
	struct output o;

	if (output_open(&o, path) != 0) {
		complain("cannot write the %s to %s: %s; name another file with %s", what, path, strerror(errno), option);
		return EXIT_INTERNAL;
	}
	errno = 0;
	write(r, o.out);
	if (output_close(&o) == 0 || (!path && nobody_reads()))
		return 0;
	complain("the %s could not be written to %s: %s; it is incomplete, write it elsewhere with %s FILE", what, path ? path : "standard output",
	         strerror(errno), option);
	return EXIT_INTERNAL;
}

static int write_report(const struct report *r)
{
	static void (*const writers[])(const struct report *, FILE *) = {
		[FORMAT_TEXT] = report_text, [FORMAT_JSON] = report_json, [FORMAT_SARIF] = report_sarif, [FORMAT_HTML] = report_html, [FORMAT_FOLDED] = report_folded,
	};
	int status = write_document(r, r->options->output, writers[r->options->format], "report", "-o");

	if (!status && r->options->gen_suppressions)
		status = write_document(r, r->options->gen_suppressions, report_suppressions, "suppressions", "--gen-suppressions");
	return status;
}

static void look_up(const struct report *r, struct symbols *symbols)
{
	struct lookups l = { 0 };

	findings_lookups(r->findings, &l);
	for (const struct creation *c = r->creations; c; c = c->hh.next)
		lookups_add(&l, c->key.stack);
	lookups_make(&l, symbols);
}

/* The pictures of the whole are of one replay. */
static int whole(const struct report_options *o) { return o->tree || o->format == FORMAT_HTML || o->format == FORMAT_FOLDED; }

static int report_on(struct readings *readings, struct suppressions *suppressions, const struct baseline *baseline,
                     const struct report_job *job, int probe, struct report_result *result)
{
	const struct report_options *o = job->options;
	struct reader *reader = readings->at[0].reader;
	struct findings *findings = readings->at[0].findings;
	struct replay *replay = readings->at[0].replay;
	struct symbols *symbols = symbols_new();
	struct report r = { .options = o, .findings = findings, .reader = reader, .symbols = symbols, .suppressions = suppressions, .baseline = baseline };
	const char *wrong;
	int status = 0;

	if (o->tree || o->format == FORMAT_HTML)
		replay_keep_tree(replay);
	if (o->format == FORMAT_FOLDED || o->format == FORMAT_HTML)
		replay_keep_creations(replay);
	if (o->format == FORMAT_HTML)
		replay_keep_series(replay);
	readings_replay(readings);
	if (replay_coverage(replay)->impossible)
		reader_say(reader, "some numbers that events carry cannot be: the recording is damaged where it cannot be told, and what follows is less sure");
	r.creations = replay_creations(replay);
	r.series = replay_series(replay);
	r.coverage = replay_coverage(replay);
	r.processes = replay_processes(replay);
	r.tree = replay_tree(replay);
	malloc_trim(0); /* debugging information comes next, and is not small */
	own_suppressions_parse(replay_suppressions(replay));
	for (size_t i = 0; (wrong = own_suppressions_wrong(replay_suppressions(replay), i)); i++)
		complain("%s", wrong);
	look_up(&r, symbols);
	findings_finish(findings, &(struct finish_options){ symbols, suppressions, replay_suppressions(replay), o->full_stacks, r.coverage->first });
	if (!r.coverage->processes) {
		const char *damage = reader_damage(reader, 0);
		if (reader_runs(reader, 0))
			complain("nothing was observed yet in %s, whose recording goes on (a flight recorder is asked by fdwarden snapshot)%s%s", job->traces[0], damage ? ": " : "", damage ? damage : "");
		else
			complain("nothing was observed in %s%s%s; was the program able to load libfdwarden.so? `fdwarden doctor PROG` tells",
			         job->traces[0], damage ? ": " : "", damage ? damage : "");
		result->unusable = 1;
		status = EXIT_NOTHING;
	} else {
		tell_result(&r, result);
		if (!probe) {
			report_writes();
			status = write_report(&r);
		}
	}
	symbols_free(symbols);
	return status;
}

int report_make(const struct report_job *job, int probe, struct report_result *result)
{
	const struct report_options *o = job->options;
	struct suppressions *suppressions = NULL;
	struct baseline *baseline = NULL;
	struct readings readings;
	struct progress progress;
	char error[1024] = "";
	int status;

	*result = (struct report_result){ 0 };
	signal(SIGPIPE, SIG_IGN); /* temporary copies are removed even if nobody reads on */
	if (o->suppressions && !(suppressions = suppressions_read(o->suppressions, error, sizeof error))) {
		complain("%s", error);
		return EXIT_USAGE;
	}
	if (o->baseline && !(baseline = baseline_read(o->baseline, error, sizeof error))) {
		complain("%s", error);
		suppressions_free(suppressions);
		return EXIT_USAGE;
	}
	progress_begin(&progress, o->quiet);
	if (readings_open(&readings, job->traces, job->n, o->reader, !whole(o), error, sizeof error)) {
		for (int i = 0; i < job->nsaid; i++)
			reader_say(readings.at[0].reader, job->said[i]);
		readings.progress = progress;
		status = report_on(&readings, suppressions, baseline, job, probe, result);
		readings_close(&readings);
	} else {
		complain("%s", error);
		result->unusable = 1;
		status = EXIT_NOTHING;
	}
	suppressions_free(suppressions);
	baseline_free(baseline);
	return status;
}

int report_traces(const struct report_options *o, const char *const *traces, int n, struct report_result *result)
{
	return report_apart(&(struct report_job){ .options = o, .traces = traces, .n = n }, result);
}
