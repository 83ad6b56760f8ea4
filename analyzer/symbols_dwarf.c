/*
 * analyzer/symbols_dwarf.c: functions, inlined chains and lines at an address, from DWARF.
 *
 * Work is done for the one compilation unit an address is in. It is found by .debug_aranges; where a compiler wrote none
 * (clang), by the units' own ranges, which are collected once per module.
 */
#define _GNU_SOURCE
#include "analyzer/symbols_parts.h"

#include <dwarf.h>
#include <stdio.h>
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

	/* Between units libdwfl answers with the one before. */
	if (die && dwarf_haspc(die, addr - *bias) > 0) {
		*cu = *die;
		return 1;
	}
	return find_by_ranges(mod, r, addr, cu, bias);
}

/* ---- functions ----------------------------------------------------------------------------------------------------------- */

/* The linkage name, which says class, namespace and arguments; NULL: a C function, or one that is local to its unit. */
static const char *linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));

	return name ? name : dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr));
}

static int is_scope(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
		tag == DW_TAG_enumeration_type || tag == DW_TAG_subprogram;
}

/* Where the function was declared: its own DIE may be an instance or a definition far from its class. */
static Dwarf_Die *declared(Dwarf_Die *die, Dwarf_Die *room)
{
	Dwarf_Attribute attr;

	*room = *die;
	for (int i = 0; i < 4; i++) /* instance, definition, declaration; a cycle is corrupt */
		if (!dwarf_formref_die(dwarf_attr(room, DW_AT_abstract_origin, &attr), room) &&
		    !dwarf_formref_die(dwarf_attr(room, DW_AT_specification, &attr), room))
			break;
	return room;
}

/* What stands for a scope that has no name. */
static const char *nameless(int tag, const char *function)
{
	if (tag == DW_TAG_namespace)
		return "(anonymous namespace)";
	return tag == DW_TAG_subprogram ? NULL : !strcmp(function, "operator()") ? "{lambda}" : "{unnamed}";
}

/* "app::Pool", outermost first; NULL: at the top. */
static char *scope_name(Dwarf_Die *die, const char *function)
{
	Dwarf_Die origin, *scopes = NULL;
	int n = dwarf_getscopes_die(declared(die, &origin), &scopes);
	size_t size = 0;
	char *text = NULL;
	FILE *out = n > 1 ? open_memstream(&text, &size) : NULL;

	for (int i = n - 1; out && i > 0; i--) {
		int tag = dwarf_tag(&scopes[i]);
		const char *name = is_scope(tag) ? dwarf_diename(&scopes[i]) : NULL;

		if (!name && is_scope(tag))
			name = nameless(tag, function);
		if (name)
			fprintf(out, "%s%s", ftell(out) ? "::" : "", name);
	}
	if (out)
		fclose(out);
	free(scopes);
	if (text && !*text) {
		free(text);
		text = NULL;
	}
	return text;
}

/* A symbol that covers the address. One without a size (assembly) is taken when it is the nearest before. */
static const char *symbol_name(Dwfl_Module *mod, Dwarf_Addr addr)
{
	GElf_Off offset;
	GElf_Sym sym;
	const char *name = dwfl_module_addrinfo(mod, addr, &offset, &sym, NULL, NULL, NULL);

	return name && *name && (sym.st_size == 0 || offset < sym.st_size) ? name : NULL;
}

/* GCC writes no linkage name for what is local to a unit; the symbol table has it for functions that are not inlined. */
static void name_function(Dwfl_Module *mod, Dwarf_Addr addr, Dwarf_Die *die, struct found *f)
{
	const char *symbol;

	if (dwarf_decl_line(die, &f->declared))
		f->declared = 0;
	f->function = linkage_name(die);
	if (f->function)
		return;
	f->function = dwarf_diename(die);
	symbol = dwarf_tag(die) == DW_TAG_subprogram ? symbol_name(mod, addr) : NULL;
	if (symbol && (!strncmp(symbol, "_Z", 2) || !strncmp(symbol, "_R", 2)))
		f->function = symbol;
	else if (f->function)
		f->scope = scope_name(die, f->function);
}

