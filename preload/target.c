/*
 * preload/target.c: can the file that is about to run load us? Static, set-id, foreign and unreachable targets.
 *
 * The file is opened where the program sees nothing of it (aside.h), and only when its like was not seen before (the cache below).
 *
 * POSIX record locks belong to the descriptor table and the file: any close of any descriptor of that file there drops them all. A helper's
 * table has none. Where the program's own table is used, a file is not looked into while it is open there and a lock may be held on it
 * (may_be_locked): then it is taken for an ordinary program.
 *
 * Context: exec and spawn wrappers, also in vfork children. Makes no system call at all where a seccomp filter is: then the environment is
 * passed on as it would be for an ordinary program. No errno in what runs aside.
 */
#include <elf.h>
#include "aside.h"
#include "clock.h"
#include "env.h"
#include "event.h"
#include "options.h"
#include "protect.h"
#include "resolve.h"
#include "routes.h"
#include "poison.h"

#define HEAD 256 /* what the kernel looks at */

static struct fdw_target verdict(enum fdw_why why)
{
	/* Static and set-id programs ignore LD_PRELOAD silently; the others would fail or complain. */
	return (struct fdw_target){ why, why == FDW_WHY_CLASS || why == FDW_WHY_LIBC || why == FDW_WHY_GONE || why == FDW_WHY_SANITIZER };
}

/* What a file's content says, of any caller: enum fdw_why, and */
#define KNOWN 0x80
#define PROGRAM 0x40    /* not a script or a text: the bits of its mode count */
#define CAPABILITIES 0x20
#define SCRIPT 0x10     /* in place of enum fdw_why the number of its interpreter, whose file decides */
#define WHY 0x0f
_Static_assert(FDW_WHY_SANITIZER <= WHY, "fits");

static int gains_privileges(uint8_t known, const struct stat *st)
{
	if (st->st_mode & S_ISUID && st->st_uid != (uid_t)fdw_raw(SYS_getuid))
		return 1;
	if ((st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st->st_gid != (gid_t)fdw_raw(SYS_getgid))
		return 1;
	/* File capabilities mean nothing to root, who has them anyway. */
	return known & CAPABILITIES && fdw_raw(SYS_getuid) != 0;
}

static enum fdw_why why_of(uint8_t known, const struct stat *st)
{
	return known & PROGRAM && gains_privileges(known, st) ? FDW_WHY_SETID : (enum fdw_why)(known & WHY);
}

/* ---- what was seen before ---------------------------------------------------------------------------------------------------------------*/

/*
 * One word for each: who writes it writes all of it, and a file that takes another's place costs a look. 56 bits tell files apart. A file that was
 * changed has another time of change, which nobody can set; unless it was changed within one tick of the file system's clock, so what is
 * younger than the coarsest (FAT's 2 s) twice over is not kept.
 */
#define SEEN 256u
#define YOUNG_S 4
static _Atomic uint64_t seen[SEEN];

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 32;
}

static uint64_t identity(const struct stat *st)
{
	uint64_t h = mix(mix(mix(1, st->st_dev), st->st_ino), (uint64_t)st->st_size);

	h = mix(mix(h, (uint64_t)st->st_mtim.tv_sec), (uint64_t)st->st_mtim.tv_nsec);
	return mix(mix(h, (uint64_t)st->st_ctim.tv_sec), (uint64_t)st->st_ctim.tv_nsec);
}

/* 0: not seen. */
static uint8_t recall(const struct stat *st)
{
	uint64_t id = identity(st), v = atomic_load_explicit(&seen[id % SEEN], memory_order_relaxed);
	return (v ^ id) >> 8 ? 0 : (uint8_t)v;
}

/* st: from after the look, which began at that time. */
static void remember(const struct stat *st, uint8_t known, time_t begun)
{
	uint64_t id = identity(st);

	if (S_ISREG(st->st_mode) && st->st_ctim.tv_sec <= begun - YOUNG_S && st->st_mtim.tv_sec <= begun - YOUNG_S)
		atomic_store_explicit(&seen[id % SEEN], (id & ~UINT64_C(0xff)) | known, memory_order_relaxed);
}

