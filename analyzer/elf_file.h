/*
 * analyzer/elf_file.h: the few facts about an ELF program that decide whether it can be observed.
 */
#ifndef FDW_ELF_FILE_H
#define FDW_ELF_FILE_H

#include <libelf.h>

enum elf_kind { ELF_PROGRAM, ELF_FOREIGN, ELF_BROKEN };

struct elf_facts {
	enum elf_kind kind;
	int is_pie;             /* ET_DYN */
	int is_go;              /* has a Go build id */
	int is_loader;          /* is itself the dynamic linker: it obeys LD_PRELOAD */
	int has_libtsan;        /* needs gcc's thread sanitizer */
	char interpreter[256];  /* PT_INTERP, or "" */
	char machine[48];       /* FOREIGN: for the reader */
	char preload_first[64]; /* a needed library that must be first among the preloaded, or "" */
};

/* A library that ends a program in which another comes before it; by its file name, or how that begins. */
int elf_wants_to_be_first(const char *name);
/* Of the file open at fd, from its beginning. */
void elf_read(int fd, struct elf_facts *);
/* Of what libelf has opened: ends it. NULL: it is no ELF file. */
void elf_read_opened(Elf *, struct elf_facts *);

#endif
