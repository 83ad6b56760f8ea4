/*
 * preload/exec.c: the exec family: each is a function of its own in libc, none calls the exported execve.
 *
 * Context: everywhere, above all in fork and vfork children (whose events: vforked.h). Memory: env.h.
 */
#include "aside.h"
#include "env.h"
#include "event.h"
#include "exit.h"
#include "gate.h"
#include "resolve.h"
#include "still_open.h"
#include "poison.h"

struct execing { struct fdw_target t; uint16_t call; uintptr_t pc; };

static __attribute__((noinline)) void say_exec(void *path, uintptr_t arg)
{
	const struct execing *e = (const struct execing *)arg;

	if (!fdw_self.vforked)
		fdw_still_open_ask(e->call);
	fdw_life(FDW_OP_EXEC, 0, e->t.why, 0, -1, e->t.why ? FDW_F_UNOBSERVED : 0, e->call, e->pc, fdw_text(fdw_all_there(path) ? path : NULL));
	fdw_totals(e->call);
	if (!fdw_self.vforked) /* the emitters are the parent's threads, which go on */
		fdw_emitters_stop();
}

/* The last step before an exec: the other threads end with it, and what they left undecided is decided (gate.h). */
static void before_exec(const char *path, struct fdw_target t, uint16_t call, uintptr_t pc)
{
	struct execing e = { t, call, pc };

	fdw_gate_and_tell(call, pc);
	if (fdw_recording())
		fdw_deep(say_exec, (void *)(uintptr_t)path, (uintptr_t)&e);
}

static int exec_failed(const char *path, uint16_t call, uintptr_t pc)
{
	int err = errno;

	if (!fdw_recording())
		return -1;
	if (!fdw_self.vforked)
		fdw_emitters_resume();
	if (err == EFAULT)
		path = NULL;
	fdw_send(&(struct fdw_event){ .op = FDW_OP_EXEC_FAILED, .call = call, .fd = -1, .fd2 = -1, .ret = -1, .err = err,
		.detail = (const uint8_t *)path, .detail_len = path ? (uint32_t)strlen(path) : 0 }, pc);
	errno = err;
	return -1;
}

/* The exec failed: its memory goes back. 1: it may be for our entries in the environment, and is tried once more without them. */
static int too_big(struct fdw_env_plan *plan)
{
	fdw_env_done(plan);
	return errno == E2BIG && plan->bytes;
}

static int usable(void) { return likely(atomic_load_explicit(&fdw_ready, memory_order_acquire)) && !fdw_self.private_table; }

static int exec_path(const char *path, char *const argv[], char *const envp[], uint16_t call, uintptr_t pc)
{
	struct fdw_target t = fdw_target_of(AT_FDCWD, path);
	struct fdw_env_plan plan;

	fdw_env_plan(&plan, envp, t);
	before_exec(path, t, call, pc);
	FDW_REAL(execve)(path, argv, FDW_ENV(&plan));
	if (too_big(&plan))
		real_execve(path, argv, envp);
	return exec_failed(path, call, pc);
}

FDW_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	if (unlikely(!usable()))
		return FDW_REAL(execve)(path, argv, envp);
	return exec_path(path, argv, envp, FDW_CALL_execve, FDW_CALLER);
}

FDW_EXPORT int execv(const char *path, char *const argv[])
{
	if (unlikely(!usable()))
		return FDW_REAL(execv)(path, argv);
	return exec_path(path, argv, environ, FDW_CALL_execv, FDW_CALLER);
}

/* execvp is execvpe with the program's own environment, in libc as here. */
static int exec_in_path(const char *file, char *const argv[], char *const envp[], uint16_t call, uintptr_t pc)
{
	char found[FDW_DETAIL_MAX * 2];
	const char *path = file ? fdw_find_in_path(file, found, sizeof found) : NULL;
	struct fdw_target t = fdw_target_of(AT_FDCWD, path);
	struct fdw_env_plan plan;

	fdw_env_plan(&plan, envp, t);
	before_exec(path ? path : file, t, call, pc);
	FDW_REAL(execvpe)(file, argv, FDW_ENV(&plan));
	if (too_big(&plan))
		real_execvpe(file, argv, envp);
	return exec_failed(file, call, pc);
}

FDW_EXPORT int execvp(const char *file, char *const argv[])
{
	if (unlikely(!usable()))
		return FDW_REAL(execvp)(file, argv);
	return exec_in_path(file, argv, environ, FDW_CALL_execvp, FDW_CALLER);
}

