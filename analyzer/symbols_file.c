/*
 * analyzer/symbols_file.c: which file holds a module: the path where it was, when its build id is still the same, else the
 * places where distributions keep files by build id, else debuginfod, when the user has set DEBUGINFOD_URLS.
 */
#define _GNU_SOURCE
#include "analyzer/symbols_parts.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* 1: an ELF file with this build id (or of any, when it is unknown); 0: with another, or none; -1: no ELF file. */
static int has_build_id(int fd, struct build_id id)
{
	const void *bytes;
	int right = -1;
	ssize_t len;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF) {
		len = id.len ? dwelf_elf_gnu_build_id(elf, &bytes) : 0;
		right = id.len == 0 || (len == (ssize_t)id.len && !memcmp(bytes, id.bytes, id.len));
	}
	elf_end(elf);
	return right;
}

/* A regular file only: a path from a trace may be anything by now. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
		errno = EINVAL;
	}
	return fd;
}

static int open_at_path(const char *path, struct build_id id, const char **why)
{
	int fd = open_regular(path), right;

	if (fd < 0) {
		*why = errno == ENOENT || errno == ENOTDIR ? "the file is gone" : errno == EACCES ? "no permission to read the file" :
			errno == EINVAL ? "it is not a regular file" : "the file cannot be opened";
		return -1;
	}
	right = has_build_id(fd, id);
	if (right == 1)
		return fd;
	*why = right < 0 ? "it is not an ELF file" : "the file has changed since the recording (another build id)";
	close(fd);
	return -1;
}

/* fd, if the file is the one that was looked for; else it is closed, and -1. */
static int if_it_is(int fd, struct build_id id, char **name)
{
	if (fd >= 0 && has_build_id(fd, id) == 1)
		return fd;
	if (fd >= 0)
		close(fd);
	free(*name);
	*name = NULL;
	return -1;
}

/* Where Debian, Fedora and Arch put separate debugging information. It has the same symbols at the same addresses. */
static int open_debug_file(struct build_id id, char **name)
{
	char hex[2 * 64 + 1] = "";
	int fd;

	if (id.len < 2 || id.len > 64)
		return -1;
	for (uint32_t i = 0; i < id.len; i++)
		snprintf(hex + 2 * i, 3, "%02x", id.bytes[i]);
	if (asprintf(name, "/usr/lib/debug/.build-id/%.2s/%s.debug", hex, hex + 2) < 0)
		return -1;
	fd = open_regular(*name);
	return if_it_is(fd, id, name);
}

/* libdwfl asks debuginfod for a module of which it knows nothing but the build id. */
static int ask_debuginfod(const char *module, struct build_id id, char **name)
{
	static const Dwfl_Callbacks callbacks = { .find_elf = dwfl_build_id_find_elf };
	const char *urls = getenv("DEBUGINFOD_URLS");
	Dwfl *dwfl = urls && *urls && id.len ? dwfl_begin(&callbacks) : NULL;
	Dwfl_Module *mod;
	Elf *elf = NULL;
	int fd = -1;

	if (!dwfl)
		return -1;
	dwfl_report_begin(dwfl);
	mod = dwfl_report_module(dwfl, module, 0x10000, 0x20000);
	if (mod && dwfl_module_report_build_id(mod, id.bytes, id.len, 0) == 0)
		fd = dwfl_build_id_find_elf(mod, NULL, module, 0x10000, name, &elf);
	if (elf)
		elf_end(elf);
	dwfl_report_end(dwfl, NULL, NULL);
	dwfl_end(dwfl);
	return if_it_is(fd, id, name);
}

/* The kernel's own library: the same in every process, so ours will do, unless the kernel is another by now. */
static int open_vdso(struct build_id id, const char **why)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)image;
	size_t size = h ? h->e_shoff + (size_t)h->e_shnum * h->e_shentsize : 0;
	int fd = h ? memfd_create("vdso", MFD_CLOEXEC) : -1;

	*why = "the kernel is another than that of the recording";
	if (fd >= 0 && write(fd, image, size) == (ssize_t)size && has_build_id(fd, id) == 1)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int file_open(const char *module, struct build_id id, char **name, const char **why)
{
	int fd;

	*name = NULL;
	if (!strcmp(module, "[vdso]"))
		return open_vdso(id, why);
	fd = open_at_path(module, id, why);
	if (fd < 0)
		fd = open_debug_file(id, name);
	if (fd < 0)
		fd = ask_debuginfod(module, id, name);
	return fd;
}
