/*
 * trace/schema.h: the event schema, the only thing the interposer, the tracepoint provider and the analyzer share.
 *
 * Raise FDW_SCHEMA_VERSION whenever the meaning, the type or the order of an existing field or number below changes;
 * adding an operation, a kind or a flag at the end of its list needs no new version. The analyzer refuses a trace whose
 * version (in every FDW_OP_PROC_START) is newer than its own and says so.
 *
 * Vocabulary. *Number*: what open() returns. *Generation*: counts how often a number was made in this process image; starts
 * at 1, 0 means "history unknown". (pid, image, number, generation) names one descriptor exactly, so the replay never
 * depends on timestamps of different threads agreeing. *Image*: what one exec started; a pid has several over time.
 * A fork child inherits its parent's generations and goes on counting from them; an exec starts again.
 *
 * Two tracepoints, `fdwarden:op` (frequent, channel "fds") and `fdwarden:life` (rare and load-bearing, channel
 * "fds_meta"), share the layout of struct fdw_event; `fdwarden:stack` and `fdwarden:module` (channel "fds_meta") have their own.
 * CTF field names are the member names below.
 */
#ifndef FDW_SCHEMA_H
#define FDW_SCHEMA_H

#include <stdint.h>

#define FDW_SCHEMA_VERSION 1

/* Longest detail (path, address) sent with an event, bytes; longer ones are cut and marked FDW_F_CUT. Below one memory page. */
#define FDW_DETAIL_MAX 512
/* Deepest stack sent, frames. FDWARDEN_STACK_DEPTH is clamped to it. */
#define FDW_STACK_MAX 64

