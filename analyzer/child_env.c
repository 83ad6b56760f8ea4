/*
 * analyzer/child_env.c: see child_env.h. Context: the command, or its child before exec; one thread.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "analyzer/child_env.h"
#include "analyzer/elf_file.h"
#include "trace/schema.h"

#define ADDITIONS 13
/* LTTng cuts a longer socket path, and then nobody recognises it: below it come "/.lttng/lttng-ust-sock-8" and a NUL. */
#define HOME_MAX (sizeof((struct sockaddr_un *)0)->sun_path - sizeof "/.lttng/lttng-ust-sock-8")

/* ---- the installed parts -------------------------------------------------------------------------------------------*/

static int readable(char *path, const char *dir, const char *below, const char *name)
{
	char candidate[PATH_MAX];

	if (snprintf(candidate, sizeof candidate, "%s%s/%s", dir, below, name) >= (int)sizeof candidate)
		return 0;
	return realpath(candidate, path) && access(path, R_OK) == 0;
}

static int find_part(char *path, const char *name)
{
	char dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);

	dir[n > 0 ? n : 0] = 0;
	if (strrchr(dir, '/'))
		*strrchr(dir, '/') = 0;
	return readable(path, dir, "", name) || readable(path, dir, "/../lib/" FDW_MULTIARCH "/fdwarden", name);
}

int find_parts(struct parts *p, int want_provider, char *error, unsigned long n)
{
	const char *provider = getenv(FDW_ENV_PROVIDER);

	if (!find_part(p->library, "libfdwarden.so")) {
		snprintf(error, n, "libfdwarden.so is neither beside this command nor in ../lib/" FDW_MULTIARCH "/fdwarden; "
		         "build or install it (make, make install)");
		return -1;
	}
	if (strpbrk(p->library, ": ")) {
		snprintf(error, n, "LD_PRELOAD cannot name %s: there is a blank or a colon in it; install it elsewhere", p->library);
		return -1;
	}
	if (provider && *provider)
		snprintf(p->provider, sizeof p->provider, "%s", provider);
	else if (want_provider && !find_part(p->provider, "libfdwarden-ust.so")) {
		snprintf(error, n, "libfdwarden-ust.so is neither beside this command nor in ../lib/" FDW_MULTIARCH "/fdwarden; "
		         "build or install it (make, make install)");
		return -1;
	}
	return 0;
}

/* ---- the environment -----------------------------------------------------------------------------------------------*/

static char *entry(const char *name, const char *value)
{
	char *e;

	return asprintf(&e, "%s=%s", name, value) < 0 ? NULL : e;
}

static int set(char **env, size_t *n, const char *name, const char *value)
{
	char *e = entry(name, value);
	size_t len = strlen(name), i = 0;

	if (!e)
		return -1;
	while (i < *n && (strncmp(env[i], name, len) || env[i][len] != '='))
		i++;
	env[i] = e;
	*n += i == *n;
	return 0;
}

int preload_lists(const char *list, const char *path)
{
	size_t n = strlen(path);

	for (const char *p = list; (p = strstr(p, path)); p += n)
		if ((p == list || p[-1] == ':' || p[-1] == ' ') && (!p[n] || p[n] == ':' || p[n] == ' '))
			return 1;
	return 0;
}

/* A sanitizer's library that leads somebody's list stays in front: without its separator. */
static size_t leading(const char *list)
{
	size_t n = strcspn(list, ": ");
	const char *base = memrchr(list, '/', n);

	return elf_wants_to_be_first(base ? base + 1 : list) ? n : 0;
}

