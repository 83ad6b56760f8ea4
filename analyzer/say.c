/*
 * analyzer/say.c: see say.h. Context: the command and, before exec, its child: one write() a line, so that lines of several
 * processes do not mix and nothing stays in a buffer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "analyzer/say.h"

#define LINE 5000

static int is_quiet;

void say_quiet(int quiet) { is_quiet = quiet; }

static void say_list(const char *format, va_list args)
{
	char line[LINE] = "fdwarden: ";
	int saved = errno, head = (int)strlen(line), n = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, args);

	if (n > LINE - head - 2)
		n = LINE - head - 2;
	line[head + n] = '\n';
	(void)!write(2, line, (size_t)(head + n + 1));
	errno = saved;
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_list(format, args);
	va_end(args);
}

void say_info(const char *format, ...)
{
	va_list args;

	if (is_quiet)
		return;
	va_start(args, format);
	say_list(format, args);
	va_end(args);
}

const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

const char *grouped(uint64_t n)
{
	static char buffers[8][32];
	static unsigned next;
	char *buf = buffers[next++ % 8], *p = buf + 31;
	unsigned digits = 0;

	*p = 0;
	do {
		if (digits && digits % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + n % 10);
		digits++;
	} while (n /= 10);
	return p;
}

char *text_unfinished(uint64_t events, char *buf, size_t n)
{
	snprintf(buf, n, "%s event%s never finished, because its process ended or was killed in the middle of it, or a signal handler jumped out: other "
	         "events of the same processor may be missing", grouped(events), events == 1 ? " was" : "s were");
	return buf;
}

char *text_bytes(uint64_t v, char *buf, size_t n)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB" };
	double d = (double)v;
	int u = 0;

	for (; d >= 1000 && u < 4; u++)
		d /= 1000;
	snprintf(buf, n, u && d < 9.95 ? "%.1f %s" : "%.0f %s", d, units[u]);
	return buf;
}

char *text_quoted(const char *s, char *buf, size_t n)
{
	size_t at = 0;

	if (*s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./,:=@%+-")]) {
		snprintf(buf, n, "%s", s);
		return buf;
	}
	buf[at++] = '\'';
	for (; *s && at + 6 < n; s++) {
		if (*s == '\'') {
			memcpy(buf + at, "'\\''", 4);
			at += 4;
		} else {
			buf[at++] = *s;
		}
	}
	buf[at++] = '\'';
	buf[at] = 0;
	return buf;
}

char *text_signal(int signal, char *buf, size_t n)
{
	const char *name = sigabbrev_np(signal);

	if (name)
		snprintf(buf, n, "SIG%s", name);
	else if (signal >= SIGRTMIN && signal <= SIGRTMAX)
		snprintf(buf, n, "SIGRTMIN+%d", signal - SIGRTMIN);
	else
		snprintf(buf, n, "signal %d", signal);
	return buf;
}
