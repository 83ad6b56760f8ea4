/*
 * analyzer/symbols_parts.h: what the parts of the symbols owe each other. Private to symbols*.c.
 *
 *	symbols.c         the interface, the caches, the sentences
 *	symbols_file.c    which file holds a module: by path, by build id
 *	symbols_dwarf.c   functions, inlined chains and lines at an address
 *
 * Rules: files are opened read-only and may be hostile or gone. The network is asked only when DEBUGINFOD_URLS is set.
 */
#ifndef FDW_SYMBOLS_PARTS_H
#define FDW_SYMBOLS_PARTS_H

#include <elfutils/libdwfl.h>
#include <stddef.h>
#include <stdint.h>
#include "analyzer/symbols.h"

struct build_id {
	const uint8_t *bytes;
	uint32_t len;      /* 0: unknown, any file will do */
};

/* A descriptor of the ELF file, and its name in *name (malloc); -1: none, *why says why. */
int file_open(const char *module, struct build_id, char **name, const char **why);

/* One CU's addresses, for modules without .debug_aranges. */
struct cu_range {
	Dwarf_Addr begin, end;
	Dwarf_Off die;
};
struct cu_ranges {
	struct cu_range *range;
	size_t n, size;
	int made;
};

struct found {             /* one function at an address, before the strings are interned */
	const char *function; /* borrowed from libdw; may be mangled */
	char *scope;       /* malloc: namespaces and classes of a function without a mangled name; NULL: none */
	char *file;        /* malloc; NULL: unknown */
	int line, declared; /* declared: the line where the function begins; 0: unknown */
};
#define INLINED_MAX 64
/* Functions at a module address, innermost first. 0: nothing is known. */
size_t dwarf_lookup(Dwfl_Module *, struct cu_ranges *, Dwarf_Addr, struct found found[INLINED_MAX]);

#endif
