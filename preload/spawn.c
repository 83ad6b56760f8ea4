/*
 * preload/spawn.c: posix_spawn and posix_spawnp. libc's child uses no call that reaches us, so all there is to do is the environment
 * before and the events after: the child's, and what the file actions did to its descriptors (actions.h).
 *
 * Two versions: GLIBC_2.2.5 runs a file without magic as a shell script, 2.15 answers ENOEXEC. Our unversioned definition serves both,
 * so each program's own must be found by what it was linked against: see the versioned symbols below.
 */
#include <dlfcn.h>
#include "actions.h"
#include "env.h"
#include "event.h"
#include "gate.h"
#include "resolve.h"
#include "retire.h"
#include "poison.h"

/* The parent's word of the child. us: since the call began. */
static void say_spawned(pid_t child, struct fdw_target t, const char *path, const posix_spawn_file_actions_t *fa, uint32_t us, uint16_t call,
                        uintptr_t pc)
{
	struct fdw_detail d = fdw_text(path);

	if (!fdw_recording())
		return;
	fdw_send(&(struct fdw_event){ .op = FDW_OP_FORK, .kind = FDW_FORK_SPAWN, .call = call, .fd = -1, .fd2 = -1, .gen = us, .ret = child,
		.arg = t.why, .flags = (t.why ? FDW_F_UNOBSERVED : 0) | (fdw_actions_known(fa) ? 0 : FDW_F_PARTIAL), .detail = d.data,
		.detail_len = (uint32_t)d.len }, pc);
	fdw_actions_say(fa, child, call, pc);
}

typedef int spawn_fn(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[], char *const[]);

static int spawn(spawn_fn *real, pid_t *pid, const char *path, const char *found, const posix_spawn_file_actions_t *fa,
                 const posix_spawnattr_t *attr, char *const argv[], char *const envp[], uint16_t call, uintptr_t pc)
{
	struct fdw_target t;
	struct fdw_env_plan plan;
	uint64_t begin;
	pid_t own;
	int r, saved;

	if (unlikely(!atomic_load_explicit(&fdw_ready, memory_order_acquire)))
		return real(pid, path, fa, attr, argv, envp);
	t = fdw_target_of(AT_FDCWD, found);
	fdw_env_plan(&plan, envp, t);
	if (fdw_hides() && fdw_on())
		fdw_actions_give_back(fa);
	fdw_gate();
	begin = fdw_fork_clock();
	r = real(pid ? pid : &own, path, fa, attr, argv, FDW_ENV(&plan));
	if (unlikely(r == E2BIG && plan.bytes)) /* without our entries it may fit */
		r = real(pid ? pid : &own, path, fa, attr, argv, envp);
	fdw_env_done(&plan);
	saved = errno; /* libc's child leaves its own errors there: that is what the program sees natively */
	if (r == 0)
		say_spawned(pid ? *pid : own, t, found ? found : path, fa, fdw_fork_took(begin), call, pc);
	fdw_gate_child(r != 0 ? -1 : pid ? *pid : own, FDW_FORK_SPAWN, call, pc);
	errno = saved;
	return r;
}

static const char *search(const char *file, char *buf, size_t n) { return file ? fdw_find_in_path(file, buf, n) : NULL; }

#define PARAMS(first)                                                                                                  \
	(pid_t *pid, const char *first, const posix_spawn_file_actions_t *fa, const posix_spawnattr_t *attr,            \
	 char *const argv[], char *const envp[])

#if defined(__x86_64__)
/* The older versions: exported under their own names, found under their own names. */
static spawn_fn *old_version(const char *name, spawn_fn *newer)
{
	spawn_fn *f = (spawn_fn *)dlvsym(RTLD_NEXT, name, "GLIBC_2.2.5");
	return f ? f : newer;
}

static spawn_fn *old_spawn, *old_spawnp;

void fdw_spawn_resolve(void)
{
	old_spawn = old_version("posix_spawn", real_posix_spawn);
	old_spawnp = old_version("posix_spawnp", real_posix_spawnp);
}

int fdw_posix_spawn_2_2_5 PARAMS(path);
int fdw_posix_spawnp_2_2_5 PARAMS(file);
int fdw_posix_spawn_2_15 PARAMS(path);
int fdw_posix_spawnp_2_15 PARAMS(file);

FDW_EXPORT __attribute__((symver("posix_spawn@GLIBC_2.2.5"))) int fdw_posix_spawn_2_2_5 PARAMS(path)
{
	return spawn(old_spawn ? old_spawn : FDW_REAL(posix_spawn), pid, path, path, fa, attr, argv, envp,
	             FDW_CALL_posix_spawn, FDW_CALLER);
}

FDW_EXPORT __attribute__((symver("posix_spawnp@GLIBC_2.2.5"))) int fdw_posix_spawnp_2_2_5 PARAMS(file)
{
	char buf[FDW_DETAIL_MAX * 2];

	return spawn(old_spawnp ? old_spawnp : FDW_REAL(posix_spawnp), pid, file, search(file, buf, sizeof buf), fa, attr, argv,
	             envp, FDW_CALL_posix_spawnp, FDW_CALLER);
}

#define posix_spawn __attribute__((symver("posix_spawn@@GLIBC_2.15"))) fdw_posix_spawn_2_15
#define posix_spawnp __attribute__((symver("posix_spawnp@@GLIBC_2.15"))) fdw_posix_spawnp_2_15
#else
void fdw_spawn_resolve(void) {}
#endif

FDW_EXPORT int posix_spawn PARAMS(path)
{
	return spawn(FDW_REAL(posix_spawn), pid, path, path, fa, attr, argv, envp, FDW_CALL_posix_spawn, FDW_CALLER);
}

FDW_EXPORT int posix_spawnp PARAMS(file)
{
	char buf[FDW_DETAIL_MAX * 2];

	return spawn(FDW_REAL(posix_spawnp), pid, file, search(file, buf, sizeof buf), fa, attr, argv, envp,
	             FDW_CALL_posix_spawnp, FDW_CALLER);
}
