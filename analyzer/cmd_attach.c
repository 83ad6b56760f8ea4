/*
 * analyzer/cmd_attach.c: fdwarden attach and detach: a systemd service runs protected from its next start on, by a drop-in that lasts until the next boot.
 *
 * The unit is read, not run (unit_file.c): what will keep the library out, or change what it can do, is said (unit_judge.c) before anything is
 * written. Nothing is restarted here: the last line is the command that does it.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "analyzer/child_env.h"
#include "analyzer/commands.h"
#include "analyzer/memory.h"
#include "analyzer/say.h"
#include "analyzer/unit_judge.h"
#include "analyzer/words.h"

#define RUNTIME "/run/systemd/system"
#define DROP_IN "50-fdwarden.conf"

struct attach {
	const char *unit, *mode, *log;
	int dry_run, detach;
	char name[300];       /* with its suffix */
	char dir[PATH_MAX], path[PATH_MAX + 32]; /* of the drop-in */
	struct parts parts;
	struct unit u;
};

/* ---- the unit ------------------------------------------------------------------------------------------------------------------------------------*/

static int is_name(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > 255 || *s == '.' || strchr(s, '/'))
		return 0;
	for (; *s; s++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@", *s))
			return 0;
	return 1;
}

static int ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix);
}

/* Units of other kinds start nothing, or have their settings in a section of their own. */
static int is_other_kind(const char *name)
{
	static const char *const kinds[] = { ".socket", ".timer", ".path", ".target", ".slice", ".scope", ".mount", ".automount", ".swap", ".device" };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (ends_in(name, kinds[i]))
			return 1;
	return 0;
}

static int judge(struct attach *a)
{
	struct unit_judge j = { .unit = &a->u, .library = a->parts.library, .drop_in = DROP_IN, .has_log = a->log != NULL };

	switch (unit_load(&a->u, a->name, a->path)) {
	case UNIT_MISSING: say("there is no unit %s; systemctl list-unit-files lists them", a->name); return 1;
	case UNIT_MASKED: say("%s is masked (%s): it cannot be started", a->name, a->u.file); return 1;
	case UNIT_UNREADABLE:
		say("cannot read %s: %s", a->u.file, errno == EINVAL ? "it is no regular file" : strerror(errno));
		return 1;
	case UNIT_THERE: break;
	}
	unit_judge(&j);
	if (j.refused)
		say("not attached: the service would not be protected");
	return j.refused;
}

/* ---- the drop-in ---------------------------------------------------------------------------------------------------------------------------------*/

/* Inside double quotes, where % and \ have a meaning. */
static void put_quoted(FILE *out, const char *name, const char *value)
{
	fprintf(out, "Environment=\"%s=", name);
	for (; *value; value++)
		fprintf(out, "%s%c", *value == '%' ? "%" : *value == '"' || *value == '\\' ? "\\" : "", *value);
	fputs("\"\n", out);
}

static void write_drop_in(const struct attach *a, FILE *out)
{
	fprintf(out, "# made by fdwarden attach; fdwarden detach --unit %s removes it\n[Service]\n", a->unit);
	put_quoted(out, "LD_PRELOAD", a->parts.library);
	put_quoted(out, "FDWARDEN_MODE", a->mode);
	if (a->log)
		put_quoted(out, "FDWARDEN_LOG", a->log);
}

static int make_folders(const char *dir)
{
	return (mkdir("/run/systemd", 0755) == 0 || errno == EEXIST) && (mkdir(RUNTIME, 0755) == 0 || errno == EEXIST) &&
	       (mkdir(dir, 0755) == 0 || errno == EEXIST) ? 0 : -1;
}

static int attach(struct attach *a)
{
	char error[PATH_MAX + 200];
	FILE *f;
	int bad;

	if (find_parts(&a->parts, 0, error, sizeof error) != 0) {
		say("cannot attach: %s", error);
		return 1;
	}
	if (judge(a) != 0)
		return 1;
	if (a->dry_run) {
		printf("# %s\n", a->path);
		write_drop_in(a, stdout);
		return 0;
	}
	f = make_folders(a->dir) == 0 ? fopen(a->path, "we") : NULL;
	if (!f) {
		say("cannot write %s: %s; run it as root", a->path, strerror(errno));
		return 1;
	}
	write_drop_in(a, f);
	bad = ferror(f);
	if (fclose(f) != 0 || bad) {
		say("cannot write %s: %s", a->path, strerror(errno));
		unlink(a->path);
		return 1;
	}
	say("next:  systemctl daemon-reload && systemctl restart %s", a->name);
	return 0;
}

