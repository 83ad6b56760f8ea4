/*
 * preload/forkers.c: calls of libc that fork by themselves: daemon, forkpty, system, wordexp; and login_tty, the other half of forkpty.
 *
 * Context: any thread; daemon, forkpty, system and wordexp are for no handler. Whatever fork.c says of a fork is true of theirs, for which libc calls the
 * atfork handlers; for the commands of system and wordexp (posix_spawn inside) it does not.
 * Locks: none.
 */
#include <utmp.h>
#include "close.h"
#include "event.h"
#include "exit.h"
#include "fork.h"
#include "gate.h"
#include "reap.h"
#include "resolve.h"
#include "routes.h"
#include "poison.h"

FDW_EXPORT int daemon(int nochdir, int noclose)
{
	int nested;
	int r;

	if (unlikely(!fdw_on()))
		return FDW_REAL(daemon)(nochdir, noclose);
	/* The parent ends inside libc: what there is to say of it is said now. */
	fdw_life(FDW_OP_FORK, FDW_FORK_DAEMON, 0, 0, -1, 0, FDW_CALL_daemon, FDW_CALLER, FDW_NO_DETAIL);
	nested = fdw_fork_begins(FDW_FORK_DAEMON, FDW_CALL_daemon, FDW_CALLER);
	r = FDW_REAL(daemon)(nochdir, noclose);
	/* -1 is either a fork that failed, or a child that could not do the rest */
	fdw_fork_ends(nested, r == 0 || fdw_tid() != fdw_self.parent_tid ? 0 : -1, FDW_FORK_DAEMON, FDW_CALL_daemon, FDW_CALLER);
	if (r == 0 && !noclose)
		for (int fd = 0; fd < 3; fd++)
			fdw_made_plain(fd, FDW_KIND_FILE, FDW_F_WRITABLE, FDW_CALL_daemon, FDW_CALLER, -1);
	if (r == 0)
		fdw_child_becomes_worker();
	return r;
}

/*
 * libc's, step by step: the master's close-on-exec is decided by the program, after the fork. So the terminal is made after the look at what
 * others have undecided, which decides what this thread has.
 */
static pid_t forkpty_born(int *master, char *name, const struct termios *t, const struct winsize *w, uintptr_t pc)
{
	int fd[2], nested = fdw_fork_begins(FDW_FORK_PTY, FDW_CALL_forkpty, pc);
	pid_t r = fdw_openpty(fd, name, t, w, FDW_CALL_forkpty, pc);

	if (r == 0)
		r = FDW_REAL(fork)();
	else
		fd[0] = fd[1] = -1;
	fdw_fork_ends(nested, r, FDW_FORK_PTY, FDW_CALL_forkpty, pc);
	if (r == 0) {
		close(fd[0]);
		if (login_tty(fd[1]) != 0)
			_exit(1);
		return 0;
	}
	if (r > 0)
		*master = fd[0];
	else if (fd[0] >= 0)
		close(fd[0]);
	if (fd[1] >= 0)
		close(fd[1]);
	return r;
}

FDW_EXPORT pid_t forkpty(int *master, char *name, const struct termios *t, const struct winsize *w)
{
	int nested;
	pid_t r;

	if (unlikely(!fdw_on()))
		return FDW_REAL(forkpty)(master, name, t, w);
	if (fdw_process.births && fdw_enforcing())
		return forkpty_born(master, name, t, w, FDW_CALLER);
	nested = fdw_fork_begins(FDW_FORK_PTY, FDW_CALL_forkpty, FDW_CALLER);
	r = FDW_REAL(forkpty)(master, name, t, w);
	fdw_fork_ends(nested, r, FDW_FORK_PTY, FDW_CALL_forkpty, FDW_CALLER);
	if (r > 0)
		fdw_made_plain(*master, FDW_KIND_PTY, FDW_F_WRITABLE, FDW_CALL_forkpty, FDW_CALLER, -1);
	for (int fd = 0; r == 0 && fd < 3; fd++)
		fdw_made_plain(fd, FDW_KIND_PTY, FDW_F_WRITABLE, FDW_CALL_forkpty, FDW_CALLER, -1);
	return r;
}

FDW_EXPORT int login_tty(int fd)
{
	int r = FDW_REAL(login_tty)(fd);

	/* libc put the terminal over 0, 1, 2 and closed fd */
	for (int i = 0; r == 0 && i < 3; i++)
		fdw_made_plain(i, FDW_KIND_PTY, FDW_F_WRITABLE, FDW_CALL_login_tty, FDW_CALLER, -1);
	if (r == 0 && fd > 2 && fdw_on()) {
		struct fdw_claim c;
		fdw_claim(&c, fd);
		fdw_claim_end(&c, FDW_CLOSE_DONE, FDW_CALL_login_tty, FDW_CALLER);
		if (fdw_recording())
			fdw_send(&(struct fdw_event){ .op = FDW_OP_CLOSE, .call = FDW_CALL_login_tty, .fd = fd,
				.gen = fdw_gen(c.before), .fd2 = -1 }, FDW_CALLER);
	} else if (r < 0) {
		fdw_use_failed(fd, FDW_CALL_login_tty, FDW_CALLER);
	}
	return r;
}

FDW_EXPORT int system(const char *command)
{
	int saved = errno, r;

	/* Waits for the command: nothing may be held meanwhile. A cancellation point. */
	if (command) {
		fdw_gate();
		fdw_gate_child(-1, FDW_FORK_SYSTEM, FDW_CALL_system, FDW_CALLER);
	}
	if (likely(!command || !fdw_recording()))
		return FDW_REAL(system)(command);
	fdw_said_shell(FDW_FORK_SYSTEM, -1, 0, command, FDW_CALL_system, FDW_CALLER);
	errno = saved;
	r = FDW_REAL(system)(command);
	if (r != -1)
		fdw_reaped_command(r, -1, 0, FDW_CALL_system, FDW_CALLER);
	else
		fdw_forked_parent(-1, FDW_FORK_SYSTEM, FDW_CALL_system, FDW_CALLER); /* or its end will never be known: SIGCHLD is ignored */
	return r;
}

/* Each command in the words has a child of its own, which libc waits for: $(…) and `…`. What it has is decided before. */
FDW_EXPORT int wordexp(const char *words, wordexp_t *result, int flags)
{
	int saved = errno;

	if (!(flags & WRDE_NOCMD)) {
		fdw_gate();
		fdw_gate_child(-1, FDW_FORK_SYSTEM, FDW_CALL_wordexp, FDW_CALLER);
	}
	errno = saved;
	return FDW_REAL(wordexp)(words, result, flags);
}
