/*
 * preload/protect.c: the tracer's own code, descriptors and connection.
 *
 * Context: the tracer's threads and whoever runs its constructors and destructors; fdw_tool_caller anywhere.
 * liblttng-ust tells of every descriptor it opens and closes through lttng_ust_{add,delete}_fd_*_tracker, which it calls through
 * the PLT and for which we stand in. The add call may answer with another number: so each one is moved up, close-on-exec, and
 * the program's numbers stay what they are without us.
 */
#include <link.h>
#include <sys/resource.h>
#include "close.h"
#include "heir.h"
#include "proc.h"
#include "protect.h"
#include "table.h"
#include "poison.h"

#define RANGES 16
static struct { uintptr_t low, high; } ranges[RANGES];
static _Atomic unsigned range_count;

uintptr_t fdw_tool_low, fdw_tool_high;

int fdw_tool_range(uintptr_t pc)
{
	unsigned n = atomic_load_explicit(&range_count, memory_order_acquire);

	for (unsigned i = 0; i < n; i++)
		if (pc >= ranges[i].low && pc < ranges[i].high)
			return 1;
	return 0;
}

static int is_tool(const char *path)
{
	static const char *const names[] = { "liblttng-ust", "liburcu", "libfdwarden-ust", "libnuma" };
	const char *base = path ? strrchr(path, '/') : NULL;

	base = base ? base + 1 : path;
	for (size_t i = 0; base && i < sizeof names / sizeof *names; i++)
		if (!strncmp(base, names[i], strlen(names[i])))
			return 1;
	return 0;
}

static void add_range(const struct dl_phdr_info *info)
{
	unsigned n = atomic_load(&range_count);
	uintptr_t low = UINTPTR_MAX, high = 0;

	if (n == RANGES)
		return;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type != PT_LOAD)
			continue;
		if (info->dlpi_addr + p->p_vaddr < low)
			low = info->dlpi_addr + p->p_vaddr;
		if (info->dlpi_addr + p->p_vaddr + p->p_memsz > high)
			high = info->dlpi_addr + p->p_vaddr + p->p_memsz;
	}
	ranges[n].low = low;
	ranges[n].high = high;
	if (!n || low < fdw_tool_low)
		fdw_tool_low = low;
	if (high > fdw_tool_high)
		fdw_tool_high = high;
	atomic_store_explicit(&range_count, n + 1, memory_order_release);
}

static int learn_one(struct dl_phdr_info *info, size_t size, void *unused)
{
	if (is_tool(info->dlpi_name))
		add_range(info);
	return 0;
}

static int learn_at(struct dl_phdr_info *info, size_t size, void *pc)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && *(uintptr_t *)pc - (info->dlpi_addr + p->p_vaddr) < p->p_memsz)
			return add_range(info), 1;
	}
	return 0;
}

void fdw_tool_range_add(uintptr_t pc)
{
	if (!fdw_tool_range(pc))
		dl_iterate_phdr(learn_at, &pc);
}

/* ---- destructors ------------------------------------------------------------------------------------------------------------------------*/

/*
 * LTTng's destructors have nothing to do that the end of the process does not do as well, once our emitters are stopped, and much that can go
 * wrong: they wait for every emission to end, also for one that this very thread left by a handler; they make system calls that a seccomp
 * filter answers with death or with an error on which liburcu aborts; pthread_cancel loads a library and aborts when the program has no
 * descriptor left. So they are left out, unless the program traces itself with LTTng: then only where a filter forbids them, or nobody
 * would wake up again.
 */
#define FINIS 48
static void (*finis[FINIS])(void);
static unsigned fini_count;

/* An entry is called without arguments, so each needs a function of its own: octal names, 00 to 57. */
#define GUARD(i) static void fini_##i(void) { if (!fdw_process.filtered && !fdw_process.no_fini) finis[0##i](); }
#define NAME(i) fini_##i,
#define EIGHT(X, r) X(r##0) X(r##1) X(r##2) X(r##3) X(r##4) X(r##5) X(r##6) X(r##7)
#define ALL(X) EIGHT(X, 0) EIGHT(X, 1) EIGHT(X, 2) EIGHT(X, 3) EIGHT(X, 4) EIGHT(X, 5)
ALL(GUARD)
static void (*const guards[FINIS])(void) = { ALL(NAME) };

/* The array lies in memory that is read-only after relocation. */
static void guard_array(void (**array)(void), size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), low = (uintptr_t)array & ~(page - 1);
	size_t size = (uintptr_t)(array + n) - low;

	if (fini_count + n > FINIS || fdw_raw(SYS_mprotect, (void *)low, size, PROT_READ | PROT_WRITE) != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		finis[fini_count] = array[i];
		array[i] = guards[fini_count++];
	}
	fdw_raw(SYS_mprotect, (void *)low, size, PROT_READ);
}

