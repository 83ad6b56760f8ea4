/*
 * analyzer/preflight.c: see preflight.h. The path, the kind of file, and for scripts the interpreter that runs first; elf_file.c reads ELF.
 *
 * Context: the command before the start. The files are the user's, maybe damaged: everything read is checked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "analyzer/elf_file.h"
#include "analyzer/preflight.h"

/* The kernel gives up after this many interpreters of interpreters, and reads this much of a #! line. */
#define SCRIPTS_MAX 5
#define SCRIPT_LINE 256
#define STRACE "strace -f -yy -e trace=desc PROG"

static void verdict(struct preflight *p, enum preflight_verdict v, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void verdict(struct preflight *p, enum preflight_verdict v, const char *format, ...)
{
	va_list args;

	p->verdict = v;
	va_start(args, format);
	vsnprintf(p->why, sizeof p->why, format, args);
	va_end(args);
}

/* ---- the path ------------------------------------------------------------------------------------------------------*/

static int is_runnable(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (!S_ISREG(st.st_mode))
		errno = EACCES;
	else if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
		return 1;
	return 0;
}

/* As execvp: a file that may not be run is remembered and the search goes on. In a directory that may not be searched is none. */
static int search_path(const char *prog, struct preflight *p)
{
	const char *path = getenv("PATH"), *next;
	int denied = 0;

	for (path = path ? path : "/bin:/usr/bin"; path; path = next) {
		char candidate[PATH_MAX];
		next = strchr(path, ':');
		int n = next ? (int)(next++ - path) : (int)strlen(path);
		if (snprintf(candidate, sizeof candidate, "%.*s%s%s", n, path, n ? "/" : "", prog) >= (int)sizeof candidate)
			continue;
		if (is_runnable(candidate)) {
			memcpy(p->path, candidate, sizeof candidate);
			return 0;
		}
		if ((errno == EACCES || errno == EISDIR) && !denied && access(candidate, F_OK) == 0) {
			denied = errno;
			memcpy(p->path, candidate, sizeof candidate);
		}
	}
	errno = denied ? denied : ENOENT;
	return -1;
}

static int find(const char *prog, struct preflight *p)
{
	int slash = strchr(prog, '/') != NULL;

	if (!*prog)
		errno = ENOENT;
	else if (!slash && search_path(prog, p) == 0)
		return 0;
	else if (slash && snprintf(p->path, sizeof p->path, "%s", prog) >= (int)sizeof p->path)
		errno = ENAMETOOLONG;
	else if (slash && is_runnable(prog))
		return 0;
	if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == ELOOP)
		verdict(p, PREFLIGHT_NOT_FOUND, slash ? "%s: %s" : "%s: not found in PATH", prog, strerror(errno));
	else if (errno == EISDIR)
		verdict(p, PREFLIGHT_CANNOT_EXEC, "%s: is a directory", p->path);
	else
		verdict(p, PREFLIGHT_CANNOT_EXEC, "%s: %s; is it executable (chmod +x)?", p->path[0] ? p->path : prog, strerror(errno));
	return -1;
}

/* ---- what cannot be observed ---------------------------------------------------------------------------------------*/

/* Set-id bits and capabilities mean nothing here: mounted nosuid, or the process gave up gaining privileges. */
static int gains_nothing(int fd)
{
	struct statvfs fs;

	return prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1 || (fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_NOSUID);
}

/*
 * What makes the dynamic linker ignore LD_PRELOAD is a change: a new effective id that is not the caller's real one, or capabilities
 * that the caller, unless he is root, does not have.
 */
static const char *gains_privileges(int fd)
{
	struct stat st;
	char cap[64];

	if (fstat(fd, &st) != 0 || gains_nothing(fd))
		return NULL;
	if (st.st_mode & S_ISUID && st.st_uid != getuid())
		return "set-user-id";
	if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st.st_gid != getgid())
		return "set-group-id";
	if (getuid() != 0 && fgetxattr(fd, "security.capability", cap, sizeof cap) > 0)
		return "file capabilities";
	return NULL;
}

static void unobservable(struct preflight *p, enum fdw_why reason, const char *why, const char *instead)
{
	p->reason = reason;
	verdict(p, PREFLIGHT_UNOBSERVABLE, "%s", why);
	snprintf(p->instead, sizeof p->instead, "%s", instead);
}

static void judge_privileges(struct preflight *p, const char *what)
{
	char why[128];

	snprintf(why, sizeof why, "it runs with other privileges than its caller (%s)", what);
	unobservable(p, FDW_WHY_SETID, why, getuid() == 0
	             ? "The dynamic linker ignores LD_PRELOAD then. Run it as the user it becomes, e.g. with setpriv --reuid, or a copy "
	               "without these bits."
	             : "The dynamic linker ignores LD_PRELOAD then. Run fdwarden as the user the program becomes (root: sudo fdwarden ...), "
	               "or a copy without these bits.");
}

