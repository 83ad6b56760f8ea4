/*
 * port/number.c: which numbers are ports; making ports; the private descriptors.
 *
 * Context: anywhere, port_enter also in signal handlers. May not: take locks, so that a fork at any moment leaves nothing held.
 *
 * A table of two levels remembers which port a number was. It is a hint: who finds that the kernel disagrees (port_check) takes it out,
 * and a number that is not there is compared with every port, which finds duplicates. A port is given up, with its memory and its private
 * descriptors, when no number of the process leads to it; that is looked for when several look abandoned.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "internal.h"

#define CHUNK 1024u
static struct port *_Atomic *_Atomic chunks[EVENTS_MAX / CHUNK];
static struct port *_Atomic ports; /* never taken out of the list, so anybody may walk it (I12) */
static _Atomic unsigned abandoned; /* whose number was seen to lead elsewhere */
#define ABANDONED_MAX 8
#define ABANDONED_FAR 64 /* made and closed faster than one thread can look for them: the others wait for it */
#define TAKEN 2 /* a port being given up or made: nobody enters */

/* Cleared by the kernel in every child, also one made by a bare clone. */
struct own { _Atomic pid_t pid; _Atomic int sweeping; };
static struct own nothing, *_Atomic own = &nothing;

pid_t port_pid(void)
{
	struct own *o = atomic_load_explicit(&own, memory_order_acquire);
	pid_t pid = atomic_load_explicit(&o->pid, memory_order_relaxed);

	if (unlikely(!pid)) {
		pid = getpid();
		if (o != &nothing)
			atomic_store_explicit(&o->pid, pid, memory_order_relaxed);
	}
	return pid;
}

/* Threads that were inside when the process forked are not in the child. */
static void in_child(void)
{
	for (struct port *p = atomic_load(&ports); p; p = p->next)
		atomic_store(&p->users, 0);
}

