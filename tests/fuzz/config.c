/* tests/fuzz/config.c: a configuration file of any bytes. */
#define _GNU_SOURCE
#include "analyzer/config.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *f = size ? fmemopen((void *)data, size, "r") : NULL;

	if (f && config_read(f, "fuzz") == 0 && config_value("format") && !*config_value("format"))
		abort();
	return 0;
}
