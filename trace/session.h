/*
 * trace/session.h: a recording session: a private LTTng session daemon, its channels, and its end.
 *
 * Context: the fdwarden command, never the observed program. One session per process at a time. Every call to LTTng is under
 * a time limit; what does not answer is killed by process id; what is on disk stays readable.
 */
#ifndef FDW_SESSION_H
#define FDW_SESSION_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fdw_session; /* opaque; made by fdw_session_start, freed by fdw_session_stop */

struct fdw_session_options {
	const char *output;       /* directory of the trace; must not exist or be empty; created with its parents */
	uint64_t buffer_bytes;    /* total budget for ring buffers over all CPUs, bytes; 0: 32 MiB, less where /dev/shm is small */
	int ring;                 /* of the frequent events only the newest buffer_bytes are kept, in memory, until the end, a violation or
	                             fdw_snapshot(). Not with isolate */
	int isolate;              /* one set of buffers per process instead of per user: a killed process cannot wedge others */
	sigset_t stopping;        /* blocked signals that end the start when they come; as made by { 0 }: none */
	const char *provider;     /* libfdwarden-ust.so: tried once before the program starts, so that metadata is on disk and what does
	                             not work is said in time. NULL: not tried */
};

struct fdw_session_result {
	uint64_t events;          /* events in the trace (0 when it could not be counted: counted = 0) */
	uint64_t lost;            /* events the tracer says it discarded */
	uint32_t unfinished;      /* events that were begun and never finished: others may be lost for it, and not counted */
	uint64_t bytes;           /* size on disk */
	int counted;
	int heard;                /* at least one event is in the trace */
	int complete;             /* 0: something had to be killed or the disk was full; `why` says */
	char why[256];
};

/* Starts daemon and session. NULL: failed, `error` (size n) has one sentence that says what to do. Nothing is left behind. */
struct fdw_session *fdw_session_start(const struct fdw_session_options *, char *error, size_t n);
/* Directory for FDW_ENV_RECORD: holds lttng-ust-sock-8, reachable by any user. Owned by the session. */
const char *fdw_session_socket_dir(const struct fdw_session *);
/* Whether processes are recorded at this moment: 0: none. -1: cannot be told. */
int fdw_session_records(const struct fdw_session *);
/* How many these are, which takes a look at all processes. */
int fdw_session_recorded(const struct fdw_session *);
/* The trace's directory, absolute. */
const char *fdw_session_output(const struct fdw_session *);
/*
 * A ring was written out to this directory, because a call looked wrong; NULL: none at this moment. Borrowed until the next call. Asked now and then;
 * the answer is expected by fdw_session_judge(): keep, and no further call is waited for, or drop it.
 */
const char *fdw_session_candidate(struct fdw_session *);
void fdw_session_judge(struct fdw_session *, int keep);
/* For a program that could not be started: ends the session and removes the directory of the trace if it was made by start. */
void fdw_session_abandon(struct fdw_session *);
/* Stops, waits (bounded) until the trace is on disk, ends the daemon, removes its directory, frees the session. */
void fdw_session_stop(struct fdw_session *, struct fdw_session_result *);
/* A flight recorder that runs, as another process of the same user, or root, finds it. */
#define FDW_RECORDED_MAX 512
struct fdw_recorder {
	char control[108];        /* its socket */
	pid_t pid;                /* fdwarden record */
	pid_t recorded[FDW_RECORDED_MAX]; /* the processes that are connected to it; more are not named */
	size_t n;
};
/* How many there are; the list is the caller's to free. */
size_t fdw_recorders(struct fdw_recorder **);
/* Its ring is written to `output`, absolute, new or empty, by the recorder, as its user. Takes about a second, at most 30. 0, or -1 with a sentence. */
int fdw_snapshot(const struct fdw_recorder *, const char *output, char *error, size_t n);
/* Removes a trace, whole. */
void fdw_session_remove_trace(const char *dir);

#endif
