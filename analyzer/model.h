/*
 * analyzer/model.h: what the replay knows: processes, images, numbers, generations, descriptions.
 *
 *	replay
 *	  source           one recording of one host
 *	    process        (source, pid, start): linked to its parent by fork
 *	      image        what one exec started; the newest is process->image
 *	        number     17
 *	          generation     #1873, newest first; open, or closed and remembered for a while
 *	            description  the open file description, shared by duplicates and fork children
 *
 * Context: the command's process, one thread. Events carry number and generation, so nothing here relies on the order of
 * events of different threads: a generation may be closed before its creation is read, and closed after the next one was made.
 *
 * Memory grows with what is open, what was closed lately (MODEL_HISTORY generations a number) and with distinct stacks.
 */
#ifndef FDW_MODEL_H
#define FDW_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include "analyzer/hash.h"
#include "analyzer/record.h"
#include "analyzer/stacks.h"

/* Closed generations remembered a number: enough for a stale user that is a few reuses late; each costs about 250 bytes. */
#define MODEL_HISTORY 4
/* From this length on a run of closes n, n±1, n±2 … is a loop over "everything", whatever it hits (the interposer uses the same). */
#define MODEL_LOOP 8
/* How long (trace time) a failed call waits for the events of other threads that say who opened and who closed. */
#define MODEL_SETTLE_NS UINT64_C(200000000)
/* How much earlier than told a fork may have begun. Where its thread lost its CPU in that very moment, it is more. */
#define MODEL_CLOCK_NS UINT64_C(1000000)
/* How long after its end a process is kept for late events of its threads and library destructors. */
#define MODEL_LINGER_NS UINT64_C(1000000000)

struct replay;
struct image;
struct process;
struct generation;
struct passage;
struct race;
struct start;
struct node;
struct program;
struct gift;
struct shell_command;
struct registration;
struct datum;
struct pair;


/* One event as a finding shows it. Strings and stack live as long as the replay. */
struct moment {
	uint64_t time; /* 0: not known */
	uint32_t pid, tid;
	const char *thread, *call;
	struct stack *stack;
	int64_t ret;
	int32_t fd, fd2, err;
	uint32_t flags;
	uint8_t op;
};

struct description {
	unsigned references;
	unsigned open;        /* open generations in all images */
	unsigned mark;        /* scratch of whoever counts */
	uint8_t kind;
	uint8_t accepted;
	uint8_t sent;         /* passed to somebody with SCM_RIGHTS */
	uint8_t writable;     /* opened for writing */
	uint8_t locked;       /* a file or record lock was taken on it */
	uint32_t pipe;        /* both ends of a pipe have the same; 0: not known */
	char *path;           /* or command, or name; cleaned for display; NULL */
	char *local, *peer;   /* addresses, cleaned; NULL */
	uint8_t inet;         /* the addresses are IP addresses */
	char *link;           /* what /proc called it when an image started; NULL: not known */
};

enum generation_state { GENERATION_UNKNOWN, GENERATION_OPEN, GENERATION_CLOSED };

/* How many of a group were open over time. */
#define LIVE_SPANS 32
struct live {
	uint64_t begin, last, span;   /* ns; span 0: there were none */
	uint32_t now;
	unsigned used;
	uint32_t fewest[LIVE_SPANS];  /* open in the span that begins at begin + i * span */
};

/* All generations of an image that were made by the same stack. */
struct group {
	const struct stack *place;    /* NULL: no stack was told */
	uint32_t made, alive, peak;
	uint64_t closes;              /* the image's at the last creation */
	struct live live;
	UT_hash_handle hh;
};

