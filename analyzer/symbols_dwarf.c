/*
 * analyzer/symbols_dwarf.c: functions, inlined chains and lines at an address, from DWARF.
 *
 * Work is done for the one compilation unit an address is in. It is found by .debug_aranges; where a compiler wrote none
 * (clang), by the units' own ranges, which are collected once per module.
 */
#include "analyzer/symbols_parts.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

/* ---- the compilation unit ------------------------------------------------------------------------------------------------ */

static int by_begin(const void *a, const void *b)
{
	const struct cu_range *x = a, *y = b;

	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static void add_range(struct cu_ranges *r, Dwarf_Addr begin, Dwarf_Addr end, Dwarf_Off die)
{
	if (r->n == r->size) {
		size_t size = r->size ? 2 * r->size : 256;
		struct cu_range *range = realloc(r->range, size * sizeof *range);

		if (!range)
			return;
		r->range = range;
		r->size = size;
	}
	r->range[r->n++] = (struct cu_range) { begin, end, die };
}

static void collect_ranges(Dwfl_Module *mod, struct cu_ranges *r)
{
	Dwarf_Die *cu = NULL;
	Dwarf_Addr bias, base, begin, end;

	r->made = 1;
	while ((cu = dwfl_module_nextcu(mod, cu, &bias)))
		for (ptrdiff_t at = 0; (at = dwarf_ranges(cu, at, &base, &begin, &end)) > 0;)
			if (begin < end)
				add_range(r, begin, end, dwarf_dieoffset(cu));
	if (r->n)
		qsort(r->range, r->n, sizeof *r->range, by_begin);
}

static int find_by_ranges(Dwfl_Module *mod, struct cu_ranges *r, Dwarf_Addr addr, Dwarf_Die *cu, Dwarf_Addr *bias)
{
	Dwarf *dwarf = dwfl_module_getdwarf(mod, bias);
	size_t low = 0, high;

	if (!dwarf)
		return 0;
	if (!r->made)
		collect_ranges(mod, r);
	addr -= *bias;
	for (high = r->n; low < high;) {
		size_t mid = (low + high) / 2;

		if (r->range[mid].begin <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && addr < r->range[low - 1].end && dwarf_offdie(dwarf, r->range[low - 1].die, cu) != NULL;
}

static int find_cu(Dwfl_Module *mod, struct cu_ranges *r, Dwarf_Addr addr, Dwarf_Die *cu, Dwarf_Addr *bias)
{
	Dwarf_Die *die = dwfl_module_addrdie(mod, addr, bias);

	if (die)
		*cu = *die;
	return die != NULL || find_by_ranges(mod, r, addr, cu, bias);
}

/* ---- functions ----------------------------------------------------------------------------------------------------------- */

/* The linkage name, which says class, namespace and arguments; a C function has none. */
static const char *function_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));

	if (!name)
		name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr));
	if (!name)
		name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
	return name;
}

/* Where an inlined function was called from. */
static void call_site(Dwarf_Die *die, struct found *f)
{
	Dwarf_Attribute attr;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	Dwarf_Die cu;
	size_t n;

	f->file = NULL;
	f->line = 0;
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attr), &line) == 0 && line <= INT32_MAX)
		f->line = line;
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attr), &file) == 0 && dwarf_diecu(die, &cu, NULL, NULL) &&
	    dwarf_getsrcfiles(&cu, &files, &n) == 0 && file < n)
		f->file = dwarf_filesrc(files, file, NULL, NULL);
}

static void source_line(Dwarf_Die *cu, Dwarf_Addr addr, struct found *f)
{
	Dwarf_Line *line = dwarf_getsrc_die(cu, addr);

	if (line) {
		f->file = dwarf_linesrc(line, NULL, NULL);
		dwarf_lineno(line, &f->line);
	}
}

/* The physical nesting around an address, innermost first: from the innermost scope outwards, to the function proper. */
static size_t chain(Dwarf_Die *cu, Dwarf_Addr addr, struct found *found)
{
	Dwarf_Die *scopes = NULL, *outer = NULL;
	int n = dwarf_getscopes(cu, addr, &scopes);
	size_t count = 0;

	n = n > 0 ? dwarf_getscopes_die(&scopes[0], &outer) : 0;
	for (int i = 0; i < n && count < INLINED_MAX; i++) {
		int tag = dwarf_tag(&outer[i]);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		found[count++].function = function_name(&outer[i]);
		if (tag == DW_TAG_subprogram || count == INLINED_MAX)
			break;
		call_site(&outer[i], &found[count]);
	}
	free(scopes);
	free(outer);
	return count;
}

/* A symbol that covers the address. One without a size (assembly) is taken when it is the nearest before. */
static const char *symbol_name(Dwfl_Module *mod, Dwarf_Addr addr)
{
	GElf_Off offset;
	GElf_Sym sym;
	const char *name = dwfl_module_addrinfo(mod, addr, &offset, &sym, NULL, NULL, NULL);

	return name && *name && (sym.st_size == 0 || offset < sym.st_size) ? name : NULL;
}

size_t dwarf_lookup(Dwfl_Module *mod, struct cu_ranges *ranges, Dwarf_Addr addr, struct found found[INLINED_MAX])
{
	Dwarf_Addr bias = 0;
	Dwarf_Die cu;
	size_t n = 0;

	memset(found, 0, INLINED_MAX * sizeof *found);
	if (find_cu(mod, ranges, addr, &cu, &bias)) {
		source_line(&cu, addr - bias, &found[0]);
		n = chain(&cu, addr - bias, found);
	}
	if (n == 0)
		found[0].function = symbol_name(mod, addr);
	return n ? n : found[0].function || found[0].file;
}
