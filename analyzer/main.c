/*
 * analyzer/main.c: the fdwarden command: one table of commands.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include "analyzer/child_env.h"
#include "analyzer/commands.h"
#include "analyzer/launch.h"

static const struct { const char *name, *what; int (*run)(int, char **); } commands[] = {
	{ "run", "[OPTION...] -- PROG [ARG...] run a program protected", cmd_run },
	{ "record", "[OPTION...] -- PROG [ARG...] run a program and record a trace", cmd_record },
	{ "report", "[OPTION...] TRACE...         tell what is wrong in traces", cmd_report },
	{ "audit", "[OPTION...] -- PROG [ARG...] record and report in one step", cmd_audit },
	{ "doctor", "[PROG]                       can this machine, and PROG, be observed?", cmd_doctor },
	{ "diff", "OLD NEW                      compare two reports made with --format=json", cmd_diff },
	{ "config", "--show                       the settings that hold, and where each came from", cmd_config },
	{ "attach", "--unit NAME                  a systemd service runs protected from its next start on", cmd_attach },
	{ "detach", "--unit NAME                  and no more", cmd_detach },
	{ "snapshot", "PID|NAME                  write out the ring of a recording that runs", cmd_snapshot },
};

static void usage(FILE *to)
{
	struct parts parts;
	char error[512];

	fputs("Usage: fdwarden COMMAND ...\n"
	      "Makes file descriptors safe in unmodified programs and tells who did what to them.\n\n", to);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(to, "  fdwarden %-8s %s\n", commands[i].name, commands[i].what);
	fputs("\n  fdwarden COMMAND --help   its options and exit statuses\n"
	      "  fdwarden --version\n\n"
	      "Without fdwarden:  LD_PRELOAD=", to);
	fprintf(to, "%s PROG   (FDWARDEN_OPTIONS=help lists its settings)\n", find_parts(&parts, 0, error, sizeof error) == 0 ? parts.library : "libfdwarden.so");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	launch_guard_stdio();
	launch_raise_limit();
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help") || !strcmp(name, "-?")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		puts("fdwarden " FDW_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run(argc - 1, argv + 1);
	if (*name)
		fprintf(stderr, "fdwarden: unknown command '%s'; fdwarden --help lists them\n", name);
	else
		usage(stderr);
	return EXIT_USAGE;
}
