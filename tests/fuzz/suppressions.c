/* tests/fuzz/suppressions.c: the suppression parser on anything. */
#define _GNU_SOURCE
#include "analyzer/finding.h"
#include "analyzer/suppress.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct frame frames[] = { { .module = "/usr/lib/libx.so.1", .function = "helper", .file = "src/x.c" } };
	struct finding f = { .rule = rule_by_id("fd-leak"), .id = "fd-leak-01234567", .nstacks = 1 };
	char error[256] = "";
	struct suppressions *s = suppressions_parse("fuzz", (const char *)data, n, error, sizeof error);

	f.stacks[0].frames = (struct frames){ frames, 1 };
	if (s) {
		if (suppressions_match(s, &f) && !suppressions_match(s, &f))
			abort();
		for (size_t i = 0; suppressions_unused(s, i); i++)
			;
	} else if (strncmp(error, "fuzz:", 5)) {
		abort(); /* a refusal says where */
	}
	suppressions_free(s);
	return 0;
}
