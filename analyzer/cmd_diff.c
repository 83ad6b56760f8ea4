/*
 * analyzer/cmd_diff.c: fdwarden diff OLD NEW: two reports in JSON: which findings are new, which are gone, which stay.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "analyzer/baseline.h"
#include "analyzer/describe.h"
#include "analyzer/report.h"
#include "analyzer/words.h"

struct arguments {
	const char *files[2];
	int nfiles;
	enum severity fail_on;
	int json;
};

enum { OPT_FAIL_ON = 256 };

static const struct argp_option options[] = {
	{ "fail-on", OPT_FAIL_ON, "SEVERITY", 0, "exit 1 on new findings at or above error (default), warning or note, or never", 0 },
	{ "format", 'f', "FORMAT", 0, "text (default) or json", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	int v;

	switch (key) {
	case 'f':
		v = word_of(&format_words, arg);
		if (v != FORMAT_TEXT && v != FORMAT_JSON)
			argp_error(state, "--format=%s: use text or json", arg);
		a->json = v == FORMAT_JSON;
		break;
	case OPT_FAIL_ON:
		v = word_of(&severity_words, arg);
		if (v < 0)
			argp_error(state, "--fail-on=%s: use %s", arg, severity_words.said);
		a->fail_on = (enum severity)v;
		break;
	case ARGP_KEY_ARG:
		if (a->nfiles == 2)
			argp_error(state, "two reports are compared, no more");
		a->files[a->nfiles++] = arg;
		break;
	case ARGP_KEY_END:
		if (a->nfiles < 2)
			argp_error(state, "which reports? Name an old one and a new one, both made with --format=json");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const char *member(json_t *f, const char *key)
{
	const char *s = json_string_value(json_object_get(f, key));
	return s ? s : "?";
}

/* The file may hold anything, also for the terminal. */
static char *cleaned(json_t *f, const char *key)
{
	const char *s = member(f, key);

	return clean_text(s, strlen(s));
}

static void print_list(const char *title, json_t *list)
{
	size_t i;
	json_t *f;

	if (!json_array_size(list))
		return;
	printf("%s\n", title);
	json_array_foreach(list, i, f) {
		char *severity = cleaned(f, "severity"), *id = cleaned(f, "id"), *message = cleaned(f, "message");

		printf("  %-8s %-32s %s\n", severity, id, message);
		free(severity);
		free(id);
		free(message);
	}
}

static int at_or_above(json_t *list, enum severity limit)
{
	size_t i;
	json_t *f;

	json_array_foreach(list, i, f)
		if (limit != SEV_NEVER && word_of(&severity_words, member(f, "severity")) >= (int)limit)
			return 1;
	return 0;
}

/* Findings of `of` that are, or are not, in `in`. */
static json_t *select_findings(const struct baseline *of, const struct baseline *in, int there)
{
	json_t *a = json_array(), *f;
	size_t i;

	json_array_foreach(baseline_findings(of), i, f)
		if (baseline_has(in, member(f, "id")) == there)
			json_array_append(a, f);
	return a;
}

int cmd_diff(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse, .args_doc = "OLD NEW",
		.doc = "Compares two reports that were made with --format=json: findings that are new, gone, still there.\v"
		       "Exit status: 0 nothing new at or above --fail-on, 1 new findings, 2 wrong usage, 3 a report cannot be read." };
	struct arguments a = { .fail_on = SEV_ERROR };
	struct baseline *old, *new;
	json_t *o, *fresh, *gone, *same;
	char error[600];
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"fdwarden diff";
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	old = baseline_read(a.files[0], error, sizeof error);
	new = old ? baseline_read(a.files[1], error, sizeof error) : NULL;
	if (!new) {
		fprintf(stderr, "fdwarden: %s\n", error);
		baseline_free(old);
		return EXIT_NOTHING;
	}
	fresh = select_findings(new, old, 0);
	gone = select_findings(old, new, 0);
	same = select_findings(new, old, 1);
	status = at_or_above(fresh, a.fail_on) ? EXIT_FINDINGS : 0;
	if (a.json) {
		o = json_pack("{s:i, s:o, s:o, s:o}", "schema_version", 1, "new", fresh, "gone", gone, "same", same);
		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(o);
	} else {
		printf("%zu new, %zu gone, %zu still there\n", json_array_size(fresh), json_array_size(gone), json_array_size(same));
		print_list("new:", fresh);
		print_list("gone:", gone);
		json_decref(fresh);
		json_decref(gone);
		json_decref(same);
	}
	baseline_free(old);
	baseline_free(new);
	return status;
}