static int detach(struct attach *a)
{
	if (a->dry_run) {
		printf("rm %s\n", a->path);
		return 0;
	}
	if (unlink(a->path) != 0) {
		if (errno == ENOENT)
			say("%s is not attached", a->name);
		else
			say("cannot remove %s: %s; run it as root", a->path, strerror(errno));
		return 1;
	}
	rmdir(a->dir); /* if it was only ours */
	say("next:  systemctl daemon-reload && systemctl restart %s", a->name);
	return 0;
}

/* ---- the commands ---------------------------------------------------------------------------------------------------------------------------------*/

enum { KEY_UNIT = 256, KEY_DRY_RUN, KEY_LOG };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct attach *a = state->input;

	switch (key) {
	case KEY_UNIT: a->unit = arg; break;
	case KEY_DRY_RUN: a->dry_run = 1; break;
	case KEY_LOG: a->log = arg; break;
	case 'm':
		if (word_of(&mode_words, arg) < 0)
			argp_error(state, "--mode=%s: use %s", arg, mode_words.said);
		a->mode = arg;
		break;
	case ARGP_KEY_ARG: argp_error(state, "the unit is named by --unit"); break;
	case ARGP_KEY_END:
		if (!a->unit)
			argp_error(state, "which service? Name it with --unit=NAME");
		if (!is_name(a->unit))
			argp_error(state, "--unit=%s: no unit can have this name", a->unit);
		if (is_other_kind(a->unit))
			argp_error(state, "--unit=%s: only a service can be attached; name the one that it starts", a->unit);
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int command(int argc, char **argv, int detaches)
{
	static const struct argp_option unit_only[] = {
		{ "unit", KEY_UNIT, "NAME", 0, "the systemd service", 0 }, { "dry-run", KEY_DRY_RUN, NULL, 0, "print what would be done", 0 }, { 0 } };
	static const struct argp_option all[] = {
		{ "unit", KEY_UNIT, "NAME", 0, "the systemd service", 0 },
		{ "mode", 'm', "MODE", 0, "enforce (default), observe or audit", 0 },
		{ "log", KEY_LOG, "PATH", 0, "where violations are logged; %p is the pid (default: the service's stderr, so the journal)", 0 },
		{ "dry-run", KEY_DRY_RUN, NULL, 0, "print the drop-in instead of writing it", 0 }, { 0 } };
	const struct argp argp = { .options = detaches ? unit_only : all, .parser = parse,
		.doc = detaches ? "Removes what `fdwarden attach` wrote.\vExit status: 0, 1 it was not there or could not be removed, 2 wrong usage."
		                : "Lets a systemd service run protected from its next start on, until the machine is booted again.\v"
		                  "Without systemd put three lines into the script that starts the program:\n"
		                  "  LD_PRELOAD=/path/to/libfdwarden.so\n  FDWARDEN_MODE=enforce\n  export LD_PRELOAD FDWARDEN_MODE\n\n"
		                  "Exit status: 0, 1 it would not be protected or nothing could be written, 2 wrong usage." };
	struct attach a = { .mode = "enforce", .detach = detaches };

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)(detaches ? "fdwarden detach" : "fdwarden attach");
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	snprintf(a.name, sizeof a.name, "%s%s", a.unit, ends_in(a.unit, ".service") ? "" : ".service");
	snprintf(a.dir, sizeof a.dir, RUNTIME "/%s.d", a.name);
	snprintf(a.path, sizeof a.path, "%s/" DROP_IN, a.dir);
	return detaches ? detach(&a) : attach(&a);
}

int cmd_attach(int argc, char **argv) { return command(argc, argv, 0); }
int cmd_detach(int argc, char **argv) { return command(argc, argv, 1); }
