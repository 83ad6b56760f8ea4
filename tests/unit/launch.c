/*
 * tests/unit/launch.c: what the launcher decides without starting anything: pre-flight on files made here, quoting, numbers, and the
 * environment of the program.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "analyzer/child_env.h"
#include "analyzer/preflight.h"
#include "analyzer/say.h"

static char dir[] = "/tmp/fdw-unit-XXXXXX";

static int make_dir(void **state)
{
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	return chdir("/") || rmdir(dir);
}

static void put(const char *name, const void *bytes, size_t n, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
	chmod(name, mode);
}

static enum preflight_verdict verdict_on(const char *name, struct preflight *p)
{
	preflight(name, p);
	return p->verdict;
}

static void scripts(void **state)
{
	static const struct { const char *text; enum preflight_verdict want; } cases[] = {
		{ "#!/bin/sh\n", PREFLIGHT_OK },
		{ "#! \t /bin/sh -e x\n", PREFLIGHT_OK },
		{ "#!/bin/sh", PREFLIGHT_OK },
		{ "#!/usr/bin/env sh\n", PREFLIGHT_OK },
		{ "#!/no/such/thing\n", PREFLIGHT_NOT_FOUND },
		{ "#!/tmp\n", PREFLIGHT_CANNOT_EXEC },
		{ "#!\n", PREFLIGHT_CANNOT_EXEC },
		{ "#!   \n", PREFLIGHT_CANNOT_EXEC },
		{ "#!", PREFLIGHT_CANNOT_EXEC },
		{ "#!./script\n", PREFLIGHT_CANNOT_EXEC }, /* its own interpreter */
	};
	struct preflight p;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put("script", cases[i].text, strlen(cases[i].text), 0755);
		if (verdict_on("./script", &p) != cases[i].want)
			fail_msg("%s: %d, not %d: %s", cases[i].text, p.verdict, cases[i].want, p.why);
	}
	unlink("script");
}

struct image { Elf64_Ehdr e; Elf64_Phdr p[1]; char interp[64]; };

static struct image program(const char *interp)
{
	struct image i = {
		.e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_DYN, .e_machine = EM_X86_64,
			.e_version = EV_CURRENT, .e_phoff = offsetof(struct image, p), .e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 },
		.p = { { .p_type = interp ? PT_INTERP : PT_LOAD, .p_offset = offsetof(struct image, interp), .p_filesz = 64 } },
	};
	snprintf(i.interp, sizeof i.interp, "%s", interp ? interp : "");
	return i;
}

static void check_image(const struct image *i, size_t n, enum preflight_verdict want, enum fdw_why why)
{
	struct preflight p;

	put("image", i, n, 0755);
	verdict_on("./image", &p);
	if (p.verdict != want || p.reason != why)
		fail_msg("verdict %d reason %d, not %d %d: %s", p.verdict, p.reason, want, why, p.why);
	if (want == PREFLIGHT_UNOBSERVABLE) {
		assert_true(*p.why);
		assert_true(*p.instead);
	}
	unlink("image");
}

static void elf_kinds(void **state)
{
	struct image i = program("/lib64/ld-linux-x86-64.so.2");

	check_image(&i, sizeof i, PREFLIGHT_OK, FDW_WHY_OK);
	i = program("/no/such/ld-linux-x86-64.so.2");
	check_image(&i, sizeof i, PREFLIGHT_NOT_FOUND, FDW_WHY_OK);
	i = program("/bin/true"); /* there, and no glibc loader by name */
	check_image(&i, sizeof i, PREFLIGHT_UNOBSERVABLE, FDW_WHY_LIBC);
	i = program(NULL);
	check_image(&i, sizeof i, PREFLIGHT_UNOBSERVABLE, FDW_WHY_STATIC);
	i.e.e_type = ET_EXEC;
	check_image(&i, sizeof i, PREFLIGHT_UNOBSERVABLE, FDW_WHY_STATIC);
	i.e.e_machine = EM_AARCH64;
	check_image(&i, sizeof i, PREFLIGHT_UNOBSERVABLE, FDW_WHY_CLASS);
	i = program("/lib64/ld-linux-x86-64.so.2");
	i.e.e_type = ET_REL;
	check_image(&i, sizeof i, PREFLIGHT_CANNOT_EXEC, FDW_WHY_OK);
}

/* Whatever is cut off or overwritten: an answer, never a crash. */
static void damaged_elf(void **state)
{
	struct image i = program("/lib64/ld-linux-x86-64.so.2");
	unsigned char *bytes = (unsigned char *)&i;
	struct preflight p;

	for (size_t n = 0; n < sizeof i; n++) {
		put("image", &i, n, 0755);
		preflight("./image", &p);
		if (n < sizeof i.e)
			assert_int_equal(p.verdict, PREFLIGHT_CANNOT_EXEC);
	}
	for (size_t n = 4; n < sizeof i; n++)
		for (int v = 0; v < 256; v += 51) {
			unsigned char kept = bytes[n];
			bytes[n] = (unsigned char)v;
			put("image", &i, sizeof i, 0755);
			preflight("./image", &p);
			bytes[n] = kept;
		}
	unlink("image");
}

