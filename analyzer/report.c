/*
 * analyzer/report.c: traces to a report: read, replay, judge, write; and what the writers share.
 *
 * A file named by -o appears whole or not at all: it is written beside its place and renamed. What is no regular file (a pipe) is written to
 * directly; so is what is open already (/dev/stdout, /proc/self/fd/1, and links to them): who has it open would not see the new one, and a
 * link to what was deleted would be replaced itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include "analyzer/baseline.h"
#include "analyzer/describe.h"
#include "analyzer/memory.h"
#include "analyzer/readings.h"
#include "analyzer/report.h"
#include "analyzer/report_apart.h"

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
	va_list ap;
	char *s, *clean;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		out_of_memory();
	va_end(ap);
	clean = clean_text(s, strlen(s)); /* names of files */
	fflush(stdout);
	fprintf(stderr, "fdwarden: %s\n", clean);
	free(clean);
	free(s);
}

int report_shows(const struct report *r, const struct finding *f)
{
	return !f->suppressed_by && (f->confidence > CONFIDENCE_POSSIBLE || r->options->show_possible);
}

int report_knows(const struct report *r, const struct finding *f) { return baseline_has(r->baseline, f->id); }

/* ---- where it goes ----------------------------------------------------------------------------------------------------------------*/

struct target {
	FILE *out;
	char *path;       /* NULL: stdout; links followed, so that they stay links */
	char *temporary;  /* NULL: written to directly */
};

static int open_beside(struct target *t)
{
	mode_t mask = umask(0);
	struct stat st;
	int fd, exists = stat(t->path, &st) == 0;

	umask(mask);
	if (asprintf(&t->temporary, "%s.XXXXXX", t->path) < 0)
		out_of_memory();
	fd = mkostemp(t->temporary, O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fchmod(fd, exists ? st.st_mode & 0777 : 0666 & ~mask) != 0 || !(t->out = fdopen(fd, "w"))) {
		close(fd);
		unlink(t->temporary);
		return -1;
	}
	return 0;
}

/* One of our standard descriptors is open on it. */
static int standard_number(const struct stat *st)
{
	struct stat own;

	for (int i = 0; i < 3; i++)
		if (fstat(i, &own) == 0 && own.st_dev == st->st_dev && own.st_ino == st->st_ino)
			return i;
	return -1;
}

/* Neither emptied nor replaced. */
static int open_as_it_is(struct target *t, int number)
{
	int fd = number >= 0 ? fcntl(number, F_DUPFD_CLOEXEC, 3) : open(t->path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd >= 0 && number >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
		close(fd);
		fd = open(t->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	}
	t->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	return t->out ? 0 : -1;
}

static int target_open(struct target *t, const char *path)
{
	char *whole = realpath(path, NULL);
	struct stat st;
	int exists, number;

	*t = (struct target){ stdout, NULL, NULL };
	if (!path)
		return 0;
	t->path = whole ? whole : xstrdup(path);
	exists = stat(path, &st) == 0;
	number = exists && S_ISREG(st.st_mode) ? standard_number(&st) : -1;
	/* There, and without a name: it was deleted. */
	if (number >= 0 || (exists && S_ISREG(st.st_mode) && !whole))
		return open_as_it_is(t, number);
	if (exists && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (!exists && lstat(path, &st) == 0) { /* a link to what is not there yet: it shall be made, and the link stay */
		t->out = fopen(path, "we");
		return t->out ? 0 : -1;
	}
	if (exists && S_ISREG(st.st_mode) && access(path, W_OK) != 0)
		return -1;
	if ((!exists || S_ISREG(st.st_mode)) && open_beside(t) == 0)
		return 0;
	/* No new file can be made there, or it is no file: write into what is there. */
	free(t->temporary);
	t->temporary = NULL;
	if (!exists)
		return -1;
	t->out = fopen(t->path, "we");
	return t->out ? 0 : -1;
}

/* 0, or -1 with errno: not everything was written. */
static int target_close(struct target *t)
{
	int bad = fflush(t->out) != 0 || ferror(t->out), err = errno;

	if (!t->path) {
		errno = err ? err : EIO;
		return bad ? -1 : 0;
	}
	if (fclose(t->out) != 0 && !bad) {
		bad = 1;
		err = errno;
	}
	if (!bad && t->temporary && rename(t->temporary, t->path) != 0) {
		bad = 1;
		err = errno;
	}
	if (bad && t->temporary)
		unlink(t->temporary);
	free(t->temporary);
	free(t->path);
	errno = err ? err : EIO;
	return bad ? -1 : 0;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------------------*/

static void tell_result(const struct report *r, struct report_result *result)
{
	result->processes = r->coverage->processes;
	for (const struct finding *f = findings_first(r->findings); f; f = f->next) {
		if (!report_shows(r, f))
			continue;
		result->findings++;
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
	struct target t;

	if (target_open(&t, path) != 0) {
		complain("cannot write the %s to %s: %s; name another file with %s", what, path, strerror(errno), option);
		return EXIT_INTERNAL;
	}
	errno = 0;
	write(r, t.out);
	if (target_close(&t) == 0 || (!path && nobody_reads()))
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
	struct report r = { .options = o, .findings = findings, .reader = reader, .symbols = symbols, .suppressions = suppressions, .baseline = baseline,
		.symbols_for_stacks = symbols };
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

/*
 * Started with a standard stream closed, the first file opened would get its number, and the report would be written into it. Something
 * that cannot be written takes the place.
 */
static void hold_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
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
	hold_standard_streams();
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
