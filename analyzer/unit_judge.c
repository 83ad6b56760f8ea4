/*
 * analyzer/unit_judge.c: see unit_judge.h. The programs, the environment they get, and what lies between them and the library's file.
 *
 * Context: the command. What depends on what cannot be known here (an unknown specifier, a user who is not there, access lists) is not judged.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "analyzer/child_env.h"
#include "analyzer/memory.h"
#include "analyzer/preflight.h"
#include "analyzer/say.h"
#include "analyzer/unit_judge.h"

#define WORD (2 * PATH_MAX)
#define SYSTEMD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define refuse(j, ...) (say(__VA_ARGS__), (j)->refused = 1)

/* ---- the programs --------------------------------------------------------------------------------------------------------------------------------*/

/* Below another root the path leads elsewhere; only what is surely not observable is told of then. */
static int is_observable(const char *root, const char *program)
{
	struct preflight p;
	char path[WORD];

	snprintf(path, sizeof path, "%s%s", root && *program == '/' ? root : "", program);
	preflight(path, &p);
	if (p.verdict == PREFLIGHT_UNOBSERVABLE)
		say("%s: %s", path, p.why);
	else if (p.verdict != PREFLIGHT_OK && !root)
		say("%s", p.why);
	return p.verdict != PREFLIGHT_UNOBSERVABLE;
}

static void judge_programs(struct unit_judge *j)
{
	const char *search = unit_value(j->unit, "ExecSearchPath"), *root = unit_value(j->unit, "RootDirectory"), *rest;
	const struct unit_setting *s;
	char word[WORD], program[PATH_MAX];
	size_t at = 0, prefix;
	int all = 0, lost = 0, plus = 0, marks = 0;

	setenv("PATH", search ? search : SYSTEMD_PATH, 1); /* as systemd looks for them */
	while ((s = unit_next(j->unit, "ExecStart", &at))) {
		rest = s->value;
		if (!unit_word(&rest, word, sizeof word))
			continue;
		prefix = strspn(word, "@-:+!|");
		all++;
		plus += memchr(word, '+', prefix) != NULL;
		marks += memchr(word, '+', prefix) || (memchr(word, '!', prefix) && !memmem(word, prefix, "!!", 2));
		if (unit_expand(j->unit, word + prefix, program, sizeof program) == 0)
			lost += !is_observable(root, program);
	}
	j->refused |= all && lost == all;
	j->unconfined = all && plus == all;
	j->own_user = all && marks == all;
}

/* ---- the environment -----------------------------------------------------------------------------------------------------------------------------*/

static int is_after_ours(const struct unit_judge *j, const struct unit_setting *s)
{
	return s->file != j->unit->file && strcmp(strrchr(s->file, '/') + 1, j->drop_in) > 0;
}

static void judge_variables(struct unit_judge *j, const struct unit_setting *s)
{
	const char *rest = s->value;
	char word[WORD];

	if (!*rest && is_after_ours(j, s))
		refuse(j, "the empty Environment= in %s takes ours away", s->file);
	while (unit_word(&rest, word, sizeof word)) {
		if (strncmp(word, "LD_PRELOAD=", 11) || preload_lists(word + 11, j->library))
			continue;
		if (is_after_ours(j, s))
			refuse(j, "Environment=%s in %s replaces ours; add %s there", word, s->file, j->library);
		else
			say("Environment=%s: its LD_PRELOAD is replaced by ours", word);
	}
}

static void judge_unset(struct unit_judge *j)
{
	const struct unit_setting *s;
	const char *rest;
	char word[WORD];
	size_t at = 0;

	while ((s = unit_next(j->unit, "UnsetEnvironment", &at)))
		for (rest = s->value; unit_word(&rest, word, sizeof word);)
			if (!strcmp(word, "LD_PRELOAD") || (!strncmp(word, "LD_PRELOAD=", 11) && !strcmp(word + 11, j->library)))
				refuse(j, "UnsetEnvironment=%s takes ours away, too; remove it", word);
}

