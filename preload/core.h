/*
 * preload/core.h: what every file of the interposer shares: the per-thread block, the guard, the real_ pointers.
 *
 * Context: inside somebody else's process: any thread, signal handlers, vfork children, before constructors, after destructors.
 * May not: allocate, use stdio, take a lock without a bound, call dlsym after fdw_init, change errno behind the program's back.
 *
 * LOCKS. None of ours blocks. Order of what nests: the program's own locks > a descriptor word in state *closing* or with in-flux
 * counts (bounded waits, see table.h) > LTTng's locks (fork only, see fork.c).
 */
#ifndef FDW_CORE_H
#define FDW_CORE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <mntent.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#include <wordexp.h>

#include "calls.h"
#include "trace/schema.h"

/* The loader's lock-free lookup of an address; glibc 2.35. Without it modules and stacks stay numbers. */
#pragma weak _dl_find_object

#define FDW_EXPORT __attribute__((visibility("default")))
#define FDW_INLINE static inline __attribute__((always_inline))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/*
 * What every fork passes through. After a fork each page that either process writes is a fault, and in the child each 64 KiB of code that it
 * enters: 0.7 us each of a fork's 110. So this code stands together, and what is written there lies in fdw_self and fdw_process.
 */
#define FDW_FORK_PATH __attribute__((hot))
/* Tables of more than a few pages, which most programs never touch: behind everything else (layout.ld). */
#define FDW_LARGE __attribute__((section(".bss.large")))
/* Who called the wrapper: must be evaluated in the wrapper itself. */
#define FDW_CALLER ((uintptr_t)__builtin_return_address(0))

/* aarch64 has only the newer forms of these; a stub without a system call finds libc's function instead. */
#if !defined(SYS_open)
#define SYS_open NONE
#define SYS_creat NONE
#define SYS_pipe NONE
#define SYS_dup2 NONE
#define SYS_epoll_create NONE
#define SYS_epoll_wait NONE
#define SYS_inotify_init NONE
#endif
#if !defined(SYS_renameat)
#define SYS_renameat NONE
#endif

/* What port_get hands out, as everybody who has event ports lays it out. */
struct fdw_port_event {
	int events;
	unsigned short source, pad;
	uintptr_t object;
	void *user;
};

/* ---- real_ pointers ----------------------------------------------------------------------------------------------------------
 * NULL until fdw_resolve: an IFUNC resolver of a library that is relocated before us may call a wrapper, and then nothing of ours that needs
 * a relocation is usable: no pointer, no errno, no thread-local. So the early ways are functions, called directly:
 * fdw_early_x makes the plain system call, or finds libc's own. FDW_LIBC(x) is the one or the other; after fdw_on() said yes, real_x will do. */
#define NONE (-1)
#define FDW_DECLARE(ret, name, params) extern ret (*real_##name) params; ret fdw_early_##name params;
#define FDW_LIBC(name) (likely(real_##name) ? real_##name : fdw_early_##name)
#pragma GCC visibility push(hidden)
#define USEQ(ret, name, sys, params, args, fd) FDW_DECLARE(ret, name, params)
#define USE(ret, name, sys, params, args, fd) FDW_DECLARE(ret, name, params)
#define USE2(ret, name, sys, params, args, fd, fd2) FDW_DECLARE(ret, name, params)
#define USE_E(ret, name, sys, params, args, fd) FDW_DECLARE(ret, name, params)
#define ASKS(ret, name, sys, params, args, fd) FDW_DECLARE(ret, name, params)
#define MAKE(ret, name, sys, params, args, born, kind, flags, src) FDW_DECLARE(ret, name, params)
#define MAKE_P(ret, name, sys, params, args, born, kind, flags, src, path) FDW_DECLARE(ret, name, params)
#define HAND(ret, name, sys, params, args, file) FDW_DECLARE(ret, name, params)
#define HANDV(ret, name, params, file) extern ret (*real_##name) params;
#define LIB(ret, name, params, file) extern ret (*real_##name) params; ret fdw_##name params;
#include "calls.def"
#pragma GCC visibility pop

/* ---- per thread ---------------------------------------------------------------------------------------------------------------
 * Initial-exec TLS, zero at thread start, never freed by us. A vfork child shares its parent's. */