struct generation {
	uint32_t gen;
	uint8_t state;                /* enum generation_state */
	unsigned inherited : 1;       /* was there when the image started, or came by fork */
	unsigned forked : 1;          /* came by fork */
	unsigned cloexec : 1;
	unsigned unseen : 1;          /* its creation was not seen */
	unsigned swept : 1;           /* closed by a loop or a range over everything */
	unsigned handed : 1;          /* a fork child went on with it when its maker ended */
	unsigned counted : 1;         /* in group->alive */
	unsigned shares : 1;          /* in description->open */
	unsigned stream : 1;          /* a FILE or DIR owned it */
	unsigned lists : 1;           /* made to list the process's own numbers, of which it is one */
	unsigned late : 1;            /* made after the process said that it ends */
	unsigned worked : 1;          /* a descriptor was closed between the one of its group before it and itself */
	unsigned meant : 1;           /* put there, or its close-on-exec taken away, for the next program */
	unsigned bound : 1;           /* a fork lock's wait for it ended at its bound */
	unsigned told_use : 1;        /* at the end its process told when it was used last … */
	unsigned used_late : 1;       /* … in the second half of its life, or a poller waits for it */
	unsigned in_series : 1;       /* open, as the series counts */
	uint32_t nth;                 /* it was the nth of its group */
	const struct stack *closed_at; /* NULL: not known */
	uint32_t close_run;           /* the run of closes that closed it */
	unsigned pins;                /* who still needs it; not forgotten before 0 */
	int fd;
	struct group *group;
	struct description *description;
	struct moment opened, closed; /* time 0: not seen */
	struct passage *passage;      /* it came to this image by exec, unasked as far as known; shared by all who have it from there */
	struct passage *begun;        /* passages that began with it, linked by `sibling` */
	struct race *race;            /* made without close-on-exec and marked later by the same thread */
	struct gift *gift;            /* its image, or the one that forked it, found it open: tree.h; NULL: it did not, or no tree is kept */
	struct registration *registrations; /* in pollers: now, or when it was closed */
	struct generation *older;
};

/* A generation in a poller. It is remembered as long as the generation is: a late re-arm finds it. */
struct registration {
	struct replay *replay;
	struct image *image;
	struct generation *generation;
	int poller;
	uint32_t poller_gen;
	uint64_t data;
	uint32_t events;
	struct datum *datum;         /* NULL: deleted, or the data stands for others by now */
	struct moment armed, delivered; /* last; delivered since it was armed, time 0: it was not */
	uint32_t delivered_wait;     /* the wait of its thread that brought it */
	uint64_t ghosts;             /* deliveries after the generation was closed that nobody here could serve */
	struct moment ghost;         /* the last delivery after that, served or not */
	uint32_t ghost_wait;         /* the wait of its thread that brought it */
	unsigned judged : 1;
	struct registration *next;   /* of the generation */
	struct registration *same;   /* with the same data in the same poller */
};

struct number {
	int fd;
	struct generation *newest;
	struct race *race;       /* all generations of the number from race_first to race_last are of this race … */
	uint32_t race_first, race_last;
	uint64_t race_since;     /* … and no other had the number since then; 0: ever */
	UT_hash_handle hh;
};

/* A failed close or use that waits to be judged. */
struct pending;

/* A thread's run of calls over n, n±1, n±2 …: closes are told by the interposer, uses are found here. */
struct pendings { struct pending *first, *tail; };

struct sweep {
	int last;
	uint32_t seq;       /* of its last close */
	uint32_t length;
	uint32_t stack;
	uint8_t never_seen; /* a number that never was is in it */
	uint8_t ok;         /* a close that succeeded is in it */
	uint32_t id;        /* of this run of closes, in its image */
	uint32_t repeats;   /* the run that closed all of these numbers before; 0: none yet, NO_RUN: not one */
	struct pendings held;
};

#define NO_RUN UINT32_MAX

struct thread {
	uint32_t tid;
	uint64_t born, last;      /* its first event; the one before this */
	uint64_t born_turn;       /* the image's `turns` then */
	uint32_t seq, holes;      /* last number seen; numbers before it that are missing */
	uint32_t pipe, pipe_seq;  /* the pipe whose read end was made last, by which event; its write end comes next */
	const char *name;
	struct sweep closes, uses;
	struct walk *walks;
	struct pending *range;   /* a close_range of one closed number: is it part of a sweep of ranges? */
	uint8_t range_wide;      /* the last close_range was over more than one number */
	int range_last;          /* the end of the last close_range when nothing came between, else -2 */
	uint32_t waits;          /* on pollers, as far as told: FDW_F_WAITED */
	struct pending *rearm;   /* a re-arm answered ENOENT, of rearm_fd: does an ADD by the same thread follow? */
	int rearm_fd;
	struct moment inside;    /* another thread's call on what this one is about to close */
	int inside_fd;
	uint32_t inside_gen;
	UT_hash_handle hh;
};

