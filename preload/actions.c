/*
 * preload/actions.c: see actions.h.
 *
 * The list's head is in libc's public header, its elements are not; they have not changed in 25 years but for new tags at the end. So a list
 * with one of each is made and read at the start: where something else is found than was put in, nothing is read again.
 *
 * Context: the caller of posix_spawn, while recording; the list is the program's, as long as its call.
 */
#include "actions.h"
#include "event.h"
#include "kept.h"
#include "poison.h"

#pragma weak posix_spawn_file_actions_addfchdir_np
#pragma weak posix_spawn_file_actions_addclosefrom_np

struct action {
	enum { DO_CLOSE, DO_DUP2, DO_OPEN, DO_CHDIR, DO_FCHDIR, DO_CLOSEFROM, DO_TCSETPGRP } tag;
	union {
		int fd;
		struct { int fd, newfd; } dup2;
		struct { int fd; char *path; int flags; mode_t mode; } open;
	} u;
};

#define ACTIONS_MAX 1024

static int known;

static int is_as_made(const struct action *a, int n)
{
	int at = 3;

	if (n < 3 || a[0].tag != DO_CLOSE || a[0].u.fd != 71 || a[1].tag != DO_DUP2 || a[1].u.dup2.fd != 72 || a[1].u.dup2.newfd != 73 ||
	    a[2].tag != DO_OPEN || a[2].u.open.fd != 74 || !a[2].u.open.path || strcmp(a[2].u.open.path, "/") || a[2].u.open.flags != O_DIRECTORY ||
	    a[2].u.open.mode != 0123)
		return 0;
	if (posix_spawn_file_actions_addfchdir_np && (at == n || a[at].tag != DO_FCHDIR || a[at++].u.fd != 75))
		return 0;
	if (posix_spawn_file_actions_addclosefrom_np && (at == n || a[at].tag != DO_CLOSEFROM || a[at++].u.fd != 76))
		return 0;
	return at == n;
}

void fdw_actions_learn(void)
{
	posix_spawn_file_actions_t fa;

	if (posix_spawn_file_actions_init(&fa) != 0)
		return;
	known = posix_spawn_file_actions_addclose(&fa, 71) == 0 && posix_spawn_file_actions_adddup2(&fa, 72, 73) == 0 &&
	        posix_spawn_file_actions_addopen(&fa, 74, "/", O_DIRECTORY, 0123) == 0 &&
	        (!posix_spawn_file_actions_addfchdir_np || posix_spawn_file_actions_addfchdir_np(&fa, 75) == 0) &&
	        (!posix_spawn_file_actions_addclosefrom_np || posix_spawn_file_actions_addclosefrom_np(&fa, 76) == 0) &&
	        is_as_made((const struct action *)fa.__actions, fa.__used);
	posix_spawn_file_actions_destroy(&fa);
}

int fdw_actions_known(const posix_spawn_file_actions_t *fa)
{
	return !fa || fa->__used == 0 || (known && fa->__used > 0 && fa->__used <= ACTIONS_MAX);
}

static void say(const struct action *a, pid_t child, uint16_t call, uintptr_t pc)
{
	struct fdw_event e = { .op = FDW_OP_CHILD_FD, .call = call, .fd = a->u.fd, .fd2 = -1, .ret = child };

	switch (a->tag) {
	case DO_CLOSE:
		e.arg = FDW_CHILD_CLOSED;
		e.fd2 = e.fd;
		break;
	case DO_CLOSEFROM:
		e.arg = FDW_CHILD_CLOSED;
		break;
	case DO_DUP2:
		e.arg = a->u.dup2.fd == a->u.dup2.newfd ? FDW_CHILD_KEPT : FDW_CHILD_PLACED;
		e.fd = a->u.dup2.newfd;
		e.fd2 = a->u.dup2.fd;
		break;
	case DO_OPEN:
		e.arg = FDW_CHILD_PLACED;
		break;
	case DO_FCHDIR: case DO_TCSETPGRP:
		e.arg = FDW_CHILD_USED;
		break;
	default:
		return;
	}
	fdw_send(&e, pc);
}

void fdw_actions_say(const posix_spawn_file_actions_t *fa, pid_t child, uint16_t call, uintptr_t pc)
{
	const struct action *a = fa ? (const struct action *)fa->__actions : NULL;

	if (!a || !fdw_actions_known(fa))
		return;
	for (int i = 0; i < fa->__used; i++)
		say(&a[i], child, call, pc);
}

/* What an earlier action puts there is meant. */
static int is_put_before(const struct action *a, int i, int fd)
{
	while (i--)
		if ((a[i].tag == DO_DUP2 && a[i].u.dup2.newfd == fd) || (a[i].tag == DO_OPEN && a[i].u.open.fd == fd))
			return 1;
	return 0;
}

void fdw_actions_give_back(const posix_spawn_file_actions_t *fa)
{
	const struct action *a = fa ? (const struct action *)fa->__actions : NULL;

	if (!a || !fdw_actions_known(fa))
		return;
	for (int i = 0; i < fa->__used; i++) {
		int fd = a[i].tag == DO_DUP2 ? a[i].u.dup2.fd : a[i].tag == DO_FCHDIR ? a[i].u.fd : -1;
		if (fd >= 0 && fdw_is_tombstone(fdw_peek(fd)) && !is_put_before(a, i, fd))
			fdw_give_back(fd);
	}
}
