/*
 * analyzer/symbols.h: addresses to functions, offline, by path and build id (libdwfl; debuginfod when DEBUGINFOD_URLS is set).
 */
#ifndef FDW_SYMBOLS_H
#define FDW_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/* One line of a stack. Strings live as long as the symbols; NULL where unknown. C++ and Rust names are demangled. */
struct frame {
	const char *module;   /* path */
	const char *build_id; /* hex */
	uint64_t offset;      /* ELF virtual address of the return address, in the module */
	const char *function;
	const char *file;
	int line;             /* 0: unknown */
	int declared;         /* line where the function begins; 0: unknown */
	int inlined;          /* 1: inlined into the frame that follows */
};

struct symbols;
struct symbols *symbols_new(void);
/*
 * The frames at one return address, innermost inlined function first; at least one. The lookup is made for offset - 1, the call
 * itself. Results are cached; *frames lives as long as the symbols. A file that is not there, or whose build id is another, gives
 * one frame without function (said once by symbols_problem).
 */
size_t symbols_lookup(struct symbols *, const char *module, const uint8_t *build_id, uint32_t build_id_len, uint64_t offset,
                      const struct frame **frames);
/* Sentence i about modules that could not be symbolised, or NULL. */
const char *symbols_problem(const struct symbols *, size_t i);
void symbols_free(struct symbols *);

#endif