/* What happened. `life` = sent through fdwarden:life. */
#define FDW_OPS(X)                                                                                                     \
	X(NONE, 0)                                                                                                     \
	/* descriptors (fdwarden:op) */                                                                                \
	X(CREATE, 1)      /* fd/gen made by call; fd2/gen2: what it came from (listener, directory), -1 if nothing */   \
	X(DUP, 2)         /* fd/gen made as a duplicate of fd2/gen2: same open file description */                      \
	X(REPLACE, 3)     /* dup2, dup3, freopen over an open number: fd/gen is the new one, arg the generation ended;  \
	                     fd2/gen2 the source (fd2 = -1: freopen made a new description) */                          \
	X(CLOSE, 4)       /* fd/gen closed, or tried: ret, err tell. gen: the generation the closer meant as far as the \
	                     table knew before the call. arg: see FDW_F_RUN */                                          \
	X(CLOSE_RANGE, 5) /* close_range/closefrom: fd first, fd2 last, arg the flags argument. One CLOSE with          \
	                     FDW_F_RANGE per number known to be open in it follows */                                   \
	X(SETFD, 6)       /* close-on-exec of fd/gen is now arg (0 or 1) */                                              \
	X(USE, 7)         /* a call on fd failed with EBADF. FDW_F_KNOWN_CLOSED: gen was closed before the call began */ \
	X(FIRST_USE, 8)   /* the first successful use of an inherited number */                                         \
	X(OBJECT, 9)      /* detail tells more about fd/gen: what, see `kind` and FDW_F_LOCAL/FDW_F_PEER */               \
	X(SEND, 10)       /* fd/gen passed to somebody over the socket fd2/gen2 (SCM_RIGHTS) */                           \
	X(RECV, 11)       /* fd/gen received over the socket fd2/gen2 (SCM_RIGHTS): also a creation */                    \
	X(STREAM, 12)     /* fd/gen is now owned by the FILE or DIR at address arg (fopen, fdopen, opendir ...) */       \
	X(STALE_STREAM, 13) /* a FILE or DIR made for gen2 was used or closed (call) when its number fd already          \
	                       belongs to generation gen, or to none (FDW_F_KNOWN_CLOSED); arg its address */            \
	X(EPOLL_CTL, 14)  /* fd poller, fd2 target, ret/err, arg the registered data, flags EPOLL_CTL_* << FDW_F_USER_SHIFT; \
	                     detail: the events asked for (4 bytes). kind FDW_KIND_EPOLL, or _PORT: port_associate is MOD   \
	                     (it replaces, or makes), port_dissociate DEL. FDW_F_KNOWN_CLOSED: gen2 was closed, or being   \
	                     closed, before the call began; with FDW_F_INVENTED only we answered so */                   \
	X(RESYNC, 15)     /* the table found out that fd was opened or closed by a route it cannot see; gen is new,     \
	                     or 0 when the number turned out to be closed: gen2 is what it had, 0 not known. Before EXIT and EXEC the kernel is \
	                     asked for each that this process made and that is open, below FDW_ASKED_AT_END */           \
	X(WAIT_BOUND, 16) /* a bounded wait ended at its bound: flags say which */                                      \
	X(FORK_BOUND, 17) /* whoever started a child waited, up to a bound, for thread fd2 to decide about fd/gen, born \
	                     close-on-exec: the flag was cleared as the program had asked so far. ret child pid, -1 not  \
	                     known (or exec); kind FDW_FORK_*, 0 exec; arg microseconds waited, 0: it was cleared for an earlier child, and still nothing decided */                        \
	X(DELIVERED, 18)  /* fd/gen, a poller (kind FDW_KIND_EPOLL or _PORT), gave this thread ret events. detail: struct fdw_delivery, up  \
	                     to FDW_DELIVERIES a record; further ones follow in further records of the same ret. Told where    \
	                     other threads may hold an event, it is not the only one, or a description may outlive its number; \
	                     else FDW_F_WAITED */                \
	X(IN_USE, 19)     /* fd/gen is about to be closed while another thread, fd2, sleeps inside call on it. By the closer, before its  \
	                     CLOSE; stack: only where that call was made */                                               \
	X(LAST_USE, 20)   /* before EXIT: fd/gen is open. arg: descriptors made since it was << 32 | made since it was used last; \
	                     only where several are. stdio's uses, and what is mapped, are not seen */                    \
	/* processes and threads (fdwarden:life) */                                                                    \
	X(PROC_START, 32) /* a new image observed: fd schema version, fd2 parent pid, arg start time (CLOCK_BOOTTIME    \
	                     ns, from /proc/self/stat), ret mode (FDW_MODE_*), detail: path of the executable */        \
	X(PROC_ARGS, 33)  /* detail: the command line, arguments separated by NUL */                                    \
	X(STATE, 34)      /* dump: fd/gen is open, kind, FDW_F_CLOEXEC; detail: readlink of /proc/self/fd/N */          \
	X(STATE_END, 35)  /* the dump is complete; arg: number of STATE events */                                       \
	X(FORK, 36)       /* in the parent, after: ret child pid or -1; kind FDW_FORK_*; detail: program when spawned; gen: \
	                     microseconds since the call began, so that the fork lies between, 0 not known.               \
	                     ret 0: not known, detail is the command: popen (after; fd/gen2 the stream's), system (before; \
	                     the same with ret -1: nothing came of it), daemon (before; EXIT follows if it came).         \
	                     FDW_F_UNOBSERVED: the child says nothing of itself (until exec); spawn, popen, system: arg   \
	                     FDW_WHY_* */                                                                              \
	X(FORK_CHILD, 37) /* in the child, its first event: arg parent pid, fd2 parent tid, kind FDW_FORK_*; ret          \
	                     CLOCK_BOOTTIME ns, 0 not known: who has this pid and started later is somebody else. A vfork \
	                     child's tid is its pid, and its modules and stacks are its parent's */                    \
	X(EXEC, 38)       /* before exec; detail: the path as asked for. FDW_F_UNOBSERVED: target cannot load us, ret    \
	                     FDW_WHY_* */                                                                              \
	X(EXEC_FAILED, 39) /* exec came back: err */                                                                    \
	X(EXIT, 40)       /* the process ends: ret status as wait(2) will tell it, 0 to 255; -1 not known */              \
	X(TOTALS, 41)     /* at exit and exec: arg events emitted by this process so far; ret what the interposer       \
	                     itself had to drop */                                                                     \
	X(THREAD, 42)     /* first event of a thread: detail its name */                                                \
	X(THREAD_EXIT, 43) /* the thread ends; its last seq is this event's */                                          \
	X(MODULES, 44)    /* the list of modules changed (dlopen, dlclose): a complete list of MODULE events follows */ \
	X(BLIND, 45)      /* a route the interposer cannot see came into use: detail names it (io_uring, go, unshare) */ \
	X(STOP, 46)       /* recording of this process ends here although it goes on: detail says why */                \
	X(LOST, 47)       /* the interposer had to drop arg events of this thread (nested, too deep on a signal stack) */ \
	X(REAPED, 48)     /* in the process that waited: child ret ended, arg its wait status as wait(2) gives it. ret -1:  \
	                     the command this thread's system() started, or that of the stream fd/gen made by popen */     \
	X(CHILD_FD, 49)   /* in the child of vfork itself, or in the parent after its FORK by posix_spawn: what was done   \
	                     with number fd between the making of child ret and its exec. arg FDW_CHILD_*, fd2 the       \
	                     source of a duplicate, -1 none */                                                             \
	X(SIGSTACK, 50)   /* this thread's alternate signal stack: arg its address, ret its bytes, 0: none. fd FDW_SIGSTACK_*: what \
	                     became of its pages, err why they are not locked; fd2 RLIMIT_MEMLOCK, KiB; gen what the kernel takes   \
	                     of it for a signal, user flag 0: at most that (AT_MINSIGSTKSZ); detail: the kernel's release */     \
	X(SIGSTACK_LOST, 51) /* memory of thread fd2's installed stack, arg and ret as above, was taken away by call; none: found   \
	                     out at its thread's end. gen: the thread that took it, when the one whose stack it is found it      \
	                     installed afterwards; 0: the event's own */                                                 \
	X(SIGNAL_HANDLER, 52) /* the handler of signal fd is arg (0: default or ignored); user flag 1: on an alternate stack */ \
	X(SUPPRESSIONS, 53) /* what the program itself does not want reported (fdwarden_default_suppressions()): detail a    \
	                     piece of the text, from byte arg on */

