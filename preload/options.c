/*
 * preload/options.c: FDWARDEN_* by the contract. An unknown name or value is one warning line; the default is used.
 *
 * Context: constructor only; environ is not set up yet. All strings are copied into static memory: the program may change its own.
 */
#include <dlfcn.h>
#include <link.h>
#include "log.h"
#include "options.h"
#include "poison.h"

struct fdw_options fdw_options = { .log = "stderr", .tombstones = 128, .tombstone_ms = 10000 };
#define CARRY_MAX 24
#define CARRY_BYTES 8192
const char *fdw_carry[CARRY_MAX];
unsigned fdw_carry_count;
static char carry_bytes[CARRY_BYTES];
static size_t carry_used;

static const char *const help[] = {
	"FDWARDEN_MODE=observe|enforce|audit   what may change for the program (default enforce)",
	"FDWARDEN_STACK_DEPTH=0..64            frames of a recorded stack (default 16)",
	"FDWARDEN_LOG=stderr|off|PATH          where violations are logged; %p in PATH is the pid (default stderr)",
	"FDWARDEN_ON_VIOLATION=log|abort       what happens after a violation was logged (default log)",
	"FDWARDEN_TOMBSTONES=0..896            audit: closed numbers kept back at the same time, at most a quarter of the limit (default 128)",
	"FDWARDEN_TOMBSTONE_MS=0..3600000      audit: how long each (default 10000)",
	"FDWARDEN_SIGNAL_REPAIR=off|onstack    onstack: SA_ONSTACK is added to every handler that lacks it (default off)",
	"FDWARDEN_IO_URING=allow|deny          deny: io_uring_setup answers ENOSYS, for what io_uring opens, arms and closes is not seen (default allow)",
	"FDWARDEN_DISABLE=1                    everything passes through",
	"FDWARDEN_RECORD=DIR                   record through the session daemon whose socket is DIR/lttng-ust-sock-8",
	"FDWARDEN_PROVIDER=PATH                libfdwarden-ust.so (default: beside libfdwarden.so)",
	"FDWARDEN_FILTERS=N                    N seccomp filters were inherited and are known to allow what recording needs (set by the command)",
	"FDWARDEN_CLOCK=[-]SECONDS.NS          the command's time namespace is that much ahead of the first one (set by the command)",
	"FDWARDEN_FIRST=NAME                   that library stands first in LD_PRELOAD for this program alone (set by the command)",
	"FDWARDEN_OPTIONS=help                 this list",
};

static void copy(char *to, const char *from)
{
	size_t n = strlen(from);
	if (n >= FDW_PATH_MAX)
		n = FDW_PATH_MAX - 1;
	memcpy(to, from, n);
	to[n] = 0;
}

static int set_mode(const char *v)
{
	static const char *const names[] = { "observe", "enforce", "audit" };
	for (int i = 0; i < 3; i++)
		if (!strcmp(v, names[i]))
			return fdw_process.mode = (uint8_t)i, 1;
	return 0;
}


static int set_log(const char *v)
{
	if (!*v)
		return 0;
	copy(fdw_options.log, v);
	return 1;
}

static int set_violation(const char *v)
{
	fdw_process.on_violation = !strcmp(v, "abort");
	return fdw_process.on_violation || !strcmp(v, "log");
}

static int set_repair(const char *v)
{
	fdw_process.onstack = !strcmp(v, "onstack");
	return fdw_process.onstack || !strcmp(v, "off");
}

static int set_io_uring(const char *v)
{
	fdw_process.no_uring = !strcmp(v, "deny");
	return fdw_process.no_uring || !strcmp(v, "allow");
}

static int set_disable(const char *v)
{
	fdw_process.disabled = !strcmp(v, "1");
	return fdw_process.disabled || !*v || !strcmp(v, "0");
}

static int set_record(const char *v) { copy(fdw_options.record, v); return *v == '/'; }
static int set_provider(const char *v) { copy(fdw_options.provider, v); return *v == '/'; }

/* A whole number up to most. */
static int set_number(unsigned *to, const char *v, unsigned most)
{
	unsigned n = 0;

	if (!*v)
		return 0;
	for (; *v >= '0' && *v <= '9' && n <= most; v++)
		n = n * 10 + (unsigned)(*v - '0');
	if (*v || n > most)
		return 0;
	*to = n;
	return 1;
}