static void not_there(void **state)
{
	struct preflight p;

	assert_int_equal(verdict_on("./nothing", &p), PREFLIGHT_NOT_FOUND);
	assert_int_equal(verdict_on("no-such-program-anywhere", &p), PREFLIGHT_NOT_FOUND);
	assert_int_equal(verdict_on("", &p), PREFLIGHT_NOT_FOUND);
	assert_int_equal(verdict_on("/", &p), PREFLIGHT_CANNOT_EXEC);
	assert_int_equal(verdict_on("/dev/null", &p), PREFLIGHT_CANNOT_EXEC);
	put("plain", "#!/bin/sh\n", 10, 0644);
	assert_int_equal(verdict_on("./plain", &p), PREFLIGHT_CANNOT_EXEC);
	unlink("plain");
	assert_int_equal(verdict_on("sh", &p), PREFLIGHT_OK);
	assert_true(p.path[0] == '/');
}

static void quoting(void **state)
{
	static const char *const cases[][2] = {
		{ "fdwarden.true.12", "fdwarden.true.12" }, { "a b", "'a b'" }, { "it's", "'it'\\''s'" }, { "", "''" }, { "$HOME", "'$HOME'" },
		{ "~x", "'~x'" }, { "a\nb", "'a\nb'" }, { "\303\244", "'\303\244'" }, { "/tmp/x-1_2,3:4=5@6%7+8", "/tmp/x-1_2,3:4=5@6%7+8" },
	};
	char buf[64], small[8];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(text_quoted(cases[i][0], buf, sizeof buf), cases[i][1]);
	assert_true(strlen(text_quoted("longer than that", small, sizeof small)) < sizeof small);
}

static void numbers(void **state)
{
	char buf[48];

	assert_string_equal(grouped(0), "0");
	assert_string_equal(grouped(999), "999");
	assert_string_equal(grouped(1204881), "1,204,881");
	assert_string_equal(grouped(UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(text_bytes(999, buf, sizeof buf), "999 bytes");
	assert_string_equal(text_bytes(4096, buf, sizeof buf), "4.1 kB");
	assert_string_equal(text_bytes(41000000, buf, sizeof buf), "41 MB");
	assert_string_equal(text_signal(SIGTERM, buf, sizeof buf), "SIGTERM");
	assert_string_equal(text_signal(SIGRTMIN + 2, buf, sizeof buf), "SIGRTMIN+2");
}

static const char *value(char **env, const char *name)
{
	size_t n = strlen(name);
	const char *found = NULL;

	for (; *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=') {
			assert_null(found); /* once */
			found = *env + n + 1;
		}
	return found;
}

static void environment(void **state)
{
	static char *plain[] = { "A=1", "HOME=/root", "LD_PRELOAD=/lib/other.so", "B=2", NULL };
	static char *nested[] = { "LD_PRELOAD=/x/libfdwarden.so:/lib/other.so", "FDWARDEN_RECORD=/outer", "FDWARDEN_MODE=audit", NULL };
	static char *bare[] = { NULL };
	static char *users[] = { "LD_PRELOAD=/lib/libasan.so.8:/lib/other.so", "FDWARDEN_FIRST=libasan.so.8", NULL };
	struct child_env c = { .library = "/x/libfdwarden.so", .mode = "observe", .stack_depth = -1, .record = "/run/r", .log = "off" };
	char **saved = environ, **env;

	environ = plain;
	env = child_env_build(&c);
	assert_string_equal(env[0], "A=1");
	assert_string_equal(env[3], "B=2");
	assert_string_equal(value(env, "LD_PRELOAD"), "/x/libfdwarden.so:/lib/other.so");
	assert_string_equal(value(env, "FDWARDEN_RECORD"), "/run/r");
	assert_string_equal(value(env, "FDWARDEN_MODE"), "observe");
	assert_null(value(env, "LTTNG_HOME"));
	assert_null(value(env, "FDWARDEN_STACK_DEPTH"));
	environ = nested;
	c.record = NULL;
	c.stack_depth = 3;
	env = child_env_build(&c);
	assert_string_equal(value(env, "LD_PRELOAD"), "/x/libfdwarden.so:/lib/other.so");
	assert_null(value(env, "FDWARDEN_RECORD"));
	assert_string_equal(value(env, "FDWARDEN_STACK_DEPTH"), "3");
	environ = bare;
	c.record = "/run/r";
	c.first = "libasan.so.8";
	env = child_env_build(&c);
	assert_string_equal(value(env, "LD_PRELOAD"), "libasan.so.8:/x/libfdwarden.so");
	assert_string_equal(value(env, "FDWARDEN_FIRST"), "libasan.so.8");
	assert_string_equal(value(env, "LTTNG_HOME"), "/run/r"); /* or LTTng does not look for its user's daemon */
	environ = users;
	env = child_env_build(&c);
	assert_string_equal(value(env, "LD_PRELOAD"), "/lib/libasan.so.8:/x/libfdwarden.so:/lib/other.so"); /* the user's: it stays there */
	assert_null(value(env, "FDWARDEN_FIRST"));
	environ = saved;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts), cmocka_unit_test(elf_kinds), cmocka_unit_test(damaged_elf), cmocka_unit_test(not_there),
		cmocka_unit_test(quoting), cmocka_unit_test(numbers), cmocka_unit_test(environment),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
