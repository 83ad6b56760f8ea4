/*
 * analyzer/tree.h: the tree of processes for report --tree: who started whom and how, what each ran, what a program found open when it
 * started and what became of that, how each ended.
 *
 * Kept only when it is asked for (replay_keep_tree), since it outlives what the model knows of finished processes: a node a process, a
 * program an exec, a gift a descriptor that an exec passed on. Complete after replay_end.
 */
#ifndef FDW_TREE_H
#define FDW_TREE_H

#include "analyzer/model.h"

/* Why a program has a descriptor from the one before it. */
enum asked {
	ASKED_UNKNOWN,  /* who opened it was not seen */
	ASKED_STANDARD, /* 0, 1, 2 */
	ASKED_NAMED,    /* its number is in the arguments or the environment */
	ASKED_PLACED,   /* dup2, close-on-exec taken away, a file action, a redirection */
	ASKED_SECOND,   /* left over: the same object was put in its place under another number */
	ASKED_NOT,
};

enum use {
	USE_ITSELF,     /* a call on it, by the program or its fork children */
	USE_BELOW,      /* only by a program that has it from this one */
	USE_CLOSED,     /* closed, and no other call */
	USE_UNSEEN,     /* none seen, which proves nothing: gift->doubt */
	USE_NEVER,      /* everything would have been seen, and there was nothing */
};

/* A descriptor that a program found open when it started. */
struct gift {
	int fd;
	uint8_t asked;       /* enum asked */
	uint8_t used, closed, below;
	const char *object;
	const char *doubt;   /* why silence is no proof; NULL: it is */
	struct gift *from;   /* the same in the program it came from; NULL: that one made it, or it is not known */
	struct gift *next;
};

/* What one exec started, or a fork left running. */
struct program {
	const char *exe, *arguments;
	const char *exec;    /* the path it exec'd in the end, cleaned; NULL: it did not */
	const char *unseen;  /* why what it exec'd was not observed; NULL: it was */
	uint64_t began, ended;
	uint8_t ending;      /* enum ending */
	uint8_t forked, heard;
	unsigned shared;     /* forked: descriptors its parent had open */
	struct gift *gifts;  /* of an exec; in order of number */
	struct program *next;
};

struct node {
	struct process_key key;
	const struct process *process; /* NULL: it said nothing, others told of it */
	const struct source *source;
	uint32_t pid, parent_who;      /* 0: not known */
	struct node *parent, *children, *last_child, *sibling;
	struct program *programs;      /* in order */
	struct node *next;             /* all, in order of appearance */
	struct node *older;            /* had the pid before */
	struct node *became;           /* what popen or system started, once it said who it is: that process's node */
	uint8_t kind;                  /* enum fdw_fork; 0: not known */
	const char *call;              /* "posix_spawnp"; NULL */
	const char *command;           /* popen, system */
	const char *exe;               /* spawned and not observed: what was asked for */
	const char *unseen;            /* why it was not observed; NULL: it was */
	uint64_t born, ended;          /* 0: not known */
	int said;                      /* the status it said it exits with; -1: it said none */
	int reaped;                    /* what wait told of it; -1: nobody waited, as far as was seen */
	uint8_t exits;                 /* it said that it ends */
	uint8_t nothing;               /* nothing was started after all */
	uint8_t cut;                   /* its parent was one of its own descendants, which cannot be */
	uint32_t visit;
	uint32_t id;                   /* in the order of the tree, from 1 */
	UT_hash_handle hh;
};

struct tree {
	struct node *by_pid;           /* hash: the newest that had a pid */
	struct node *first, **last;    /* all */
	struct node *roots, *last_root;
};

/* Before the first record. */
void replay_keep_tree(struct replay *);
/* NULL: not kept. */
const struct tree *replay_tree(const struct replay *);

/* A node that is to be shown: not one that turned out to be another, or nothing. */
static inline int node_is_real(const struct node *n) { return !n->became && !n->nothing; }
/* The next in the order of the tree, parents first; NULL: n was the last. *depth is of n, and then of the next. */
const struct node *node_after(const struct node *, unsigned *depth);
enum use gift_use(const struct gift *);

#endif
