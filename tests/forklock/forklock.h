/*
 * tests/forklock/forklock.h: what the tests of the fork lock share: the table of creating calls (calls.c), the table of ways to start a
 * child (ways.c), and small tools (tools.c). A test program is a main file beside these.
 *
 * Numbers: 0-2, then one descriptor for each thread that starts children (its checkers' results go there, inherited on purpose), then
 * `base`: whatever a checker finds from there on it should not have. Everything else the tests open is close-on-exec from its creation.
 */
#ifndef FORKLOCK_H
#define FORKLOCK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "held.h"

#define need(condition) \
	((condition) ? (void)0 : (fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno), _exit(9)))
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SKIP 77 /* exit status: this machine does not allow it */

/* ---- tools.c ------------------------------------------------------------------------------------------------------------------------*/
uint64_t now_us(void);
void spin_us(unsigned us);                          /* busy: the thread stays runnable, whatever is asked of its state */
void nap_us(unsigned us);
unsigned next_random(unsigned *state);
void clean_start(void);                             /* closes what the caller left open from 3 on */
int quiet(int fd);                                  /* the same descriptor from 100 on and close-on-exec; the old number is closed */
int kernel_flag(int fd);                            /* F_GETFD by a system call that nobody can interpose */
void mark(int fd, unsigned how);                    /* close-on-exec, by F_SETFD (even) or FIOCLEX (odd) */
uint64_t step_hits(const char *name);               /* of FDW_STEP(name) so far, in all processes; 0 without FDW_STEP_PAGE */
uint64_t bounds_reached(void);                      /* decisions that were no maker's */
const char *scratch(void);                          /* a folder for files: FORKLOCK_DIR, or /tmp */
const char *own_folder(void);                       /* where this program and `held` lie */
/* Options of the form --name=value: value, or `otherwise`. An unknown one ends the program with status 2: see the names given. */
const char *option(int argc, char **argv, const char *name, const char *otherwise);
long option_number(int argc, char **argv, const char *name, long otherwise);
void options_known(int argc, char **argv, const char *names); /* "call way makers" */

/* ---- calls.c ------------------------------------------------------------------------------------------------------------------------*/
#define MADE_MAX 2
struct maker {             /* one thread that makes descriptors */
	int index;
	int null, dir, listener, sv[2];
	int number;            /* a number that nobody else is given: target of dup2 */
	struct sockaddr_un address;
	socklen_t address_len;
	char path[96], made[96];
	void *stream;
	struct file_handle *handle;
	int mount;
	pid_t pid;             /* forkpty's child */
	int wrong;             /* what the call answered otherwise than the manual says */
};

struct call {
	const char *name;
	int (*make)(struct maker *, int fd[MADE_MAX]);      /* without close-on-exec; how many, or -1 and errno */
	void (*end)(struct maker *, const int *fd, int n);  /* NULL: close each */
	unsigned slow;         /* the time around it is so many times that of the others: the gap is widened as much */
};
extern const struct call calls[];
extern const size_t calls_count;
const struct call *call_named(const char *name);
void maker_begin(struct maker *, int index);
int call_allowed(const struct call *, struct maker *); /* 0: EPERM, ENOSYS ... on this machine */
void call_end(const struct call *, struct maker *, const int *fd, int n);

/* ---- ways.c -------------------------------------------------------------------------------------------------------------------------*/
struct starter {           /* one thread that starts children */
	int write_end, read_end;
	int base;
	char result_text[12], base_text[12], fd_text[12], dev_text[24], ino_text[24];
	char command[256];
	char *argv[7];
	char *stack;           /* clone */
	int terminal;          /* forkpty, while its child lives */
	int asked;             /* the descriptor the child must have, -1 none */
};

struct way {
	const char *name;
	pid_t (*start)(struct starter *); /* a child that becomes `held`: its pid; 0: it was waited for already; -1 */
	int whole;             /* start() replaces or ends this process, which has threads */
	int forks;             /* the child runs code of the program before its exec */
};
extern const struct way ways[];
extern const size_t ways_count;
const struct way *way_named(const char *name);
/* Descriptors for n starters. Before there are threads, after clean_start. */
void starters_begin(struct starter *, int n);
void starter_asks(struct starter *, int fd, const struct stat *object); /* the children to come must have this one (-1: none) */
int starter_result(struct starter *, struct held_report *); /* of one child; -1: it never came */
/* Start a child, hear from it, reap it. -1: there was none, or it said nothing. */
int starter_child(struct starter *, const struct way *, struct held_report *);

#endif