/* What the user himself put in front is in front for all that the program starts, as without us; what we put there is for the program alone. */
static int set_preload(char **env, size_t *n, const struct child_env *c)
{
	const char *old = getenv("LD_PRELOAD"), *rest = old ? old : "", *first = rest;
	size_t leads = leading(rest);
	char *value;
	int r;

	if (old && preload_lists(old, c->library))
		return 0;
	if (leads) {
		rest += leads + (rest[leads] != 0);
	} else if (c->first) {
		first = c->first;
		leads = strlen(first);
		if (set(env, n, FDW_ENV_FIRST, first) != 0)
			return -1;
	}
	if (asprintf(&value, "%.*s%s%s%s%s", (int)leads, first, leads ? ":" : "", c->library, *rest ? ":" : "", rest) < 0)
		return -1;
	r = set(env, n, "LD_PRELOAD", value);
	free(value);
	return r;
}

/*
 * LTTng looks for its user's daemon below LTTNG_HOME or HOME; the interposer leads that connection to ours. Without either it does not
 * look at all.
 */
static int set_recording(char **env, size_t *n, const struct child_env *c)
{
	const char *home = getenv("LTTNG_HOME") ? getenv("LTTNG_HOME") : getenv("HOME");

	if ((!home || strlen(home) > HOME_MAX) && set(env, n, "LTTNG_HOME", c->record) != 0)
		return -1;
	/* Short programs have to be recorded whole; a daemon that hangs may hold them up for a while, not for ever. */
	return set(env, n, FDW_ENV_RECORD, c->record) || set(env, n, "LTTNG_UST_REGISTER_TIMEOUT", FDW_REGISTER_TIMEOUT);
}

/* The seccomp filters this command runs under: the program inherits them, and our test recording works. "": none. */
static const char *filters(char *number, size_t size)
{
	char line[256];
	unsigned n;
	FILE *f = fopen("/proc/self/status", "re");

	snprintf(number, size, "%s", "");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Seccomp_filters: %u", &n) == 1 && n)
			snprintf(number, size, "%u", n);
	if (f)
		fclose(f);
	return number;
}

/* How far this command's CLOCK_MONOTONIC is ahead of the first time namespace's. "": not, or this kernel has none. */
static const char *clock_ahead(char *duration, size_t size)
{
	char line[128];
	long long seconds, ns;
	FILE *f = fopen("/proc/self/timens_offsets", "re");

	snprintf(duration, size, "%s", "");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "monotonic %lld %lld", &seconds, &ns) == 2 && (seconds || ns))
			snprintf(duration, size, "%lld.%lld", seconds, ns);
	if (f)
		fclose(f);
	return duration;
}

static void unset(char **env, size_t *n, const char *name)
{
	size_t len = strlen(name), to = 0;

	for (size_t i = 0; i < *n; i++)
		if (strncmp(env[i], name, len) || env[i][len] != '=')
			env[to++] = env[i];
	*n = to;
}

char **child_env_build(const struct child_env *c)
{
	size_t n = 0;
	char **env, depth[16], number[16], duration[40];

	while (environ && environ[n])
		n++;
	env = malloc((n + ADDITIONS + 1) * sizeof *env);
	if (!env)
		return NULL;
	memcpy(env, environ, n * sizeof *env);
	/* Of a recording around this one, if any: its daemon is not ours. */
	unset(env, &n, FDW_ENV_RECORD);
	unset(env, &n, FDW_ENV_FILTERS);
	unset(env, &n, FDW_ENV_CLOCK);
	unset(env, &n, FDW_ENV_FIRST);
	snprintf(depth, sizeof depth, "%d", c->stack_depth);
	if (set_preload(env, &n, c) || set(env, &n, "FDWARDEN_MODE", c->mode) ||
	    (c->stack_depth >= 0 && set(env, &n, "FDWARDEN_STACK_DEPTH", depth)) || (c->log && set(env, &n, "FDWARDEN_LOG", c->log)) ||
	    (*filters(number, sizeof number) && set(env, &n, FDW_ENV_FILTERS, number)) ||
	    (*clock_ahead(duration, sizeof duration) && set(env, &n, FDW_ENV_CLOCK, duration)) ||
	    (c->record && set_recording(env, &n, c)))
		return NULL;
	env[n] = NULL;
	return env;
}