/* A signal's handler that does not run on alternate stacks. */
struct handler {
	int sig;
	unsigned met : 1;        /* it was there while a thread had one */
	struct moment at;        /* time 0: the present one does, or there is none */
	UT_hash_handle hh;
};

/* A thread's alternate signal stack. */
struct altstack {
	uint32_t tid;
	struct moment installed;
	UT_hash_handle hh;
};

/* How the recording of an image ended. */
enum ending {
	END_NONE,   /* the trace ends: killed, or still running */
	END_EXIT,   /* it said that it exits */
	END_EXEC,   /* another image follows */
	END_STOP,   /* its recording stopped although it goes on */
};

/* A thread's starting of children, from one place, as often as it did. Of its image; children know it. */
struct start {
	struct moment at;
	uint32_t tid;
	uint64_t born, ended;    /* the thread's life; ended 0: with the image */
	uint64_t exposed;        /* children that exec'd with what they inherited: had not closed everything before */
	unsigned references;
	struct start *next;
};

/* Descriptors made by one place without close-on-exec and marked by another, by the same thread. Of its image. */
struct race {
	struct { const struct stack *opened, *marked; } key;
	uint64_t count, bounds;  /* bounds: the fork lock's waits for one of them that ended at their bound */
	struct moment opened, marked; /* of the first */
	int fd;
	uint32_t gen;
	struct description *description;
	struct window *windows;  /* for each thread that did it */
	/* Children that really got one; the first of them. */
	uint64_t got;
	struct moment forked, execed;
	const char *child_exe;
	uint32_t child_pid;
	UT_hash_handle hh;
};

/* When a thread had such descriptors open and not marked: the first time and the last. */
struct window {
	uint32_t tid;
	struct { uint64_t opened, marked; } first, last;
	struct window *next;
};

/*
 * A descriptor on its way through exec: from the process that let it through to all who have it from there. It is over when none
 * of them is left; then the rules judge it.
 */
struct passage {
	struct replay *replay;
	unsigned holders;        /* generations in images */
	int fd;
	uint32_t gen;            /* in the owner */
	const char *owner_exe;
	uint32_t owner_pid;
	struct moment opened, forked, execed; /* time 0: there was none */
	const char *exe;         /* the first program that got it */
	uint32_t pid;
	uint64_t began, ended;   /* when that program said what it found open; the end of the last who had it */
	uint64_t given_away;     /* when its owner closed it; 0: not seen */
	struct description *description;
	unsigned used : 1, meant : 1, swept : 1; /* by somebody who has it from there */
	unsigned raced : 1;      /* its owner marked it: see cloexec-race */
	unsigned sure : 1;       /* it is this generation: no other one could have the number when the child was made */
	unsigned lone : 1;       /* one end of a pipe whose other end its owner does not have (any more) */
	const char *doubt;       /* why silence is no proof; NULL: it is */
	struct generation *origin; /* the owner's; NULL when that is gone */
	struct passage *sibling;
};

