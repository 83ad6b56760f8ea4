/*
 * preload/identity.c: setuid and its family, while recording.
 *
 * Context: any thread. libc makes every thread of the process change its ids and aborts when one fails that the others do not. The tracer's
 * threads are such threads, and what a program allowed itself alone (PR_SET_KEEPCAPS, capset) they do not have: natively there was one thread
 * and nothing to disagree. So where the program is alone and its capabilities are no longer the tracer threads', only the calling thread
 * changes, as natively: the tracer's threads end before (heir.h), and should they take too long for that, libc is not asked. In every other case its own
 * function runs, and the tracer's threads change with the program's.
 */
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include "event.h"
#include "heir.h"
#include "resolve.h"
#include "thread.h"
#include "poison.h"

static _Atomic int apart; /* the ids differ by now: no way back */

static int capabilities(uint32_t tid, struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = (int)tid };

	return (int)fdw_raw(SYS_capget, &head, data);
}

static int alone_and_different(void)
{
	struct __user_cap_data_struct mine[2], theirs[2];
	uint32_t tid = fdw_tool_thread();

	if (atomic_load(&apart))
		return fdw_on() && fdw_recording() && !fdw_process.threads && !fdw_process.filtered;
	if (!fdw_on() || !fdw_recording() || fdw_process.threads || fdw_process.filtered || !tid)
		return 0;
	if (fdw_raw(SYS_prctl, (long)PR_GET_KEEPCAPS, 0L, 0L, 0L, 0L) == 0 && fdw_raw(SYS_prctl, (long)PR_GET_SECUREBITS, 0L, 0L, 0L, 0L) == 0 &&
	    capabilities(0, mine) == 0 && capabilities(tid, theirs) == 0 && !memcmp(mine, theirs, sizeof mine))
		return 0;
	fdw_rights_change("it changed its ids, which LTTng's threads could not");
	if (!fdw_tool_threads())
		return 0;
	atomic_store(&apart, 1);
	return 1;
}

#define RAW(...) (int)fdw_errno_of(fdw_raw(__VA_ARGS__))
#define ID(name, params, args, ...) \
	FDW_EXPORT int name params \
	{ \
		return unlikely(alone_and_different()) ? RAW(__VA_ARGS__) : FDW_REAL(name) args; \
	}
#define WIDE(id) ((long)(unsigned)(id))

ID(setuid, (uid_t u), (u), SYS_setuid, WIDE(u))
ID(setgid, (gid_t g), (g), SYS_setgid, WIDE(g))
ID(seteuid, (uid_t u), (u), SYS_setresuid, WIDE(-1), WIDE(u), WIDE(-1))
ID(setegid, (gid_t g), (g), SYS_setresgid, WIDE(-1), WIDE(g), WIDE(-1))
ID(setreuid, (uid_t r, uid_t e), (r, e), SYS_setreuid, WIDE(r), WIDE(e))
ID(setregid, (gid_t r, gid_t e), (r, e), SYS_setregid, WIDE(r), WIDE(e))
ID(setresuid, (uid_t r, uid_t e, uid_t s), (r, e, s), SYS_setresuid, WIDE(r), WIDE(e), WIDE(s))
ID(setresgid, (gid_t r, gid_t e, gid_t s), (r, e, s), SYS_setresgid, WIDE(r), WIDE(e), WIDE(s))
ID(setgroups, (size_t n, const gid_t *list), (n, list), SYS_setgroups, n, list)

/* libc's own calls its setgroups without us. */
FDW_EXPORT int initgroups(const char *user, gid_t group)
{
	gid_t list[1024];
	int n = sizeof list / sizeof *list;

	if (likely(!alone_and_different()) || getgrouplist(user, group, list, &n) < 0)
		return FDW_REAL(initgroups)(user, group);
	return RAW(SYS_setgroups, (long)n, list);
}
