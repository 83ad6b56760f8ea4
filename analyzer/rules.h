/*
 * analyzer/rules.h: a rule judges transitions of the model. One file each (rule_*.c), one line in rules.c registers it.
 *
 * Context: called by the replay, in the order of the trace; a rule keeps no state of its own between calls. A callback that is
 * NULL is not called. Precision first: a rule that is not sure says nothing, or says it as `possible`.
 */
#ifndef FDW_RULES_H
#define FDW_RULES_H

#include <stdio.h>
#include "analyzer/commands.h"
#include "analyzer/model.h"

struct finding;

struct rule {
	const char *id;
	int cwe;
	enum severity severity;      /* the default; a finding may have another */
	unsigned by_history : 1;     /* what it says rests on closes and opens that were seen: less sure where some may not have been */
	unsigned by_absence : 1;     /* what it says rests on closes or uses that were not seen */
	const char *summary;
	const char *fix;             /* what most probably mends it: a sentence or two, with the full stop */
	/* A descriptor was made, duplicated, received, or found open. */
	void (*created)(const struct rule *, const struct transition *);
	/* A generation ended by a close, a range, dup2 over it. */
	void (*closed)(const struct rule *, const struct transition *);
	/* A close answered EBADF, or lost against another thread's. The run it belongs to is known. */
	void (*close_failed)(const struct rule *, const struct transition *);
	/* close_range of exactly one number, which was closed already. */
	void (*range_closed_again)(const struct rule *, const struct transition *);
	/* A call other than a close answered EBADF. */
	void (*use_failed)(const struct rule *, const struct transition *);
	/* A FILE or DIR was closed whose number was closed behind its back. generation: its own; other: the number's, or NULL. */
	void (*stale_stream)(const struct rule *, const struct transition *);
	/* EPOLL_CTL_ADD or MOD, or port_associate, for a registration of a descriptor that was closed. generation: that one; other: what has the
	 * number now, or NULL; registration: the old one, or NULL when it is not known. */
	void (*rearmed)(const struct rule *, const struct transition *);
	/* A registration in which a poller delivered what was closed already, as it is forgotten. */
	void (*ghost)(const struct rule *, const struct registration *);
	/* A thread installed an alternate signal stack; its memory was taken away. */
	void (*sigstack)(const struct rule *, const struct transition *);
	void (*sigstack_lost)(const struct rule *, const struct transition *);
	/* Closed while another thread was inside a call on it. */
	void (*closed_in_use)(const struct rule *, const struct transition *);
	void (*setfd)(const struct rule *, const struct transition *);
	/* In the parent, and in the child when its descriptors are known. */
	void (*forked)(const struct rule *, const struct transition *);
	void (*execed)(const struct rule *, const struct transition *);
	/* A descriptor came to other programs by exec, and none of them is left. */
	void (*passed)(const struct rule *, const struct passage *);
	/* Everything about an image is known; image->ending says how it ended. */
	void (*image_end)(const struct rule *, struct replay *, struct image *);
	/* One sentence for a human, without the full stop. */
	void (*say)(const struct finding *, FILE *);
};

extern const struct rule *const rules[]; /* ends with NULL */
const struct rule *rule_by_id(const char *id);

#define RULES_CALL(callback, ...)                                                                                      \
	do {                                                                                                           \
		for (const struct rule *const *r_ = rules; *r_; r_++)                                                  \
			if ((*r_)->callback)                                                                           \
				(*r_)->callback(*r_, __VA_ARGS__);                                                     \
	} while (0)

#endif