/* libdw leaves a name relative when its directory is. Rust's library is built so. */
static char *joined(Dwarf_Die *cu, const char *file)
{
	Dwarf_Attribute attr;
	const char *dir = file && *file != '/' ? dwarf_formstring(dwarf_attr(cu, DW_AT_comp_dir, &attr)) : NULL;
	char *text = NULL;

	if (!file || !dir)
		return file ? strdup(file) : NULL;
	return asprintf(&text, "%s/%s", dir, file) < 0 ? NULL : text;
}

/* Where an inlined function was called from. */
static void call_site(Dwarf_Die *die, struct found *f)
{
	Dwarf_Attribute attr;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	Dwarf_Die cu;
	size_t n;

	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attr), &line) == 0 && line <= INT32_MAX)
		f->line = line;
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attr), &file) == 0 && dwarf_diecu(die, &cu, NULL, NULL) &&
	    dwarf_getsrcfiles(&cu, &files, &n) == 0 && file < n)
		f->file = joined(&cu, dwarf_filesrc(files, file, NULL, NULL));
}

static void source_line(Dwarf_Die *cu, Dwarf_Addr addr, struct found *f)
{
	Dwarf_Line *line = dwarf_getsrc_die(cu, addr);
	bool end = false;

	if (line && dwarf_lineendsequence(line, &end) == 0 && !end) {
		f->file = joined(cu, dwarf_linesrc(line, NULL, NULL));
		dwarf_lineno(line, &f->line);
	}
}

/* ---- the inlined chain --------------------------------------------------------------------------------------------------- */

/* Deepest nesting of DIEs that is followed; real programs stay below 100. */
#define DEPTH_MAX 256

struct descent {
	Dwarf_Addr addr;
	int everywhere;    /* also below functions elsewhere: methods of local classes, nested functions */
	Dwarf_Die function[INLINED_MAX]; /* covering the address, outermost first */
	size_t n;
};

static int is_function(int tag) { return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine; }

/* dwarf_getscopes() does not look into namespaces, where Rust's functions are. 1: the innermost was found. */
static int descend(struct descent *d, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;
	int more = depth < DEPTH_MAX ? dwarf_child(parent, &die) : -1;

	for (; more == 0; more = dwarf_siblingof(&die, &die)) {
		int tag = dwarf_tag(&die), before = d->n;
		int covers = (is_function(tag) || tag == DW_TAG_lexical_block) && dwarf_haspc(&die, d->addr) > 0;

		if (!covers && (tag == DW_TAG_subprogram ? !d->everywhere : !is_scope(tag)))
			continue;
		if (covers && is_function(tag) && d->n < INLINED_MAX)
			d->function[d->n++] = die;
		if (descend(d, &die, depth + 1) || covers)
			return 1;
		d->n = before;
	}
	return 0;
}

/* The functions around an address, innermost first: from what was inlined outwards, to the function proper. */
static size_t chain(Dwfl_Module *mod, Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Addr bias, struct found *found)
{
	struct descent d = { .addr = addr };
	size_t count = 0;

	if (!descend(&d, cu, 0)) {
		d.everywhere = 1;
		descend(&d, cu, 0);
	}
	while (d.n > 0) {
		Dwarf_Die *die = &d.function[--d.n];

		name_function(mod, addr + bias, die, &found[count++]);
		if (dwarf_tag(die) == DW_TAG_subprogram || d.n == 0)
			break;
		call_site(die, &found[count]);
	}
	return count;
}

size_t dwarf_lookup(Dwfl_Module *mod, struct cu_ranges *ranges, Dwarf_Addr addr, struct found found[INLINED_MAX])
{
	Dwarf_Addr bias = 0;
	Dwarf_Die cu;
	size_t n = 0;

	memset(found, 0, INLINED_MAX * sizeof *found);
	if (find_cu(mod, ranges, addr, &cu, &bias)) {
		source_line(&cu, addr - bias, &found[0]);
		n = chain(mod, &cu, addr - bias, bias, found);
	}
	if (n == 0)
		found[0].function = symbol_name(mod, addr);
	return n ? n : found[0].function || found[0].file;
}