struct image {
	struct process *process;
	const char *exe, *arguments;
	struct space *space;
	struct number *numbers;
	struct thread *threads;
	struct group *groups;
	struct datum *data;      /* registered in pollers */
	struct moment sigstack;  /* the first alternate signal stack that was there together with a handler off it; time 0: there was none */
	struct handler *handlers;
	struct altstack *altstacks;
	struct pair *pairs;      /* which places close what was opened where */
	uint64_t open;           /* as the series counts them */
	uint64_t turns;          /* how often another thread had its say than before */
	uint32_t speaker;        /* who had it last */
	uint64_t closes;         /* descriptors closed so far */
	uint32_t close_runs;     /* runs of closes so far */
	unsigned parent_image;   /* forked: the parent's `images` at that time */
	struct image *before;    /* the image that exec'd this one, until its descriptors are linked */
	uint64_t began, ended, last;
	enum ending ending;
	uint8_t mode;
	unsigned started : 1;    /* PROC_START or FORK_CHILD was seen: its history is known from the beginning */
	unsigned forked : 1;     /* began by fork */
	unsigned execing : 1;
	unsigned blind : 1;      /* a route that cannot be seen is in use */
	unsigned multi : 1;      /* it had more than one thread */
	unsigned swept : 1;      /* everything was closed in it, or in a child of vfork or posix_spawn before its exec */
	unsigned unsure : 1;     /* what was done with its descriptors before its exec is not known in full */
	unsigned totals : 1;
	unsigned daemon : 1;     /* daemon() goes on in a child, whose pid it does not know */
	unsigned bug_told : 1, unpinned_told : 1; /* kernel-signal-vector-bug, sigstack-unpinned: once is enough */
	uint64_t events;         /* received, as TOTALS counts them */
	uint64_t emitted;        /* what the last TOTALS said */
	uint64_t gaps;           /* events missing in the threads' sequences */
	uint64_t refused;        /* what the last TOTALS said was dropped */
	uint64_t dropped;        /* what LOST said was dropped */
	struct { char *exe; uint32_t why; } exec; /* the last EXEC */
	struct pending *doubts;  /* in a fork child, about what it inherited: judged at exit, dropped at exec */
	struct moment born, execed; /* the fork that made it, told by its parent; the exec that ended it. time 0: none */
	uint64_t fork_begin, fork_end; /* the fork came between these; 0: not known */
	struct start *starts;
	struct race *races;
	struct program *program; /* tree.h; NULL: no tree is kept */
};

struct process_key {
	uint32_t source, pid;
};

struct process {
	struct process_key key;  /* pid among the processes alive */
	struct source *source;
	uint32_t who, pid;       /* as events name it (FDW_PID_ELSEWHERE); as it sees itself */
	uint64_t start;          /* 0: not known */
	uint64_t id;             /* counts processes */
	struct process *parent;  /* NULL: not known; its image is NULL when it is gone */
	uint32_t parent_who;     /* 0: not known */
	struct start *started;   /* by which it was started; NULL: not known, or it exec'd by now */
	struct image *image;
	const char *exe;         /* the newest image's */
	const char *arguments;
	unsigned images;
	uint32_t threads;
	uint64_t first, last;
	uint64_t descriptors;
	unsigned known : 1;      /* its start was seen */
	unsigned expected : 1;   /* its parent told of it before it did */
	unsigned told : 1;       /* its parent told of it, before or after it did */
	unsigned quiet : 1;      /* it says nothing before its first exec */
	unsigned ended : 1;
	unsigned finished : 1;   /* judged; only what the report lists is left */
	const char *end;         /* "exit", NULL */
	int killed_by;           /* the signal that ended it, as its parent was told; 0: not known to be one */
	struct node *node;       /* tree.h; NULL: no tree is kept */
	struct process *next;    /* in order of appearance */
	struct process *next_ended, *next_unnamed;
	struct process *unclaimed; /* children that spoke before it told of any that they could be, by next_unnamed */
	uint64_t since;          /* expected: it was made after this */
	uint32_t forker;         /* the parent's thread, in its own word; 0: not known */
	struct shell_command *commands; /* of popen and system, whose end it was not told: commands.c */
	struct process *speakers; /* children that said hello and may be one of these, the last first, by next_unnamed */
	struct shell_command *took;    /* of its parent's: whose place it has */
	const char *greeting;    /* the command line that it said hello with; NULL: not known */
	unsigned greets : 1;     /* it has said hello, and what it says next tells which command it may be */
	int exits;               /* at its `end`: the status it said it exits with; -1: it said none */
	UT_hash_handle hh;
};

struct source {
	uint32_t id;
	const char *host, *trace;
	uint64_t gap_begin, gap_end, gap_events; /* what the tracer lost */
	unsigned runs : 1;       /* somebody still records into it */
	unsigned read : 1;       /* and this is as far as it has come: the last moment of some processors is not in it yet */
	struct source *next;
};

