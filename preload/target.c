/*
 * preload/target.c: can the file that is about to run load us? Static, set-id, foreign and unreachable targets.
 *
 * Context: exec and spawn wrappers, also in vfork children. Opens the file for a moment; nothing at all where a seccomp filter is:
 * then the environment is passed on as it would be for an ordinary program.
 */
#include <elf.h>
#include "env.h"
#include "options.h"
#include "poison.h"

#define HEAD 1024

static struct fdw_target verdict(enum fdw_why why)
{
	/* Static and set-id programs ignore LD_PRELOAD silently; the others would fail or complain. */
	return (struct fdw_target){ why, why == FDW_WHY_CLASS || why == FDW_WHY_LIBC || why == FDW_WHY_GONE };
}

static int gains_privileges(int fd)
{
	struct stat st;
	char cap[64];

	if (fdw_raw(SYS_newfstatat, (long)fd, "", &st, (long)AT_EMPTY_PATH) != 0)
		return 0;
	if (st.st_mode & S_ISUID && st.st_uid != (uid_t)fdw_raw(SYS_getuid))
		return 1;
	if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st.st_gid != (gid_t)fdw_raw(SYS_getgid))
		return 1;
	/* File capabilities mean nothing to root, who has them anyway. */
	return fdw_raw(SYS_getuid) != 0 && fdw_raw(SYS_fgetxattr, (long)fd, "security.capability", cap, sizeof cap) > 0;
}

static enum fdw_why check_elf(int fd, const unsigned char *head, long n)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)head;
	char interp[128];
	Elf64_Phdr ph;

	if (n < (long)sizeof *e || e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_ident[EI_DATA] != ELFDATA2LSB)
		return FDW_WHY_CLASS;
#if defined(__x86_64__)
	if (e->e_machine != EM_X86_64)
		return FDW_WHY_CLASS;
#else
	if (e->e_machine != EM_AARCH64)
		return FDW_WHY_CLASS;
#endif
	for (unsigned i = 0; i < e->e_phnum && i < 64; i++) {
		if (fdw_raw(SYS_pread64, (long)fd, &ph, sizeof ph, (long)(e->e_phoff + i * sizeof ph)) != sizeof ph)
			break;
		if (ph.p_type != PT_INTERP)
			continue;
		n = fdw_raw(SYS_pread64, (long)fd, interp, sizeof interp - 1, (long)ph.p_offset);
		interp[n > 0 ? n : 0] = 0;
		return strstr(interp, "/ld-linux") ? FDW_WHY_OK : FDW_WHY_LIBC;
	}
	return FDW_WHY_STATIC;
}

/* The interpreter of "#! /bin/sh -e"; NULL when the line makes no sense. */
static char *script_interpreter(char *head, long n)
{
	char *p = head + 2, *end = head + n;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	for (char *q = p; q < end; q++)
		if (*q == ' ' || *q == '\t' || *q == '\n') {
			*q = 0;
			return *p ? p : NULL;
		}
	return NULL;
}

static struct fdw_target look(int fd, int depth)
{
	_Alignas(8) char head[HEAD];
	long n = fdw_raw(SYS_pread64, (long)fd, head, sizeof head, 0L);
	struct fdw_target t = verdict(FDW_WHY_OK);

	if (n >= 4 && !memcmp(head, ELFMAG, SELFMAG))
		return verdict(gains_privileges(fd) ? FDW_WHY_SETID : check_elf(fd, (unsigned char *)head, n));
	if (n > 3 && head[0] == '#' && head[1] == '!' && depth < 4) {
		char *interp = script_interpreter(head, n);
		long next = interp ? fdw_raw(SYS_openat, (long)AT_FDCWD, interp, (long)(O_RDONLY | O_CLOEXEC), 0L) : -1;
		if (next >= 0) {
			t = look((int)next, depth + 1);
			fdw_raw(SYS_close, next);
		}
	}
	return t; /* no magic at all: a shell script for /bin/sh, or an error that exec itself will tell */
}

struct fdw_target fdw_target_of_fd(int fd)
{
	if (fdw_process.filtered || fdw_process.disabled)
		return verdict(FDW_WHY_OK);
	if (fdw_options.library[0] && fdw_raw(SYS_faccessat, (long)AT_FDCWD, fdw_options.library, (long)R_OK) != 0)
		return verdict(FDW_WHY_GONE);
	return look(fd, 0);
}

struct fdw_target fdw_target_of(int dir, const char *path)
{
	struct fdw_target t = verdict(FDW_WHY_OK);
	long fd;

	if (fdw_process.filtered || fdw_process.disabled || !path)
		return t;
	/* O_NONBLOCK: nobody can make us wait with a FIFO */
	fd = fdw_raw(SYS_openat, (long)dir, path, (long)(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), 0L);
	if (fd < 0)
		return t; /* unreadable programs can run all the same; LD_PRELOAD then works as far as we know */
	t = fdw_target_of_fd((int)fd);
	fdw_raw(SYS_close, fd);
	return t;
}

const char *fdw_find_in_path(const char *file, char *buf, size_t n)
{
	const char *path = NULL, *next;
	size_t len = strlen(file), dir;

	if (strchr(file, '/'))
		return file;
	if (fdw_process.filtered)
		return NULL;
	for (char **e = environ; e && *e; e++)
		if (!strncmp(*e, "PATH=", 5))
			path = *e + 5;
	for (path = path ? path : "/bin:/usr/bin"; path; path = next) {
		next = strchr(path, ':');
		dir = next ? (size_t)(next++ - path) : strlen(path);
		if (dir + len + 2 > n)
			continue;
		memcpy(buf, path, dir);
		buf[dir] = '/';
		memcpy(buf + dir + (dir != 0), file, len + 1);
		if (fdw_raw(SYS_faccessat, (long)AT_FDCWD, buf, (long)X_OK) == 0)
			return buf;
	}
	return NULL;
}