FDW_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	if (unlikely(!usable()))
		return FDW_REAL(execvpe)(file, argv, envp);
	return exec_in_path(file, argv, envp, FDW_CALL_execvpe, FDW_CALLER);
}

FDW_EXPORT int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	struct fdw_env_plan plan;
	struct fdw_target t;
	int r;

	if (unlikely(!usable()))
		return FDW_REAL(execveat) ? real_execveat(dir, path, argv, envp, flags)
		                          : (int)fdw_errno_of(fdw_raw(SYS_execveat, (long)dir, path, argv, envp, (long)flags));
	if (fdw_hides() && fdw_names_itself(path, flags) && fdw_tombstone_met(dir, FDW_CALL_execveat, FDW_CALLER))
		return -1;
	t = flags & AT_EMPTY_PATH && path && fdw_readable(path) && !*path ? fdw_target_of_fd(dir) : fdw_target_of(dir, path);
	fdw_env_plan(&plan, envp, t);
	fdw_used(dir, FDW_CALL_execveat, FDW_CALLER);
	before_exec(path, t, FDW_CALL_execveat, FDW_CALLER);
	r = FDW_REAL(execveat)(dir, path, argv, FDW_ENV(&plan), flags);
	if (too_big(&plan))
		r = real_execveat(dir, path, argv, envp, flags);
	fdw_use_failed(dir, FDW_CALL_execveat, FDW_CALLER);
	exec_failed(path, FDW_CALL_execveat, FDW_CALLER);
	return r;
}

FDW_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct fdw_env_plan plan;
	struct fdw_target t;
	int r;

	if (unlikely(!usable()))
		return FDW_REAL(fexecve)(fd, argv, envp);
	if (fdw_refused(fd, FDW_CALL_fexecve, FDW_CALLER))
		return -1;
	t = fd >= 0 ? fdw_target_of_fd(fd) : (struct fdw_target){ 0 };
	fdw_env_plan(&plan, envp, t);
	fdw_used(fd, FDW_CALL_fexecve, FDW_CALLER);
	before_exec("(fexecve)", t, FDW_CALL_fexecve, FDW_CALLER);
	r = FDW_REAL(fexecve)(fd, argv, envp ? FDW_ENV(&plan) : NULL);
	if (too_big(&plan))
		r = real_fexecve(fd, argv, envp);
	fdw_use_failed(fd, FDW_CALL_fexecve, FDW_CALLER);
	exec_failed("(fexecve)", FDW_CALL_fexecve, FDW_CALLER);
	return r;
}

/* ---- the variadic ones: their arguments as an array, on the stack as libc has it --------------------------------------------------------*/

static void fill(char **argv, const char *arg, unsigned n, va_list ap)
{
	argv[0] = (char *)arg;
	for (unsigned i = 1; i <= n; i++)
		argv[i] = va_arg(ap, char *);
}

/* Declares argv from arg and what follows it; `after` may take what comes behind the NULL from ap. */
#define ARGV_ON_STACK(argv, arg, after)                                                                                \
	va_list ap;                                                                                                    \
	unsigned n = 0;                                                                                                \
	char **argv;                                                                                                   \
	va_start(ap, arg);                                                                                             \
	if (arg)                                                                                                       \
		for (n = 1; va_arg(ap, char *); n++)                                                                    \
			;                                                                                              \
	va_end(ap);                                                                                                    \
	argv = __builtin_alloca((n + 2) * sizeof *argv);                                                                \
	va_start(ap, arg);                                                                                             \
	argv[0] = NULL;                                                                                                \
	if (arg)                                                                                                       \
		fill(argv, arg, n, ap);                                                                                 \
	after;                                                                                                         \
	va_end(ap)

FDW_EXPORT int execl(const char *path, const char *arg, ...)
{
	ARGV_ON_STACK(argv, arg, (void)0);
	return execv(path, argv);
}

FDW_EXPORT int execlp(const char *file, const char *arg, ...)
{
	ARGV_ON_STACK(argv, arg, (void)0);
	return execvp(file, argv);
}

FDW_EXPORT int execle(const char *path, const char *arg, ...)
{
	char **envp;

	ARGV_ON_STACK(argv, arg, envp = va_arg(ap, char **));
	return execve(path, argv, envp);
}