static int guard_one(struct dl_phdr_info *info, size_t size, void *unused)
{
	const ElfW(Dyn) *d = NULL;
	uintptr_t array = 0;
	size_t bytes = 0;

	if (!is_tool(info->dlpi_name))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			d = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	for (; d && d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_FINI_ARRAY)
			array = info->dlpi_addr + d->d_un.d_ptr;
		else if (d->d_tag == DT_FINI_ARRAYSZ)
			bytes = d->d_un.d_val;
	}
	if (array)
		guard_array((void (**)(void))array, bytes / sizeof(void *));
	return 0;
}

void fdw_tool_ranges_learn(void)
{
	static _Atomic int done;

	if (atomic_exchange(&done, 1))
		return;
	dl_iterate_phdr(learn_one, NULL);
	dl_iterate_phdr(guard_one, NULL);
}

/* ---- descriptors ------------------------------------------------------------------------------------------------------------------------*/

/*
 * As high as is cheap: programs look for free numbers from below, and may use every number up to their limit. So above that limit where the hard one
 * leaves room: a number stays open when the limit is lowered again. (The limit is raised for one system call; the program's threads would
 * have to be out of numbers at that very moment to notice.) But the kernel copies the table up to the highest number at every fork, and we look
 * through ours: a limit of many thousands is never that near, and what the program opens steps over us.
 */
#define PARK_END 4096l
#define PARK_ROOM 512

static long park_from(int fd, long from)
{
	return from > fd && from >= 10 ? fdw_raw(SYS_fcntl, (long)fd, (long)F_DUPFD_CLOEXEC, from) : -1;
}

static long park_above(int fd, const struct rlimit *rl)
{
	struct rlimit raised = *rl;
	long soft = (long)rl->rlim_cur, r;

	if (rl->rlim_max < rl->rlim_cur + PARK_ROOM || soft > PARK_END || fdw_process.filtered)
		return -1;
	raised.rlim_cur += PARK_ROOM;
	if (fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, &raised, NULL) != 0)
		return -1;
	r = park_from(fd, soft);
	fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, rl, NULL);
	return r;
}

int fdw_park(int fd)
{
	struct rlimit rl = { 1024, 1024 };
	long top, r;

	fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &rl);
	r = park_above(fd, &rl);
	top = rl.rlim_cur > PARK_END ? PARK_END : (long)rl.rlim_cur;
	for (long room = 48; room <= 512 && r < 0; room *= 2)
		r = park_from(fd, top - room);
	if (r < 0) {
		fdw_raw(SYS_fcntl, (long)fd, (long)F_SETFD, (long)FD_CLOEXEC);
		return fd; /* a tiny limit: it stays where it is, protected all the same */
	}
	fdw_raw(SYS_close, (long)fd);
	return (int)r;
}

/*
 * LTTng takes four numbers per possible processor and some, and asserts that it gets them; what the daemon sends and finds no number is lost, and takes the
 * daemon with it, and the recording of all others. Each is had below the limit in force at first and stepped over it then (fdw_park): a few at once will
 * do, where the hard limit leaves that room.
 */
#define HARD_LEAST 64u
#define AT_ONCE 8u

static unsigned for_processors(void)
{
	static _Atomic unsigned known;
	unsigned n = atomic_load_explicit(&known, memory_order_relaxed);
	char buf[64];
	size_t last;

	if (n)
		return n;
	last = fdw_read_file("/sys/devices/system/cpu/possible", buf, sizeof buf);
	while (last && (buf[last - 1] < '0' || buf[last - 1] > '9')) /* "0-3\n", "0,2-7\n": the last number counts */
		last--;
	while (last && buf[last - 1] >= '0' && buf[last - 1] <= '9')
		last--;
	n = 4 * ((unsigned)fdw_number(buf + last) + 1);
	atomic_store_explicit(&known, n, memory_order_relaxed);
	return n;
}

/* The kernel is asked, for at the start of a program nobody else knows. */
static int are_free(rlim_t below, unsigned wanted)
{
	uint32_t end = atomic_load_explicit(&fdw_process.made_end, memory_order_relaxed);

	if (end && below >= end + wanted)
		return 1;
	for (unsigned i = 0; i < below && wanted; i++)
		wanted -= fdw_raw(SYS_fcntl, (long)i, (long)F_GETFD) == -EBADF;
	return !wanted;
}

int fdw_tracer_has_numbers(void)
{
	unsigned processors;
	struct rlimit rl;

	if (fdw_process.filtered || fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &rl) != 0)
		return 1;
	processors = for_processors();
	return rl.rlim_max >= HARD_LEAST + processors && are_free(rl.rlim_cur, rl.rlim_max >= rl.rlim_cur + PARK_ROOM ? AT_ONCE : AT_ONCE + processors);
}

