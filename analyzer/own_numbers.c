/*
 * analyzer/own_numbers.c: paths by which a process reaches its own numbers: /proc/self/fd and what else means the same.
 *
 * Where a relative path begins is not told. So one that could be a list is taken for one: all that depends on it is that the list's own number, which
 * it names, too, may be closed once more.
 */
#include "analyzer/model_parts.h"

/* The next component, n bytes of it; NULL: there is none. Empty ones and "." mean nothing. */
static const char *component(const char **path, size_t *n)
{
	const char *c;

	do {
		c = *path + strspn(*path, "/");
		*n = strcspn(c, "/");
		*path = c + *n;
	} while (*n == 1 && *c == '.');
	return *n ? c : NULL;
}

static int is(const char *c, size_t n, const char *name) { return c && strlen(name) == n && !strncmp(c, name, n); }

static int is_number(const char *c, size_t n) { return c && strspn(c, "0123456789") == n; }

/* pid 0: whoever it is. */
static int is_process(const char *c, size_t n, uint32_t pid)
{
	return is(c, n, "self") || is(c, n, "thread-self") || (is_number(c, n) && (!pid || strtoul(c, NULL, 10) == pid));
}

int path_lists_own(const char *path, uint32_t pid)
{
	int absolute = *path == '/';
	size_t n;
	const char *c = component(&path, &n);

	if (absolute && is(c, n, "dev")) {
		c = component(&path, &n);
		return is(c, n, "fd") && !component(&path, &n);
	}
	if (absolute && !is(c, n, "proc"))
		return 0;
	if (absolute)
		c = component(&path, &n);
	else
		while (is(c, n, ".."))
			c = component(&path, &n);
	if (is_process(c, n, absolute ? pid : 0))
		c = component(&path, &n);
	else if (absolute)
		return 0;
	if (is(c, n, "task")) {
		c = component(&path, &n);
		if (!is_number(c, n))
			return 0;
		c = component(&path, &n);
	}
	return (is(c, n, "fd") || is(c, n, "fdinfo")) && !component(&path, &n);
}

const char *path_in_own(const char *path, uint32_t pid)
{
	char own[32];
	const char *const places[] = { "/dev/fd", "/proc/self/fd", "/proc/thread-self/fd", own };

	snprintf(own, sizeof own, "/proc/%u/fd", pid);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		size_t n = strlen(places[i]);
		if (!strncmp(path, places[i], n) && (!path[n] || path[n] == '/'))
			return path + n + (path[n] == '/');
	}
	return NULL;
}
