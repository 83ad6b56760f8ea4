/*
 * tests/fuzz/suppressions.c: the suppression parser on anything. A fuzz target (clang -fsanitize=fuzzer -DFUZZER); without a fuzzer a
 * program that runs the files it is given.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "analyzer/finding.h"
#include "analyzer/suppress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

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

#ifndef FUZZER
int main(int argc, char **argv)
{
	static uint8_t data[1 << 20];

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "re");
		size_t n = f ? fread(data, 1, sizeof data, f) : 0;

		if (f)
			fclose(f);
		LLVMFuzzerTestOneInput(data, n);
	}
	return 0;
}
#endif