struct fdw_flux { /* an in-flux count this thread holds: which word, and from which frame */
	int fd;   /* number + 1; 0: slot free */
	uintptr_t frame;
};

#define FDW_ALTS 4u
struct fdw_thread {
	uint32_t seq;          /* of the last event of this thread */
	union {
		struct {
			uint8_t vforked;       /* we are a vfork child: touch nothing that is shared */
			uint8_t tool;          /* >0: this code runs on behalf of the tracer */
			uint8_t private_table; /* unshare(CLONE_FILES): the table no longer speaks of this thread's descriptors */
			uint32_t undecided;    /* one bit for each section of this thread that may be open (birth.h) */
		};
		struct { uint64_t any; } aside; /* all of them at once: the short ways of quick.h are not for such a thread */
	};
	uint8_t emitting;      /* how many emissions this thread is in: 2 in a handler that interrupted one */
	uint8_t announced;     /* the THREAD event was sent */
	uint8_t uncancelled;   /* cancellation is disabled until the emission ends, and was not before (event.c) */
	uint8_t in_fork;       /* a wrapper of ours is around the fork under way (see fork.c) */
	uint8_t bounded;       /* how many flags the start of a child under way cleared at a bound (gate.c) */
	uint16_t birth_block;  /* where this thread's sections are listed, + 1 (birth.c) */
	uint16_t sigstack;     /* where this thread's alternate signal stack is remembered, + 1 (sigstack.c) */
	uint16_t inside;       /* where this thread says which descriptor it is inside a call on, + 1 (inside.c) */
	uint16_t blockless;    /* creations to go before a block is looked for again: there was none */
	int deciding;          /* number + 1 whose flag this thread is clearing at this moment (birth.c) */
	int closing_below;     /* number + 1 while libc's close, or that of an interposer below us, is under way */
	uint32_t lost;         /* events not sent since the last one that was */
	int run_last;          /* number of the last close, for runs of closes */
	uint32_t run_length;
	uint8_t gives_back;    /* numbers that were kept, at this moment (kept.c) */
	uint8_t wrong;         /* the call under way looks wrong, and will be told of once more (event.c) */
	uint8_t waited;        /* on a poller since the last event, and what it gave was not told (FDW_F_WAITED) */
	uint8_t held_back;     /* a failed close waits to be said, and may be part of closing everything (pending.h) */
	uint8_t walks;         /* some wait, or a walk goes on */
	uint8_t made;          /* a descriptor was made since that close, in audit: where every number is a new one, closes of them are no run */
	uint8_t asks;          /* the creating call under way returns to code that wants a certain number (wanted.h) */
	int wanted[2];         /* which: given back for it; 0: none */
	int freed_from;        /* the lowest that this thread closed since then and that is not kept any more, for it closed so many; 0: none */
	uint32_t kept_since;   /* numbers kept since then were closed after the last descriptor was made by code that does not */
	struct fdw_flux flux[2];
	uintptr_t alt_low, alt_high; /* the alternate signal stack, 0 when none is known */
	struct { uintptr_t low, high; } alt[FDW_ALTS]; /* it, and those before it: handlers may still be on them, and the kernel may give them back */
	uint8_t alt_known, alt_next; /* there are some; which is overwritten next */
	uintptr_t emit_frame;        /* where the outermost emission's frame lies */
	uintptr_t stack_low, stack_high; /* the thread's own stack; 0: not known */
	uint8_t counted;             /* one of the program's threads, known from its start (thread.c) */
	uint8_t hooked;              /* fork under way, LTTng's locks are held */
	uint8_t fork_kind;
	uint16_t fork_call;
	uintptr_t fork_pc;
	uint32_t parent_who, parent_tid; /* of the last fork by this thread, as its child finds them */
	uint32_t vfork_pid, vfork_seq;   /* this is a vfork child that tells of itself: vforked.h */
	int fork_errno;                  /* daemon: the program's while its fork is under way */
	int vfork_first, vfork_end;      /* numbers a vfork child closed and has not told of: vforked_fd.c */
	uintptr_t vfork_pc;
	struct robust_list_head *locks;  /* libc's list of the robust locks of this thread; NULL: not known (killed.h) */
	uint64_t fork_begun;             /* when this thread began to start its last child, while recording */
	uint8_t vfork_tells;             /* the last child of this thread by vfork does, or did */
	sigset_t fork_mask;
	uint64_t outer_mask;             /* of the program, while `masked`: around a fork on a signal stack */
	uint8_t masked;
};
extern _Thread_local struct fdw_thread fdw_self __attribute__((tls_model("initial-exec")));

