/* tests/fuzz/baseline.c: an earlier report of any bytes. */
#define _GNU_SOURCE
#include "analyzer/baseline.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[256] = "";
	struct baseline *b = baseline_parse("fuzz", (const char *)data, size, error, sizeof error);

	if (b) {
		baseline_has(b, "double-close-00000000");
		if (!json_is_array(baseline_findings(b)))
			abort();
	} else if (strncmp(error, "fuzz", 4))
		abort(); /* a refusal says where */
	baseline_free(b);
	return 0;
}
