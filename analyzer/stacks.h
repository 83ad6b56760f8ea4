/*
 * analyzer/stacks.h: stack ids and addresses of one image to places (module, offset), the same for every process and run.
 *
 * Context: the command's process, one thread. A stack is made of places as soon as the modules under its addresses are known;
 * distinct stacks are kept once for all processes and live as long as the store. A space is what one image's ids mean; a fork
 * child's space looks into its parent's for what was defined before the fork.
 */
#ifndef FDW_STACKS_H
#define FDW_STACKS_H

#include <stddef.h>
#include <stdint.h>
#include "analyzer/symbols.h"
#include "trace/schema.h"

struct module_file {
	const char *path;
	const uint8_t *build_id;
	uint32_t build_id_len;
};

struct place {
	const struct module_file *module; /* NULL: not known, offset is the address */
	uint64_t offset;
};

struct stack; /* lives as long as its store; compare with stack_same() */
struct stacks;
struct space;

struct stacks *stacks_new(void);
void stacks_free(struct stacks *);

/* The caller owns one reference. */
struct space *space_new(struct stacks *);
void space_drop(struct space *);
/* What the parent, the image it was forked from, has defined by now; shared: also what it will: a child of vfork has its memory. NULL: nothing. */
void space_adopt(struct space *, struct space *parent, int shared);
void space_define(struct space *, const struct fdw_stack *);
void space_module(struct space *, const struct fdw_module *);
/* The list of modules changed: what was known is no longer believed for new stacks. */
void space_modules_changed(struct space *);
/* Never NULL for an id other than 0; one that is not defined (yet) is empty until it is. */
struct stack *space_stack(struct space *, uint32_t id);
/* Neither modules nor stacks will come: last look at addresses without one, and at ids without a stack. */
void space_settle(struct space *);

const struct stack *stack_same(const struct stack *); /* one of all equal stacks; NULL stays NULL */
size_t stack_places(const struct stack *, const struct place **);

/* Which frames of a stack are shown. */
struct frames {
	struct frame *at;
	size_t n;
};
/*
 * Symbolised frames, innermost first: never ours; without libc's own at both ends unless `full`. Freed with frames_free.
 */
void stack_frames(const struct stack *, struct symbols *, int full, struct frames *);
void frames_free(struct frames *);

/*
 * Before that: everything that will be looked up, module by module. Debugging information is large, and is opened once and closed before
 * the next module's.
 */
struct lookups {
	struct place *at;
	size_t n, size;
};
void lookups_add(struct lookups *, const struct stack *);
void lookups_make(struct lookups *, struct symbols *); /* frees them */

#endif