/* Written once, with signals blocked; an entry that a fork or a killed vfork child found half written is never used. */
#define INTERPRETERS (WHY + 1u)
static struct { _Atomic int state; char path[60]; } interpreters[INTERPRETERS]; /* state: 0 free, 1 being written, 2 there */

/* -1: there is no room. */
static int number_of(const char *path)
{
	size_t n = strlen(path) + 1;

	for (unsigned i = 0; i < INTERPRETERS && n <= sizeof interpreters[i].path; i++) {
		int none = 0;
		if (atomic_compare_exchange_strong(&interpreters[i].state, &none, 1)) {
			memcpy(interpreters[i].path, path, n);
			atomic_store_explicit(&interpreters[i].state, 2, memory_order_release);
			return (int)i;
		}
		if (none == 2 && !strcmp(interpreters[i].path, path))
			return (int)i;
	}
	return -1;
}

/* A script may be another's interpreter; the kernel gives up sooner. */
#define DEPTH 5

/* st: the file's; then its interpreter's. 0: one of them was not seen. */
static int recall_all(struct stat *st, enum fdw_why *why)
{
	for (int depth = 0; depth < DEPTH; depth++) {
		uint8_t known = recall(st);
		if (!known)
			return 0;
		if (!(known & SCRIPT)) {
			*why = why_of(known, st);
			return 1;
		}
		if (atomic_load_explicit(&interpreters[known & WHY].state, memory_order_acquire) != 2)
			return 0;
		if (fdw_raw(SYS_newfstatat, (long)AT_FDCWD, interpreters[known & WHY].path, st, 0L) != 0 || !S_ISREG(st->st_mode))
			break;
	}
	return 1;
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
	uint64_t cut;

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
		/* The end of it, which is the loader's name. */
		cut = ph.p_filesz < sizeof interp ? 0 : ph.p_filesz - (sizeof interp - 1);
		n = fdw_raw(SYS_pread64, (long)fd, interp, sizeof interp - 1, (long)(ph.p_offset + cut));
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
static int may_be_locked(const struct stat *target, int but)
{
	uint32_t end = atomic_load(&locks_taken) ? atomic_load(&fdw_table_end) : LOW_NUMBERS;
	struct stat st;

	for (uint32_t i = 0; i < end; i++) {
		uint64_t v = fdw_peek((int)i);
		if ((int)i != but && fdw_state(v) != FDW_CLOSED && fdw_raw(SYS_newfstatat, (long)i, "", &st, (long)AT_EMPTY_PATH) == 0 &&
		    st.st_ino == target->st_ino && st.st_dev == target->st_dev)
			return 1;
	}
	return 0;
}

int fdw_may_be_locked(int fd)
{
	struct stat st;

	return fdw_raw(SYS_newfstatat, (long)fd, "", &st, (long)AT_EMPTY_PATH) != 0 || (S_ISREG(st.st_mode) && may_be_locked(&st, fd));
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

/* ---- the look ----------------------------------------------------------------------------------------------------------------------------*/

struct look {
	int dir;
	const char *path;   /* NULL: dir is the file itself */
	int own;            /* in the program's table */
	time_t begun;
	enum fdw_why why;
};

/* -1: not to be looked into. O_NONBLOCK: nobody can make us wait with a FIFO. */
static long open_target(const struct look *l, int dir, const char *path)
{
	struct stat st;

	if (fdw_raw(SYS_newfstatat, (long)dir, path, &st, 0L) != 0 || !S_ISREG(st.st_mode) || (l->own && may_be_locked(&st, -1)))
		return -1;
	return fdw_raw(SYS_openat, (long)dir, path, (long)(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), 0L);
}

/* Of what is no script. Without magic it is one for /bin/sh, or an error that exec itself will tell. */
static uint8_t content_of(int fd, const unsigned char *head, long n)
{
	uint8_t known = KNOWN | FDW_WHY_OK;
	char cap[64];

	if (n >= 4 && !memcmp(head, ELFMAG, SELFMAG)) {
		known = KNOWN | PROGRAM | (uint8_t)check_elf(fd, head, n);
		if (fdw_raw(SYS_fgetxattr, (long)fd, "security.capability", cap, sizeof cap) > 0)
			known |= CAPABILITIES;
	}
	return known;
}

/* One file: its interpreter, in head, or NULL. */
static char *look_into(struct look *l, int fd, char *head)
{
	long n = fdw_raw(SYS_pread64, (long)fd, head, (long)HEAD, 0L);
	int script = n > 3 && head[0] == '#' && head[1] == '!', number;
	char *interpreter = script ? script_interpreter(head, n) : NULL;
	uint8_t known = script ? 0 : content_of(fd, (unsigned char *)head, n);
	struct stat st;

	if (interpreter && (number = number_of(interpreter)) >= 0)
		known = (uint8_t)(KNOWN | SCRIPT | number);
	if (n < 0 || !known || fdw_raw(SYS_newfstatat, (long)fd, "", &st, (long)AT_EMPTY_PATH) != 0)
		return interpreter;
	remember(&st, known, l->begun);
	if (!script)
		l->why = why_of(known, &st);
	return interpreter;
}

static void look(void *p)
{
	_Alignas(8) char head[HEAD];
	struct look *l = p;
	long fd = l->path ? open_target(l, l->dir, l->path) : l->dir, next;

	for (int depth = 0; fd >= 0; fd = next) {
		char *interpreter = look_into(l, (int)fd, head);

		next = interpreter && ++depth < DEPTH ? open_target(l, AT_FDCWD, interpreter) : -1;
		if (l->path || fd != l->dir)
			fdw_raw(SYS_close, fd);
	}
}

/* path: NULL: dir itself. */
static struct fdw_target target_of(int dir, const char *path)
{
	struct look l = { .dir = dir, .path = path, .why = FDW_WHY_OK };
	struct timespec now;
	struct stat st;

	if (fdw_process.filtered || fdw_process.disabled ||
	    fdw_raw(SYS_newfstatat, (long)dir, path ? path : "", &st, path ? 0L : (long)AT_EMPTY_PATH) != 0 || !S_ISREG(st.st_mode))
		return verdict(FDW_WHY_OK);
	if (fdw_options.library[0] && fdw_raw(SYS_faccessat, (long)AT_FDCWD, fdw_options.library, (long)R_OK) != 0)
		return verdict(FDW_WHY_GONE);
	if (recall_all(&st, &l.why))
		return verdict(l.why);
	fdw_clock(CLOCK_REALTIME, &now);
	l.begun = now.tv_sec;
	l.own = fdw_table_is_own();
	fdw_unseen(l.own, look, &l);
	return verdict(l.why); /* unreadable programs can run all the same; LD_PRELOAD then works as far as we know */
}

struct asked { int dir; struct fdw_target answer; };
static __attribute__((noinline)) void answer(void *path, uintptr_t arg)
{
	struct asked *a = (struct asked *)arg;
	a->answer = target_of(a->dir, path);
}

/* It is loaded into all the same: its limit may be raised, and then its children are recorded. */
static struct fdw_target if_recorded(struct fdw_target t)
{
	return t.why == FDW_WHY_OK && fdw_recording() && !fdw_tracer_has_numbers() ? verdict(FDW_WHY_LIMIT) : t;
}

struct fdw_target fdw_target_of_fd(int fd)
{
	struct asked a = { fd, verdict(FDW_WHY_OK) };

	fdw_deep(answer, NULL, (uintptr_t)&a);
	return if_recorded(a.answer);
}

struct fdw_target fdw_target_of(int dir, const char *path)
{
	struct asked a = { dir, verdict(FDW_WHY_OK) };

	if (path)
		fdw_deep(answer, (void *)(uintptr_t)path, (uintptr_t)&a);
	return if_recorded(a.answer);
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
