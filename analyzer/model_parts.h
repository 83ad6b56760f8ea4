/*
 * analyzer/model_parts.h: what the files of the model owe each other; nobody else includes it.
 *
 *	replay.c         records in, the whole
 *	model.c          events in, one table of operations
 *	model_fd.c       numbers, generations, descriptions
 *	model_live.c     how many of one place were open over time
 *	model_passage.c  descriptors that cross exec
 *	model_poll.c     registrations in pollers: armed, delivered, re-armed
 *	model_owner.c    whose descriptor a close hit
 *	model_signal.c   alternate signal stacks, handlers
 *	model_race.c      descriptors marked later than made, and threads that start children
 *	model_pending.c  failed closes and uses that wait: for the end of their run, for other threads' events, for an exec
 *	process.c        processes, images, threads: made, found, judged
 *	process_life.c   fork, hello, exec, exit as events
 *	commands.c       which process is which command of popen and system
 *	series.c         open descriptors over time
 *	creations.c      how many descriptors each place made
 *	tree.c           what is kept of all processes for report --tree
 *	coverage.c       what was not observed
 */
#ifndef FDW_MODEL_PARTS_H
#define FDW_MODEL_PARTS_H

#include "analyzer/suppress.h"
#include "analyzer/memory.h"
#include "analyzer/model.h"
#include "analyzer/rules.h"
#include "analyzer/tree.h"

struct name;

struct replay {
	struct findings *findings;
	struct stacks *stacks;
	struct name *names;
	struct source *sources;
	struct process *alive;                  /* hash by (source, pid) */
	struct process *first, **last;          /* all, in order */
	struct page_of_processes *pages;        /* where they are */
	struct process *ended, **ended_last;    /* ended ones, waiting for late events */
	struct pending *waiting, **waiting_last; /* settling, oldest first */
	uint64_t now, process_ids;
	uint32_t source_ids, pipes;
	uint64_t lost, dropped;
	struct coverage coverage;
	struct creation *creations;
	struct series_kept *series;              /* NULL: not asked for */
	struct own_suppressions *own_suppressions; /* of the programs */
	int keep_creations;
	struct tree *tree;                       /* NULL: not asked for */
	struct spawned *spawned;                 /* children of posix_spawn that said nothing yet */
	struct source *source; const char *host, *trace; /* of the last record */
};

/* An event on its way through the model. */
struct step {
	struct replay *replay;
	struct process *process;
	struct image *image;
	struct thread *thread;
	const struct fdw_event *e;
	const char *call;
	uint64_t time;
};
/* Who it is whose pid the call returned, and whom a process's start names as its parent: in the caller's pid namespace. */
static inline uint32_t said_child(const struct step *s) { return fdw_pid_beside(s->process->who, (uint32_t)s->e->ret); }
static inline uint32_t said_parent(const struct step *s) { return fdw_pid_beside(s->process->who, (uint32_t)s->e->fd2); }

/* names: strings kept once, cleaned for display */
const char *name_of(struct replay *, const void *bytes, size_t n);
const char *name_of_text(struct replay *, const char *);
void names_free(struct replay *);

/* replay.c */
/* n, or 1: that many events cannot have been lost in this time, so the number is damaged. */
uint64_t believable(struct replay *, uint64_t n, uint64_t ns);

/* model.c */
void model_operation(struct step *);

/* model_fd.c */
void moment_of(const struct step *, struct moment *);
struct generation *generation_find(struct image *, int fd, uint32_t gen); /* NULL: not known */
struct generation *generation_newest(struct image *, int fd);
/* Finds or adds; one that is added has an unseen creation and unknown state. gen is not 0. */
struct generation *generation_get(struct image *, int fd, uint32_t gen);
/* A creation: open unless its close was read before. description: one reference is taken, NULL makes a new one of `kind`. */
struct generation *generation_made(const struct step *, struct description *, uint8_t kind);
void generation_closed(struct generation *, const struct moment *);
/* Nothing is known of it any more. */
void generation_unknown(struct generation *);
void generation_pin(struct generation *);
void generation_unpin(struct generation *);
void description_drop(struct description *);
struct number *number_find(struct image *, int fd); /* NULL: not known */
/* The child puts something in fd's place: its newest generation from here on. description: as for generation_made. */
struct generation *generation_placed(const struct moment *, struct image *, int fd, struct description *);
void image_copy_numbers(struct image *child, const struct image *parent);
void image_mark_handed(struct image *);
void image_hold(struct image *, int holds);
void image_free_numbers(struct image *);
void describe_event(const struct step *, struct description *); /* takes over the event's detail */

