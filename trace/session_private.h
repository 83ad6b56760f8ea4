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
	int as_root;
	enum fdw_place place;   /* decided by the helper */
};

/* Messages over a SOCK_SEQPACKET pair. */
enum fdw_say { FDW_SAY_DAEMON = 1, FDW_SAY_READY, FDW_SAY_FAILED, FDW_SAY_DONE, FDW_ASK_STOP };
struct fdw_message {
	enum fdw_say what;
	pid_t daemon;           /* DAEMON: its process group */
	enum fdw_place place;   /* READY */
	uint64_t lost;          /* DONE */
	int complete;           /* DONE */
	char text[FDW_TEXT];    /* FAILED, DONE */
};

/* session_helper.c: the helper's whole life; does not return. */
void fdw_session_helper(struct fdw_setup *, int sock) __attribute__((noreturn));

/* session_root.c: gives the daemon a /run/lttng of its own. 0, or -1 with a sentence. done() undoes what the host could see. */
int fdw_session_isolate_root(struct fdw_setup *, char *error, size_t n);
void fdw_session_isolate_done(void);

/* session_lttng.c: liblttng-ctl. 0, or -1 with a sentence. */
int fdw_lttng_start(const struct fdw_setup *, char *error, size_t n);
int fdw_lttng_stop(uint64_t *lost, char *error, size_t n);

/* session_files.c */
int fdw_make_parents(const char *path, mode_t);
int fdw_make_output(const char *path, char resolved[PATH_MAX], int *made, char *error, size_t n);
int fdw_probe_disk(const char *dir, char *error, size_t n);
void fdw_remove_tree(const char *path);
uint64_t fdw_tree_bytes(const char *path);
/* Walks the packets below: whether any holds an event, and how many events the tracer had to discard. */
void fdw_scan_packets(const char *path, int *heard, uint64_t *discarded);

/* session_hello.c: registers once as a program would and waits for the metadata. 0, or -1 with a sentence. */
int fdw_session_hello(const struct fdw_setup *, char *error, size_t n);

/* session_connected.c: programs connected to the daemon; -1: cannot be told. */
int fdw_count_connected(pid_t daemon);

#endif
