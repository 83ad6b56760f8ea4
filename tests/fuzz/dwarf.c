/*
 * tests/fuzz/dwarf.c: a module of any bytes in memory: its functions and lines at a few addresses, by elfutils. The first eight bytes are one of
 * them. What looks for the module and its debugging information in files is symbols.c's.
 */
#define _GNU_SOURCE
#include "analyzer/symbols_parts.h"
#include "tests/fuzz/target.h"

struct image {
	char *bytes; /* libelf may write to them */
	size_t size;
};

static int find_image(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
	struct image *image = *data;

	*elf = elf_memory(image->bytes, image->size);
	return -1;
}

static int no_debuginfo(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base, const char *file, const char *link, GElf_Word crc, char **found)
{
	return -1;
}

static const Dwfl_Callbacks callbacks = { .find_elf = find_image, .find_debuginfo = no_debuginfo, .section_address = dwfl_offline_section_address };

static void look_up(Dwfl_Module *mod, struct cu_ranges *ranges, Dwarf_Addr at)
{
	struct found found[INLINED_MAX] = { 0 };
	size_t n = dwarf_lookup(mod, ranges, at, found);

	if (n > INLINED_MAX)
		abort();
	for (size_t i = 0; i < INLINED_MAX; i++) {
		if (found[i].function && strlen(found[i].function) > 1 << 24)
			abort();
		free(found[i].scope);
		free(found[i].file);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t offsets[] = { 0, 0x1000, 0x1010, 0x1030 };
	struct image image = { .size = size - 8 };
	struct cu_ranges ranges = { 0 };
	Dwfl_Module *mod;
	void **user;
	Dwfl *dwfl;

	if (size < 8)
		return 0;
	memcpy(offsets, data, 8);
	image.bytes = malloc(image.size + 1);
	memcpy(image.bytes, data + 8, image.size);
	elf_version(EV_CURRENT);
	dwfl = dwfl_begin(&callbacks);
	dwfl_report_begin(dwfl);
	mod = dwfl_report_module(dwfl, "fuzz", 0, UINT64_C(1) << 47);
	dwfl_module_info(mod, &user, NULL, NULL, NULL, NULL, NULL, NULL);
	*user = &image;
	dwfl_report_end(dwfl, NULL, NULL);
	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
		look_up(mod, &ranges, offsets[i]);
	free(ranges.range);
	dwfl_end(dwfl);
	free(image.bytes);
	return 0;
}
