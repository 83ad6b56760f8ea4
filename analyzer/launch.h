/*
 * analyzer/launch.h: a program started, waited for and imitated: its signals, its stops, its end.
 *
 * Context: the command, one thread. From launch_fork on all signals are blocked in the command and taken one by one.
 */
#ifndef FDW_LAUNCH_H
#define FDW_LAUNCH_H

#include <signal.h>
#include <sys/types.h>

struct launch {
	pid_t pid;
	int status;              /* as from waitpid */
	int gate, failure;       /* pipes to and from the child before its exec */
	sigset_t mask;           /* as the command was given it */
	sigset_t pending;        /* of the signals that it blocks */
	sigset_t stopping;       /* those of SIGINT, SIGTERM, SIGHUP, SIGQUIT that ask the command to stop: it was given them neither ignored nor
	                            blocked */
};

struct child_env;

/* Numbers 0-2 that are closed are filled, so that nothing of ours takes them; the program still finds them closed. Call first. */
void launch_guard_stdio(void);
/* We and our daemons need a few dozen descriptors, however few the program shall have: launch_exec gives it its own limit back. */
void launch_raise_limit(void);
/* exec in this process, for good. Returns errno. */
int launch_exec(const char *path, char *const *argv, char **env);
/* Forks a child that waits to be told its environment. 0, or -1 (errno). */
int launch_fork(struct launch *, const char *path, char *const *argv);
/* Why launch_fork failed, in a sentence. */
void launch_no_process(void);
/* Lets it exec with `env`. 0, or the errno with which exec failed: the child is gone. */
int launch_go(struct launch *, const struct child_env *env);
/* Instead of launch_go. Does not return when a signal asked to stop: ends by it. Whatever is to be removed is removed before. */
void launch_cancel(struct launch *);
/*
 * Until the program ends. Signals sent to the command go to the program; it stops when the program stops. `tick`, if not NULL, runs
 * ten times a second.
 */
void launch_wait(struct launch *, void (*tick)(void *), void *arg);
/* Waits `ms`; 1: somebody asked to stop. */
int launch_pause(const struct launch *, int ms);
/* Ends as the program did: its status, or its signal, without a second core. */
void launch_imitate(const struct launch *) __attribute__((noreturn));
/* 126 or 127, after a sentence. */
int launch_failed(const char *path, int error);

#endif
