/* tests/unit/report_documents.c: the JSON document has the contract's shape, the text its lines; objects and calls are described. */
#include "builder.h"
#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <sys/un.h>
#include "analyzer/describe.h"

static struct world *planted(void)
{
	struct world *w = started();

	opens(w, 3, 1);
	here(w, 2);
	closes(w, 3, 1);
	use_fails(w, "write", 3, 1);
	finish(w);
	return w;
}

static char *document_of(struct world *w, const struct coverage *c, struct report_options o)
{
	struct report r = { .options = &o, .coverage = c, .processes = replay_processes(w->replay), .findings = w->findings, .symbols = w->symbols };
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	(o.format == FORMAT_JSON ? report_json : o.format == FORMAT_HTML ? report_html : report_text)(&r, out);
	fclose(out);
	return text;
}

static char *document(struct world *w, struct report_options o) { return document_of(w, replay_coverage(w->replay), o); }

static const char *const top[] = { "schema_version", "tool", "coverage", "findings", "suppressed" };
static const char *const coverage[] = { "processes", "not_observed", "descriptors", "inherited", "unseen_creations", "events",
	"events_lost" };
static const char *const finding[] = { "id", "rule", "cwe", "severity", "confidence", "count", "message", "process", "fd", "generation",
	"object", "fix", "stacks" };
static const char *const stack[] = { "role", "time_ns", "pid", "tid", "thread", "call", "frames" };
static const char *const frame[] = { "module", "build_id", "offset", "function", "file", "line", "inlined" };

#define HAS(o, keys)                                                                                                   \
	for (size_t k_ = 0; k_ < sizeof(keys) / sizeof *(keys); k_++)                                                   \
		assert_non_null(json_object_get(o, (keys)[k_]))

static void json_shape(void **state)
{
	struct world *w = planted();
	char *text = document(w, (struct report_options){ .format = FORMAT_JSON });
	json_t *o = json_loads(text, 0, NULL), *f, *s;

	assert_non_null(o);
	HAS(o, top);
	HAS(json_object_get(o, "coverage"), coverage);
	assert_int_equal(json_integer_value(json_object_get(o, "schema_version")), 1);
	f = json_array_get(json_object_get(o, "findings"), 0);
	HAS(f, finding);
	assert_int_equal(json_integer_value(json_object_get(f, "cwe")), 910);
	assert_int_equal(json_integer_value(json_object_get(f, "generation")), 1);
	s = json_array_get(json_object_get(f, "stacks"), 0);
	HAS(s, stack);
	HAS(json_array_get(json_object_get(s, "frames"), 0), frame);
	assert_string_equal(json_string_value(json_object_get(s, "role")), "opened");
	json_decref(o);
	free(text);
	world_free(w);
}

static void text_lines(void **state)
{
	struct world *w = planted();
	char *text = document(w, (struct report_options){ .color = COLOR_NEVER });

	assert_memory_equal(text, "1 error (use-after-close)\nprog pid 100, 1 thread", 46);
	assert_non_null(strstr(text, "ERROR use-after-close (CWE-910)"));
	assert_non_null(strstr(text, "write(3) = -1 EBADF"));
	assert_non_null(strstr(text, "confidence  certain: "));
	assert_non_null(strstr(text, "  fix         Let the close wait"));
	assert_null(strchr(text, '\033'));
	free(text);
	text = document(w, (struct report_options){ .color = COLOR_ALWAYS });
	assert_non_null(strstr(text, "\033[1;31mERROR"));
	free(text);
	text = document(w, (struct report_options){ .color = COLOR_NEVER, .quiet = 1 });
	assert_memory_equal(text, "\nERROR", 6);
	free(text);
	world_free(w);
}

/* Each rule says what mends it, in sentences. */
static void every_rule_has_a_fix(void **state)
{
	for (const struct rule *const *r = rules; *r; r++) {
		assert_non_null((*r)->fix);
		assert_true(strlen((*r)->fix) > 20 && (*r)->fix[strlen((*r)->fix) - 1] == '.');
	}
}