/* A value in a file of variables; at its end *at is behind it. Quotes count at the beginning, and behind a quoted piece. */
static void file_value(const char **at, char *value, size_t n)
{
	const char *p = *at;
	char quote = 0;
	size_t used = 0;
	int may_quote = 1;

	while (*p && (quote || *p != '\n')) {
		char c = *p++;
		if (quote ? c == quote : may_quote && (c == '"' || c == '\'')) {
			quote = quote ? 0 : c;
			continue;
		}
		if (may_quote && !quote && (c == ' ' || c == '\t'))
			continue;
		may_quote = may_quote && quote;
		if (c == '\\' && quote != '\'' && *p && (c = *p++) == '\n')
			continue;
		if (used + 1 < n)
			value[used++] = c;
	}
	while (used && strchr(" \t\r", value[used - 1]))
		used--;
	value[used] = 0;
	*at = p;
}

/* Whether a file of variables sets LD_PRELOAD to anything; the last value counts. */
static int sets_preload(const char *text, char *preload, size_t n)
{
	char value[WORD];
	int sets = 0;

	while (*(text += strspn(text, " \t\r\n"))) {
		size_t key = strcspn(text, *text == '#' || *text == ';' ? "\n" : "=\n");
		int is_ours = !strncmp(text, "LD_PRELOAD", 10) && 10 + strspn(text + 10, " \t") == key;
		text += key;
		if (*text != '=')
			continue;
		text++;
		file_value(&text, value, sizeof value);
		if (is_ours) {
			sets = 1;
			snprintf(preload, n, "%s", value);
		}
	}
	return sets;
}

/* They override Environment=, whatever the order. The last of them that sets it counts; one that is not there yet is not judged. */
static void judge_files(struct unit_judge *j)
{
	char pattern[PATH_MAX], preload[WORD], *who = NULL;
	const struct unit_setting *s;
	glob_t found;
	size_t at = 0;

	while ((s = unit_next(j->unit, "EnvironmentFile", &at))) {
		if (unit_expand(j->unit, s->value + (*s->value == '-'), pattern, sizeof pattern) != 0 || glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++) {
			char *text = unit_text(found.gl_pathv[i]);
			if (!text && errno == EACCES)
				say("EnvironmentFile=%s cannot be read: if it sets LD_PRELOAD, the service is not protected", found.gl_pathv[i]);
			if (text && sets_preload(text, preload, sizeof preload)) {
				free(who);
				who = xstrdup(found.gl_pathv[i]);
			}
			free(text);
		}
		globfree(&found);
	}
	if (who && !preload_lists(preload, j->library))
		refuse(j, "EnvironmentFile=%s sets LD_PRELOAD, which replaces ours; add %s there", who, j->library);
	free(who);
}

static void judge_environment(struct unit_judge *j)
{
	const struct unit_setting *s;
	size_t at = 0;

	/* Those before an empty one are gone; an empty one itself matters when it comes after ours. */
	for (size_t i = 0; i < j->unit->n; i++)
		if (!strcmp(j->unit->settings[i].key, "Environment") && !*j->unit->settings[i].value)
			judge_variables(j, &j->unit->settings[i]);
	while ((s = unit_next(j->unit, "Environment", &at)))
		judge_variables(j, s);
	judge_files(j);
	judge_unset(j);
}

/* ---- the way to the library ----------------------------------------------------------------------------------------------------------------------*/

/* What systemd puts over the library's place; the deepest counts. */
struct cover {
	size_t depth;
	int hides;
	int firm; /* nothing below it can be shown again */
	char what[WORD + 40];
};

/* The length of `path` where the library is below it, or is it; 0: elsewhere. */
static size_t depth_of(const char *path, const char *library)
{
	char real[PATH_MAX];
	size_t n;

	if (!realpath(path, real) && snprintf(real, sizeof real, "%s", path) >= (int)sizeof real)
		return 0;
	n = strlen(real);
	while (n > 1 && real[n - 1] == '/')
		n--;
	if (strncmp(real, library, n) || (n > 1 && library[n] && library[n] != '/'))
		return 0;
	return n;
}

static void cover(struct cover *c, size_t depth, int hides, int firm, const char *key, const char *value)
{
	if (!depth || c->firm || (!firm && depth < c->depth))
		return;
	c->depth = depth;
	c->hides = hides;
	c->firm = firm;
	snprintf(c->what, sizeof c->what, "%s%s%s", key, value ? "=" : "", value ? value : "");
}