static void judge_elf(struct preflight *p, const struct elf_facts *e)
{
	char why[256];

	if (e->kind == ELF_BROKEN) {
		verdict(p, PREFLIGHT_CANNOT_EXEC, "%s: Exec format error; it is no complete ELF program", p->elf);
	} else if (e->kind == ELF_FOREIGN) {
		snprintf(why, sizeof why, "it was built for another machine or word size (%s)", e->machine);
		unobservable(p, FDW_WHY_CLASS, why, "libfdwarden.so is for 64-bit x86-64 programs. Use a 64-bit build of the program, or:  "
		             STRACE);
	} else if (!e->interpreter[0] && !e->is_loader) {
		unobservable(p, FDW_WHY_STATIC, e->is_go ? "it is a statically linked Go program, which makes its system calls itself"
		             : e->is_pie ? "it is statically linked (static-pie, no program interpreter)"
		             : "it is statically linked (no program interpreter)", e->is_go
		             ? "LD_PRELOAD has no effect on it. Go's runtime guards its own descriptors; to look at them:  " STRACE
		             : "LD_PRELOAD has no effect on it. Rebuild without -static, or use:  " STRACE);
	} else if (e->interpreter[0] && access(e->interpreter, F_OK) != 0) {
		verdict(p, PREFLIGHT_NOT_FOUND, "%s: its program interpreter %s is not there; install the C library it was built for",
		        p->elf, e->interpreter);
	} else if (e->interpreter[0] && !strstr(e->interpreter, "/ld-linux")) {
		snprintf(why, sizeof why, "it uses another C library (its program interpreter is %.180s)", e->interpreter);
		unobservable(p, FDW_WHY_LIBC, why, "libfdwarden.so works with glibc only. Use a glibc build of the program, or:  " STRACE);
	}
}

/* ---- files ---------------------------------------------------------------------------------------------------------*/

static int script_interpreter(const char *head, ssize_t n, char *interp, size_t size)
{
	const char *at = head + 2, *end = head + (n > SCRIPT_LINE ? SCRIPT_LINE : n);
	size_t len = 0;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (at + len < end && at[len] && !strchr(" \t\n", at[len]))
		len++;
	if (!len || len >= size)
		return -1;
	memcpy(interp, at, len);
	interp[len] = 0;
	return 0;
}

static void look(struct preflight *p, const char *path, int depth);

void preflight_recording(struct preflight *p)
{
	if (p->verdict == PREFLIGHT_OK && p->has_libtsan)
		unobservable(p, FDW_WHY_SANITIZER, "it was built with gcc's thread sanitizer, which takes what the tracer's threads do with descriptors for races of "
		             "the program's", "fdwarden run protects it; what clang -fsanitize=thread made can be recorded.");
}

static void look_at_script(struct preflight *p, const char *path, const char *head, ssize_t n, int depth)
{
	char interp[SCRIPT_LINE];

	if (depth == SCRIPTS_MAX || script_interpreter(head, n, interp, sizeof interp) != 0)
		verdict(p, PREFLIGHT_CANNOT_EXEC, "%s: its #! line names no interpreter that can be run", path);
	else if (is_runnable(interp))
		look(p, interp, depth + 1);
	else
		verdict(p, errno == ENOENT ? PREFLIGHT_NOT_FOUND : PREFLIGHT_CANNOT_EXEC, "%s: its interpreter %s: %s", path, interp,
		        strerror(errno));
}

/* The kernel may know more formats (binfmt_misc); without any there is only one answer. */
static int other_formats(void)
{
	return access("/proc/sys/fs/binfmt_misc/status", F_OK) == 0;
}

static void look(struct preflight *p, const char *path, int depth)
{
	char head[SCRIPT_LINE + 1] = { 0 };
	struct elf_facts facts;
	const char *gain;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, SCRIPT_LINE, 0);

	snprintf(p->elf, sizeof p->elf, "%s", path);
	if (fd < 0)
		return; /* may be run but not read: LD_PRELOAD works then as far as anybody can tell */
	if (n >= 4 && !memcmp(head, "\177ELF", 4)) {
		elf_read(fd, &facts);
		gain = gains_privileges(fd);
		snprintf(p->first, sizeof p->first, "%s", facts.preload_first);
		p->has_libtsan = facts.has_libtsan;
		judge_elf(p, &facts);
		if (gain && (p->verdict == PREFLIGHT_OK || p->verdict == PREFLIGHT_UNOBSERVABLE))
			judge_privileges(p, gain);
	} else if (n >= 2 && head[0] == '#' && head[1] == '!') {
		look_at_script(p, path, head, n, depth);
	} else if (n >= 0 && !other_formats()) {
		verdict(p, PREFLIGHT_CANNOT_EXEC, n ? "%s: Exec format error; a script needs a #! line, or run it as:  sh %s"
		        : "%s: Exec format error; it is empty (%s)", path, n ? path : "0 bytes");
	}
	close(fd);
}

void preflight(const char *prog, struct preflight *p)
{
	memset(p, 0, sizeof *p);
	if (find(prog, p) == 0)
		look(p, p->path, 0);
}