/* One blank between words, from a line's first on. Times are cut, not rounded, and the same in text and in HTML. */
static void words_and_times(void **state)
{
	struct world *w = started();
	char *text;

	w->now = START + 1000 + SECOND - 1001; /* the first event's time, and a second: but for a nanosecond */
	opens(w, 3, 1);
	exits(w);
	finish(w);
	text = document(w, (struct report_options){ .color = COLOR_NEVER });
	assert_non_null(strstr(text, "\n  no source lines: /usr/bin/prog: "));
	assert_non_null(strstr(text, "  opened     +0.999999 s  "));
	free(text);
	text = document(w, (struct report_options){ .format = FORMAT_HTML });
	assert_non_null(strstr(text, ">+0.999999 s<"));
	free(text);
	world_free(w);
}

static void nothing_found(void **state)
{
	struct world *w = started();
	char *text;

	exits(w);
	finish(w);
	text = document(w, (struct report_options){ .color = COLOR_NEVER });
	assert_memory_equal(text, "no problems found\n", 18);
	free(text);
	world_free(w);
}

static void possible_is_hidden(void **state)
{
	struct world *w = started();
	char *text;

	opens(w, 3, 1);
	w->seqs[100] += 3;
	exits(w);
	finish(w);
	text = document(w, (struct report_options){ .color = COLOR_NEVER });
	assert_memory_equal(text, "no problems found; 1 possible hidden (--show=possible)\n", 55);
	assert_non_null(strstr(text, "3 lost"));
	free(text);
	text = document(w, (struct report_options){ .color = COLOR_NEVER, .show_possible = 1 });
	assert_memory_equal(text, "1 note (fd-leak)\n", 17);
	free(text);
	world_free(w);
}

static void is_cleaned(const char *raw, size_t n, const char *want)
{
	char *s = clean_text(raw, n);

	assert_string_equal(s, want);
	free(s);
}

static void cleaning(void **state)
{
	is_cleaned("plain", 5, "plain");
	is_cleaned("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
	is_cleaned("a\0b\x7f\t", 5, "a\\x00b\\x7f\\x09");
	is_cleaned("\xc3", 1, "\\xc3");
	is_cleaned("\xc0\xaf", 2, "\\xc0\\xaf");
	is_cleaned("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");
	is_cleaned("\xc2\x9b", 2, "\\xc2\\x9b");
	is_cleaned("\xe2\x80\xae", 3, "\\xe2\\x80\\xae");
	is_cleaned("", 0, "");
}

static void is_object(struct description d, const char *want)
{
	char *s = describe_object(&d);

	assert_string_equal(s, want);
	free(s);
}

static void objects(void **state)
{
	char local[] = "10.0.0.5:8080", peer[] = "10.0.0.9:51022", path[] = "/run/x.sock";

	is_object((struct description){ .kind = FDW_KIND_CONN, .accepted = 1, .inet = 1, .local = local, .peer = peer },
	          "TCP 10.0.0.5:8080 <- 10.0.0.9:51022");
	is_object((struct description){ .kind = FDW_KIND_CONN, .inet = 1, .peer = peer }, "IP -> 10.0.0.9:51022");
	is_object((struct description){ .kind = FDW_KIND_LISTENER, .inet = 1, .local = local }, "TCP listening on 10.0.0.5:8080");
	is_object((struct description){ .kind = FDW_KIND_CONN, .accepted = 1, .local = path }, "unix /run/x.sock <- unnamed client");
	is_object((struct description){ .kind = FDW_KIND_EPOLL }, "epoll");
	is_object((struct description){ .kind = FDW_KIND_FILE, .path = path }, "/run/x.sock");
}

static void is_address(const void *a, size_t n, const char *want)
{
	uint8_t inet;
	char *s = describe_address(a, n, &inet);

	if (want)
		assert_string_equal(s, want);
	else
		assert_null(s);
	free(s);
}

static void addresses(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/a" };

	is_address(&in, sizeof in, "127.0.0.1:80");
	is_address(&in, 3, NULL);
	is_address(&in, 0, NULL);
	is_address(&in6, sizeof in6, "[::1]:80");
	is_address(&un, sizeof un, "/a");
	is_address(&un, sizeof un.sun_family, NULL);
	memcpy(un.sun_path, "\0x", 2);
	is_address(&un, sizeof un.sun_family + 2, "@x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_shape), cmocka_unit_test(text_lines), cmocka_unit_test(every_rule_has_a_fix), cmocka_unit_test(nothing_found),
		cmocka_unit_test(possible_is_hidden), cmocka_unit_test(words_and_times), cmocka_unit_test(cleaning), cmocka_unit_test(objects), cmocka_unit_test(addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