enum fdw_op {
#define FDW_OP_ENUM(name, value) FDW_OP_##name = value,
	FDW_OPS(FDW_OP_ENUM)
#undef FDW_OP_ENUM
};

/* What a descriptor is. Names as /proc/PID/fd users know them. */
#define FDW_KINDS(X)                                                                                                   \
	X(UNKNOWN, 0, "descriptor") X(FILE, 1, "file") X(DIR, 2, "directory") X(PIPE_R, 3, "pipe (read end)")           \
	X(PIPE_W, 4, "pipe (write end)") X(SOCKET, 5, "socket") X(LISTENER, 6, "listening socket")                      \
	X(CONN, 7, "connection") X(EPOLL, 8, "epoll") X(EVENTFD, 9, "eventfd") X(TIMERFD, 10, "timerfd")                 \
	X(SIGNALFD, 11, "signalfd") X(INOTIFY, 12, "inotify") X(FANOTIFY, 13, "fanotify") X(MEMFD, 14, "memfd")          \
	X(PIDFD, 15, "pidfd") X(MQ, 16, "message queue") X(SHM, 17, "shared memory") X(PTY, 18, "pseudo terminal")       \
	X(STREAM, 19, "stream") X(POPEN, 20, "popen stream") X(TMPFILE, 21, "temporary file") X(PORT, 22, "event port")  \
	X(IO_URING, 23, "io_uring") X(PERF, 24, "perf event") X(BPF, 25, "bpf object") X(USERFAULT, 26, "userfaultfd")   \
	X(MOUNT, 27, "mount") X(SYSLOG, 28, "syslog connection") X(OTHER, 29, "descriptor")

enum fdw_kind {
#define FDW_KIND_ENUM(name, value, text) FDW_KIND_##name = value,
	FDW_KINDS(FDW_KIND_ENUM)
#undef FDW_KIND_ENUM
};

enum fdw_mode { FDW_MODE_OBSERVE = 0, FDW_MODE_ENFORCE = 1, FDW_MODE_AUDIT = 2 };

enum fdw_fork { FDW_FORK_FORK = 1, FDW_FORK_VFORK = 2, FDW_FORK_CLONE = 3, FDW_FORK_SPAWN = 4, FDW_FORK_POPEN = 5,
	FDW_FORK_SYSTEM = 6, FDW_FORK_DAEMON = 7, FDW_FORK_PTY = 8 };

