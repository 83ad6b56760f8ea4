/* tests/unit/suppressions_file.c: what a suppression matches, and what is said of a bad one. */
#include "builder.h"
#include "analyzer/suppress.h"

static struct suppressions *parse(const char *text, char *error)
{
	*error = 0;
	return suppressions_parse("my.supp", text, strlen(text), error, 256);
}

static void refused(const char *text, const char *where)
{
	char error[256];

	assert_null(parse(text, error));
	assert_memory_equal(error, where, strlen(where));
}

static void malformed(void **state)
{
	refused("nonsense\n", "my.supp:1: ");
	refused("# fine\n\nfd-leak:opened\n", "my.supp:3: ");
	refused("fd-leak:opened:\n", "my.supp:1: ");
	refused("no-such-rule:opened:f\n", "my.supp:1: ");
	refused("fd-leak:never:f", "my.supp:1: ");
	refused("double-close-123\n", "my.supp:1: ");
}

static void not_text(void **state)
{
	char error[256];

	assert_null(suppressions_parse("s", "fd\0x", 4, error, sizeof error));
	assert_non_null(strstr(error, "s:1:"));
}

static void fine(void **state)
{
	char error[256];
	struct suppressions *s = parse("  # comment\r\n\t\nfd-leak:opened:log_*  \r\n*:*:lib?.so\nuse-after-close-7f3a19c2", error);

	assert_non_null(s);
	assert_string_equal(suppressions_unused(s, 0), "fd-leak:opened:log_*");
	assert_string_equal(suppressions_unused(s, 2), "use-after-close-7f3a19c2");
	assert_null(suppressions_unused(s, 3));
	suppressions_free(s);
	s = parse("", error);
	assert_non_null(s);
	suppressions_free(s);
}

static void unreadable(void **state)
{
	char error[256];

	assert_null(suppressions_read("/nonexistent/file", error, sizeof error));
	assert_non_null(strstr(error, "/nonexistent/file"));
	assert_null(suppressions_read("/", error, sizeof error));
}

static const char *by(const char *line)
{
	char error[256];
	struct frame frames[] = { { .module = "/usr/lib/libx.so.1", .function = "helper" },
		{ .module = "/usr/bin/prog", .function = "main", .file = "/home/me/src/net.c", .line = 7 } };
	struct finding f = { .rule = rule_by_id("fd-leak"), .nstacks = 1 };
	struct suppressions *s = parse(line, error);
	static char answer[256];
	const char *r;

	assert_non_null(s);
	strcpy(f.id, "fd-leak-01234567");
	f.stacks[0].role = ROLE_OPENED;
	f.stacks[0].frames = (struct frames){ frames, 2 };
	r = suppressions_match(s, &f);
	snprintf(answer, sizeof answer, "%s", r ? r : "-");
	assert_true((suppressions_unused(s, 0) == NULL) == (r != NULL));
	suppressions_free(s);
	return answer;
}

static void matching(void **state)
{
	static const char *const yes[] = { "fd-leak-01234567", "fd-leak:opened:helper", "*:*:hel*", "fd-leak:*:libx.so*", "*:opened:net.c",
		"*:*:src/net.c", "*:*:/usr/lib/*", "*:*:main" };
	static const char *const no[] = { "fd-leak-01234568", "fd-leak:closed:helper", "double-close:*:*", "*:*:help", "*:*:et.c" };

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_string_equal(by(yes[i]), yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_string_equal(by(no[i]), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malformed), cmocka_unit_test(not_text), cmocka_unit_test(fine), cmocka_unit_test(unreadable),
		cmocka_unit_test(matching),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
