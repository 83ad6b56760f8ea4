/* analyzer/config.c: see config.h; and fdwarden config --show. */
#define _GNU_SOURCE
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "analyzer/at_once.h"
#include "analyzer/commands.h"
#include "analyzer/config.h"
#include "analyzer/memory.h"
#include "analyzer/say.h"
#include "analyzer/words.h"
#include "trace/schema.h"

static const struct words violation_words = { (const char *const[]){ "log", "abort", NULL }, "log or abort" };
static const struct words uring_words = { (const char *const[]){ "allow", "deny", NULL }, "allow or deny" };
static const struct words repair_words = { (const char *const[]){ "off", "onstack", NULL }, "off or onstack" };

/* variable: the library's own, which the environment carries to it. A value is one of `words`, or a number up to `most`, or any text but none. */
static struct setting {
	const char *name, *variable, *otherwise;
	const struct words *words;
	long most;
	const char *said; /* of what is not one of words */
	char *value;
	const char *from; /* file it came from */
} settings[] = {
	{ .name = "stack-depth", .variable = "FDWARDEN_STACK_DEPTH", .otherwise = "16", .most = FDW_STACK_MAX, .said = STACK_DEPTH_SAID },
	{ .name = "log", .variable = "FDWARDEN_LOG", .otherwise = "stderr", .said = "stderr, off or a path" },
	{ .name = "on-violation", .variable = "FDWARDEN_ON_VIOLATION", .otherwise = "log", .words = &violation_words },
	{ .name = "tombstones", .variable = "FDWARDEN_TOMBSTONES", .otherwise = "128", .most = TOMBSTONES_MOST, .said = TOMBSTONES_SAID },
	{ .name = "tombstone-ms", .variable = "FDWARDEN_TOMBSTONE_MS", .otherwise = "10000", .most = TOMBSTONE_MS_MOST, .said = TOMBSTONE_MS_SAID },
	{ .name = "io-uring", .variable = "FDWARDEN_IO_URING", .otherwise = "allow", .words = &uring_words },
	{ .name = "signal-repair", .variable = "FDWARDEN_SIGNAL_REPAIR", .otherwise = "off", .words = &repair_words },
	{ .name = "suppressions", .otherwise = "", .said = "a file" },
	{ .name = "fail-on", .otherwise = "error", .words = &severity_words },
	{ .name = "format", .otherwise = "text", .words = &format_words },
	{ .name = "color", .otherwise = "auto", .words = &color_words },
};
#define SETTINGS (sizeof settings / sizeof *settings)

static struct setting *setting_of(const char *name)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	return NULL;
}

static int is_valid(const struct setting *s, const char *value)
{
	long n;

	if (s->words)
		return word_of(s->words, value) >= 0;
	return s->most ? number_in(value, 0, s->most, &n) == 0 : *value != 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------------------------------------*/

static char *trimmed(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	for (end = s + strlen(s); end > s && isspace((unsigned char)end[-1]);)
		*--end = 0;
	return s;
}

static int read_line(char *line, const char *path, unsigned number)
{
	char *hash = strchr(line, '#'), *equals, *name, *value;
	struct setting *s;

	if (hash && (hash == line || isspace((unsigned char)hash[-1])))
		*hash = 0;
	line = trimmed(line);
	if (!*line)
		return 0;
	if (!(equals = strchr(line, '='))) {
		say("%s:%u: `name = value` is wanted, not `%s`", path, number, line);
		return -1;
	}
	*equals = 0;
	name = trimmed(line);
	value = trimmed(equals + 1);
	if (!(s = setting_of(name))) {
		say("%s:%u: there is no setting `%s`; `fdwarden config --show` lists them", path, number, name);
		return -1;
	}
	if (!is_valid(s, value)) {
		say("%s:%u: %s = %s: use %s", path, number, name, value, s->words ? s->words->said : s->said);
		return -1;
	}
	free(s->value);
	s->value = xstrdup(value);
	s->from = path;
	return 0;
}

int config_read(FILE *f, const char *path)
{
	char *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	int r = 0;

	while (r == 0 && getline(&line, &room, f) > 0)
		r = read_line(line, path, ++number);
	free(line);
	fclose(f);
	return r;
}

/* In a directory like /tmp anybody can have put it there. NULL: it is ours. */
static const char *why_not_ours(const struct stat *st)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "it belongs to somebody else";
	if (!S_ISREG(st->st_mode))
		return "it is no file";
	return st->st_mode & 022 ? "others may write to it" : NULL;
}

/* No file is no mistake. */
static int read_config(const char *path, int must_be_ours)
{
	struct stat st;
	const char *why = NULL;
	FILE *f = open_at_once(path, &st);

	if (!f) {
		if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
			return 0;
		say(must_be_ours ? "%s is left out: %s" : "%s cannot be read: %s", path, strerror(errno));
		return must_be_ours ? 0 : -1;
	}
	if (must_be_ours)
		why = why_not_ours(&st);
	if (!why && S_ISREG(st.st_mode))
		return config_read(f, path);
	if (why)
		say("%s is left out: %s", path, why);
	fclose(f);
	return 0;
}

int config_load(void)
{
	static char own[PATH_MAX];
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg && *xdg == '/')
		snprintf(own, sizeof own, "%s/fdwarden/config", xdg);
	else if (home && *home == '/')
		snprintf(own, sizeof own, "%s/.config/fdwarden/config", home);
	if ((*own && read_config(own, 0) != 0) || read_config("./.fdwarden.conf", 1) != 0)
		return -1;
	for (size_t i = 0; i < SETTINGS; i++)
		if (settings[i].variable && settings[i].value && setenv(settings[i].variable, settings[i].value, 0) != 0)
			return -1;
	return 0;
}

const char *config_value(const char *name)
{
	struct setting *s = setting_of(name);

	return s ? s->value : NULL;
}

/* ---- fdwarden config --show ----------------------------------------------------------------------------------------------------------------------*/

static error_t parse(int key, char *arg, struct argp_state *state)
{
	int *show = state->input;

	switch (key) {
	case 's': *show = 1; return 0;
	case ARGP_KEY_ARG: argp_error(state, "config takes no arguments"); return 0;
	case ARGP_KEY_END:
		if (!*show)
			argp_error(state, "what shall be done? --show tells each setting and where it came from");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_config(int argc, char **argv)
{
	static const struct argp_option options[] = { { "show", 's', NULL, 0, "each setting, its value, and where that came from", 0 }, { 0 } };
	static const struct argp argp = { .options = options, .parser = parse,
		.doc = "Tells the settings that hold here where no option says otherwise.\v"
		       "Order: options > environment > ./.fdwarden.conf > ~/.config/fdwarden/config > default. A file has lines `name = value`.\n\n"
		       "Exit status: 0, 2 wrong usage or a line that is not understood." };
	char *set[SETTINGS];
	int show = 0;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"fdwarden config";
	argp_parse(&argp, argc, argv, 0, NULL, &show);
	for (size_t i = 0; i < SETTINGS; i++)
		set[i] = settings[i].variable ? getenv(settings[i].variable) : NULL;
	if (config_load() != 0)
		return EXIT_USAGE;
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct setting *s = &settings[i];
		printf("%-14s %-20s %s%s\n", s->name, set[i] ? set[i] : s->value ? s->value : *s->otherwise ? s->otherwise : "(none)",
		       set[i] ? "environment, " : s->value ? "" : "default", set[i] ? s->variable : s->value ? s->from : "");
	}
	return 0;
}