enum fdw_child_fd { FDW_CHILD_PLACED = 1 /* dup2, dup3, F_DUPFD, open, or a file action */, FDW_CHILD_KEPT = 2 /* close-on-exec cleared */,
	FDW_CHILD_CLOSED = 3 /* fd to fd2, -1: to the last there can be */, FDW_CHILD_MARKED = 4 /* close-on-exec set */, FDW_CHILD_USED = 5 /* inherited by exec,
	and used */ };

enum fdw_sigstack { FDW_SIGSTACK_LEFT = 0, FDW_SIGSTACK_PINNED = 1, FDW_SIGSTACK_TOUCHED = 2 };

/*
 * Linux 5.2, 5.3.0 to 5.3.14, 5.4.0 and 5.4.1: where a signal frame has to fault in its page, AVX registers come back corrupted (golang.org/issue/35777).
 * 1: by its release the kernel is one of them; a distribution may have mended it.
 */
static inline int fdw_kernel_vector_bug(const char *release)
{
	unsigned n[3] = { 0, 0, 0 };

	for (int i = 0; i < 3; i++) {
		for (; *release >= '0' && *release <= '9'; release++)
			n[i] = n[i] * 10 + (unsigned)(*release - '0');
		if (*release != '.')
			break;
		release++;
	}
	return n[0] == 5 && (n[1] == 2 || (n[1] == 3 && n[2] <= 14) || (n[1] == 4 && n[2] <= 1));
}

/* Why an exec target cannot be observed. */
#define FDW_WHYS(X)                                                                                                    \
	X(OK, 0, "") X(STATIC, 1, "it is statically linked (no program interpreter)")                                    \
	X(SETID, 2, "it runs with other privileges than its caller (set-user-id, set-group-id or file capabilities)")    \
	X(CLASS, 3, "it was built for another machine or word size")                                                     \
	X(LIBC, 4, "it uses another C library")                                                                         \
	X(GONE, 5, "libfdwarden.so cannot be reached from there (chroot, container or mount namespace)")                \
	X(ENV, 6, "its environment could not be extended")                                                              \
	X(SANITIZER, 7, "it was built with a sanitizer that must come first")                                            \
	X(LIMIT, 8, "its limit of open files leaves the tracer none (ulimit -n)")

enum fdw_why {
#define FDW_WHY_ENUM(name, value, text) FDW_WHY_##name = value,
	FDW_WHYS(FDW_WHY_ENUM)
#undef FDW_WHY_ENUM
};

/* Flags of an event. */
#define FDW_F_CLOEXEC      0x00000001u /* the new descriptor has close-on-exec */
#define FDW_F_NONBLOCK     0x00000002u /* asked for non-blocking */
#define FDW_F_INHERITED    0x00000004u /* was there when the image started */
#define FDW_F_KNOWN_CLOSED 0x00000008u /* history proves: closed before this call began */
#define FDW_F_NEVER_SEEN   0x00000010u /* the number was never open as far as the table knows */
#define FDW_F_LOSER        0x00000020u /* found another thread's close of the same generation under way */
#define FDW_F_INVENTED     0x00000040u /* the errno is ours: the kernel was not asked */
#define FDW_F_RUN          0x00000080u /* part of a run of closes n, n±1, n±2 ... by this thread; arg: length so far. From
                                          FDW_RUN_QUIET on, failed closes of a run are no longer sent */
#define FDW_F_RANGE        0x00000100u /* by close_range or closefrom */
#define FDW_F_STREAM       0x00000200u /* through a FILE or DIR; arg its address */
#define FDW_F_SYSCALL      0x00000400u /* through syscall() */
#define FDW_F_WRITABLE     0x00000800u /* opened for writing */
#define FDW_F_CUT          0x00001000u /* detail was cut at FDW_DETAIL_MAX */
#define FDW_F_LOCAL        0x00002000u /* OBJECT: detail is a struct sockaddr, the descriptor's own address (bind) */
#define FDW_F_PEER         0x00004000u /* CREATE/OBJECT: detail is a struct sockaddr, the peer's (accept, connect) */
#define FDW_F_CHILD        0x00008000u /* in a fork child that has not exec'd, and is not (yet) a worker */
#define FDW_F_UNOBSERVED   0x00010000u /* EXEC/FORK: the new image will not be observed */
#define FDW_F_MULTI        0x00020000u /* the process had more than one thread */
#define FDW_F_SIGNAL_STACK 0x00040000u /* on a signal stack: no unwinding, stack is the caller only */
#define FDW_F_NAMED        0x00080000u /* STATE: the number is named in the program's arguments or environment */
#define FDW_F_LOCKED       0x00100000u /* OBJECT: a file or record lock was taken on it */
#define FDW_F_LIFTED       0x00400000u /* USE, CLOSE: in audit, of a number that it natively would not have been, by a program that names numbers */
#define FDW_F_PARTIAL      0x00200000u /* FORK: what the child did to its descriptors before its exec is not told in full */
#define FDW_F_WAITED       0x00800000u /* since its event before this one the thread waited on a poller, and what it got, if anything, is not told: it
                                          holds no event of before any more */
