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
#include "protect.h"
#include "table.h"
#include "poison.h"

#define RANGES 12
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

static int learn_one(struct dl_phdr_info *info, size_t size, void *before)
{
	unsigned n = atomic_load(&range_count);
	uintptr_t low = UINTPTR_MAX, high = 0;

	if (n == RANGES || !is_tool(info->dlpi_name))
		return 0;
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
	return 0;
}

void fdw_tool_ranges_learn(void)
{
	if (!atomic_load(&range_count))
		dl_iterate_phdr(learn_one, NULL);
}

/* ---- descriptors ------------------------------------------------------------------------------------------------------------------------*/

/* As high as the limit allows, below 2^16 so that no table grows for it: programs look for free numbers from below. */
static int park(int fd)
{
	struct rlimit rl;
	long top = 1024, r = -1;

	if (fdw_raw(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &rl) == 0)
		top = rl.rlim_cur > 65536 ? 65536 : (long)rl.rlim_cur;
	for (long room = 48; room <= 512 && r < 0; room *= 2) {
		long from = top - room;
		if (from <= fd || from < 10)
			continue;
		r = fdw_raw(SYS_fcntl, (long)fd, (long)F_DUPFD_CLOEXEC, from);
	}
	if (r < 0) {
		fdw_raw(SYS_fcntl, (long)fd, (long)F_SETFD, (long)FD_CLOEXEC);
		return fd; /* a tiny limit: it stays where it is, protected all the same */
	}
	fdw_raw(SYS_close, (long)fd);
	return (int)r;
}

int lttng_ust_add_fd_to_tracker(int fd);
void lttng_ust_delete_fd_from_tracker(int fd);

FDW_EXPORT int lttng_ust_add_fd_to_tracker(int fd)
{
	int saved = errno, at;

	if (fd < 0 || !fdw_on())
		return fd;
	at = park(fd);
	fdw_protect(at);
	errno = saved;
	return at;
}

FDW_EXPORT void lttng_ust_delete_fd_from_tracker(int fd)
{
	if (fdw_on())
		fdw_unprotect(fd);
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

	if (!dir || !addr || len <= offsetof(struct sockaddr_un, sun_path) || un->sun_family != AF_UNIX || !fdw_tool_caller(pc))
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
