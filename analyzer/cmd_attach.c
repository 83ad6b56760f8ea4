/*
 * analyzer/cmd_attach.c: fdwarden attach and detach: a systemd service runs protected from its next start on, by a drop-in that lasts until the next boot.
 *
 * The unit file is read, not run: what in it will keep the library out, or change what it can do, is said before anything is written. Nothing is
 * restarted here: the last line is the command that does it.
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
#include "analyzer/preflight.h"
#include "analyzer/say.h"
#include "analyzer/words.h"

#define RUNTIME "/run/systemd/system"
#define DROP_IN "50-fdwarden.conf"

struct attach {
	const char *unit, *mode, *log;
	int dry_run, detach;
	char name[300];       /* with its suffix */
	char file[PATH_MAX];  /* the unit's; "" when it is not found */
	char program[PATH_MAX];
	struct parts parts;
	int refused;
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

/* Of name@instance.service the file is name@.service. */
static void find_unit(struct attach *a)
{
	static const char *const places[] = { "/etc/systemd/system", RUNTIME, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };
	char template[300];
	const char *at = strchr(a->name, '@');

	snprintf(template, sizeof template, "%.*s@.service", at ? (int)(at - a->name) : 0, a->name);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(a->file, sizeof a->file, "%s/%s", places[i], a->name);
		if (access(a->file, R_OK) == 0)
			return;
		snprintf(a->file, sizeof a->file, "%s/%s", places[i], template);
		if (at && access(a->file, R_OK) == 0)
			return;
	}
	a->file[0] = 0;
}

static void judge_program(struct attach *a, const char *value)
{
	struct preflight p;
	size_t n;

	value += strspn(value, "@-:+!|");
	n = strcspn(value, " \t");
	if (n >= sizeof a->program || a->program[0])
		return;
	memcpy(a->program, value, n);
	a->program[n] = 0;
	preflight(a->program, &p);
	if (p.verdict == PREFLIGHT_OK)
		return;
	say("%s: %s", a->program, p.why);
	a->refused = p.verdict == PREFLIGHT_UNOBSERVABLE;
}

static int is_yes(const char *v) { return !strcmp(v, "yes") || !strcmp(v, "true") || !strcmp(v, "1") || !strcmp(v, "on"); }

static void judge_setting(struct attach *a, const char *key, const char *value)
{
	if (!strcmp(key, "ExecStart") && *value)
		judge_program(a, value);
	else if ((!strcmp(key, "RootDirectory") || !strcmp(key, "RootImage")) && *value) {
		say("%s=%s: %s is not there; copy it below, or the service starts without it", key, value, a->parts.library);
		a->refused = 1;
	} else if (!strcmp(key, "Environment") && strstr(value, "LD_PRELOAD="))
		say("Environment=%s: its LD_PRELOAD is replaced by ours", value);
	else if (!strcmp(key, "SystemCallFilter") && *value)
		say("SystemCallFilter: under a filter the fork lock, kept numbers and pinned signal stacks are left out; second closes are refused all the same");
	else if (!strcmp(key, "ProtectHome") && (is_yes(value) || !strcmp(value, "tmpfs")) && (!strncmp(a->parts.library, "/home/", 6) || !strncmp(a->parts.library, "/root/", 6))) {
		say("ProtectHome=%s hides %s; install fdwarden elsewhere", value, a->parts.library);
		a->refused = 1;
	} else if (!strcmp(key, "PrivateTmp") && is_yes(value) && !strncmp(a->parts.library, "/tmp/", 5)) {
		say("PrivateTmp hides %s; install fdwarden elsewhere", a->parts.library);
		a->refused = 1;
	} else if (!strcmp(key, "StandardError") && !strcmp(value, "null") && !a->log)
		say("StandardError=null: what fdwarden says is lost; name a file with --log");
	else if (!strcmp(key, "LimitMEMLOCK") && !strcmp(value, "0"))
		say("LimitMEMLOCK=0: signal stacks are touched, not locked");
}

static void judge_unit(struct attach *a)
{
	FILE *f = fopen(a->file, "re");
	char *line = NULL, *equals, *value;
	size_t room = 0;
	int in_service = 0;

	if (!f)
		return;
	while (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\r\n")] = 0;
		if (*line == '[')
			in_service = !strcmp(line, "[Service]");
		if (!in_service || *line == '#' || *line == ';' || !(equals = strchr(line, '=')))
			continue;
		*equals = 0;
		value = equals + 1 + strspn(equals + 1, " \t");
		for (char *p = equals; p > line && (p[-1] == ' ' || p[-1] == '\t');)
			*--p = 0;
		judge_setting(a, line, value);
	}
	free(line);
	fclose(f);
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
	char dir[PATH_MAX], path[PATH_MAX + 32], error[PATH_MAX + 200];
	FILE *f;
	int bad;

	if (find_parts(&a->parts, 0, error, sizeof error) != 0) {
		say("cannot attach: %s", error);
		return 1;
	}
	find_unit(a);
	if (!a->file[0] && !a->dry_run) {
		say("there is no unit %s; systemctl list-unit-files lists them", a->name);
		return 1;
	}
	judge_unit(a);
	if (a->refused) {
		say("not attached: the service would not be protected");
		return 1;
	}
	snprintf(dir, sizeof dir, RUNTIME "/%s.d", a->name);
	snprintf(path, sizeof path, "%s/" DROP_IN, dir);
	if (a->dry_run) {
		printf("# %s\n", path);
		write_drop_in(a, stdout);
		return 0;
	}
	f = make_folders(dir) == 0 ? fopen(path, "we") : NULL;
	if (!f) {
		say("cannot write %s: %s; run it as root", path, strerror(errno));
		return 1;
	}
	write_drop_in(a, f);
	bad = ferror(f);
	if (fclose(f) != 0 || bad) {
		say("cannot write %s: %s", path, strerror(errno));
		unlink(path);
		return 1;
	}
	say("next:  systemctl daemon-reload && systemctl restart %s", a->name);
	return 0;
}

static int detach(struct attach *a)
{
	char dir[PATH_MAX], path[PATH_MAX + 32];

	snprintf(dir, sizeof dir, RUNTIME "/%s.d", a->name);
	snprintf(path, sizeof path, "%s/" DROP_IN, dir);
	if (a->dry_run) {
		printf("rm %s\n", path);
		return 0;
	}
	if (unlink(path) != 0) {
		if (errno == ENOENT)
			say("%s is not attached", a->name);
		else
			say("cannot remove %s: %s; run it as root", path, strerror(errno));
		return 1;
	}
	rmdir(dir); /* if it was only ours */
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
	snprintf(a.name, sizeof a.name, "%s%s", a.unit, strchr(a.unit, '.') ? "" : ".service");
	return detaches ? detach(&a) : attach(&a);
}

int cmd_attach(int argc, char **argv) { return command(argc, argv, 0); }
int cmd_detach(int argc, char **argv) { return command(argc, argv, 1); }