__attribute__((constructor)) static void begin(void)
{
	struct own *o = mmap(NULL, sizeof *o, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (o != MAP_FAILED && madvise(o, sizeof *o, MADV_WIPEONFORK) == 0)
		atomic_store(&own, o);
	pthread_atfork(NULL, NULL, in_child);
	if (fdwarden_ports)
		fdwarden_ports((const void *)(uintptr_t)begin);
}

static struct port *_Atomic *place(int number, int make)
{
	struct port *_Atomic *chunk, *_Atomic *none = NULL;

	if (unlikely((unsigned)number >= EVENTS_MAX))
		return NULL;
	chunk = atomic_load_explicit(&chunks[(unsigned)number / CHUNK], memory_order_acquire);
	if (unlikely(!chunk)) {
		if (!make)
			return NULL;
		chunk = mmap(NULL, CHUNK * sizeof *chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (chunk == MAP_FAILED)
			return NULL;
		if (!atomic_compare_exchange_strong(&chunks[(unsigned)number / CHUNK], &none, chunk)) {
			munmap(chunk, CHUNK * sizeof *chunk);
			chunk = none;
		}
	}
	return chunk + (unsigned)number % CHUNK;
}

/* Counted first, then looked at again: whoever gives a port up says so first and then counts. */
static int enter(struct port *p)
{
	atomic_fetch_add(&p->users, 1);
	if (likely(!atomic_load(&p->gone)))
		return 1;
	port_leave(p);
	return 0;
}

struct port *port_enter(int number)
{
	struct port *_Atomic *at = place(number, 0);
	struct port *p = at ? atomic_load_explicit(at, memory_order_acquire) : NULL;

	if (likely(p && enter(p)))
		return p;
	return port_search(number);
}

int port_is(struct port *p, int number)
{
	int saved = errno, r = data_mod(number, p->tail, EPOLLIN, DATA(p->s, DATA_TAIL, 0));

	errno = saved;
	return r == 0;
}

struct port *port_search(int number)
{
	struct port *_Atomic *at;

	if (fcntl(number, F_GETFD) < 0) {
		errno = EBADF;
		return NULL;
	}
	for (struct port *p = atomic_load(&ports); p; p = p->next) {
		if (!enter(p))
			continue;
		if (port_is(p, number)) {
			if ((at = place(number, 0)))
				atomic_store(at, p);
			return p;
		}
		port_leave(p);
	}
	errno = EBADFD;
	return NULL;
}

int port_check(struct port *p, int number)
{
	struct port *_Atomic *at = place(number, 0);

	if (port_is(p, number))
		return 1;
	if (at && atomic_compare_exchange_strong(at, &p, NULL))
		atomic_fetch_add(&abandoned, 1);
	errno = fcntl(number, F_GETFD) < 0 ? EBADF : EBADFD;
	return 0;
}

/*
 * Whoever watches the program's calls would take an EBADF of ours for a mistake of the program's: then it is asked first. libfdwarden.so
 * knows our calls for ours.
 */
static int watched;

__attribute__((constructor)) static void who_watches(void)
{
	watched = !fdwarden_ports && dlsym(RTLD_DEFAULT, "epoll_ctl") != dlsym(RTLD_NEXT, "epoll_ctl");
}

int port_probe(int number, int fd)
{
	struct epoll_event none = { .events = EPOLLONESHOT };

	if (unlikely(watched) && fcntl(fd, F_GETFD) < 0)
		return 0;
	if (likely(epoll_ctl(number, EPOLL_CTL_ADD, fd, &none) < 0))
		return errno == EEXIST;
	return -1;
}

int port_has(int number, int fd)
{
	struct epoll_event none = { .events = 0 };
	int r = port_probe(number, fd);

	if (unlikely(r < 0)) {
		epoll_ctl(number, EPOLL_CTL_DEL, fd, &none);
		errno = ENOENT;
	}
	return r > 0;
}

/*
 * Above what programs use and what select can hold, where the limit allows, but not so high that the kernel's table of descriptors, which
 * is as long as the highest, becomes large: 2^14 numbers are 128 KiB of it. Under libfdwarden.so what closes everything passes it by.
 */
int port_high(int fd)
{
	struct rlimit limit;
	int high = -1, saved = errno;
	unsigned base = 1u << 14;

	if (fd < 0)
		return fd;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 * 3 < base)
		base = (unsigned)(limit.rlim_cur / 4 * 3);
	for (; high < 0 && base > (unsigned)fd; base /= 2)
		high = fcntl(fd, F_DUPFD_CLOEXEC, (int)base);
	if (high >= 0)
		close(fd);
	else
		high = fd;
	if (fdwarden_private)
		fdwarden_private(high);
	errno = saved;
	return high;
}

int port_anonymous(int fd, const char *kind)
{
	char path[32], link[64] = "";

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return readlink(path, link, sizeof link - 1) > 0 && !strncmp(link, "anon_inode:", 11) && !strcmp(link + 11, kind);
}

/* ---- giving up -------------------------------------------------------------------------------------------------------------------*/

/* A number leads to one port, or to none. */
static void lead(int number)
{
	for (struct port *p = atomic_load(&ports); p; p = p->next) {
		if (atomic_load(&p->gone) || !p->missed)
			continue;
		if (data_mod(number, p->tail, EPOLLIN, DATA(p->s, DATA_TAIL, 0)) == 0) {
			p->missed = 0;
			return;
		}
		if (errno == EINVAL) /* no epoll instance at all */
			return;
	}
}

/* Counts, for each port, how often in turn no number was found. -1: cannot be told. */
static int look_for_numbers(void)
{
	char buffer[4096];
	int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long n;

	if (dir < 0)
		return -1;
	for (struct port *p = atomic_load(&ports); p; p = p->next)
		p->missed++;
	while ((n = syscall(SYS_getdents64, dir, buffer, sizeof buffer)) > 0)
		for (long at = 0; at < n; ) {
			struct dirent64 *d = (struct dirent64 *)(buffer + at);
			at += d->d_reclen;
			if (d->d_name[0] != '.')
				lead(atoi(d->d_name));
		}
	close(dir);
	return (int)n;
}

static void forget_numbers(struct port *p)
{
	for (unsigned c = 0; c < EVENTS_MAX / CHUNK; c++) {
		struct port *_Atomic *chunk = atomic_load(&chunks[c]);
		for (unsigned i = 0; chunk && i < CHUNK; i++)
			if (atomic_load_explicit(&chunk[i], memory_order_relaxed) == p)
				atomic_store(&chunk[i], NULL);
	}
}

/* Both numbers may be strangers' by now: what is closed is closed as the pipe it was made as. */
static void close_own(const struct port *p, int fd)
{
	struct stat now;

	if (fstat(fd, &now) == 0 && now.st_dev == p->pipe_dev && now.st_ino == p->pipe_ino)
		close(fd);
}

static void give_up(struct port *p)
{
	struct shared *s;

	/* Twice: a duplicate may be made, and the original closed, where the first look has passed already. */
	if (atomic_load(&p->gone) || p->missed < 2)
		return;
	atomic_store(&p->gone, TAKEN);
	if (atomic_load(&p->users)) { /* a thread waits in it still, with no number left */
		atomic_store(&p->gone, 0);
		return;
	}
	s = p->s;
	forget_numbers(p);
	file_forget(p);
	close_own(p, p->tail);
	close_own(p, p->bell);
	p->s = NULL;
	shared_free(s);
	atomic_store(&p->gone, 1);
}

/* One thread at a time; who needs what another is about to free waits for it, a second at most. */
static void sweep(int wait)
{
	struct own *o = atomic_load(&own);
	struct timespec ms = { 0, 1000000 };
	int saved = errno;

	for (int i = 0; atomic_exchange(&o->sweeping, 1); i++) {
		if (!wait || i == 1000)
			return;
		nanosleep(&ms, NULL);
	}
	atomic_store(&abandoned, 0);
	for (int i = 0; i < 2; i++)
		if (look_for_numbers() == 0)
			for (struct port *p = atomic_load(&ports); p; p = p->next)
				give_up(p);
	atomic_store(&o->sweeping, 0);
	errno = saved;
}

/* ---- making ----------------------------------------------------------------------------------------------------------------------*/

static struct port *port_new(void)
{
	struct port *p;
	int gone;

	for (p = atomic_load(&ports); p; p = p->next) {
		gone = 1;
		if (atomic_compare_exchange_strong(&p->gone, &gone, TAKEN))
			return p;
	}
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	atomic_store(&p->gone, TAKEN);
	p->next = atomic_load(&ports);
	while (!atomic_compare_exchange_weak(&ports, &p->next, p))
		;
	return p;
}

static int own_pipe(struct port *p)
{
	struct stat made;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	p->tail = port_high(ends[0]);
	p->bell = port_high(ends[1]);
	if (fstat(p->tail, &made) == 0) {
		p->pipe_dev = made.st_dev;
		p->pipe_ino = made.st_ino;
	}
	return 0;
}

static int fill(struct port *p, int number)
{
	p->notify = 0;
	p->watches = NULL;
	p->s = shared_new();
	if (!p->s)
		return -1;
	if (own_pipe(p) == 0) {
		if (data_add(number, p->tail, EPOLLIN, DATA(p->s, DATA_TAIL, 0)) == 0 &&
		    data_add(number, p->bell, 0, DATA(p->s, DATA_BELL, 0)) == 0)
			return 0;
		close(p->tail);
		close(p->bell);
	}
	shared_free(p->s);
	p->s = NULL;
	return -1;
}

static int make(void)
{
	int number = epoll_create1(0), saved;
	struct port *_Atomic *at = number < 0 ? NULL : place(number, 1);
	struct port *p = at ? port_new() : NULL;

	if (p && fill(p, number) == 0) {
		/* Who is looking for numbers at this moment may have passed this one before there was a port to find: that was no miss. */
		atomic_store(&p->missed, 0);
		atomic_store(&p->gone, 0);
		if (atomic_exchange(at, p))
			atomic_fetch_add(&abandoned, 1);
		return number;
	}
	saved = number < 0 || p ? errno : at ? ENOMEM : EMFILE;
	if (p)
		atomic_store(&p->gone, 1);
	if (number >= 0)
		close(number);
	errno = saved == ENOSPC ? EAGAIN : saved; /* fs.epoll.max_user_watches */
	return -1;
}

EXPORT int port_create(void)
{
	unsigned n = atomic_load(&abandoned);
	int number;

	if (n >= ABANDONED_MAX)
		sweep(n >= ABANDONED_FAR);
	number = make();
	if (number < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM) && atomic_load(&ports)) {
		sweep(1);
		number = make();
	}
	return number;
}
