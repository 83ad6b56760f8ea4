/*
 * preload/log.c: see log.h. Context: any thread, handlers. May not: stdio, malloc. Nothing is logged where writing could hurt:
 * when a seccomp filter is there, log files are not opened (stderr is only written to).
 */
#include <dlfcn.h>
#include <link.h>
#include "log.h"
#include "options.h"
#include "poison.h"

#define LINE_MAX_ 900
static char name[64] = "?";

const char *const fdw_call_names[] = {
#define CALL_NAME(n, number) [number] = #n,
	FDW_CALLS(CALL_NAME)
};

struct line { size_t n; char s[LINE_MAX_ + 1]; };

static void put(struct line *l, const char *s)
{
	while (*s && l->n < LINE_MAX_)
		l->s[l->n++] = *s++;
}

static void put_number(struct line *l, uint64_t v, unsigned base)
{
	char digits[24];
	int i = 24;
	digits[--i] = 0;
	do
		digits[--i] = "0123456789abcdef"[v % base];
	while ((v /= base) && i > 0);
	put(l, digits + i);
}

static void put_int(struct line *l, long v)
{
	if (v < 0)
		put(l, "-");
	put_number(l, v < 0 ? (uint64_t)-v : (uint64_t)v, 10);
}

void fdw_log_name(const char *argv0)
{
	const char *base = strrchr(argv0, '/');
	size_t n;
	base = base ? base + 1 : argv0;
	n = strlen(base);
	if (n >= sizeof name)
		n = sizeof name - 1;
	memcpy(name, base, n);
	name[n] = 0;
}

/* FDWARDEN_LOG names a file: %p is the pid. Opened for each line: we hold no descriptor that the program could meet. */
static int open_log(void)
{
	struct line path = { 0 };
	const char *p = fdw_options.log;

	if (!strcmp(p, "stderr"))
		return 2;
	if (!strcmp(p, "off") || fdw_process.filtered)
		return -1;
	for (; *p && path.n < LINE_MAX_; p++) {
		if (p[0] == '%' && p[1] == 'p')
			put_number(&path, fdw_process.pid, 10), p++;
		else
			path.s[path.n++] = *p;
	}
	path.s[path.n] = 0;
	return (int)fdw_raw(SYS_openat, AT_FDCWD, path.s, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static void write_line(struct line *l)
{
	int fd = open_log();
	if (fd < 0)
		return;
	l->s[l->n++] = '\n';
	fdw_raw(SYS_write, (long)fd, l->s, l->n);
	if (fd != 2)
		fdw_raw(SYS_close, fd);
}

void fdw_log_line(const char *text, const char *more)
{
	struct line l = { 0 };
	put(&l, "fdwarden: ");
	put(&l, text);
	if (more)
		put(&l, more);
	write_line(&l);
}

#pragma weak _dl_find_object /* glibc 2.35 */

/* "module+0xoffset" through the loader's lock-free lookup. */
static void put_place(struct line *l, uintptr_t pc)
{
	struct dl_find_object found;
	const char *module, *slash;

	put(l, " at ");
	if (!pc || !_dl_find_object || _dl_find_object((void *)(pc - 1), &found) != 0) {
		put(l, "0x");
		put_number(l, pc, 16);
		return;
	}
	module = found.dlfo_link_map->l_name;
	slash = module ? strrchr(module, '/') : NULL;
	put(l, !module || !*module ? name : slash ? slash + 1 : module);
	put(l, "+0x");
	put_number(l, pc - 1 - found.dlfo_link_map->l_addr, 16);
}

/* The same wrong call from the same place is said once: a loop must not flood the program's stderr. Lines beyond the table are said. */
static int said_before(const struct fdw_violation *v)
{
	static _Atomic uint64_t said[64];
	uint64_t key = ((uint64_t)v->pc * 31 + v->before_pc) * 31 + (uintptr_t)v->rule, none;

	for (int i = 0; i < 64; i++) {
		none = 0;
		if (atomic_load(&said[i]) == key)
			return 1;
		if (atomic_compare_exchange_strong(&said[i], &none, key))
			return 0;
		if (none == key)
			return 1;
	}
	return 0;
}

void fdw_log_violation(const struct fdw_violation *v)
{
	struct line l = { 0 };
	int saved = errno;

	if (said_before(v) && !fdw_process.on_violation)
		return;
	put(&l, "fdwarden: ");
	put(&l, name);
	put(&l, "[");
	put_number(&l, fdw_process.pid, 10);
	put(&l, "]: ");
	put(&l, v->rule);
	put(&l, ": ");
	put(&l, v->call);
	put(&l, "(");
	put_int(&l, v->fd);
	put(&l, ")");
	put_place(&l, v->pc);
	put(&l, ": ");
	put(&l, v->what);
	if (v->before && v->before_pc) {
		put(&l, "; ");
		put(&l, v->before);
		put(&l, " by thread ");
		put_number(&l, v->before_tid, 10);
		put_place(&l, v->before_pc);
	}
	write_line(&l);
	if (fdw_process.on_violation) {
		struct sigaction dfl = { .sa_handler = SIG_DFL };
		sigaction(SIGABRT, &dfl, NULL);
		fdw_raw(SYS_tgkill, fdw_process.pid, fdw_tid(), SIGABRT);
	}
	errno = saved;
}
