/*
 * preload/init.c: set-up, once, before any constructor of the program: libc's functions, settings, the table.
 *
 * Context: the main thread, from our constructor (-z initfirst: libc itself is not initialised: environ is NULL, stdio and malloc
 * are not to be touched; argc, argv and envp come as arguments). Afterwards only reads.
 * Order matters: settings before table (a disabled product maps nothing), then fdw_ready (release: who sees it sees all), and last what changes
 * other libraries.
 */
#include <dlfcn.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include "birth.h"
#include "clock.h"
#include "foreign.h"
#include "fork.h"
#include "log.h"
#include "options.h"
#include "proc.h"
#include "resolve.h"
#include "retire.h"
#include "table.h"
#include "poison.h"

_Thread_local struct fdw_thread fdw_self;
struct fdw_process fdw_process = { .mode = FDW_MODE_ENFORCE, .stack_depth = 16 };
_Atomic int fdw_ready;

/* ---- libc's functions -------------------------------------------------------------------------------------------------------------*/

#define FIND(name)                                                                                                     \
	do {                                                                                                           \
		void *p = dlsym(RTLD_NEXT, #name);                                                                     \
		if (p)                                                                                                 \
			__atomic_store_n((void **)&real_##name, p, __ATOMIC_RELEASE);                                   \
	} while (0);
/* A name that this libc lacks: the system call that does the same. */
#define FIND_OR_CALL(name)                                                                                             \
	FIND(name)                                                                                                     \
	if (!real_##name)                                                                                              \
		real_##name = fdw_early_##name;
#define USEQ(ret, name, sys, params, args, fd) FIND_OR_CALL(name)
#define USE(ret, name, sys, params, args, fd) FIND_OR_CALL(name)
#define USE2(ret, name, sys, params, args, fd, fd2) FIND_OR_CALL(name)
#define USE_E(ret, name, sys, params, args, fd) FIND_OR_CALL(name)
#define ASKS(ret, name, sys, params, args, fd) FIND_OR_CALL(name)
#define MAKE(ret, name, sys, params, args, born, kind, flags, src) FIND_OR_CALL(name)
#define MAKE_P(ret, name, sys, params, args, born, kind, flags, src, path) FIND_OR_CALL(name)
#define HAND(ret, name, sys, params, args, file) FIND_OR_CALL(name)
#define HANDV(ret, name, params, file) FIND(name)
void fdw_resolve(void)
{
	static _Atomic int done;
	if (atomic_load_explicit(&done, memory_order_acquire) || !fdw_relocated())
		return;
#include "calls.def"
	fdw_spawn_resolve();
	atomic_store_explicit(&done, 1, memory_order_release);
}

/* ---- the thread id without a system call ------------------------------------------------------------------------------------------*/

/*
 * glibc keeps each thread's id in its descriptor and corrects it in fork children, but exports no way to read it that makes no
 * system call (a filter may forbid gettid). We look for the main thread's id near the place glibc 2.36 has it, and believe the
 * offset only if the word there is exactly our pid.
 */
size_t fdw_tid_offset;

static void find_tid(uint32_t pid)
{
	static const size_t near[] = { 0x2d0, 0xd0, 0x2c0, 0x2d8, 0xe0 };
	const char *tcb = __builtin_thread_pointer();
	for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
#if defined(__x86_64__)
		const char *at = tcb + near[i];
#else
		const char *at = tcb - 0x700 + near[i]; /* struct pthread lies below the thread pointer */
#endif
		if (*(const uint32_t *)at == pid && ((const uint32_t *)at)[1] == 0) {
			fdw_tid_offset = (size_t)(at - tcb);
			return;
		}
	}
}

uint32_t fdw_tid_slow(void)
{
	return fdw_process.filtered ? 0 : (uint32_t)fdw_raw(SYS_gettid);
}

_Atomic uint8_t fdw_raw_threads;

/* Our own object first, then those that stand between us and libc. Ours: its function may be left by a jump, with our frame on top. */
#define BELOW 5
static struct { uintptr_t low, high; } below[BELOW];
unsigned fdw_below_count;

int fdw_in_below(uintptr_t pc)
{
	for (unsigned i = 0; i < fdw_below_count; i++)
		if (pc >= below[i].low && pc < below[i].high)
			return 1;
	return 0;
}

static void add_below(const struct dl_find_object *o)
{
	uintptr_t low = (uintptr_t)o->dlfo_map_start;

	if (fdw_below_count < BELOW && !fdw_in_below(low)) {
		below[fdw_below_count].low = low;
		below[fdw_below_count++].high = (uintptr_t)o->dlfo_map_end;
	}
}

static struct dl_find_object libc, ours; /* no link map: not known */

static void know_objects(void)
{
	void *own = dlsym(RTLD_NEXT, "gnu_get_libc_version"); /* nobody wraps that */

	if (!_dl_find_object || !own || _dl_find_object(own, &libc) != 0 || _dl_find_object((void *)(uintptr_t)know_objects, &ours) != 0)
		libc.dlfo_link_map = NULL;
}

/* As fdw_is_anothers. */
static int stands_between(void *f, struct dl_find_object *o)
{
	if (!libc.dlfo_link_map || _dl_find_object(f, o) != 0)
		return -1;
	return o->dlfo_link_map != libc.dlfo_link_map && o->dlfo_link_map != ours.dlfo_link_map;
}

int fdw_is_anothers(void *f)
{
	struct dl_find_object o;

	return stands_between(f, &o);
}

static void learn_below(void)
{
	void *const found[] = { (void *)(uintptr_t)real_close, (void *)(uintptr_t)real_dup, (void *)(uintptr_t)real_dup2,
		(void *)(uintptr_t)real_dup3, (void *)(uintptr_t)real_fcntl, (void *)(uintptr_t)real_pipe, (void *)(uintptr_t)real_pipe2,
		(void *)(uintptr_t)real_close_range, (void *)(uintptr_t)real_epoll_ctl, (void *)(uintptr_t)real_socketpair };
	struct dl_find_object o;

	for (size_t i = 0; i < sizeof found / sizeof *found; i++)
		if (stands_between(found[i], &o) == 1) {
			add_below(&ours);
			add_below(&o);
		}
}

static void learn_clock(void)
{
	void *found = dlsym(RTLD_NEXT, "clock_gettime"), *first = dlsym(RTLD_DEFAULT, "clock_gettime");
	struct dl_find_object o;

	if (found)
		fdw_clock_is(found, stands_between(found, &o) == 1, stands_between(first, &o) == 1);
}

/* Whether every function leads into the same object as one that nobody wraps: no other interposer is below us. */
static int leads_to_libc(void)
{
	void *const found[] = {
		(void *)(uintptr_t)real_close, (void *)(uintptr_t)real_dup,
#define USEQ(ret, name, sys, params, args, fd) (void *)(uintptr_t)real_##name,
#include "calls.def"
	};
	struct dl_find_object o;

	for (size_t i = 0; i < sizeof found / sizeof *found; i++)
		if (stands_between(found[i], &o) != 0)
			return 0;
	return 1;
}

/* ---- inherited seccomp filters ----------------------------------------------------------------------------------------------------------*/

/* "Seccomp_filters:\tN" of /proc/self/status; 0 when it cannot be read. */
static unsigned filters_now(void)
{
	static const char name[] = "Seccomp_filters:\t";
	char buf[4096], *p;

	fdw_read_file("/proc/self/status", buf, sizeof buf);
	p = strstr(buf, name);
	return p ? (unsigned)fdw_number(p + sizeof name - 1) : 0;
}

/*
 * Containers and services inherit filters. When they are the very ones the command runs under, and all it does worked there, they forbid
 * nothing that we do; what the loader did to bring us here is enough to count them.
 */
static void know_filters(void)
{
	if (fdw_process.filtered && fdw_options.filters && filters_now() == fdw_options.filters)
		fdw_process.filtered = 0;
}

/* ---- the constructor -----------------------------------------------------------------------------------------------------------------*/

static void learn_kernel_state(void)
{
	/* PR_GET_SECCOMP itself is killed by strict mode, but that mode cannot be inherited over an exec. */
	fdw_process.filtered = fdw_raw(SYS_prctl, PR_GET_SECCOMP, 0L, 0L, 0L, 0L) == 2;
	fdw_process.secure = getauxval(AT_SECURE) != 0;
	fdw_process.who = fdw_process.pid = (uint32_t)fdw_raw(SYS_getpid);
}

__attribute__((constructor)) static void fdw_init(int argc, char **argv, char **envp)
{
	int saved = errno;

	fdw_resolve();
	know_objects();
	learn_below();
	learn_clock();
	learn_kernel_state();
	find_tid(fdw_process.pid);
	fdw_log_start();
	fdw_options_read(argv, envp);
	know_filters();
	fdw_log_start();
	if (!fdw_process.disabled && fdw_fork_init() == 0) {
		int direct = leads_to_libc();
		fdw_table_init();
		fdw_paths_init();
		fdw_process.keeps = fdw_process.mode == FDW_MODE_AUDIT && fdw_options.tombstones;
		fdw_process.plain = direct && !fdw_options.record[0] && !fdw_process.keeps;
		/* Close-on-exec forms of calls: not past another interposer, nor where a filter may not know them. */
		fdw_process.may_birth = direct && fdw_process.mode != FDW_MODE_OBSERVE && !fdw_process.filtered;
		atomic_store_explicit(&fdw_ready, 1, memory_order_release);
		fdw_foreign_find();
	}
	errno = saved;
}
