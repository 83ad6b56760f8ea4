/*
 * analyzer/elf_file.c: see elf_file.h. libelf reads; a file it refuses is broken.
 *
 * Context: the command before the start. The file is the user's: offsets and strings are checked by libelf.
 */
#define _GNU_SOURCE
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include "analyzer/elf_file.h"

static const char *machine_name(int machine)
{
	static const struct { int machine; const char *name; } names[] = {
		{ EM_386, "32-bit x86" }, { EM_X86_64, "x32" }, { EM_AARCH64, "aarch64" }, { EM_ARM, "32-bit arm" }, { EM_RISCV, "risc-v" },
		{ EM_PPC64, "ppc64" }, { EM_S390, "s390x" },
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "ELF machine not known here";
}

static void read_interpreter(Elf *elf, const GElf_Phdr *ph, struct elf_facts *f)
{
	Elf_Data *d = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_BYTE);

	if (d && d->d_size)
		snprintf(f->interpreter, sizeof f->interpreter, "%.*s", (int)d->d_size, (const char *)d->d_buf);
}

static void read_note(Elf *elf, const GElf_Phdr *ph, struct elf_facts *f)
{
	Elf_Data *d = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_NHDR);
	size_t at = 0, name, desc, next;
	GElf_Nhdr note;

	while (d && at < d->d_size && (next = gelf_getnote(d, at, &note, &name, &desc)) > 0) {
		if (note.n_namesz == 4 && !memcmp((char *)d->d_buf + name, "Go", 3))
			f->is_go = 1;
		at = next;
	}
}

/* The address sanitizer ends a program whose first library is not its own; the thread sanitizer works behind ours, and only there. */
int elf_wants_to_be_first(const char *soname)
{
	static const char *const names[] = { "libasan.so", "liblsan.so" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strncmp(soname, names[i], strlen(names[i])))
			return 1;
	return 0;
}

/* File offset of an address. */
static int64_t offset_of(Elf *elf, size_t phnum, GElf_Addr addr)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < phnum; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD && addr >= ph.p_vaddr && addr - ph.p_vaddr < ph.p_filesz)
			return (int64_t)(addr - ph.p_vaddr + ph.p_offset);
	return -1;
}

static const char *string_at(Elf_Data *strings, GElf_Xword at)
{
	return strings && at < strings->d_size && memchr((char *)strings->d_buf + at, 0, strings->d_size - at)
	       ? (char *)strings->d_buf + at : "";
}

static void read_dynamic(Elf *elf, size_t phnum, const GElf_Phdr *ph, struct elf_facts *f)
{
	Elf_Data *d = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_DYN), *strings = NULL;
	GElf_Xword table = 0, size = 0;
	int64_t at;
	GElf_Dyn dyn;

	for (int i = 0; d && gelf_getdyn(d, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		table = dyn.d_tag == DT_STRTAB ? dyn.d_un.d_ptr : table;
		size = dyn.d_tag == DT_STRSZ ? dyn.d_un.d_val : size;
	}
	if (table && (at = offset_of(elf, phnum, table)) >= 0)
		strings = elf_getdata_rawchunk(elf, at, size, ELF_T_BYTE);
	for (int i = 0; strings && gelf_getdyn(d, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		const char *name = string_at(strings, dyn.d_un.d_val);
		if (dyn.d_tag == DT_SONAME && !strncmp(name, "ld-linux", 8))
			f->is_loader = 1;
		f->has_libtsan |= dyn.d_tag == DT_NEEDED && !strncmp(name, "libtsan.so", 10);
		if (dyn.d_tag == DT_NEEDED && !f->preload_first[0] && elf_wants_to_be_first(name))
			snprintf(f->preload_first, sizeof f->preload_first, "%s", name);
	}
}

static void read_segments(Elf *elf, size_t phnum, struct elf_facts *f)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < phnum; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph))
			continue;
		if (ph.p_type == PT_INTERP)
			read_interpreter(elf, &ph, f);
		else if (ph.p_type == PT_NOTE)
			read_note(elf, &ph, f);
		else if (ph.p_type == PT_DYNAMIC)
			read_dynamic(elf, phnum, &ph, f);
	}
}

void elf_read_opened(Elf *elf, struct elf_facts *f)
{
	GElf_Ehdr e;
	size_t phnum;

	memset(f, 0, sizeof *f);
	f->kind = ELF_BROKEN;
	if (elf && gelf_getehdr(elf, &e) && (e.e_type == ET_EXEC || e.e_type == ET_DYN) && elf_getphdrnum(elf, &phnum) == 0 && phnum > 0) {
		f->kind = e.e_machine == EM_X86_64 && e.e_ident[EI_CLASS] == ELFCLASS64 ? ELF_PROGRAM : ELF_FOREIGN;
		f->is_pie = e.e_type == ET_DYN;
		snprintf(f->machine, sizeof f->machine, "%s", machine_name(e.e_machine));
		read_segments(elf, phnum, f);
	}
	elf_end(elf);
}

void elf_read(int fd, struct elf_facts *f)
{
	elf_version(EV_CURRENT);
	elf_read_opened(elf_begin(fd, ELF_C_READ, NULL), f);
}
