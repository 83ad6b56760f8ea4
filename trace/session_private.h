/*
 * trace/session_private.h: what the files of the session share. Not for others.
 *
 * Two processes: the command (session.c) and a helper (session_helper.c), which alone talks to LTTng and is the parent of its daemon.
 * liblttng-ctl has calls without a time limit; a process that makes them can be killed, and as root it can have a mount namespace that
 * the program does not share.
 */
#ifndef FDW_SESSION_PRIVATE_H
#define FDW_SESSION_PRIVATE_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>
#include "trace/session.h"

#define FDW_TEXT 512
/* What is in open sub-buffers is lost when the daemon is killed: half a second of it. */
#define FDW_TIMER_US 500000u

/* Where the daemon's sockets are, and for whom. */
enum fdw_place {
	FDW_PLACE_HOME,  /* LTTNG_HOME below the private directory */
	FDW_PLACE_BOUND, /* the private directory is bound onto the daemon's own /run/lttng */
	FDW_PLACE_IDLE,  /* the host's /run/lttng, which no daemon uses: programs find it by themselves */
};

struct fdw_setup {
	char dir[64];           /* private directory */
	char output[PATH_MAX];  /* absolute */
	const char *provider;
	uint64_t fds_subbuf, fds_count, meta_subbuf, meta_count;
	int isolate;
	int ring;               /* frequent events stay in memory, the newest of them, until somebody asks (session_ring.c) */
	int as_root;
	enum fdw_place place;   /* decided by the helper */
};

/* Where in the private directory the daemon's sockets are, and what stands beside them. */
static inline const char *fdw_sockets_below(const struct fdw_setup *s) { return s->place == FDW_PLACE_HOME ? "/.lttng" : ""; }

/*
 * Messages over a SOCK_SEQPACKET pair, and over the control socket of a ring: SNAPSHOT is asked there, and DONE or FAILED the answer; or WHO, answered by
 * WHO with process ids in `text`, and the command's in `daemon`.
 * CANDIDATE: the ring was written to the place `text` because a call looked wrong; KEEP or DROP is the command's judgement.
 */
enum fdw_say { FDW_SAY_DIR = 1, FDW_SAY_DAEMON, FDW_SAY_READY, FDW_SAY_FAILED, FDW_SAY_DONE, FDW_ASK_STOP, FDW_SAY_CANDIDATE, FDW_ASK_KEEP, FDW_ASK_DROP,
	FDW_ASK_SNAPSHOT, FDW_ASK_WHO };
struct fdw_message {
	enum fdw_say what;
	pid_t daemon;           /* DAEMON: its process group; WHO */
	enum fdw_place place;   /* READY */
	uint64_t lost;          /* DONE */
	uint32_t unfinished;    /* DONE */
	int complete;           /* DONE */
	char text[PATH_MAX];    /* FAILED, DONE: a sentence; DIR, CANDIDATE, SNAPSHOT: a directory */
};

/* session_helper.c: the helper's whole life; does not return. */
void fdw_session_helper(struct fdw_setup *, int sock) __attribute__((noreturn));

/* session_root.c: gives the daemon a /run/lttng of its own. 0, or -1 with a sentence. */
int fdw_session_isolate_root(struct fdw_setup *, char *error, size_t n);
/* After the helper's end, by the command: removes /run/lttng if we made it and no recording needs it any more. -1: one does. */
int fdw_session_remove_mount_point(void);
/* The helper's last act, when the command is gone. */
void fdw_session_leave_mount_point(void);
/* After the daemon's end, where it used the host's /run/lttng. */
void fdw_session_leave_idle(void);

/* session_lttng.c: liblttng-ctl. 0, or -1 with a sentence. */
int fdw_lttng_start(const struct fdw_setup *, char *error, size_t n);
int fdw_lttng_stop(uint64_t *lost, char *error, size_t n);
/* The parts of it that a ring is made of, too. 0 or above, or one of LTTng's codes, below 0. */
struct lttng_handle;
int fdw_lttng_channel(struct lttng_handle *, const char *name, uint64_t subbuf, uint64_t count, unsigned timer_us, int overwrite);
int fdw_lttng_enable(struct lttng_handle *, const char *event, const char *channel);
int fdw_lttng_failed(int code, const char *what, char *error, size_t n);

