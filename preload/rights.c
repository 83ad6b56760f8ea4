/*
 * preload/rights.c: calls after which this thread may do less, sees another part of the world, or has a table of its own: prctl, capset, unshare, setns. (Ids:
 * identity.c; by syscall(): fdw_syscall_rights.)
 *
 * Context: any thread. While recording they may wait, bounded, for the tracer's threads to end (heir.h): those would keep what the program gives up, and be
 * threads where there must be one.
 */
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include "event.h"
#include "exit.h"
#include "gate.h"
#include "heir.h"
#include "resolve.h"
#include "retire.h"
#include "routes.h"
#include "poison.h"

#define GIVES_UP "it gave up rights, which LTTng's threads would have kept"
#define MOVES "it moved to another namespace, where LTTng's threads could not follow"

static int takes_rights(int option)
{
	return option == PR_CAPBSET_DROP || option == PR_SET_SECUREBITS || option == PR_SET_NO_NEW_PRIVS;
}

void fdw_unshared(const char *by, uint16_t call, uintptr_t pc)
{
	if (!fdw_on() || fdw_single_threaded())
		return;
	fdw_emit_blind(by, call, pc);
	fdw_tombstones_copied();
	fdw_self.private_table = 1;
}

static void before_unshare(int flags, uint16_t call, uintptr_t pc)
{
	if (flags & CLONE_FILES)
		fdw_gate_and_tell(call, pc); /* as in a child: afterwards the number means another table's */
	if (flags & ~(CLONE_FILES | CLONE_SYSVSEM))
		fdw_rights_change(MOVES);
	if (flags & CLONE_NEWPID)
		fdw_process.leads = 1;
}

FDW_EXPORT int unshare(int flags)
{
	int r;

	before_unshare(flags, FDW_CALL_unshare, FDW_CALLER);
	r = FDW_REAL(unshare)(flags);
	if (r == 0 && flags & CLONE_FILES)
		fdw_unshared("unshare(CLONE_FILES)", FDW_CALL_unshare, FDW_CALLER);
	return r;
}

static void before_setns(void)
{
	fdw_rights_change(MOVES);
	fdw_process.leads = 1;
}

FDW_EXPORT int setns(int fd, int type)
{
	int r;

	if (unlikely(!real_setns))
		return fdw_early_setns(fd, type);
	fdw_passed_over(fd, -1, FDW_CALL_setns);
	before_setns();
	r = real_setns(fd, type);
	if (unlikely(r < 0))
		fdw_use_failed(fd, FDW_CALL_setns, FDW_CALLER);
	else
		fdw_used(fd, FDW_CALL_setns, FDW_CALLER);
	return r;
}

FDW_EXPORT int capset(void *head, const void *data)
{
	if (unlikely(!real_capset))
		return fdw_early_capset(head, data);
	fdw_rights_change(GIVES_UP);
	return real_capset(head, data);
}

/* For one thread, by libc too. With -1 they only ask. */
#define OF_FILES(name, type) \
	FDW_EXPORT int name(type id) \
	{ \
		if (unlikely(!real_##name)) \
			return fdw_early_##name(id); \
		if (id != (type)-1) \
			fdw_rights_change(GIVES_UP); \
		return real_##name(id); \
	}
OF_FILES(setfsuid, uid_t)
OF_FILES(setfsgid, gid_t)

/* A filter without a program is how programs ask whether there are filters. */
static int installs_filter(int option, long mode, long program)
{
	return unlikely(option == PR_SET_SECCOMP) && (mode != SECCOMP_MODE_FILTER || program);
}

/* The kernel's own calls are for one thread always. */
void fdw_syscall_rights(long nr, long a, uintptr_t pc)
{
	switch (nr) {
	case SYS_unshare:
		before_unshare((int)a, FDW_CALL_syscall, pc);
		break;
	case SYS_setns:
		before_setns();
		break;
	case SYS_prctl:
		if (!takes_rights((int)a))
			break;
		/* fall through */
	case SYS_capset: case SYS_setuid: case SYS_setgid: case SYS_setreuid: case SYS_setregid: case SYS_setresuid: case SYS_setresgid:
	case SYS_setgroups: case SYS_setfsuid: case SYS_setfsgid: case SYS_landlock_restrict_self:
		fdw_rights_change(GIVES_UP);
		break;
	}
}

long fdw_prctl_by(fdw_plain_fn *by, long nr, const long *args, uintptr_t pc)
{
	int op = (int)args[0], filters;
	long r;

	if (nr == SYS_prctl)
		filters = installs_filter(op, args[1], args[2]);
	else
		filters = op == SECCOMP_SET_MODE_STRICT || (op == SECCOMP_SET_MODE_FILTER && args[2]);
	if (filters)
		fdw_before_filter();
	else
		fdw_syscall_rights(nr, args[0], pc);
	r = by(nr, args);
	if (filters && r >= 0)
		fdw_process.filtered = 1;
	return r;
}

static long by_libc(long nr, const long *a)
{
	return likely(real_prctl) ? real_prctl((int)a[0], a[1], a[2], a[3], a[4]) : fdw_errno_of(fdw_raw(nr, a[0], a[1], a[2], a[3], a[4]));
}

FDW_EXPORT int prctl(int option, ...)
{
	long args[5] = { option };
	va_list ap;

	va_start(ap, option);
	for (int i = 1; i < 5; i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	return (int)fdw_prctl_by(by_libc, SYS_prctl, args, FDW_CALLER);
}
