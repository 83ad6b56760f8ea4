/*
 * preload/env.h: the environment of what is exec'd, rebuilt without malloc; and whether the target can load us at all.
 */
#ifndef FDW_ENV_H
#define FDW_ENV_H

#include "core.h"

struct fdw_target {
	enum fdw_why why;     /* FDW_WHY_OK: it will be observed */
	int strip;            /* it would break or complain with us in LD_PRELOAD */
};
/* Looks at the file that will run: `#!` followed. No number of the program's table is used; no system call is made where a seccomp filter is. */
struct fdw_target fdw_target_of(int dir, const char *path);
struct fdw_target fdw_target_of_fd(int fd);
/* Finds file in PATH as execvp does; buf holds the result. NULL: not found. */
const char *fdw_find_in_path(const char *file, char *buf, size_t n);

/* Plan and build, so that the memory is the caller's own stack where it suffices:
 *   struct fdw_env_plan plan; fdw_env_plan(&plan, envp, target); exec(..., FDW_ENV(&plan)); fdw_env_done(&plan) */
struct fdw_env_plan {
	char *const *envp;
	size_t bytes;      /* 0: envp can be used as it is */
	unsigned count;
	int preload_at;    /* index of LD_PRELOAD in envp, -1 */
	int strip;
	uint32_t missing;  /* bit i: fdw_carry[i] has to be added */
	unsigned additions; /* how many */
	int elsewhere;      /* than on the stack */
	void *mapped;      /* memory that is not on the stack */
	size_t mapped_size;
};
/* 0: the kernel cannot read what p points to. Where a filter is 0 for NULL only. */
int fdw_readable(const void *p);
int fdw_is_there(const char *s); /* the same of its first byte; the kernel is asked only where memory may go (itself.c) */
int fdw_all_there(const char *s); /* of all up to its end */
/* All n bytes of what is less than a page. */
FDW_INLINE int fdw_readable_bytes(const void *p, size_t n)
{
	uintptr_t last = (uintptr_t)p + n - 1;
	return fdw_readable(p) && (((uintptr_t)p ^ last) < 4096 || fdw_readable((const void *)last));
}
/* Why the shell that system() or popen() is about to start will not be observed: libc gives it the program's environment as it is. */
enum fdw_why fdw_shell_why(void);
/* In the main thread before the program's first instruction. */
void fdw_env_begin(void);
void fdw_env_plan(struct fdw_env_plan *, char *const *envp, struct fdw_target);
char **fdw_env_build(const struct fdw_env_plan *, void *memory);
/* More than this is not taken from the stack, for threads have as little as 16 KiB; from a signal stack nothing. */
#define FDW_ENV_STACK_MAX 2048u
#define FDW_ENV_ON_STACK(plan) ((plan)->bytes <= FDW_ENV_STACK_MAX && !(plan)->elsewhere)
void *fdw_env_memory(struct fdw_env_plan *); /* NULL: there is none */
void fdw_env_done(struct fdw_env_plan *);    /* after the call: gives it back. Keeps errno */
void fdw_env_vfork_ended(void);              /* in the parent: gives back what a vfork child of this thread left */
#define FDW_ENV(plan)                                                                                                  \
	(!(plan)->bytes ? (char **)(plan)->envp                                                                        \
	                : fdw_env_build((plan), FDW_ENV_ON_STACK(plan) ? __builtin_alloca((plan)->bytes) : fdw_env_memory(plan)))

#endif