static int set_filters(const char *v) { return set_number(&fdw_options.filters, v, 100000) && fdw_options.filters; }
static int set_clock(const char *v)
{
	if (!v[strspn(v, "-0123456789.")] && strlen(v) < sizeof fdw_options.recorders_clock)
		return strcpy(fdw_options.recorders_clock, v), 1;
	return 0;
}
static int set_first(const char *v)
{
	if (strlen(v) < sizeof fdw_options.first)
		return strcpy(fdw_options.first, v), 1;
	return 0;
}
static int set_depth(const char *v)
{
	unsigned n;

	if (!set_number(&n, v, 10000))
		return 0;
	fdw_process.stack_depth = (uint8_t)(n > FDW_STACK_MAX ? FDW_STACK_MAX : n);
	return 1;
}
static int set_tombstones(const char *v) { return set_number(&fdw_options.tombstones, v, 896); }
static int set_tombstone_ms(const char *v) { return set_number(&fdw_options.tombstone_ms, v, 3600000); }

static int set_options(const char *v)
{
	if (strcmp(v, "help"))
		return !*v;
	for (size_t i = 0; i < sizeof help / sizeof *help; i++)
		fdw_log_line(help[i], NULL);
	return 1;
}

static const struct { const char *name; int (*set)(const char *); } settings[] = {
	{ "FDWARDEN_LOG", set_log }, /* first: the warnings of the others go where it says */
	{ "FDWARDEN_MODE", set_mode },
	{ "FDWARDEN_STACK_DEPTH", set_depth },
	{ "FDWARDEN_ON_VIOLATION", set_violation },
	{ "FDWARDEN_TOMBSTONES", set_tombstones },
	{ "FDWARDEN_TOMBSTONE_MS", set_tombstone_ms },
	{ "FDWARDEN_SIGNAL_REPAIR", set_repair },
	{ "FDWARDEN_IO_URING", set_io_uring },
	{ "FDWARDEN_DISABLE", set_disable },
	{ FDW_ENV_RECORD, set_record },
	{ FDW_ENV_PROVIDER, set_provider },
	{ FDW_ENV_FILTERS, set_filters },
	{ FDW_ENV_CLOCK, set_clock },
	{ FDW_ENV_FIRST, set_first },
	{ "FDWARDEN_OPTIONS", set_options },
};

static const char *value_of(const char *entry, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(entry, name, n) && entry[n] == '=' ? entry + n + 1 : NULL;
}

static void carry(const char *entry)
{
	size_t n = strlen(entry) + 1;
	if (fdw_carry_count == CARRY_MAX || n > CARRY_BYTES - carry_used)
		return; /* the child then runs with the default */
	fdw_carry[fdw_carry_count++] = memcpy(carry_bytes + carry_used, entry, n);
	carry_used += n;
}

static void read_one(const char *entry)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		const char *v = value_of(entry, settings[i].name);
		if (!v)
			continue;
		if (!settings[i].set(v)) {
			fdw_log_line("value not understood, the default is used: ", entry);
			return;
		}
		if (settings[i].set != set_options && settings[i].set != set_first)
			carry(entry);
		return;
	}
	fdw_log_line("unknown setting ignored (FDWARDEN_OPTIONS=help lists them): ", entry);
}

/* Where we were loaded from: the name for LD_PRELOAD of what is exec'd, and the provider's folder. */
static void find_library(void)
{
	Dl_info info;
	char *slash;

	if (!dladdr((void *)find_library, &info) || !info.dli_fname || info.dli_fname[0] != '/')
		return;
	copy(fdw_options.library, info.dli_fname);
	if (fdw_options.provider[0])
		return;
	copy(fdw_options.provider, info.dli_fname);
	slash = strrchr(fdw_options.provider, '/');
	if (slash - fdw_options.provider + sizeof "/libfdwarden-ust.so" > FDW_PATH_MAX)
		fdw_options.provider[0] = 0;
	else
		memcpy(slash, "/libfdwarden-ust.so", sizeof "/libfdwarden-ust.so");
}

void fdw_options_read(char **argv, char **envp)
{
	fdw_log_name(argv && argv[0] ? argv[0] : "?");
	if (!envp || fdw_process.secure)
		return find_library(); /* set-id: not one of the settings is believed */
	for (char **e = envp; *e; e++)
		if (value_of(*e, "FDWARDEN_LOG"))
			read_one(*e);
	for (char **e = envp; *e; e++) {
		if (!strncmp(*e, "FDWARDEN_", 9) && !value_of(*e, "FDWARDEN_LOG"))
			read_one(*e);
		else if (!strncmp(*e, "LTTNG_", 6))
			carry(*e);
	}
	find_library();
}
