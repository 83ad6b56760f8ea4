/*
 * analyzer/finding.h: findings: collected while the replay runs, finished (symbols, ids, suppressions, order) for the report.
 *
 * The id hashes rule, modules (base names), functions, source files (base names) and lines of all stacks: nothing that changes
 * from run to run or from one build directory to another. A frame without function is hashed as module, build id and offset in
 * the module: the same as long as the file is.
 */
#ifndef FDW_FINDING_H
#define FDW_FINDING_H

#include "analyzer/model.h"
#include "analyzer/rules.h"

enum confidence { CONFIDENCE_POSSIBLE, CONFIDENCE_STRONG, CONFIDENCE_CERTAIN };

enum role { ROLE_OPENED, ROLE_DUPLICATED, ROLE_CLOSED, ROLE_REUSED, ROLE_USED, ROLE_ARMED, ROLE_DELIVERED, ROLE_REARMED, ROLE_FORKED,
	ROLE_EXECED, ROLE_INSTALLED };

#define FINDING_STACKS 6

/* How many were open at some times. live[2] 0: it is not told. */
struct growth {
	uint32_t live[3];
	uint64_t at[3];
};

struct finding_stack {
	enum role role;
	struct moment at;
	char *call;            /* "accept4(4) = 17" */
	char *note;            /* what else to say beside it ("#1873  TCP …"), or NULL */
	struct frames frames;  /* when finished */
};

struct finding {
	const struct rule *rule;
	enum severity severity;
	enum confidence confidence;
	uint64_t count;
	uint64_t first;        /* time of what was found */
	uint32_t pid;
	const char *exe;
	int fd;
	uint32_t generation;
	char *object;
	const char *kind;      /* "concurrent", "growing", … or NULL */
	const char *reason;    /* why this confidence; NULL */
	char *doubted;         /* the reason, when it is not the rule's alone */
	struct growth growth;
	struct finding_stack stacks[FINDING_STACKS];
	unsigned nstacks, nkey;
	/* when finished */
	uint64_t beginning;    /* the trace's first event: what the message tells of times is since then */
	char *message;
	char id[64];
	uint64_t key;
	const char *suppressed_by;
	struct finding *next;
	void *raw;             /* before it is finished: what made it one */
	UT_hash_handle hh;
};

struct findings;

struct findings *findings_new(void);
void findings_free(struct findings *);

/*
 * One more occurrence. `draft` holds everything but what finishing adds, without allocations of its own: calls, notes and object
 * are made from the moments and the generation the first time these stacks are met.
 */
struct draft {
	const struct rule *rule;
	enum severity severity;
	enum confidence confidence;
	uint64_t count;        /* 0: one */
	unsigned known : 1;    /* more about an occurrence that was added: it does not count again */
	const char *kind, *reason;
	const char *doubt;     /* set when it is added: why the confidence is one less; or NULL */
	struct growth growth;
	const struct image *image;
	const struct generation *generation;
	const struct description *object; /* NULL: the generation's */
	int fd;
	uint32_t pid;          /* 0: the image's */
	struct { enum role role; const struct moment *at; const struct generation *of; const char *note; } stacks[FINDING_STACKS];
	unsigned nstacks;
	unsigned nkey;         /* how many of the stacks, the first ones, make it the same finding; 0: all. The others are the first occurrence's */
};
void findings_add(struct findings *, struct draft *);
void draft_stack(struct draft *, enum role, const struct moment *, const struct generation *);
void draft_note(struct draft *, const char *note); /* beside the last stack; not kept */
/* Opened (or duplicated) and closed, as far as seen; and with a last moment: the stacks most findings have. */
void draft_past(struct draft *, const struct generation *);
void draft_history(struct draft *, const struct generation *, enum role, const struct moment *last);

/* What was read is damaged: nothing is as sure, and what rests on something missing is only possible. */
void findings_doubt(struct findings *, const char *why);

struct symbols;
struct suppressions;
struct own_suppressions;
struct finish_options {
	struct symbols *symbols;
	struct suppressions *suppressions; /* or NULL */
	struct own_suppressions *own; /* of the programs, or NULL */
	int full_stacks;       /* libc's frames, too; ids stay the same */
	uint64_t beginning;    /* time of the trace's first event */
};
/* Before they are finished: those of another replay, which must live as long. */
void findings_absorb(struct findings *, struct findings *from);
/* The stacks that findings_finish() will look up. */
void findings_lookups(const struct findings *, struct lookups *);
/* Symbolises, merges by id, marks what is suppressed, sorts: worst first. */
void findings_finish(struct findings *, const struct finish_options *);
const struct finding *findings_first(const struct findings *);

const char *role_name(enum role);
const char *severity_name(enum severity);
/* Of FDW_F_LIFTED: why it is only possible. */
#define FINDING_NAMED_ONLY "closed numbers were kept back when it was made, or it would have had a lower number; and the program names numbers itself, as shells do"
const char *confidence_name(enum confidence);

#endif
