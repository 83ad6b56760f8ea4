/*
 * tests/e2e/src/rows/rows.h: the vocabulary in which every interposed call is made once succeeding and once failing.
 *
 * Context: `rows OUT DIR SETTING FAMILY` makes the calls of one family and writes one line a case to OUT; tests/e2e/rows.sh runs it natively
 * and under fdwarden and compares the lines. A line: call, case, result, errno, and what the case did to the descriptors 0..63.
 * Rules: a call is made through the exported symbol itself (dlsym finds what the linker would find, also for names no header declares).
 * What the harness itself does, between the calls, it does by plain system calls that no interposer sees. A case starts with errno 77.
 * Results are the same from run to run: pids, addresses and times are not printed.
 */
#ifndef ROWS_H
#define ROWS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors that are open, at these numbers, whenever a family starts. */
enum {
	F_FILE = 20,      /* DIR/file, read and write, 4096 bytes */
	F_DIR,            /* DIR itself */
	F_SOCK, F_PEER,   /* a pair of stream sockets; five bytes wait in F_SOCK */
	F_DGRAM, F_DPEER, /* a pair of datagram sockets */
	F_IN, F_OUT,      /* a pipe with five bytes in it */
	F_NULL,           /* /dev/null */
	F_EPOLL, F_EVENT, F_TIMER,
	F_MASTER, F_SLAVE, /* a pseudo terminal; absent where there is none */
	F_INOTIFY, F_MEMFD,
	F_PIDFD,          /* of this process */
	F_LISTEN,         /* a unix socket that listens at DIR/listen */
	F_PATH,           /* DIR/file, O_PATH */
	F_END
};
#define NEVER 777 /* a number that is never open */
#define NOWHERE ((void *)8)

typedef void (*rows_family)(void);
void rows_opening(void);
void rows_sockets(void);
void rows_pollers(void);
void rows_ports(void);
void rows_duplicates(void);
void rows_closing(void);
void rows_streams(void);
void rows_processes(void);
void rows_execs(void);
void rows_threads(void);
void rows_ids(void);
void rows_input(void);
void rows_output(void);
void rows_devices(void);
void rows_attributes(void);
void rows_at(void);
void rows_syscalls(void);

/* ---- a case ------------------------------------------------------------------------------------------------------------------*/

struct rows_call {
	const char *const *names;
	void *address;
	int at;
};
extern const char *rows_name;                        /* the call being made */
int rows_find(struct rows_call *c);                  /* 0: no more names */
void *rows_symbol(const char *name);                 /* as the linker would find it; NULL */
void rows_before(const char *what); /* what: for the line of a crash */
/* `kind`: __builtin_classify_type of the result. keep: what the case opened stays open. */
void rows_after(const char *what, long result, int kind, int error, int keep);
void rows_print(const char *what, const char *result, int error);
void rows_note(const char *format, ...) __attribute__((format(printf, 1, 2))); /* a line that says more of the last case */
void rows_full(int spare);                           /* no descriptor can be had beyond `spare` more; -1: as before */
pid_t rows_child(void);
const char *path(const char *name);                  /* DIR/name; sixteen of them live at a time */
const char *fresh(const char *name);                 /* the same, removed */
extern const char *rows_dir, *rows_self;
int bad_number(int which, const char **what);        /* 0: -1, 1: never open, 2: closed before */
long raw(long number, long a, long b, long c, long d, long e, long f);

/* CALLS(int, (const char *, int, ...), "open", "open64") { ... call(...) ... }: the block once for every name. */
#define CALLS(ret, params, ...) \
	for (struct rows_call c_ = { .names = (const char *const[]){ __VA_ARGS__, NULL } }; rows_find(&c_);) \
		for (ret(*call) params = (__typeof__(call))c_.address; call; call = NULL)

#define ROW(keep, what, ...) __extension__({ \
	rows_before(what); \
	__typeof__(__VA_ARGS__) result_ = (__VA_ARGS__); \
	int error_ = errno; \
	rows_after(what, (long)result_, __builtin_classify_type(result_), error_, keep); \
	result_; })
/* What it opens is closed when it has been written down; KEEP leaves it open; VOID has no result. */
#define CASE(what, ...) ((void)ROW(0, what, __VA_ARGS__))
#define KEEP(what, ...) ROW(1, what, __VA_ARGS__)
#define VOID(what, ...) __extension__({ rows_before(what); (__VA_ARGS__); rows_after(what, 0, 0, errno, 0); })
/* With a number in `fd` that is no descriptor, three ways. */
#define BADFD(...) for (const char *w_, **p_ = &w_; p_; p_ = NULL) \
	for (int i_ = 0, fd; i_ < 3 && (fd = bad_number(i_, &w_), 1); i_++) CASE(w_, __VA_ARGS__)
/* With room for `spare` descriptors only. */
#define FULL(spare, ...) do { rows_full(spare); CASE(spare ? "one number left" : "no number left", __VA_ARGS__); rows_full(-1); } while (0)
/* A call that makes a process: the child ends at once with 7, and is waited for. */
#define FORK(what, ...) do { \
		rows_before(what); \
		pid_t pid_ = (__VA_ARGS__); \
		if (pid_ == 0) \
			_exit(7); \
		rows_forked(what, pid_, errno); \
	} while (0)
void rows_forked(const char *what, pid_t pid, int error);
/* IN_CHILD { ... }: the block in a child process, whose end is waited for. */
#define IN_CHILD for (pid_t child_ = rows_child(); child_ == 0; _exit(0))

#endif
