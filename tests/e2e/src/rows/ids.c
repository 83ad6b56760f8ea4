/*
 * tests/e2e/src/rows/ids.c: changes of user and group. Each in a child: there is no way back. Succeeding: the ids one has; failing: those one
 * may not have (-1 for root, who may have all).
 */
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include "rows.h"

#define OTHER (geteuid() ? 0u : (unsigned)-1)

static void users(void)
{
	uid_t u = getuid();

	CALLS(int, (uid_t), "setuid", "seteuid") IN_CHILD {
		CASE("own", call(u));
		CASE("not allowed", call(OTHER));
	}
	CALLS(int, (uid_t, uid_t), "setreuid") IN_CHILD {
		CASE("own", call(u, u));
		CASE("as they are", call((uid_t)-1, (uid_t)-1));
		if (u)
			CASE("not allowed", call(0, 0));
	}
	CALLS(int, (uid_t, uid_t, uid_t), "setresuid") IN_CHILD {
		CASE("own", call(u, u, u));
		CASE("as they are", call((uid_t)-1, (uid_t)-1, (uid_t)-1));
		if (u)
			CASE("not allowed", call(0, 0, 0));
		prctl(PR_SET_KEEPCAPS, 1);
		CASE("another, capabilities kept", call(65533, 65533, 65533));
		CASE("and back", call(u, u, u));
		rows_note("%u %u", (unsigned)getuid() == (unsigned)u, (unsigned)geteuid() == (unsigned)u);
	}
}

static void of_files(void)
{
	unsigned mine = geteuid();

	CALLS(int, (unsigned), "setfsuid", "setfsgid") IN_CHILD {
		CASE("asked", call((unsigned)-1));
		CASE("own", call(mine));
		CASE("another's", call(65533));
		CASE("what it is now", call((unsigned)-1));
	}
}

static void capabilities(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 }, wrong = { 1, 0 };
	struct __user_cap_data_struct none[2] = { { 0 } }, all[2] = { { .effective = ~0u, .permitted = ~0u }, { .effective = ~0u, .permitted = ~0u } };

	CALLS(int, (void *, const void *), "capset") IN_CHILD {
		CASE("more than one has", call(&head, all));
		CASE("no such version", call(&wrong, none));
		CASE("bad address", call(NOWHERE, none));
		CASE("none", call(&head, none));
		CASE("none again", call(&head, none));
		rows_note("%d", open("/proc/self/mem", O_RDONLY | O_CLOEXEC) >= 0);
	}
}

static void groups(void)
{
	gid_t g = getgid(), list[2] = { g, 65533 };

	CALLS(int, (gid_t), "setgid", "setegid") IN_CHILD {
		CASE("own", call(g));
		CASE("not allowed", call(OTHER));
	}
	CALLS(int, (gid_t, gid_t), "setregid") IN_CHILD {
		CASE("own", call(g, g));
		if (geteuid())
			CASE("not allowed", call(0, 0));
	}
	CALLS(int, (gid_t, gid_t, gid_t), "setresgid") IN_CHILD {
		CASE("own", call(g, g, g));
		if (geteuid())
			CASE("not allowed", call(0, 0, 0));
	}
	CALLS(int, (size_t, const gid_t *), "setgroups") IN_CHILD {
		CASE("two", call(2, list));
		rows_note("%d", getgroups(0, NULL));
		CASE("too many", call(1 << 20, list));
		CASE("bad address", call(2, NOWHERE));
		prctl(PR_SET_KEEPCAPS, 1);
		CASE("none, capabilities kept", call(0, NULL));
		rows_note("%d", getgroups(0, NULL));
	}
	CALLS(int, (const char *, gid_t), "initgroups") IN_CHILD {
		CASE("root's", call("root", 0));
		prctl(PR_SET_KEEPCAPS, 1);
		CASE("root's, capabilities kept", call("root", 65533));
		rows_note("%d", getgroups(0, NULL));
	}
}

void rows_ids(void)
{
	users();
	of_files();
	capabilities();
	groups();
}
