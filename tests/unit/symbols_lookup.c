/*
 * tests/unit/symbols_lookup.c: functions, inlined chains, files and lines, compared with addr2line, which is told to do the same.
 *
 * addr2line names some padding between functions after the function before it, and what has no debugging information after the
 * symbol table's FILE entry; such addresses are left out. What needs a compiler that is not there is skipped.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "analyzer/symbols.h"

static const char c_program[] =
	"#include <stdio.h>\n#include <stdlib.h>\n"
	"static inline __attribute__((always_inline)) int leaf(int x) { return x * rand(); }\n"
	"static inline __attribute__((always_inline)) int middle(int x) {\n\tif (x > 2)\n\t\treturn leaf(x) +\n\t\t\tleaf(x - 1);\n\treturn leaf(1);\n}\n"
	"__attribute__((noinline)) int outer(int x) {\n\tint s = 0;\n\tfor (int i = 0; i < x; i++)\n\t\ts += middle(i);\n\treturn s;\n}\n"
	"int main(int argc, char **argv) { printf(\"%d\\n\", outer(argc) + middle(argc)); return 0; }\n";

static const char cc_program[] =
	"#include <cstdio>\n#include <cstdlib>\n#include <string>\n#include <vector>\n"
	"namespace app {\n"
	"template<class T> struct Pool { std::vector<T> v; __attribute__((noinline)) void put(T x) { v.push_back(x); }\n"
	"\tinline T sum() const { T s{}; for (auto &x : v) s = s + x; return s; } };\n"
	"inline __attribute__((always_inline)) int helper(int x) { return x > 3 ? std::abs(x) * rand() : x; }\n"
	"__attribute__((noinline)) int visible(int a) { return helper(a) + helper(a + 1); }\n"
	"namespace { __attribute__((noinline)) int hidden(int a) { return helper(a) - rand(); } }\n"
	"}\n"
	"int main(int argc, char **argv) {\n\tapp::Pool<int> p;\n\tapp::Pool<std::string> q;\n\tfor (int i = 0; i < argc * 5; i++) {\n"
	"\t\tp.put(app::hidden(i) + app::visible(i));\n\t\tq.put(std::to_string(i));\n\t}\n"
	"\tauto print = [&](int z) { std::printf(\"%d %s\\n\", z, q.sum().c_str()); };\n\tprint(p.sum());\n\treturn 0;\n}\n";

static char dir[] = "/tmp/symbols-test.XXXXXX";

static int make_dir(void **state) { return mkdtemp(dir) == NULL; }

static int drop_dir(void **state)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command) != 0;
}

static void write_text(const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Or the test is skipped. */
static void must_be_installed(const char *program)
{
	char line[100];

	snprintf(line, sizeof line, "command -v %s >/dev/null", program);
	if (system(line) == 0)
		return;
	print_message("# %s is not installed\n", program);
	skip();
}

/* Runs a command in the directory. */
static void run(const char *command)
{
	char line[1000];

	snprintf(line, sizeof line, "cd '%s' && %s", dir, command);
	assert_int_equal(system(line), 0);
}

/* What symbols_lookup() says, as addr2line -fiC would print it. */
static void lookup_text(struct symbols *s, const char *path, uint64_t at, char *out, size_t size)
{
	const struct frame *f;
	size_t n = symbols_lookup(s, path, NULL, 0, at + 1, &f), used = 0;

	assert_true(n > 0);
	for (size_t i = 0; i < n && used < size; i++) {
		used += snprintf(out + used, size - used, "%s\n%s:", f[i].function ? f[i].function : "??", f[i].file ? f[i].file : "??");
		if (used < size)
			used += snprintf(out + used, size - used, f[i].line ? "%d\n" : "?\n", f[i].line);
		assert_int_equal(f[i].inlined, i + 1 < n);
		assert_string_equal(f[i].module, path);
		assert_true(f[i].offset == at + 1);
	}
}

