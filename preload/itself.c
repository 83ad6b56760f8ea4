/*
 * preload/itself.c: paths that mean a descriptor itself: the empty one (AT_EMPTY_PATH), /dev/fd/N and /proc/self/fd/N. An O_PATH descriptor
 * serves them, so a tombstone (retire.h) would; any other path is a use of a directory, or of none.
 *
 * Context: everywhere; the path may be unreadable, which the kernel is to tell.
 */
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include "birth.h"
#include "env.h"
#include "pending.h"
#include "proc.h"
#include "event.h"
#include "resolve.h"
#include "retire.h"
#include "poison.h"

/* ---- whether a path may be read --------------------------------------------------------------------------------------------------------------
 * It is the kernel that answers EFAULT; to ask it for every path is a system call each. Most paths lie where memory stays as long as its process: in the
 * program's own file, or between a caller's frame and the top of its stack, or in the heap up to where libc says that it ends. (Where the program takes
 * parts of that away, the kernel is asked again.)
 */
#define PARTS 6
static struct { uintptr_t low, high; } parts[PARTS];
extern char *__curbrk __attribute__((weak));
static uintptr_t heap;

static _Atomic uint8_t unsure;

void fdw_paths_init(void)
{
	const ElfW(Phdr) *ph = (const void *)getauxval(AT_PHDR), *end = ph + (ph ? getauxval(AT_PHNUM) : 0), *p;
	uintptr_t base = UINTPTR_MAX;
	unsigned known = 0;

	for (p = ph; p < end; p++)
		if (p->p_type == PT_PHDR)
			base = (uintptr_t)ph - p->p_vaddr;
	for (p = ph; base != UINTPTR_MAX && p < end && known < PARTS; p++)
		if (p->p_type == PT_LOAD && p->p_flags & PF_R) {
			parts[known].low = base + p->p_vaddr;
			parts[known++].high = base + p->p_vaddr + p->p_filesz;
		}
	if (&__curbrk && !fdw_process.filtered)
		heap = (uintptr_t)fdw_raw(SYS_brk, 0L);
}

void fdw_paths_go(uintptr_t low, size_t n)
{
	int hit = heap && low < (uintptr_t)__curbrk && low + n > heap;

	for (unsigned i = 0; i < PARTS; i++)
		hit |= low < parts[i].high && low + n > parts[i].low;
	if (unlikely(hit))
		atomic_store(&unsure, 1);
}

static int is_on_stack(uintptr_t at, uintptr_t frame)
{
	return fdw_self.stack_high && frame >= fdw_self.stack_low && at >= frame && at < fdw_self.stack_high;
}

static int is_known(uintptr_t at)
{
	if (unlikely(atomic_load_explicit(&unsure, memory_order_relaxed)))
		return 0;
	if (is_on_stack(at, (uintptr_t)__builtin_frame_address(0)))
		return 1;
	for (unsigned i = 0; i < PARTS && parts[i].high; i++)
		if (at >= parts[i].low && at < parts[i].high)
			return 1;
	return heap && at >= heap && at < (uintptr_t)__curbrk;
}

int fdw_is_there(const char *s) { return s && (is_known((uintptr_t)s) || fdw_readable(s)); }

int fdw_names_itself(const char *path, int flags)
{
	return flags & AT_EMPTY_PATH && (!path || (fdw_is_there(path) && !*path));
}

/* What stands behind the prefix, or NULL. */
static const char *after(const char *path, const char *prefix)
{
	for (; *prefix; path++, prefix++)
		if ((((uintptr_t)path & 4095) == 0 && !fdw_is_there(path)) || *path != *prefix)
			return NULL;
	return path;
}

/* "", or "/". */
static int ends(const char *p) { return p && (!*p || (*p == '/' && !p[1])); }

static int lists(const char *path)
{
	static const char *const places[] = { "/dev/fd", "/proc/self/fd", "/proc/self/fdinfo", "/proc/thread-self/fd" };
	const char *p;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (ends(after(path, places[i])))
			return 1;
	p = after(path, "/proc/");
	if (!p || fdw_number(p) != fdw_process.pid)
		return 0;
	while (*p >= '0' && *p <= '9')
		p++;
	return ends(after(p, "/fd")) || ends(after(p, "/fdinfo"));
}