#define FDW_F_USER_SHIFT   24          /* bits 24-31: a small number of the call itself (EPOLL_CTL_*) */

/* Numbers from here on are not asked for at the end of a process or image: a system call each. */
#define FDW_ASKED_AT_END 8192u

/* From this length on the failed closes of a run of closes are counted, not sent (a loop to 2^30 must stay a loop). */
#define FDW_RUN_QUIET 64

/* One event that a poller delivered. */
struct fdw_delivery {
	uint64_t data;   /* as registered */
	uint32_t events; /* what is ready */
	int32_t fd;      /* the number, where the poller names it (a port); else -1 */
};
#define FDW_DELIVERIES (FDW_DETAIL_MAX / 16)

/*
 * Processes of several pid namespaces have the same numbers at the same time. Of one that does not live in the recorder's, bits 16 to 30 say in which it
 * does (from the namespace's inode), and the lower 16 are what it sees. Numbers that calls return (ret of FORK and REAPED, fd2 of PROC_START) are
 * what the kernel said: of the caller's namespace.
 */
#define FDW_PID_ELSEWHERE 0x80000000u
#define FDW_PID_SPACE(inode) (FDW_PID_ELSEWHERE | ((uint32_t)((inode) % 0x7fff) + 1) << 16)
static inline uint32_t fdw_pid_shown(uint32_t pid) { return pid & FDW_PID_ELSEWHERE ? pid & 0xffff : pid; }
/* pid as somebody sees it who has the number `of`. */
static inline uint32_t fdw_pid_beside(uint32_t of, uint32_t pid) { return of & FDW_PID_ELSEWHERE && pid ? (of & 0xffff0000u) | (pid & 0xffff) : pid; }

struct fdw_event {
	uint32_t seq;   /* per thread, from 1, +1 each event: a gap is a loss */
	uint32_t pid;   /* as the process sees itself, or FDW_PID_ELSEWHERE */
	uint32_t tid;
	uint32_t gen;
	uint32_t gen2;
	int32_t fd;
	int32_t fd2;
	int32_t err;    /* errno of a failed call, else 0 */
	uint32_t flags; /* FDW_F_* */
	uint32_t stack; /* id of a stack event of this image or of the one it was forked from; 0: none */
	uint16_t call;  /* enum fdw_call of this build (generated from the table of calls). Its numbers change with the table:
	                   the CTF field is an enumeration, and readers take its label, the call's name */
	uint8_t op;     /* enum fdw_op */
	uint8_t kind;   /* enum fdw_kind, or enum fdw_fork for FORK */
	int64_t ret;
	uint64_t arg;
	uint32_t detail_len;
	const uint8_t *detail; /* CTF: sequence `detail` of bytes; no terminating NUL */
};

struct fdw_stack {
	uint32_t pid;
	uint32_t id;    /* hash of the frames: the same id in the same image is always the same stack */
	uint32_t depth;
	const uint64_t *frames; /* return addresses, innermost first; the first is the caller of the wrapped call */
};

struct fdw_module {
	uint32_t pid;
	uint64_t base;  /* load bias: address = base + ELF virtual address */
	uint64_t start; /* lowest mapped address */
	uint64_t end;   /* one past the highest */
	uint32_t build_id_len;
	const uint8_t *build_id;
	const char *path; /* "" never: the executable's own path is filled in; "[vdso]" */
};

/*
 * What libfdwarden-ust.so offers the interposer, found with dlsym("fdwarden_trace_ops"). Every function is async-signal-safe
 * once thread() ran in that thread, keeps errno, allocates nothing and needs up to 2.5 KiB of stack.
 */