/* session_ring.c: the flight recorder; the helper only. 0, or -1 with a sentence. */
int fdw_ring_start(const struct fdw_setup *, char *error, size_t n);
/* The control socket, to be waited on; -1: none. */
int fdw_ring_socket(void);
/* Somebody is at the socket. */
void fdw_ring_answer(const struct fdw_setup *, pid_t daemon);
#define FDW_CONTROL "control"
/* session_ask.c: one message, or less within the time. */
ssize_t fdw_receive(int fd, struct fdw_message *, int ms);
/* Before the end of the session: the ring goes to the trace. */
int fdw_ring_finish(const struct fdw_setup *, char *error, size_t n);
/* LTTng writes the ring's events into dir, now. */
int fdw_ring_write(const char *dir, char *error, size_t n);
/* A directory with a ring in it gets the rest of what makes a trace. */
int fdw_ring_complete(const struct fdw_setup *, const char *dir, char *error, size_t n);
#define FDW_RING_SESSION "fdwarden-ring"

/* session_mark.c: the mark, of recordings in which fork children go on in their parents' buffers. The helper makes and ends it. */
void fdw_mark_make(const struct fdw_setup *);
/* A new file beside the session's socket, zero, shared with those who map it. NULL: it cannot be made. */
void *fdw_shared_make(const struct fdw_setup *, const char *name, size_t size, mode_t);
void fdw_mark_end(void);
/* The command's view: a descriptor, -1: there is none. */
int fdw_mark_open(const char *sockets);
int fdw_mark_is_held(int fd);  /* somebody is recorded */
/* How many, as far as /proc tells us, and the first max of them; takes a look at all processes. */
int fdw_mark_holders(int fd, pid_t *pids, size_t max);
/* For the helper: the first max of them. How many these are. */
size_t fdw_mark_list(const struct fdw_setup *, pid_t *pids, size_t max);

/* session_watch.c: calls that look wrong; the helper only. First of all what is shared with those who are recorded: */
void fdw_watch_make(const struct fdw_setup *);
/* At the end: how many events they began and never finished; the trace says so, too. */
uint32_t fdw_watch_unfinished(const struct fdw_setup *);
void fdw_watch_start(const struct fdw_setup *);
/* Readable when it is time to look; -1: never. */
int fdw_watch_bell(void);
/* Then, and from time to time. 1: a call looked wrong, and the ring was written to the place m->text. */
int fdw_watch_look(const struct fdw_setup *, struct fdw_message *m);
/* What the command thinks of that. */
void fdw_watch_judged(int keep);
/* After the daemon's end: what it wrote in the last moment is in the trace, too. */
void fdw_watch_end(void);

/* session_copy.c: the part of a running recording's trace that is on disk: whole packets only. 0 or an errno. */
int fdw_copy_trace(const char *from, const char *to);

/* session_files.c */
int fdw_make_output(const char *path, char resolved[PATH_MAX], int *made, char *error, size_t n);
int fdw_probe_disk(const char *dir, char *error, size_t n);
void fdw_remove_tree(const char *path);
uint64_t fdw_tree_bytes(const char *path);
/* Walks the packets below: whether any holds an event, and how many events the tracer had to discard. */
void fdw_scan_packets(const char *path, int *heard, uint64_t *discarded);

/* Bytes of the packets of a stream file that are whole; of other files, all. */
off_t fdw_whole_packets(int fd, off_t size);

#define FDW_HELLO_NAME "fdwarden-hello"
/* session_hello.c: registers once as a program would and waits for the metadata. 0, or -1 with a sentence. */
int fdw_session_hello(const struct fdw_setup *, char *error, size_t n);

/* session_connected.c: programs connected to the daemon; -1: cannot be told. */
int fdw_count_connected(pid_t daemon);
/* Who they are; for the daemon's parent. Returns their number, at most max. */
size_t fdw_list_connected(pid_t daemon, pid_t *pids, size_t max);

#endif
