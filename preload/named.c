/*
 * preload/named.c: see named.h.
 *
 * Who hands a descriptor to a program by its number alone has to say the number: in an argument (/dev/fd/5, --fd=5, 5), or in a variable
 * (LISTEN_FDS, MAKEFLAGS, NGINX, GPG_FD …). So every number that stands there by itself counts, whatever is meant: a descriptor that is
 * only perhaps asked for is none to complain about. Not variables that every session has, which hold numbers of other things.
 *
 * Context: the start of the program, while recording. No system call, no allocation.
 */
#include "named.h"
#include "poison.h"

#define NUMBERS 4096
static uint64_t named[NUMBERS / 64];

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static void add(unsigned long n)
{
	if (n < NUMBERS)
		named[n / 64] |= UINT64_C(1) << n % 64;
}

/* "fd5" names it, "python3" and "10.0.0.5" do not. */
static int begins_number(const char *text, const char *p)
{
	if (p == text)
		return 1;
	if (is_letter(p[-1]))
		return p - text >= 2 && (p[-1] | 32) == 'd' && (p[-2] | 32) == 'f';
	return !(p[-1] == '.' && p - text >= 2 && is_digit(p[-2]));
}

static void scan(const char *text)
{
	for (const char *p = text; *p; p++) {
		const char *from = p;
		unsigned long n = 0;

		if (!is_digit(*p))
			continue;
		for (; is_digit(*p); p++)
			n = n < NUMBERS ? n * 10 + (unsigned long)(*p - '0') : n;
		if (begins_number(text, from) && !is_letter(*p) && !(*p == '.' && is_digit(p[1])) && (*from != '0' || p - from == 1))
			add(n);
		if (!*p)
			return;
	}
}

static int is_of_session(const char *entry)
{
	static const char *const names[] = { "FDWARDEN_*", "LTTNG_*", "LD_*", "LC_*", "LANG", "LANGUAGE", "PATH", "HOME", "PWD", "OLDPWD", "SHELL",
		"SHLVL", "USER", "LOGNAME", "MAIL", "HOSTNAME", "TERM", "TERMCAP", "COLORTERM", "COLUMNS", "LINES", "LS_COLORS", "GREP_COLORS",
		"PS1", "DISPLAY", "WINDOWID", "VTE_VERSION", "XDG_*", "DBUS_*", "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "SSH_AUTH_SOCK",
		"SSH_AGENT_PID", "SUDO_*", "TZ", "EDITOR", "PAGER", "LESS", "_", NULL };

	for (const char *const *n = names; *n; n++) {
		size_t len = strlen(*n);
		if ((*n)[len - 1] == '*' ? !strncmp(entry, *n, len - 1) : !strncmp(entry, *n, len) && entry[len] == '=')
			return 1;
	}
	return 0;
}

/* Socket activation: the numbers from 3 on, as many as it says. */
static void listen_fds(const char *count)
{
	unsigned long n = 0;

	for (; is_digit(*count) && n < NUMBERS; count++)
		n = n * 10 + (unsigned long)(*count - '0');
	for (unsigned long fd = 3; fd < 3 + n; fd++)
		add(fd);
}

void fdw_named_learn(char *const *argv, char *const *envp)
{
	for (; argv && *argv; argv++)
		scan(*argv);
	for (; envp && *envp; envp++) {
		const char *value = strchr(*envp, '=');
		if (!value || is_of_session(*envp))
			continue;
		if (!strncmp(*envp, "LISTEN_FDS=", 11))
			listen_fds(value + 1);
		scan(value + 1);
	}
}

/* Beyond what is remembered: perhaps. */
int fdw_named(int fd) { return fd < 0 || fd >= NUMBERS || (named[fd / 64] >> fd % 64 & 1); }