/* model_live.c */
void live_change(struct live *, uint64_t time, uint32_t now);

/* own_numbers.c */
const char *path_in_own(const char *path, uint32_t pid); /* what follows in a path into a list of the process's own numbers; NULL: it is another path */
int path_lists_own(const char *path, uint32_t pid);      /* it is, or could be, such a list */

/* model_pending.c */
void pending_close(const struct step *, struct generation *);   /* a close that failed */
void pending_close_ok(const struct step *, struct generation *); /* one that did not: it is part of the thread's run, too */
void pending_placed(const struct step *); /* a descriptor was put on a number of the program's choice */
void pending_everything(const struct step *);                   /* the thread begins to close all there is: the closes right before are part of it */
void pending_use(const struct step *, struct generation *);
void pending_setfd(const struct step *);
void pending_use_excused(const struct step *, int fd);          /* the event tells that the use of fd just before it was none */
void pending_rearm(const struct step *, struct generation *was, struct generation *now, const struct registration *);
void pending_rearm_answered(const struct step *, struct generation *was, struct generation *now, const struct registration *); /* ENOENT */
void pending_rearm_next(const struct step *, int forget);       /* the thread goes on */
void pending_in_use(const struct step *, struct generation *, const struct moment *inside);
void pending_stale(const struct step *, struct generation *owned, struct generation *now);
void pending_range(const struct step *, struct generation *);   /* close_range of one number that is closed already */
void pending_range_next(const struct step *);                   /* every other event of the thread */
void pending_thread_end(struct replay *, struct image *, struct thread *);
void pending_settle(struct replay *, const struct image *);     /* image NULL: those whose time has come */
void pending_doubts(struct replay *, struct image *, int judge);
void pendings_settle(struct pendings *, int loop);              /* empties it */

/* model_walk.c */
enum walked { WALK_NONE, WALKING, WALKED };
void walks_close(const struct step *, int never_here);          /* every close by number, failed or not, once it is decided about the run before */
int walk_may_hold(const struct fdw_event *);
enum walked walk_of(const struct thread *, const struct fdw_event *, struct pendings **held); /* the walk that the thread's close e is part of */
void walk_proven(struct thread *, const struct fdw_event *);    /* the close e is part of a run over everything */
void walks_end(struct thread *);

/* model_passage.c */
void passage_hold(struct generation *, struct passage *);
void passage_leave(struct generation *);
void passage_orphan(struct generation *);
void passage_used(struct generation *);            /* somebody makes a call on it */
void passage_closed(struct generation *);          /* by a call of the image that has it */
void passage_state(struct step *, struct generation *, struct generation *was);
enum asked passage_asked(const struct step *, const struct generation *was); /* for what passage_state is told of; was may be NULL */
int passage_same_object(const struct fdw_event *, struct description *); /* remembers what /proc calls it */
struct image *passage_owner(const struct image *before, const struct generation *was);
void passage_origin_closed(struct generation *, const struct moment *);
void passage_fork_known(struct image *, const struct image *born);
void passage_image_ends(struct image *);
void passage_children_unseen(struct image *);
void passage_child_fd(struct step *, struct process *child);

/* model_poll.c */
void poll_ctl(struct step *);
void poll_delivered(struct step *);
void poll_in_use(struct step *);
void poll_closed(const struct step *, struct generation *);
/* A delivery of g after its close to this thread, in its last wait; NULL: there was none. */
const struct registration *poll_ghost(const struct step *, const struct generation *g);
void poll_image_ends(struct image *);
void poll_forget(struct generation *);

/* model_owner.c */
void owner_closed(const struct step *, struct generation *);
void owners_free(struct image *);

/* model_signal.c */
void signal_stack(struct step *);
void signal_stack_lost(struct step *);
void signal_handler(struct step *);
void signal_thread_ends(struct image *, uint32_t tid);
void signals_free(struct image *);

/* model_race.c */
void race_marked(struct step *, struct generation *); /* close-on-exec was set */
int race_state(struct step *, const struct generation *was);
struct start *start_of(const struct step *);
void start_child(struct process *child, struct start *);
void start_execed(struct process *, const struct image *old);
void starts_thread_ends(struct image *, uint32_t tid, uint64_t now);
void races_free(struct image *);

