/*
 * preload/log.c: see log.h. Context: any thread, handlers. May not: stdio, malloc, wait, raise a signal. Nothing is logged where writing
 * could hurt: stderr that is no longer the program's first one, or full, or without a reader; when a seccomp filter is there, log files
 * are not opened (stderr is only written to). What was not written is counted, and the next line says so.
 */
#include <dlfcn.h>
#include <link.h>
#include "aside.h"
#include "log.h"
#include "options.h"
#include "stack.h"
#include "table.h"
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

/* ---- where lines go --------------------------------------------------------------------------------------------------------------------*/

/*
 * Number 2 is where lines go only while it is what it was when the program started: a program that closed it may have a database or a
 * connection there by now.
 */
static struct { dev_t dev; ino_t ino; uint8_t known, socket; } standard_error;
static _Atomic uint32_t unsaid; /* lines that could not be written */

void fdw_log_start(void)
{
	struct stat st;

	if (fdw_process.filtered || standard_error.known || fdw_raw(SYS_newfstatat, 2L, "", &st, (long)AT_EMPTY_PATH) != 0)
		return;
	standard_error.dev = st.st_dev;
	standard_error.ino = st.st_ino;
	standard_error.socket = S_ISSOCK(st.st_mode);
	standard_error.known = 1;
}

static int is_standard_error(void)
{
	struct stat st;

	if (fdw_process.filtered) /* no system call that is not needed: what we saw ourselves must do */
		return !fdw_gen(fdw_peek(2)) || fdw_record(2)->open_call == FDW_CALL_none;
	return standard_error.known && fdw_raw(SYS_newfstatat, 2L, "", &st, (long)AT_EMPTY_PATH) == 0 &&
	       st.st_dev == standard_error.dev && st.st_ino == standard_error.ino;
}

/* FDWARDEN_LOG names a file: %p is the pid. Opened for each line, unseen (aside.h): we hold no descriptor that the program could meet. */
static int open_log(void)
{
	struct line path = { 0 };
	const char *p = fdw_options.log;

	if (!strcmp(p, "stderr"))
		return is_standard_error() ? 2 : -1;
	if (!strcmp(p, "off") || fdw_process.filtered)
		return -1;
	for (; *p && path.n < LINE_MAX_; p++) {
		if (p[0] == '%' && p[1] == 'p')
			put_number(&path, fdw_process.pid, 10), p++;
		else
			path.s[path.n++] = *p;
	}
	path.s[path.n] = 0;
	/* O_NONBLOCK: nobody can make us wait with a FIFO */
	return (int)fdw_raw(SYS_openat, AT_FDCWD, path.s, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
}

/* Signals that a write may bring: a pipe without a reader, a file at its limit, a terminal of the foreground's. */
#define OF_WRITING (UINT64_C(1) << (SIGPIPE - 1) | UINT64_C(1) << (SIGXFSZ - 1) | UINT64_C(1) << (SIGTTOU - 1))

/* The write, if it can be done at once, and without the signals. 1: done. */
static int write_quietly(int fd, const struct line *l)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	static const struct timespec at_once;
	uint64_t block = OF_WRITING, mask, before = 0, after = 0;
	long r;

	/* What poll calls writable takes a line of less than PIPE_BUF whole and without waiting. */
	if (fdw_raw(SYS_ppoll, &ready, 1L, &at_once, NULL, 8L) != 1 || ready.revents != POLLOUT)
		return 0;
	if (fd == 2 && standard_error.socket)
		return fdw_raw(SYS_sendto, 2L, l->s, l->n, (long)(MSG_NOSIGNAL | MSG_DONTWAIT), NULL, 0L) == (long)l->n;
	fdw_raw(SYS_rt_sigpending, &before, 8L);
	fdw_raw(SYS_rt_sigprocmask, (long)SIG_BLOCK, &block, &mask, 8L);
	r = fdw_raw(SYS_write, (long)fd, l->s, l->n);
	if (r != (long)l->n) {
		fdw_raw(SYS_rt_sigpending, &after, 8L);
		after &= OF_WRITING & ~before;
		if (after)
			fdw_raw(SYS_rt_sigtimedwait, &after, NULL, &at_once, 8L);
	}
	fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &mask, NULL, 8L);
	return r == (long)l->n;
}

struct writing { struct line *line; int done; };

/* Also in a helper: no errno, no thread-local. */
static void open_and_write(void *p)
{
	struct writing *w = p;
	int fd = open_log();

	if (fd >= 0 && fdw_process.filtered)
		w->done = fdw_raw(SYS_write, (long)fd, w->line->s, w->line->n) == (long)w->line->n;
	else
		w->done = fd >= 0 && write_quietly(fd, w->line);
	if (fd > 2)
		fdw_raw(SYS_close, fd);
}

static void write_line(struct line *l)
{
	struct writing w = { l, 0 };

	if (!strcmp(fdw_options.log, "off"))
		return;
	if (l->n > LINE_MAX_ - 1)
		l->n = LINE_MAX_ - 1;
	l->s[l->n++] = '\n';
	if (!strcmp(fdw_options.log, "stderr") || fdw_process.filtered)
		open_and_write(&w); /* opens nothing */
	else
		fdw_unseen(fdw_table_is_own(), open_and_write, &w);
	if (!w.done)
		atomic_fetch_add(&unsaid, 1);
}

/* The first line after some that were lost says how many. */
static void begin_line(struct line *l)
{
	uint32_t n = atomic_exchange(&unsaid, 0);

	put(l, "fdwarden: ");
	if (!n)
		return;
	put(l, "(");
	put_number(l, n, 10);
	put(l, n == 1 ? " line could not be written) " : " lines could not be written) ");
}

static __attribute__((noinline)) void write_text(void *text, uintptr_t more)
{
	struct line l = { 0 };

	begin_line(&l);
	put(&l, text);
	if (more)
		put(&l, (const char *)more);
	write_line(&l);
}

void fdw_log_line(const char *text, const char *more)
{
	if (!fdw_deep(write_text, (void *)(uintptr_t)text, (uintptr_t)more))
		atomic_fetch_add(&unsaid, 1);
}

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
	put_number(l, pc - found.dlfo_link_map->l_addr, 16);
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

static __attribute__((noinline)) void write_violation(void *arg, uintptr_t unused)
{
	const struct fdw_violation *v = arg;
	struct line l = { 0 };
	int saved = errno;

	if (said_before(v) && !fdw_process.on_violation)
		return;
	begin_line(&l);
	put(&l, name);
	put(&l, "[");
	put_number(&l, fdw_process.pid, 10);
	put(&l, "]: ");
	put(&l, v->rule);
	put(&l, ": ");
	put(&l, v->call);
	put(&l, "(");
	if (v->fd != FDW_NO_FD)
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

/* A line takes more than a handler's stack may have to spare: where there is no other, it is counted, and the next one says so. */
void fdw_log_violation(const struct fdw_violation *v)
{
	if (!fdw_process.on_violation && !strcmp(fdw_options.log, "off"))
		return;
	if (fdw_deep(write_violation, (void *)(uintptr_t)v, 0))
		return;
	if (fdw_process.on_violation)
		write_violation((void *)(uintptr_t)v, 0);
	else
		atomic_fetch_add(&unsaid, 1);
}