/* Each path of a setting that lists them, where the library is below it. */
static void cover_listed(struct unit_judge *j, struct cover *c, const char *key, int hides, int firm)
{
	const struct unit_setting *s;
	char word[WORD], path[PATH_MAX];
	const char *rest;
	size_t at = 0;

	while ((s = unit_next(j->unit, key, &at)))
		for (rest = s->value; unit_word(&rest, word, sizeof word);)
			if (unit_expand(j->unit, word + strspn(word, "-+"), path, sizeof path) == 0) {
				path[strcspn(path, ":")] = 0; /* TemporaryFileSystem=PATH:OPTIONS */
				cover(c, depth_of(path, j->library), hides, firm, key, path);
			}
}

/* FROM:TO shows FROM's file, or none, at the library's place. */
static void cover_bound(struct unit_judge *j, struct cover *c, const char *key)
{
	char word[WORD], from[PATH_MAX], file[WORD], *to;
	const struct unit_setting *s;
	const char *rest;
	size_t at = 0, depth;

	while ((s = unit_next(j->unit, key, &at)))
		for (rest = s->value; unit_word(&rest, word, sizeof word);) {
			if (unit_expand(j->unit, word + strspn(word, "-+"), from, sizeof from) != 0)
				continue;
			to = strchr(from, ':');
			if (to) {
				*to++ = 0;
				to[strcspn(to, ":")] = 0;
			}
			depth = depth_of(to && *to ? to : from, j->library);
			snprintf(file, sizeof file, "%s%s", from, depth > 1 ? j->library + depth : depth ? j->library : "");
			cover(c, depth, access(file, F_OK) != 0, 0, key, word);
		}
}

static void judge_places(struct unit_judge *j)
{
	static const char *const homes[] = { "/home", "/root", "/run/user" }, *const temporary[] = { "/tmp", "/var/tmp" };
	const char *home = unit_value(j->unit, "ProtectHome");
	int dynamic = unit_is_yes(unit_value(j->unit, "DynamicUser")), tmpfs = home && !strcmp(home, "tmpfs");
	struct cover c = { 0 }, runs = { 0 };

	for (int i = 0; i < 2 && (dynamic || unit_is_yes(unit_value(j->unit, "PrivateTmp"))); i++)
		cover(&c, depth_of(temporary[i], j->library), 1, 0, dynamic ? "DynamicUser=yes implies PrivateTmp, which" : "PrivateTmp", NULL);
	for (int i = 0; i < 3 && (tmpfs || unit_is_yes(home)); i++)
		cover(&c, depth_of(homes[i], j->library), 1, !tmpfs, "ProtectHome", home);
	cover_listed(j, &c, "TemporaryFileSystem", 1, 0);
	cover_bound(j, &c, "BindPaths");
	cover_bound(j, &c, "BindReadOnlyPaths");
	cover_listed(j, &c, "InaccessiblePaths", 1, 1);
	cover_listed(j, &c, "InaccessibleDirectories", 1, 1);
	if (c.hides)
		refuse(j, "%s hides %s; install fdwarden elsewhere", c.what, j->library);
	cover_listed(j, &runs, "NoExecPaths", 1, 0);
	cover_listed(j, &runs, "ExecPaths", 0, 0);
	if (runs.hides)
		refuse(j, "%s: %s cannot be loaded then; name it in ExecPaths", runs.what, j->library);
}

static int judge_root(struct unit_judge *j)
{
	const char *root = unit_value(j->unit, "RootDirectory"), *image = unit_value(j->unit, "RootImage");
	char below[WORD];

	if (!root && !image)
		return 0;
	snprintf(below, sizeof below, "%s%s", root ? root : "", j->library);
	if (image)
		refuse(j, "RootImage=%s: %s is not there; copy it below, or the service starts without it", image, j->library);
	else if (access(below, F_OK) != 0)
		refuse(j, "RootDirectory=%s: %s is not there; copy it below, or the service starts without it", root, j->library);
	return 1;
}

/* ---- the user ------------------------------------------------------------------------------------------------------------------------------------*/

struct who {
	uid_t uid;
	gid_t groups[256];
	int n;
};

static int add_group(struct who *w, const char *name)
{
	struct group *g = getgrnam(name);
	char *end;
	unsigned long id = g ? g->gr_gid : strtoul(name, &end, 10);

	if ((!g && (*end || end == name)) || w->n == sizeof w->groups / sizeof *w->groups)
		return -1;
	w->groups[w->n++] = (gid_t)id;
	return 0;
}