/* process.c */
struct source *source_of(struct replay *, const struct record *);
/* What is not in it was not said: nothing is lost, nor still to come. */
static inline int source_is_whole(const struct source *s) { return !s->gap_end && !s->runs; }
struct process *process_of(struct replay *, struct source *, uint32_t pid); /* the one alive, or a new one of unknown start */
struct process *process_find(struct replay *, const struct source *, uint32_t pid);
struct process *process_new(struct replay *, struct source *, uint32_t pid);
struct image *image_new(struct replay *, struct process *);
struct thread *thread_of(struct replay *, struct image *, const struct fdw_event *);
/* The thread whose first event announced what we now know to be another image; NULL: it is not there. */
struct thread *thread_move(struct replay *, struct image *from, struct image *to, uint32_t tid);
void image_end_before(struct replay *, struct image *); /* judges the image that exec'd this one */
void process_will_end(struct replay *, struct process *);
void process_reaped_whole(struct replay *, struct process *);
void process_reap(struct replay *, int all);
void processes_free(struct replay *);

/* process_life.c */
void process_started(struct step *);     /* PROC_START */
void process_forked_child(struct step *); /* FORK_CHILD */
void process_forked(struct step *);      /* FORK */
void process_execs(struct step *);
void process_exec_failed(struct step *);
void process_exits(struct step *);
void process_totals(struct step *);
void process_thread(struct step *);
void process_stops(struct step *);
void process_reaped(struct step *);      /* REAPED */
struct process *process_claim(struct process *parent, uint32_t forker, uint64_t since);

void process_takes_place(struct step *, struct process *unnamed);

/* commands.c: children of popen and system */
void commands_hello(struct step *);      /* of a process that nobody told of */
void commands_greeted(struct step *, const char *line);
void commands_named(struct process *child);
struct shell_command *commands_told(struct step *);
struct process *commands_spoke(struct step *, struct shell_command *); /* who said hello and may be it; NULL: nobody yet */
void commands_expect(struct shell_command *, struct process *child);
void commands_node(struct shell_command *, struct node *);
int commands_wait(const struct process *parent); /* for a hello */
void commands_reaped(struct step *);
void commands_nothing(struct step *);
void commands_end(struct replay *, struct process *parent);

/* coverage.c */
void coverage_absorb(struct replay *, const struct coverage *);
void coverage_unobserved(struct unobserved **, const char *exe, const char *why);
/* why: enum fdw_why; 0: it was to be observed, and never said hello. killed_by: by which signal, 0: not known to be one. */
void coverage_not_observed(struct replay *, const struct source *, const char *exe, uint32_t why, int killed_by);
const char *coverage_why_silent(struct replay *, uint32_t why, int killed_by); /* the same as a text */
void coverage_partial(struct replay *, const struct image *);
/* Children of posix_spawn: that one was started, that it said hello, and that no more will. */
void coverage_spawned(struct step *);
void coverage_hello(struct replay *, const struct source *, uint32_t who);
void coverage_end(struct replay *);
const char *coverage_why(uint32_t why); /* as for coverage_not_observed */

/* creations.c */
void creations_image_end(struct replay *, struct image *);
void creations_free(struct replay *);

/* series.c: nothing happens when none is kept */
void series_made(const struct step *, struct generation *);
void series_closed(const struct step *, struct generation *); /* also where nobody saw how */
void series_image_end(struct replay *, struct image *, uint64_t time);
void series_end(struct replay *);

/* tree.c: nothing happens when no tree is kept */
void tree_process(struct replay *, struct process *);
void tree_program(struct replay *, struct image *);
void tree_merge(struct process *, struct node *command, int with_programs);
void tree_exchange(struct node *, struct node *); /* the programs of two commands */
void tree_command_ended(const struct step *, struct node *, int status);
void tree_nothing(struct node *command);
struct node *tree_forked(const struct step *, struct process *child); /* of the child; NULL: none, or no tree is kept */
void tree_born(const struct step *);
void tree_is(struct process *told, struct process *speaker); /* both are the same: its parent knows it by another pid */
void tree_shares(struct image *child); /* its parent's table was copied */
void tree_gift(const struct step *, struct generation *, const struct generation *was, enum asked);
void tree_exits(const struct step *);
void tree_reaped(const struct step *);
void tree_image_end(struct replay *, struct image *);
void tree_end(struct replay *);
void tree_free(struct tree *);

#endif