int lttng_ust_add_fd_to_tracker(int fd);
void lttng_ust_delete_fd_from_tracker(int fd);

FDW_EXPORT int lttng_ust_add_fd_to_tracker(int fd)
{
	int saved = errno, at;

	if (fd < 0 || !fdw_on())
		return fd;
	at = fdw_park(fd);
	fdw_protect(at);
	fdw_connection_made(at);
	errno = saved;
	return at;
}

FDW_EXPORT void lttng_ust_delete_fd_from_tracker(int fd)
{
	if (!fdw_on())
		return;
	fdw_connection_ends(fd);
	fdw_unprotect(fd);
}

void fdw_protected_close(void)
{
	for (uint32_t fd = 0; fd < fdw_table_end; fd++)
		if (fdw_is_protected((int)fd) && !(fdw_peek((int)fd) & FDW_W_KEPT)) {
			fdw_unprotect((int)fd);
			fdw_raw(SYS_close, (long)fd);
		}
}

/* ---- the connection ----------------------------------------------------------------------------------------------------------------------*/

#include "options.h"

/*
 * liblttng-ust connects to the system's daemon (…/run/lttng/lttng-ust-sock-8) and to its user's ($HOME/.lttng/lttng-ust-sock-8). Only
 * the second is led to our private daemon: with both, every event would be recorded twice.
 */
int fdw_protect_connect(struct sockaddr_un *to, const struct sockaddr *addr, socklen_t len, uintptr_t pc)
{
	static const char suffix[] = "/.lttng/lttng-ust-sock-8", name[] = "/lttng-ust-sock-8";
	const struct sockaddr_un *un = (const struct sockaddr_un *)addr;
	size_t n, dir = strlen(fdw_options.record);

	/* The caller first: a program's address may be unreadable, which the kernel is to tell. */
	if (!dir || !fdw_tool_caller(pc) || !addr || len <= offsetof(struct sockaddr_un, sun_path) || un->sun_family != AF_UNIX)
		return 0;
	n = strnlen(un->sun_path, len - offsetof(struct sockaddr_un, sun_path));
	if (n < sizeof suffix - 1 || memcmp(un->sun_path + n - (sizeof suffix - 1), suffix, sizeof suffix - 1))
		return 0;
	if (dir + sizeof name > sizeof to->sun_path)
		return 0;
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(to->sun_path, fdw_options.record, dir);
	memcpy(to->sun_path + dir, name, sizeof name);
	return 1;
}

/* ---- the buffers of a fork child ----------------------------------------------------------------------------------------------------------*/

/* One line of /proc/self/maps: 1 when it is a shared mapping of LTTng's, with its bounds. */
static int is_buffer(const char *line, uintptr_t *low, uintptr_t *high)
{
	uintptr_t v[2] = { 0, 0 };
	const char *p = line;

	for (int i = 0; i < 2; i++, p++)
		for (; (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++)
			v[i] = v[i] << 4 | (uintptr_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	*low = v[0];
	*high = v[1];
	return p[0] == 'r' && p[1] == 'w' && p[3] == 's' && (strstr(p, "ust-shm") || strstr(p, "/shm-ust-consumer"));
}

/* A second view of the pages, then private memory in place of the first, then the content. */
static void make_private(uintptr_t low, uintptr_t high)
{
	size_t n = high - low;
	long view = fdw_raw(SYS_mremap, low, 0L, n, (long)MREMAP_MAYMOVE, 0L);

	if (view < 0 && view > -4096)
		return;
	if (fdw_raw(SYS_mmap, low, n, (long)(PROT_READ | PROT_WRITE), (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE), -1L, 0L) ==
	    (long)low)
		memcpy((void *)low, (const void *)view, n);
	fdw_raw(SYS_munmap, view, n);
}

void fdw_buffers_detach(void)
{
	char buf[4096];
	size_t have = 0;
	uintptr_t low, high;
	uint64_t all = UINT64_MAX, mask = 0;
	long n, fd;

	/* A fork child's first thread, before anything of the program: with signals blocked nobody sees the number. */
	fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &all, &mask, 8L);
	fd = fdw_raw(SYS_openat, (long)AT_FDCWD, "/proc/self/maps", (long)(O_RDONLY | O_CLOEXEC), 0L);
	while (fd >= 0 && (n = fdw_raw(SYS_read, fd, buf + have, sizeof buf - 1 - have)) > 0) {
		char *line = buf, *end;
		have += (size_t)n;
		buf[have] = 0;
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			if (is_buffer(line, &low, &high))
				make_private(low, high);
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == sizeof buf - 1)
			have = 0; /* no line is that long */
	}
	if (fd >= 0)
		fdw_raw(SYS_close, fd);
	fdw_raw(SYS_rt_sigprocmask, (long)SIG_SETMASK, &mask, NULL, 8L);
}