/* Who the service is. -1: not known here, or somebody whom no mode keeps out. `name` may be NULL: a user who is made when it starts. */
static int find_who(struct unit_judge *j, const char *name, struct who *w)
{
	struct passwd *p = name ? getpwnam(name) : NULL;
	const struct unit_setting *s;
	char *end, word[UNIT_NAME], group[UNIT_NAME];
	const char *value = unit_value(j->unit, "Group"), *rest;
	size_t at = 0;

	w->uid = p ? p->pw_uid : name ? (uid_t)strtoul(name, &end, 10) : (uid_t)-2;
	if (!w->uid || (name && !p && (*end || end == name)))
		return -1;
	if (!p && name)
		p = getpwuid(w->uid);
	w->n = p ? (int)(sizeof w->groups / sizeof *w->groups) : 0;
	if (p && getgrouplist(p->pw_name, p->pw_gid, w->groups, &w->n) < 0)
		return -1;
	if (value && (unit_expand(j->unit, value, group, sizeof group) != 0 || add_group(w, group) != 0))
		return -1;
	while ((s = unit_next(j->unit, "SupplementaryGroups", &at)))
		for (rest = s->value; unit_word(&rest, word, sizeof word);)
			if (unit_expand(j->unit, word, group, sizeof group) != 0 || add_group(w, group) != 0)
				return -1;
	return 0;
}

/* 4: read; 1: search. Where an access list says more than the mode, yes is assumed. */
static int may(const struct who *w, const char *path, unsigned right)
{
	struct stat st;

	if (stat(path, &st) != 0 || getxattr(path, "system.posix_acl_access", NULL, 0) > 0)
		return 1;
	if (st.st_uid == w->uid)
		return (st.st_mode >> 6 & right) != 0;
	for (int i = 0; i < w->n; i++)
		if (w->groups[i] == st.st_gid)
			return (st.st_mode >> 3 & right) != 0;
	return (st.st_mode & right) != 0;
}

static void judge_user(struct unit_judge *j)
{
	const char *user = unit_value(j->unit, "User"), *capable = unit_value(j->unit, "AmbientCapabilities");
	int dynamic = unit_is_yes(unit_value(j->unit, "DynamicUser"));
	char name[UNIT_NAME], path[PATH_MAX];
	struct who w;

	if ((!user && !dynamic) || (capable && strstr(capable, "CAP_DAC_")) || (user && unit_expand(j->unit, user, name, sizeof name) != 0))
		return;
	if (find_who(j, !user || (dynamic && !getpwnam(name)) ? NULL : name, &w) != 0)
		return;
	snprintf(path, sizeof path, "%s", j->library);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (!may(&w, path, 1)) {
			refuse(j, "%s=%s cannot reach %s: %s is closed to that user; install fdwarden elsewhere", user ? "User" : "DynamicUser",
			       user ? name : "yes", j->library, path);
			return;
		}
		*slash = '/';
	}
	if (!may(&w, path, 4))
		refuse(j, "%s=%s cannot read %s; chmod a+r it", user ? "User" : "DynamicUser", user ? name : "yes", j->library);
}

/* ---- all of it -----------------------------------------------------------------------------------------------------------------------------------*/

static void tell_losses(struct unit_judge *j)
{
	const char *key = "StandardError", *to = unit_value(j->unit, key), *lock = unit_value(j->unit, "LimitMEMLOCK");
	size_t at = 0;

	if (unit_next(j->unit, "SystemCallFilter", &at))
		say("SystemCallFilter: under a filter the fork lock, kept numbers and pinned signal stacks are left out; second closes are refused all the same");
	if (!to || !strcmp(to, "inherit"))
		to = unit_value(j->unit, key = "StandardOutput");
	if (to && !strcmp(to, "null") && !j->has_log)
		say("%s=null: what fdwarden says is lost; name a file with --log", key);
	if (lock && !strcmp(lock, "0"))
		say("LimitMEMLOCK=0: signal stacks are touched, not locked");
}

void unit_judge(struct unit_judge *j)
{
	int other_root = judge_root(j);

	judge_programs(j);
	judge_environment(j);
	if (!other_root && !j->unconfined)
		judge_places(j);
	if (!other_root && !j->own_user)
		judge_user(j);
	tell_losses(j);
}