/* ---- process -----------------------------------------------------------------------------------------------------------------*/
struct fdw_process {
	uint32_t pid;             /* reset in every fork child we see */
	uint32_t who;             /* as events name it: FDW_PID_ELSEWHERE (heir.h) */
	uint8_t mode;             /* enum fdw_mode */
	uint8_t disabled;         /* FDWARDEN_DISABLE, or set up failed: everything passes through */
	uint8_t secure;           /* AT_SECURE: no setting is believed */
	uint8_t filtered;         /* a seccomp filter is there: no system call the program does not make itself */
	uint8_t plain;            /* neither recording nor audit, and close and dup lead straight into libc: quick.h */
	uint8_t on_violation;     /* 1: abort */
	uint8_t keeps;            /* audit: every closed number is kept back for a while (retire.h) */
	uint8_t onstack;          /* SA_ONSTACK is added to handlers without it */
	uint8_t no_uring;         /* io_uring_setup answers ENOSYS */
	uint8_t names;            /* it moves descriptors to ten and above, as shells do for the numbers that users write: in audit it gets them all */
	uint8_t leads;            /* its next children live in another pid namespace */
	uint8_t heir;             /* a fork child that records in what it inherited, and LTTng does not know (heir.h) */
	uint8_t stack_depth;      /* frames wanted, 0..FDW_STACK_MAX */
	_Atomic uint8_t no_fini;  /* LTTng's destructors must not run: they would wait for what will not come */
	_Atomic uint8_t threads;  /* the program made a thread (the tracer's do not count) */
	_Atomic uint8_t recording;/* events are sent */
	uint8_t protects;         /* numbers of the tracer's own, or of ours, are or were open */
	uint32_t beyond_sets;     /* the lowest number of these that no fd_set has a bit for; 0: none */
	uint8_t queues;           /* message queues were opened: no copy of theirs may be closed (aside.c) */
	uint8_t atfork;           /* the program has handlers of its own that run before a fork */
	_Atomic uint8_t births;   /* creating calls may be born close-on-exec: fork lock, birth.h */
	uint8_t may_birth;        /* what the process is like permits it; births says whether it has threads */
	_Atomic uint8_t child;    /* a fork child that has neither exec'd nor become a worker: observed only */
	_Atomic uint32_t bounds;  /* bounded waits that ended at their bound */
	_Atomic uint32_t retired; /* numbers that tombstones keep (kept.h) */
	_Atomic uint8_t uses;     /* FDW_USES_*: why successful calls are looked at */
	_Atomic uint8_t sealed;   /* a filter of the program's own is about to come: no flag is cleared any more */
	_Atomic uint64_t calling; /* forks << 32 | threads that are about to make a call that a filter may kill for (birth.c) */
	uint32_t forks;           /* how many lie between the program's first process and this one, as far as seen */
	_Atomic uint32_t section_blocks; /* lists of sections below this were used; 0: no thread of this process ever had one (sections.h) */
	_Atomic uint32_t made_end; /* no number from here on was made or inherited */
	_Atomic uint32_t tight;   /* numbers from here on are near the limit (retire.h) */
	_Atomic uint64_t listing; /* audit: generation << 32 | number + 1 of what reads /proc/self/fd; 0: nothing did */
	_Atomic uint32_t starts;  /* odd: something was made since the last start of a child. What was made when it said the same is nobody else's (registration.h) */
	_Atomic uint32_t forked;  /* `starts` after the last child that may live on without exec */
	_Atomic uint32_t gates;   /* starts of children that had to wait for sections, so far (birth.h) */
};
#define FDW_USES_RECORDED 1u
#define FDW_USES_ONESHOT 2u
extern struct fdw_process fdw_process __attribute__((visibility("hidden")));

