/*
 * tests/ports/suite.h: a test is a function; each runs in a process of its own with a bound in time. See main.c.
 *
 * The process is the leader of a group, so that what it leaves behind ends with it.
 */
#ifndef PORTS_SUITE_H
#define PORTS_SUITE_H

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <port.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};
void suite_add(struct test *);
_Noreturn void suite_failed(const char *file, int line, const char *what, long a, long b, int error);

#define TEST(id, text) \
	static void id(void); \
	static struct test test_##id = { text, id, NULL }; \
	__attribute__((constructor)) static void add_##id(void) { suite_add(&test_##id); } \
	static void id(void)

#define CHECK(c) do { int e_ = errno; if (!(c)) suite_failed(__FILE__, __LINE__, #c, 0, 0, e_); } while (0)
#define SAME(a, b) do { long a_ = (long)(a), b_ = (long)(b); if (a_ != b_) suite_failed(__FILE__, __LINE__, #a " == " #b, a_, b_, errno); } while (0)
#define FAILS(e, call) do { errno = 0; long r_ = (long)(call); if (r_ != -1 || errno != (e)) suite_failed(__FILE__, __LINE__, #call " fails with " #e, r_, e, errno); } while (0)
#define OK(call) SAME(call, 0)

/* Ports. */
int port_new(void);
void associate(int port, int fd, int events, void *user);
void nothing(int port);                                /* no event, now */
port_event_t one(int port);                            /* an event, within a bound */
void is_fd(int port, int fd, int events, void *user);  /* one: this one, and then no other */
unsigned getn(int port, port_event_t *, unsigned max, unsigned nget, long ms); /* how many; ms < 0: without a limit */
#define P(n) ((void *)(intptr_t)(n))

/* Other things. */
int interposed(void);                                  /* under libfdwarden.so, which keeps the library's descriptors from the program */
int numbers_above(int low, int cloexec);               /* how many are open from low up, of any kind or with close-on-exec, as the kernel has it */
struct pipe_pair { int r, w; };
struct pipe_pair pipe_new(void);
void trigger(struct pipe_pair);                        /* makes r readable */
void drain(struct pipe_pair);
void ms_sleep(long ms);
long ms_now(void);
pthread_t thread(void *(*)(void *), void *arg);
void *joined(pthread_t);
pid_t child(void (*)(void *), void *arg);              /* runs it and exits with 0 */
void child_ok(pid_t);

#endif