static int is_of_tombstone(const char *path)
{
	static const char *const prefixes[] = { "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/" };
	const char *p = NULL;
	int fd = 0;

	for (size_t i = 0; !p && i < sizeof prefixes / sizeof *prefixes; i++)
		p = after(path, prefixes[i]);
	for (; p && *p >= '0' && *p <= '9' && fd < (int)FDW_TABLE_MAX; p++)
		fd = fd * 10 + *p - '0';
	return p && !*p && fdw_on() && !fdw_self.tool && (fdw_is_tombstone(fdw_peek(fd)) || fdw_is_protected(fd));
}

/* All of them begin with /dev or /proc. */
static int may_mean_numbers(const char *path)
{
	return fdw_is_there(path) && path[0] == '/' && (((uintptr_t)path + 1) & 4095 || fdw_is_there(path + 1)) && (path[1] == 'd' || path[1] == 'p');
}

int fdw_path_asks_slow(const char *path)
{
	if (!may_mean_numbers(path))
		return 0;
	if (unlikely(fdw_process.protects || fdw_self.held_back) && lists(path)) {
		fdw_pending_prepares();
		if (fdw_process.protects)
			fdw_nothing_kept();
		return 0;
	}
	if (!is_of_tombstone(path))
		return 0;
	errno = ENOENT;
	return FDW_PATH_REFUSED;
}

/* The call names dir itself, and dir answers as what is closed. */
#define REFUSED(name, flags) (fdw_hides() && fdw_names_itself(path, flags) && fdw_tombstone_met(dir, FDW_CALL_##name, FDW_CALLER))
#define ON_ITSELF(ret, name, params, args, flags)                                                                      \
	FDW_EXPORT ret name params                                                                                     \
	{                                                                                                              \
		ret r;                                                                                                 \
		if (unlikely(!real_##name))                                                                            \
			return fdw_early_##name args;                                                                  \
		if (REFUSED(name, flags))                                                                              \
			return -1;                                                                                     \
		fdw_passed_over(dir, -1, FDW_CALL_##name);                                                              \
		r = real_##name args;                                                                                  \
		if (unlikely(r < 0))                                                                                   \
			fdw_use_failed(dir, FDW_CALL_##name, FDW_CALLER);                                               \
		else                                                                                                   \
			fdw_used(dir, FDW_CALL_##name, FDW_CALLER);                                                     \
		return r;                                                                                              \
	}
ON_ITSELF(int, fstatat, (int dir, const char *path, struct stat *st, int flags), (dir, path, st, flags), flags)
ON_ITSELF(int, statx, (int dir, const char *path, int flags, unsigned int mask, struct statx *st), (dir, path, flags, mask, st), flags)
ON_ITSELF(int, fchownat, (int dir, const char *path, uid_t uid, gid_t gid, int flags), (dir, path, uid, gid, flags), flags)
ON_ITSELF(int, utimensat, (int dir, const char *path, const struct timespec ts[2], int flags), (dir, path, ts, flags), flags)
ON_ITSELF(int, name_to_handle_at, (int dir, const char *path, struct file_handle *handle, int *mount, int flags), (dir, path, handle, mount, flags), flags)
ON_ITSELF(int, faccessat, (int dir, const char *path, int mode, int flags), (dir, path, mode, flags), flags)
/* An empty path needs no flag there. */
ON_ITSELF(ssize_t, readlinkat, (int dir, const char *path, char *buf, size_t n), (dir, path, buf, n), AT_EMPTY_PATH)
ON_ITSELF(ssize_t, __readlinkat_chk, (int dir, const char *path, char *buf, size_t n, size_t size), (dir, path, buf, n, size), AT_EMPTY_PATH)

FDW_EXPORT int linkat(int dir, const char *path, int dir2, const char *path2, int flags)
{
	int r;

	if (unlikely(!real_linkat))
		return fdw_early_linkat(dir, path, dir2, path2, flags);
	if (REFUSED(linkat, flags))
		return -1;
	fdw_passed_over(dir, dir2, FDW_CALL_linkat);
	r = real_linkat(dir, path, dir2, path2, flags);
	if (unlikely(r < 0)) {
		fdw_use_failed(dir, FDW_CALL_linkat, FDW_CALLER);
		fdw_use_failed(dir2, FDW_CALL_linkat, FDW_CALLER);
	} else {
		fdw_used(dir, FDW_CALL_linkat, FDW_CALLER);
		fdw_used(dir2, FDW_CALL_linkat, FDW_CALLER);
	}
	return r;
}
