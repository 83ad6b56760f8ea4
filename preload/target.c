/*
 * preload/target.c: can the file that is about to run load us? Static, set-id, foreign and unreachable targets.
 *
 * POSIX record locks belong to the process and the file: any close of any descriptor of that file by the process drops them all. So a file
 * is not looked into while the process has it open and may hold a lock on it (may_be_locked): then it is taken for an ordinary program.
 *
 * Context: exec and spawn wrappers, also in vfork children. Opens the file for a moment; nothing at all where a seccomp filter is:
 * then the environment is passed on as it would be for an ordinary program.
 */
#include <elf.h>
#include "env.h"
#include "event.h"
#include "options.h"
#include "resolve.h"
#include "routes.h"
#include "poison.h"

#define HEAD 1024

static struct fdw_target verdict(enum fdw_why why)
{
	/* Static and set-id programs ignore LD_PRELOAD silently; the others would fail or complain. */
	return (struct fdw_target){ why, why == FDW_WHY_CLASS || why == FDW_WHY_LIBC || why == FDW_WHY_GONE || why == FDW_WHY_SANITIZER };
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

/* ---- sanitizers ----------------------------------------------------------------------------------------------------------------------*/

/* Where in the file address lies, by its segments; -1 when nowhere. */
static long file_offset(int fd, const Elf64_Ehdr *e, uint64_t address)
{
	Elf64_Phdr ph;

	for (unsigned i = 0; i < e->e_phnum && i < 64; i++) {
		if (fdw_raw(SYS_pread64, (long)fd, &ph, sizeof ph, (long)(e->e_phoff + i * sizeof ph)) != sizeof ph)
			break;
		if (ph.p_type == PT_LOAD && address >= ph.p_vaddr && address - ph.p_vaddr < ph.p_filesz)
			return (long)(address - ph.p_vaddr + ph.p_offset);
	}
	return -1;
}

static int is_sanitizer(int fd, long name)
{
	static const char *const names[] = { "libasan.so", "liblsan.so", "libtsan.so", "libclang_rt.asan", "libclang_rt.tsan", "libclang_rt.lsan" };
	char s[24] = "";

	if (fdw_raw(SYS_pread64, (long)fd, s, sizeof s - 1, name) <= 0)
		return 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strncmp(s, names[i], strlen(names[i])))
			return 1;
	return 0;
}

/* Their runtimes refuse to work when another library comes before them. Names stand first in the dynamic section. */
#define DYNAMIC_MAX 64
static int needs_sanitizer(int fd, const Elf64_Ehdr *e, const Elf64_Phdr *dynamic)
{
	Elf64_Dyn d[DYNAMIC_MAX];
	long n = fdw_raw(SYS_pread64, (long)fd, d, sizeof d, (long)dynamic->p_offset), strings = -1;

	n = n < 0 ? 0 : n / (long)sizeof *d;
	for (long i = 0; i < n && d[i].d_tag != DT_NULL && strings < 0; i++)
		if (d[i].d_tag == DT_STRTAB)
			strings = file_offset(fd, e, d[i].d_un.d_ptr);
	for (long i = 0; strings >= 0 && i < n && d[i].d_tag != DT_NULL; i++)
		if (d[i].d_tag == DT_NEEDED && is_sanitizer(fd, strings + (long)d[i].d_un.d_val))
			return 1;
	return 0;
}

static enum fdw_why check_elf(int fd, const unsigned char *head, long n)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)head;
	char interp[128];
	enum fdw_why why = FDW_WHY_STATIC;
	Elf64_Phdr ph, dynamic = { 0 };

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
		if (ph.p_type == PT_DYNAMIC)
			dynamic = ph;
		if (ph.p_type != PT_INTERP)
			continue;
		n = fdw_raw(SYS_pread64, (long)fd, interp, sizeof interp - 1, (long)ph.p_offset);
		interp[n > 0 ? n : 0] = 0;
		why = strstr(interp, "/ld-linux") ? FDW_WHY_OK : FDW_WHY_LIBC;
	}
	return why == FDW_WHY_OK && dynamic.p_offset && needs_sanitizer(fd, e, &dynamic) ? FDW_WHY_SANITIZER : why;
}

/* ---- record locks --------------------------------------------------------------------------------------------------------------------*/

static _Atomic int locks_taken;

void fdw_lock_taken(void) { if (unlikely(!atomic_load_explicit(&locks_taken, memory_order_relaxed))) atomic_store(&locks_taken, 1); }

FDW_EXPORT int lockf(int fd, int cmd, off_t n)
{
	int r;

	if (cmd == F_LOCK || cmd == F_TLOCK)
		fdw_lock_taken();
	r = FDW_REAL(lockf)(fd, cmd, n);
	if (unlikely(r < 0)) {
		fdw_use_failed(fd, FDW_CALL_lockf, FDW_CALLER);
		return r;
	}
	fdw_used(fd, FDW_CALL_lockf, FDW_CALLER);
	if (cmd == F_LOCK || cmd == F_TLOCK)
		fdw_locked(fd, FDW_CALL_lockf, FDW_CALLER);
	return r;
}

/* A lock of this kind belongs to the description: no close of another one ends it. */
FDW_EXPORT int flock(int fd, int op)
{
	int r = FDW_LIBC(flock)(fd, op);

	if (unlikely(r < 0)) {
		fdw_use_failed(fd, FDW_CALL_flock, FDW_CALLER);
		return r;
	}
	fdw_used(fd, FDW_CALL_flock, FDW_CALLER);
	if (!(op & LOCK_UN))
		fdw_locked(fd, FDW_CALL_flock, FDW_CALLER);
	return r;
}

/*
 * Whoever holds a lock has the file open. Locks survive an exec, and one from before is unknown: so low numbers are compared even when we saw no
 * lock taken.
 */
#define LOW_NUMBERS 32u
static int may_be_locked(const struct stat *target)
{
	uint32_t end = atomic_load(&locks_taken) ? atomic_load(&fdw_table_end) : LOW_NUMBERS;
	struct stat st;

	for (uint32_t i = 0; i < end; i++) {
		uint64_t v = fdw_peek((int)i);
		if (fdw_state(v) != FDW_CLOSED && fdw_raw(SYS_newfstatat, (long)i, "", &st, (long)AT_EMPTY_PATH) == 0 &&
		    st.st_ino == target->st_ino && st.st_dev == target->st_dev)
			return 1;
	}
	return 0;
}

/* -1: not to be looked into. O_NONBLOCK: nobody can make us wait with a FIFO. */
static long open_target(int dir, const char *path)
{
	struct stat st;

	if (fdw_raw(SYS_newfstatat, (long)dir, path, &st, 0L) != 0 || !S_ISREG(st.st_mode) || may_be_locked(&st))
		return -1;
	return fdw_raw(SYS_openat, (long)dir, path, (long)(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), 0L);
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
		long next = interp ? open_target(AT_FDCWD, interp) : -1;
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
	fd = open_target(dir, path);
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