/* The answer of addr2line up to the next address. */
static void read_answer(FILE *in, char *out, size_t size, uint64_t *next)
{
	char line[8192];
	size_t used = 0;

	out[0] = '\0';
	*next = 0;
	while (fgets(line, sizeof line, in)) {
		char *noise = strstr(line, " (discriminator");

		if (!strncmp(line, "0x", 2)) {
			*next = strtoull(line, NULL, 16);
			return;
		}
		if (noise)
			strcpy(noise, "\n");
		while ((noise = strstr(line, "/./")))
			memmove(noise, noise + 2, strlen(noise + 2) + 1);
		used += snprintf(out + used, used < size ? size - used : 0, "%s", line);
	}
}

/* Leaves file and line of each frame. */
static void lines_only(char *text)
{
	char *to = text, *from = text;

	for (int line = 0; *from; line++) {
		size_t len = strcspn(from, "\n") + 1;

		if (line % 2) {
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	*to = '\0';
}

/* Function and lines of every instruction, theirs against ours. Returns the number compared. */
static int compare(const char *program, int functions_too)
{
	char command[700], path[200], ours[65536], theirs[65536];
	struct symbols *s = symbols_new();
	uint64_t at, next;
	int n = 0;
	FILE *in;

	snprintf(path, sizeof path, "%s/%s", dir, program);
	snprintf(command, sizeof command, "objdump -d --section=.text '%s' | awk '/^ +[0-9a-f]+:/ { sub(\":\", \"\", $1); print \"0x\" $1 }' | "
		"addr2line -afiCe '%s'", path, path);
	in = popen(command, "r");
	assert_non_null(in);
	read_answer(in, theirs, sizeof theirs, &next);
	while ((at = next)) {
		read_answer(in, theirs, sizeof theirs, &next);
		lookup_text(s, path, at, ours, sizeof ours);
		if (strstr(theirs, ":?") || strstr(ours, "??"))
			continue;
		if (!functions_too) {
			lines_only(ours);
			lines_only(theirs);
		}
		if (strcmp(ours, theirs))
			fail_msg("at 0x%llx\n%s-- addr2line:\n%s", (unsigned long long)at, ours, theirs);
		n++;
	}
	pclose(in);
	assert_null(symbols_problem(s, 0));
	symbols_free(s);
	return n;
}

/* The frame of that function at some instruction of the program; 1: found. */
static int has_function(const char *program, const char *function, int inlined)
{
	char path[200];
	struct symbols *s = symbols_new();
	const struct frame *f;
	int found = 0;

	snprintf(path, sizeof path, "%s/%s", dir, program);
	for (uint64_t at = 0x1000; at < 0x6000 && !found; at++) {
		size_t n = symbols_lookup(s, path, NULL, 0, at, &f);

		for (size_t i = 0; i < n; i++)
			found |= f[i].function && !strcmp(f[i].function, function) && f[i].inlined == inlined && f[i].line > 0;
	}
	symbols_free(s);
	return found;
}

static void c_functions(void **state)
{
	write_text("c.c", c_program);
	run("gcc -O2 -g -o c c.c");
	assert_true(compare("c", 1) > 30);
	assert_true(has_function("c", "outer", 0));
	assert_true(has_function("c", "leaf", 1));
	run("gcc -O2 -gdwarf-4 -o c4 c.c");
	assert_true(compare("c4", 1) > 30);
	run("mkdir -p sub && cd sub && gcc -O2 -g -o ../relative .././c.c");
	assert_true(compare("relative", 1) > 30);
}

/* addr2line calls an inlined function that is local to its unit by the name of the one around it: lines only. */
static void cc_functions(void **state)
{
	must_be_installed("g++");
	write_text("cc.cc", cc_program);
	run("g++ -O2 -g -o cc cc.cc");
	assert_true(compare("cc", 0) > 200);
	assert_true(has_function("cc", "app::visible(int)", 0));
	assert_true(has_function("cc", "app::helper(int)", 1));
	assert_true(has_function("cc", "app::(anonymous namespace)::hidden(int)", 0));
	assert_true(has_function("cc", "app::Pool<int>::put(int)", 0));
	assert_true(has_function("cc", "main::{lambda}::operator()", 1));
}

/* No .debug_aranges: units are found by their own ranges. */
static void clang_functions(void **state)
{
	must_be_installed("clang-14");
	write_text("c.c", c_program);
	run("clang-14 -O2 -g -o clang c.c");
	assert_true(has_function("clang", "outer", 0));
	assert_true(has_function("clang", "leaf", 1));
	assert_true(has_function("clang", "middle", 1));
}

static void without_debugging_information(void **state)
{
	write_text("c.c", c_program);
	run("gcc -O2 -o bare c.c");
	run("gcc -O2 -rdynamic -s -o stripped c.c");
	char path[200];
	struct symbols *s = symbols_new();
	const char *names[] = { "bare", "stripped" };
	const struct frame *f;

	for (int i = 0; i < 2; i++) {
		int found = 0;

		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		for (uint64_t at = 0x1000; at < 0x2000; at++) {
			assert_int_equal(symbols_lookup(s, path, NULL, 0, at, &f), 1);
			assert_null(f->file);
			found |= f->function && !strcmp(f->function, "outer");
		}
		assert_true(found);
	}
	symbols_free(s);
}

/* ---- files --------------------------------------------------------------------------------------------------------------- */

static void no_symbols(const char *path, const uint8_t *id, uint32_t len, const char *why)
{
	struct symbols *s = symbols_new();
	const struct frame *f;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(symbols_lookup(s, path, id, len, 0x1234 + i, &f), 1);
		assert_string_equal(f->module, path);
		assert_null(f->function);
		assert_null(f->file);
		assert_int_equal(f->line, 0);
	}
	if (!symbols_problem(s, 0) || !strstr(symbols_problem(s, 0), why) || !strstr(symbols_problem(s, 0), path))
		fail_msg("\"%s\" lacks \"%s\"", symbols_problem(s, 0), why);
	assert_null(symbols_problem(s, 1));
	symbols_free(s);
}

static void files_that_will_not_do(void **state)
{
	static const uint8_t id[20] = { 1, 2, 3 };
	char path[200];

	no_symbols("/nowhere/libgone.so", NULL, 0, "gone");
	no_symbols("/", NULL, 0, "not a regular file");
	no_symbols("/dev/null", NULL, 0, "not a regular file");
	write_text("text", "#!/bin/sh\n");
	snprintf(path, sizeof path, "%s/text", dir);
	no_symbols(path, NULL, 0, "not an ELF file");
	write_text("cut", "\177ELF\2\1\1");
	snprintf(path, sizeof path, "%s/cut", dir);
	no_symbols(path, NULL, 0, "ELF file");
	write_text("c.c", c_program);
	run("gcc -O2 -g -Wl,--build-id -o c c.c");
	snprintf(path, sizeof path, "%s/c", dir);
	no_symbols(path, id, sizeof id, "another build id");
}

static void kernels_own(void **state)
{
	struct symbols *s = symbols_new();
	const struct frame *f;
	int named = 0;

	if (!getauxval(AT_SYSINFO_EHDR)) {
		symbols_free(s);
		skip();
	}
	for (uint64_t at = 0; at < 0x2000; at++) {
		symbols_lookup(s, "[vdso]", NULL, 0, at, &f);
		named |= f->function && strstr(f->function, "clock_gettime");
	}
	assert_true(named);
	symbols_free(s);
}

static void answers_are_kept(void **state)
{
	struct symbols *s = symbols_new();
	const struct frame *a, *b;
	char path[200];

	write_text("c.c", c_program);
	run("gcc -O2 -g -o c c.c");
	snprintf(path, sizeof path, "%s/c", dir);
	symbols_lookup(s, path, NULL, 0, 0x1100, &a);
	for (uint64_t at = 0; at < 0x2000; at++)
		symbols_lookup(s, path, NULL, 0, at, &b);
	symbols_lookup(s, path, NULL, 0, 0x1100, &b);
	assert_ptr_equal(a, b);
	symbols_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c_functions), cmocka_unit_test(cc_functions), cmocka_unit_test(clang_functions),
		cmocka_unit_test(without_debugging_information), cmocka_unit_test(files_that_will_not_do), cmocka_unit_test(kernels_own),
		cmocka_unit_test(answers_are_kept),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