struct fdw_trace_ops {
	uint32_t version; /* FDW_SCHEMA_VERSION of the provider: anything else is refused */
	int (*enabled)(void); /* a session records fdwarden:op at this moment */
	void (*op)(const struct fdw_event *);
	void (*life)(const struct fdw_event *);
	void (*stack)(const struct fdw_stack *);
	void (*module)(const struct fdw_module *);
	void (*thread)(void); /* lttng_ust_init_thread */
	/* Around fork, in this order; `mask` is a sigset_t of the caller's. Never around vfork or posix_spawn. */
	void (*before_fork)(void *mask);
	void (*after_fork_parent)(void *mask);
	void (*after_fork_child)(void *mask);
	/* Instead of it, in a child that goes on in the buffers it inherited: LTTng's daemon does not hear of it, and no thread is made. */
	void (*after_fork_heir)(void *mask);
	/* This thread left an emission by a jump and is in none now: ends what it began, as far as others would wait for it. */
	void (*abandoned)(void);
};

/*
 * Environment between `fdwarden record` and the interposer.
 * FDWARDEN_RECORD=DIR: record; the session daemon's application socket is DIR/lttng-ust-sock-8.
 * FDWARDEN_PROVIDER=PATH: libfdwarden-ust.so when it is not beside libfdwarden.so.
 * FDWARDEN_FILTERS=N: the command itself runs under N seccomp filters, and its own test recording worked under them.
 * FDWARDEN_CLOCK=[-]SECONDS.NS: how far the command's CLOCK_MONOTONIC is ahead of the first time namespace's, where it is; its daemon's stamps are.
 * FDWARDEN_FIRST=NAME: the sanitizer's runtime that the command put before us in LD_PRELOAD, for the program alone: what that starts need not be
 * linked with it. Empty once the program has begun.
 */
#define FDW_ENV_RECORD   "FDWARDEN_RECORD"
/*
 * LTTNG_UST_REGISTER_TIMEOUT, ms: how long a new image, and a fork child, waits for the session daemon, whatever is the matter with it. (One that
 * is gone is not waited for; one that is slow, longer: preload/patience.h.)
 */
#define FDW_REGISTER_TIMEOUT "900"
/* Beside that socket: the session daemon's process id, by LTTng; and its consumer's, where each process has buffers that the consumer must make. */
#define FDW_DAEMON_PID   "lttng-sessiond.pid"
#define FDW_CONSUMER_PID "fdwarden-consumer.pid"
/*
 * And the mark of a recording, where a fork child may go on in its parent's buffers. Whoever is recorded holds a read lock on it (F_OFD_SETLK: of the
 * open file description, which fork children share), so that who records sees when the last one is gone. `ended` is not 0 once the recording is over.
 */
#define FDW_MARK "fdwarden-recording"
struct fdw_mark {
	_Atomic uint32_t ended;
	uint64_t pid_space; /* inode of the recorder's pid namespace; 0: not known */
};
/*
 * And what everybody recorded writes to, as whatever user; it lies in a directory with a name that nobody guesses. `unfinished`: events that were begun and
 * will never be finished, for a signal handler jumped out of the call, or the process was killed: LTTng waits for them, and what others do on that processor
 * afterwards may be lost without its being counted. `killed` is always 0; who waits there (futex) is woken when one is killed so. With a flight recorder
 * (`ring`) whoever makes a call that looks wrong changes `armed` from 1 to 0 and wakes who waits there (futex), once the event is in the ring.
 */
#define FDW_WATCH "fdwarden-watch"
struct fdw_watch {
	_Atomic uint32_t armed;
	_Atomic uint32_t unfinished;
	_Atomic uint32_t killed;
	uint32_t ring;
};
/* How many these were, as text, in the trace's directory; not there: none. */
#define FDW_UNFINISHED "fdwarden-unfinished"
/* A trace with the end of a flight recorder's ring has a file of this name beside it, and the ring's part below `ring`. */
#define FDW_RING_MARK "fdwarden-ring"
#define FDW_ENV_PROVIDER "FDWARDEN_PROVIDER"
#define FDW_ENV_FILTERS  "FDWARDEN_FILTERS"
#define FDW_ENV_CLOCK    "FDWARDEN_CLOCK"
#define FDW_ENV_FIRST    "FDWARDEN_FIRST"

#endif
