/*
 * preload/reap.c: wait, waitpid, wait3, wait4, waitid: how children ended, which only their parent is told.
 *
 * Context: everywhere, also in SIGCHLD handlers. These calls block and are cancellation points: nothing is held or remembered over them. A
 * fork child that waits for children is not taken for a worker.
 * The program's own pointers are passed on (a bad one is for the kernel to find, after the child is gone); NULL is replaced by one of ours
 * while recording, since the status is what we came for.
 */
#include "event.h"
#include "reap.h"
#include "resolve.h"
#include "poison.h"

static void say(int64_t pid, int status, int fd, uint32_t gen, uint16_t call, uintptr_t pc)
{
	fdw_send(&(struct fdw_event){ .op = FDW_OP_REAPED, .call = call, .fd = fd, .gen = gen, .fd2 = -1, .ret = pid,
		.arg = (uint32_t)status }, pc);
}

void fdw_reaped(pid_t pid, int status, uint16_t call, uintptr_t pc)
{
	if (fdw_recording() && pid > 0 && (WIFEXITED(status) || WIFSIGNALED(status)))
		say(pid, status, -1, 0, call, pc);
}

void fdw_reaped_command(int status, int fd, uint32_t gen, uint16_t call, uintptr_t pc)
{
	if (fdw_recording())
		say(-1, status, fd, gen, call, pc);
}

void fdw_reaped_info(const siginfo_t *info, int options, uint16_t call, uintptr_t pc)
{
	int ended = info->si_code == CLD_EXITED || info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED;

	/* With WNOHANG and nobody there the numbers are 0; with WNOWAIT it can be waited for again. */
	if (info->si_signo != SIGCHLD || !ended || options & WNOWAIT)
		return;
	fdw_reaped(info->si_pid, info->si_code == CLD_EXITED ? (info->si_status & 0xff) << 8
	                         : (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0), call, pc);
}

FDW_EXPORT pid_t wait(int *status)
{
	int own = 0, *where = status || !fdw_recording() ? status : &own;
	pid_t r = FDW_REAL(wait)(where);

	if (r > 0 && where)
		fdw_reaped(r, *where, FDW_CALL_wait, FDW_CALLER);
	return r;
}

FDW_EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
	int own = 0, *where = status || !fdw_recording() ? status : &own;
	pid_t r = FDW_REAL(waitpid)(pid, where, options);

	if (r > 0 && where)
		fdw_reaped(r, *where, FDW_CALL_waitpid, FDW_CALLER);
	return r;
}

FDW_EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
	int own = 0, *where = status || !fdw_recording() ? status : &own;
	pid_t r = FDW_REAL(wait3)(where, options, usage);

	if (r > 0 && where)
		fdw_reaped(r, *where, FDW_CALL_wait3, FDW_CALLER);
	return r;
}

FDW_EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	int own = 0, *where = status || !fdw_recording() ? status : &own;
	pid_t r = FDW_REAL(wait4)(pid, where, options, usage);

	if (r > 0 && where)
		fdw_reaped(r, *where, FDW_CALL_wait4, FDW_CALLER);
	return r;
}

/* id may be a descriptor: P_PIDFD. */
#define ID_IS_PIDFD 3

FDW_EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	siginfo_t own, *where = info || !fdw_recording() ? info : &own;
	int r;

	own.si_signo = 0;
	r = FDW_REAL(waitid)(type, id, where, options);
	if (r == 0 && where && fdw_recording())
		fdw_reaped_info(where, options, FDW_CALL_waitid, FDW_CALLER);
	if (type == (idtype_t)ID_IS_PIDFD && r < 0)
		fdw_use_failed((int)id, FDW_CALL_waitid, FDW_CALLER);
	else if (type == (idtype_t)ID_IS_PIDFD)
		fdw_used((int)id, FDW_CALL_waitid, FDW_CALLER);
	return r;
}