/* Before and after the start of a child, and what a descriptor's record keeps. Starts between which nothing was made write nothing. */
FDW_INLINE void fdw_child_starts(void)
{
	uint32_t n = atomic_load_explicit(&fdw_process.starts, memory_order_relaxed);

	while (n & 1 && !atomic_compare_exchange_weak_explicit(&fdw_process.starts, &n, n + 1, memory_order_relaxed, memory_order_relaxed))
		;
}
FDW_INLINE uint32_t fdw_born_now(void)
{
	uint32_t n = atomic_load_explicit(&fdw_process.starts, memory_order_relaxed);

	return likely(n & 1) ? n : atomic_fetch_or_explicit(&fdw_process.starts, 1, memory_order_relaxed) | 1;
}
extern __attribute__((visibility("hidden"))) _Atomic int fdw_ready; /* fdw_init is done and the product is on */
extern char **environ;

/* Whether the flag is a leftover: this is not the vfork child but its parent, in a handler (vforked.c). Then it is taken back. */
__attribute__((cold)) int fdw_vfork_is_over(void);
/* The guard: 1 when the wrapper may look at the shared state. */
FDW_INLINE int fdw_on(void)
{
	return likely(atomic_load_explicit(&fdw_ready, memory_order_acquire)) && (likely(!fdw_self.vforked) || fdw_vfork_is_over()) &&
	       !fdw_self.private_table;
}

FDW_INLINE int fdw_recording(void)
{
	return unlikely(atomic_load_explicit(&fdw_process.recording, memory_order_relaxed));
}

FDW_INLINE int fdw_enforcing(void)
{
	return fdw_process.mode != FDW_MODE_OBSERVE && !atomic_load_explicit(&fdw_process.child, memory_order_relaxed);
}

extern size_t fdw_tid_offset;               /* from the thread pointer; 0: not where it was expected */
uint32_t fdw_tid_slow(void);
FDW_INLINE uint32_t fdw_tid(void)           /* no system call once fdw_init verified where glibc keeps it */
{
	if (likely(fdw_tid_offset))
		return *(const uint32_t *)((const char *)__builtin_thread_pointer() + fdw_tid_offset);
	return fdw_tid_slow();
}
/* One thread in this process, as libc knows it, and none was made behind libc's back, nor a process that shares our descriptors. Becomes
 * false before a second one runs. */
extern char __libc_single_threaded;
extern _Atomic uint8_t fdw_raw_threads;
FDW_INLINE int fdw_single_threaded(void)
{
	return __libc_single_threaded && !atomic_load_explicit(&fdw_raw_threads, memory_order_relaxed);
}
/* The program did: the tracer's threads, for which libc takes the process for one with threads, do not count, nor do those that libc makes for itself. */
FDW_INLINE int fdw_made_threads(void)
{
	return atomic_load_explicit(&fdw_process.threads, memory_order_relaxed) | atomic_load_explicit(&fdw_raw_threads, memory_order_relaxed);
}
__attribute__((visibility("hidden"))) long fdw_raw(long nr, ...);               /* system call; -errno on failure; errno untouched; no PLT */
/* No thread of this process has that id any more. Under a filter nobody is asked: 0. */
FDW_INLINE int fdw_thread_gone(uint32_t tid)
{
	return !fdw_process.filtered && fdw_raw(SYS_tgkill, (long)fdw_process.pid, (long)tid, 0L) == -ESRCH;
}
__attribute__((visibility("hidden"))) int fdw_relocated(void);                   /* 0: before the loader came to us */
__attribute__((visibility("hidden"))) long fdw_early_result(long r);             /* fdw_errno_of, also before that (errno then stays) */
FDW_INLINE long fdw_errno_of(long r)        /* what libc would have returned */
{
	if (r < 0 && r > -4096) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

/* ---- flags of the program's own arguments as event flags -------------------------------------------------------------------*/
FDW_INLINE uint32_t fdw_oflags(int flags)
{
	return (flags & O_CLOEXEC ? FDW_F_CLOEXEC : 0) | (flags & O_NONBLOCK ? FDW_F_NONBLOCK : 0) |
	       ((flags & O_ACCMODE) != O_RDONLY ? FDW_F_WRITABLE : 0);
}

FDW_INLINE uint32_t fdw_sflags(int type)
{
	return (type & SOCK_CLOEXEC ? FDW_F_CLOEXEC : 0) | (type & SOCK_NONBLOCK ? FDW_F_NONBLOCK : 0);
}

#endif