struct unobserved {
	const char *exe, *why;
	uint64_t count;
	struct unobserved *next;
};

/* Open descriptors over time: highest[i] in the span that begins i * span after the trace's first event. */
#define SERIES 512
struct series {
	uint64_t span; /* ns */
	unsigned used;
	uint64_t highest[SERIES];
};

/* How many descriptors a program made at one place. */
struct creation {
	struct { const char *exe; const struct stack *stack; } key;
	uint64_t count;
	UT_hash_handle hh;
};

struct coverage {
	uint64_t processes, descriptors, inherited, unseen_creations, events, events_lost;
	uint64_t impossible;     /* numbers that make no sense */
	int damaged;             /* bytes, or numbers, make no sense: others may be wrong and make some */
	uint64_t open_to_close;  /* descriptors whose whole life was seen */
	uint64_t first, last;    /* time of the first and the last event */
	uint64_t threads;
	struct unobserved *unobserved;
	struct unobserved *blind; /* exe, what */
	struct unobserved *partial; /* exe, which part of what it did is not known */
};

/* ---- what rules see --------------------------------------------------------------------------------------------------------------*/

/* A transition of the model. Borrowed. */
struct transition {
	struct replay *replay;
	struct image *image;
	const struct fdw_event *event;     /* without detail when the transition waited */
	struct moment at;
	struct generation *generation;     /* what it is about, or NULL */
	struct generation *other;          /* stale stream, re-arm: the generation that has the number now; duplicates: the source; the loser of two
	                                      concurrent closes: who had been given the number when it came to it, or NULL */
	const struct registration *registration; /* re-arm: the old one; use: the one that delivered a closed number to this thread just before */
	const struct moment *inside;       /* close in use: the call another thread is in; lost signal stack: its installation, or NULL */
	unsigned loop : 1;                 /* part of a loop or a sweep over everything */
};

/* ---- replay ------------------------------------------------------------------------------------------------------------------------*/

struct findings;

struct replay *replay_new(struct findings *);
void replay_feed(struct replay *, const struct record *);
/* The end of the trace: everything still open is judged. Once. */
void replay_end(struct replay *);
/* After the end of both: r has what the report tells of `from`, which must live as long as r. Not trees, creations and series. */
void replay_absorb(struct replay *r, struct replay *from);
void replay_free(struct replay *);

/* Before anything is fed, and after the end. */
void replay_keep_creations(struct replay *);
const struct creation *replay_creations(const struct replay *);
struct own_suppressions *replay_suppressions(struct replay *); /* NULL: no program has any; suppress.h */
void replay_keep_series(struct replay *);
const struct series *replay_series(const struct replay *);
const struct coverage *replay_coverage(const struct replay *);
/* Every process once, in order of appearance. */
const struct process *replay_processes(const struct replay *);
struct findings *replay_findings(struct replay *);

/* Why what was not seen of this image proves nothing: events that could have told are missing. NULL: none are. */
const char *image_lossy(const struct image *);
/* Whether the close of what a call failed on was the mistake, and not that call. */
enum foreign_verdict { FOREIGN_NOT, FOREIGN_POSSIBLE, FOREIGN_STRONG };
struct foreign {
	enum foreign_verdict verdict;
	const struct generation *older; /* the earlier one of the same number, that was meant, or that a stream was made for; NULL for a range */
	const char *kind, *reason;
};
struct foreign owner_suspect(const struct transition *failed);
/* Whether the program may have opened t->other to go on with the stream that t->generation was: how sure it is that it did not. */
enum meant_for_stream { STREAM_MEANT, STREAM_UNLIKELY, STREAM_NOT };
enum meant_for_stream owner_reopened(const struct transition *stale);
/* Asks whether a number is open: no use of it. */
int call_only_asks(const char *call);

/* A copy at the end, in which `fewest` is of that span and all that came after it: what was open from then on. */
void live_end(const struct live *, uint64_t time, struct live *at_end);

/* Something was made since g was closed, with a higher number: had that one not been kept back, it would have been given out. */
int number_was_wanted(const struct generation *g, const struct image *);

#endif
